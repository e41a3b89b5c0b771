"""What nobody answered: which items these are, who could be asked instead, and what their removal would take away."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from campaigns import above, plans
from campaigns.models import Assignment, Campaign, ReviewItem, SilenceApproval, SilenceRemoval, StageResult
from campaigns.states import CampaignState, Outcome, Result
from inventory.models import Grant
from ledger.models import Entry

#: A follow-up starts by itself so long after the close at most; later a person has to want it.
FOLLOW_UP_WITHIN = timedelta(days=30)


def policy(terms: dict) -> str:
    """What follows where nobody answers under these terms."""
    return terms.get("silence", plans.REPORT)


#: Results that leave an item without an answer: nobody said anything, or nobody knew.
UNRESOLVED = (Result.NO_RESPONSE, Result.NOT_DECIDED)


def silent_items(campaign: Campaign) -> QuerySet:
    """Items of a closed campaign that were not reviewed because nobody answered or nobody knew, by number, with `is_unknown`."""
    results = StageResult.objects.filter(campaign=campaign, item=OuterRef("pk"))
    found = ReviewItem.objects.filter(
        Exists(results.filter(result__in=UNRESOLVED)), campaign=campaign, outcome=Outcome.NOT_REVIEWED
    )
    return found.annotate(is_unknown=Exists(results.filter(result=Result.NOT_DECIDED))).order_by("number")


def proposed(campaign: Campaign) -> QuerySet:
    """Silent items whose access is still open and whose removal nobody has approved yet."""
    taken = SilenceRemoval.objects.standing().filter(campaign=campaign, item=OuterRef("pk"))
    still_open = Grant.objects.current().filter(
        account_id=OuterRef("grant__account_id"), entitlement_id=OuterRef("grant__entitlement_id"), path=OuterRef("grant__path")
    )
    return silent_items(campaign).filter(~Exists(taken), Exists(still_open))


def waiting_approvals(campaign: Campaign) -> QuerySet:
    """Approvals that a second person has not spoken about yet."""
    return SilenceApproval.objects.filter(campaign=campaign, needs_second=True, verdict__isnull=True)


def summary(campaign: Campaign) -> dict | None:
    """What the page of a closed campaign says of silence; None where nobody was silent, or nothing follows.

    {"policy", "items": not answered, "proposed": of those, to be approved, "waiting": approvals for a second person, "follow_up": the
    campaign that asks again, or None}
    """
    if campaign.state != CampaignState.CLOSED or policy(campaign.terms) not in (plans.FOLLOW_UP, plans.PROPOSE_REMOVAL):
        return None
    count = silent_items(campaign).count()
    proposes = policy(campaign.terms) == plans.PROPOSE_REMOVAL
    return count and {
        "policy": policy(campaign.terms),
        "items": count,
        "proposed": proposed(campaign).count() if proposes else 0,
        "waiting": waiting_approvals(campaign).count(),
        "follow_up": campaign.followed_by.exclude(state=CampaignState.CANCELLED).first(),
    }


def is_sealed(campaign: Campaign) -> bool:
    """Whether its owner has signed that it is done with: nothing more is removed for it. The floor above records that."""
    return Entry.objects.filter(kind="campaign:sealed", subject=f"campaigns.campaign:{campaign.pk}").exists()


def campaigns_to_follow(now: datetime) -> QuerySet:
    """Campaigns that want a follow-up by itself and have none. What follows another one is not followed by itself."""
    return Campaign.objects.filter(
        state=CampaignState.CLOSED,
        closed_at__gte=now - FOLLOW_UP_WITHIN,
        terms__silence=plans.FOLLOW_UP,
        terms__silence_automatic=True,
        follows__isnull=True,
        followed_by__isnull=True,
    ).order_by("id")


class Unanswered(NamedTuple):
    """An assignment without a submitted answer, or with “I don't know”, and who could be asked instead: managers, then the owner."""

    assignment: int
    item: int
    number: int
    reviewer: int
    reviewer_name: str
    is_unknown: bool
    instead: list[int]


#: Answers that are missed in the stage. Those of a group whose quorum has answered are not, nor is an “I don't know” where somebody
#: else of the same panel has answered. Nobody is asked instead who holds the access, granted it, reports to the person, or was asked
#: about the item in the stage already.
UNANSWERED = """
    SELECT row.id, row.item_id, row.item_number, row.reviewer_id, row.reviewer_name, row.sign_off_id IS NOT NULL,
           COALESCE(array_agg(person.id ORDER BY candidate.place) FILTER (WHERE person.id IS NOT NULL), '{}')
    FROM campaigns_assignment AS row JOIN campaigns_reviewitem AS item ON item.id = row.item_id
    CROSS JOIN LATERAL (
        SELECT line.steps, line.boss_id FROM reviewing_above AS line WHERE line.user_id = row.reviewer_id AND line.why = ''
        UNION ALL SELECT 1000, %(owner)s::bigint
    ) AS candidate (place, user_id)
    LEFT JOIN people_user AS person ON person.id = candidate.user_id AND person.is_active AND person.id <> row.reviewer_id
        AND NOT EXISTS (SELECT FROM campaigns_assignment AS asked WHERE asked.item_id = row.item_id AND asked.stage = row.stage
                        AND asked.reviewer_id = person.id AND (asked.is_active OR asked.sign_off_id IS NOT NULL))
        AND NOT (item.granted_by <> '' AND item.granted_by IN (person.username, person.email))
        AND NOT EXISTS (
            SELECT FROM inventory_identity AS own LEFT JOIN inventory_identity AS boss ON boss.id = own.manager_id
            WHERE own.user_id = person.id AND (
                (item.identity_key <> '' AND item.identity_key IN (own.key, boss.key))
                OR (item.granted_by <> '' AND item.granted_by IN (own.key, own.email))))
    WHERE row.campaign_id = %(campaign)s AND row.stage = %(stage)s AND row.is_active AND row.is_vote
      AND CASE WHEN row.sign_off_id IS NULL THEN row.quorum IS NULL OR row.quorum > (
          SELECT count(*) FROM campaigns_assignment AS other WHERE other.item_id = row.item_id AND other.stage = row.stage
          AND other.panel = row.panel AND other.is_active AND other.is_vote AND other.sign_off_id IS NOT NULL)
      ELSE row.decision = 'dont_know' AND NOT EXISTS (
          SELECT FROM campaigns_assignment AS other WHERE other.item_id = row.item_id AND other.stage = row.stage
          AND other.panel = row.panel AND other.is_active AND other.is_vote AND other.sign_off_id IS NOT NULL
          AND other.decision <> 'dont_know') END
    GROUP BY row.id ORDER BY row.item_number, row.id
"""


def unanswered(campaign: Campaign) -> list[Unanswered]:
    """The missed answers of the campaign's stage, by item."""
    asked = Assignment.objects.filter(campaign=campaign, stage=campaign.stage, is_active=True, is_vote=True)
    above.find(asked.order_by().values_list("reviewer_id", flat=True).distinct())
    with connection.cursor() as cursor:
        cursor.execute(UNANSWERED, {"campaign": campaign.pk, "stage": campaign.stage, "owner": campaign.owner_id})
        return [Unanswered(*row) for row in cursor.fetchall()]


#: The open grants that these items are about.
GOING = """
    WITH going AS (
        SELECT DISTINCT present.id, present.source_id, present.entitlement_id
        FROM campaigns_reviewitem AS item JOIN inventory_grant AS was ON was.id = item.grant_id
        JOIN inventory_grant AS present ON present.account_id = was.account_id AND present.entitlement_id = was.entitlement_id
            AND present.path = was.path AND present.closed_in_id IS NULL
        WHERE item.id = ANY(%(items)s::bigint[])
    )
"""
SHARES = f"""
    {GOING} SELECT source.key, source.name, count(*),
        (SELECT count(*) FROM inventory_grant AS every WHERE every.source_id = source.id AND every.closed_in_id IS NULL)
    FROM going JOIN inventory_source AS source ON source.id = going.source_id GROUP BY source.id ORDER BY source.key
"""
LAST_HOLDERS = f"""
    {GOING} SELECT entitlement.key, entitlement.name, source.name
    FROM inventory_entitlement AS entitlement JOIN inventory_source AS source ON source.id = entitlement.source_id
    WHERE entitlement.privileged = 'yes' AND entitlement.id IN (SELECT entitlement_id FROM going)
      AND NOT EXISTS (SELECT FROM inventory_grant AS left_over WHERE left_over.entitlement_id = entitlement.id
                      AND left_over.closed_in_id IS NULL AND left_over.id NOT IN (SELECT id FROM going))
    ORDER BY source.key, entitlement.key
"""


def blast_radius(campaign: Campaign, items: Iterable[int]) -> dict:
    """What the removal of these items would take away, together with what was approved in the campaign before.

    {"sources": [{"source", "name", "removals", "open", "percent"}], "last_holders": ["right · system"], "limit": percent,
    "needs_second": whether a second person must confirm it}. What was approved before counts too, so that many small acts do
    not go round the limit. Percent is rounded up.
    """
    before = SilenceRemoval.objects.standing().filter(campaign=campaign).values_list("item_id", flat=True)
    values = {"items": sorted({*items, *before})}
    with connection.cursor() as cursor:
        cursor.execute(SHARES, values)
        rows = cursor.fetchall()
        cursor.execute(LAST_HOLDERS, values)
        last = [f"{name or key} · {source}" for key, name, source in cursor.fetchall()]
    sources = [
        {"source": key, "name": name, "removals": going, "open": held, "percent": -(-100 * going // held)}
        for key, name, going, held in rows
    ]
    limit = campaign.terms.get("silence_limit", 20)
    is_large = any(100 * one["removals"] > limit * one["open"] for one in sources)
    return {"sources": sources, "last_holders": last, "limit": limit, "needs_second": is_large or bool(last)}
