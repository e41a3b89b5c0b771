"""The second look: which of the kept items are asked again, of whom, and how often the second answer agreed.

Whoever knows the seed can compute the sample again (`chosen`): the items that a reviewer kept, in the order of SHA-256 over the
seed followed by the item's number, both as text; of these the first `size_of`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import F, Q, QuerySet

from campaigns import plans
from campaigns.models import Assignment, Campaign
from campaigns.states import DecisionCode
from certify.lib.planning import without_loops
from people.models import User


def size_of(kept: int, share: int) -> int:
    """How many of the items that somebody kept are asked again: the share in percent, rounded up, so at least one."""
    return -(-kept * share // 100)


def chosen(seed: str, share: int, numbers: Iterable[int]) -> list[int]:
    """The sample of one reviewer's kept items; it depends on nothing but the seed, the share and the items."""
    kept = sorted(set(numbers), key=lambda number: (hashlib.sha256(f"{seed}{number}".encode()).digest(), number))
    return kept[: size_of(len(kept), share)]


def wanted(terms: dict) -> dict | None:
    """What the terms say of it: {"share", "reviewer", "days", "seed"}; None when there is none."""
    return terms.get("second_look") or None


def is_due(campaign: Campaign) -> bool:
    """Whether the campaign must not close before somebody was asked to look again."""
    return wanted(campaign.terms) is not None and campaign.second_look_at is None


def is_running(campaign: Campaign) -> bool:
    """Whether the present stage is in its second look: first answers have ended, but for those that were opened again."""
    return campaign.second_look_at is not None and campaign.second_look_at >= campaign.stage_opened_at


def takes(campaign: Campaign, row: Assignment) -> bool:
    """Whether an assignment of the stage may be answered, as far as the second look is concerned."""
    return not is_running(campaign) or not row.is_vote or row.reopened_at is not None


#: Assignments that may be answered as far as the second look is concerned; the same in SQL over `row` and `campaign`.
ANSWERABLE = (
    Q(campaign__second_look_at__isnull=True)
    | Q(campaign__second_look_at__lt=F("campaign__stage_opened_at"))
    | Q(is_vote=False)
    | Q(reopened_at__isnull=False)
)
ANSWERABLE_SQL = (
    "(campaign.second_look_at IS NULL OR campaign.second_look_at < campaign.stage_opened_at OR NOT row.is_vote"
    " OR row.reopened_at IS NOT NULL)"
)


def waiting(campaign: Campaign) -> QuerySet:
    """Second answers that are awaited."""
    return Assignment.objects.filter(campaign=campaign, is_active=True, is_vote=False, sign_off__isnull=True)


#: What was kept by submitted answers in the last stage of each item, and of each reviewer's the sample.
SAMPLE = """
    CREATE TEMP TABLE second_look_sample ON COMMIT DROP AS
    WITH kept AS (
        SELECT DISTINCT ON (row.item_id, row.decided_by_id) row.item_id, row.item_number, row.risk_rank, row.decided_by_id AS keeper_id,
               row.decision_entry_uid AS entry_uid
        FROM campaigns_assignment AS row
        WHERE row.campaign_id = %(campaign)s AND row.is_active AND row.is_vote AND row.sign_off_id IS NOT NULL
          AND row.decision = 'approve' AND NOT EXISTS (
              SELECT FROM campaigns_assignment AS later WHERE later.item_id = row.item_id AND later.campaign_id = row.campaign_id
              AND later.stage > row.stage AND later.is_active AND later.is_vote)
        ORDER BY row.item_id, row.decided_by_id, row.id
    ), placed AS (
        SELECT kept.*, count(*) OVER (PARTITION BY keeper_id) AS kept,
               row_number() OVER (PARTITION BY keeper_id
                                  ORDER BY sha256(convert_to(%(seed)s || item_number, 'UTF8')), item_number) AS place
        FROM kept
    )
    SELECT * FROM placed WHERE place <= (kept * %(share)s + 99) / 100
"""

#: Who looks again at each item: of those who may, the first by place, then by lot. Nobody looks at their own access, at access they
#: granted, at their manager's, at an item they have answered for, or twice at the same.
LOOKERS = """
    CREATE TEMP TABLE second_look_asked ON COMMIT DROP AS
    SELECT DISTINCT ON (sample.item_id) sample.item_id, sample.item_number, sample.risk_rank, person.id AS user_id, person.name
    FROM second_look_sample AS sample JOIN campaigns_reviewitem AS item ON item.id = sample.item_id
    CROSS JOIN unnest(%(places)s::int[], %(people)s::bigint[]) AS candidate (place, user_id)
    JOIN people_user AS person ON person.id = candidate.user_id AND person.is_active
    WHERE NOT (item.granted_by <> '' AND item.granted_by IN (person.username, person.email))
      AND NOT EXISTS (
          SELECT FROM inventory_identity AS own LEFT JOIN inventory_identity AS boss ON boss.id = own.manager_id
          WHERE own.user_id = person.id AND (
              (item.identity_key <> '' AND item.identity_key IN (own.key, boss.key))
              OR (item.granted_by <> '' AND item.granted_by IN (own.key, own.email))))
      AND NOT EXISTS (
          SELECT FROM campaigns_assignment AS first WHERE first.item_id = sample.item_id AND first.campaign_id = %(campaign)s
          AND ((first.decided_by_id = person.id AND first.sign_off_id IS NOT NULL)
               OR (first.reviewer_id = person.id AND first.is_active AND (first.sign_off_id IS NOT NULL OR first.stage = %(stage)s))))
    ORDER BY sample.item_id, candidate.place, sha256(convert_to(%(seed)s || sample.item_number || '/' || person.id, 'UTF8'))
"""


def draw(campaign: Campaign) -> None:
    """Draw the sample, and for each of its items who looks again, into tables of the transaction."""
    look = wanted(campaign.terms)
    named = _named(campaign, look["reviewer"])
    values = {
        "campaign": campaign.pk,
        "stage": campaign.stage,
        "seed": look["seed"],
        "share": look["share"],
        "places": [place for place, _ in named],
        "people": [person for _, person in named],
    }
    with without_loops(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS second_look_sample, second_look_asked")
        cursor.execute(SAMPLE, values)
        cursor.execute("ANALYZE second_look_sample")
    with connection.cursor() as cursor:
        cursor.execute(LOOKERS, values)
        cursor.execute("ANALYZE second_look_asked")


def _named(campaign: Campaign, who: str | dict) -> list[tuple[int, int]]:
    """(place, user): who is to look again, then the owner, then the fallback reviewer."""
    first = [campaign.owner_id]
    if who != plans.OWNER and "user" in who:
        first = [who["user"]]
    elif who != plans.OWNER:
        first = list(User.objects.filter(reviewer_groups=who["group"]).values_list("pk", flat=True))
    return [*((1, person) for person in first), (2, campaign.owner_id), (3, campaign.terms["fallback_reviewer"])]


INSERT_ASSIGNMENTS = """
    INSERT INTO campaigns_assignment (campaign_id, item_id, stage, panel, reviewer_id, reviewer_name, rule, reason, excused, is_active,
        is_vote, risk_rank, item_number, assigned_at, decision, rationale, reduce_to, is_bulk)
    SELECT %(campaign)s, item_id, %(stage)s, 1, user_id, name, 'second_look', 'Drawn by lot from what was kept', '', TRUE, FALSE,
           risk_rank, item_number, %(now)s, '', '', '', FALSE
    FROM second_look_asked ORDER BY item_number
"""
INSERT_LOOKS = """
    INSERT INTO campaigns_secondlook (campaign_id, item_id, item_number, first_reviewer_id, first_entry_uid)
    SELECT %(campaign)s, sample.item_id, sample.item_number, sample.keeper_id, sample.entry_uid
    FROM second_look_sample AS sample JOIN second_look_asked AS asked ON asked.item_id = sample.item_id
    ORDER BY sample.item_number, sample.keeper_id
"""


@dataclass(frozen=True)
class Drawn:
    """What was drawn of one reviewer: how many items they kept, are in the sample, and are asked again of somebody."""

    keeper: int
    kept: int
    drawn: int
    asked: int


def keep_drawn(campaign: Campaign, now: datetime) -> list[Drawn]:
    """Insert what was drawn: the second assignments, and whose answers they look at. Returns the counts of each reviewer."""
    values = {"campaign": campaign.pk, "stage": campaign.stage, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(INSERT_ASSIGNMENTS, values)
        cursor.execute(INSERT_LOOKS, values)
        cursor.execute(
            "SELECT keeper_id, max(kept), count(*), count(asked.item_id) FROM second_look_sample AS sample"
            " LEFT JOIN second_look_asked AS asked ON asked.item_id = sample.item_id GROUP BY keeper_id ORDER BY keeper_id"
        )
        return [Drawn(*row) for row in cursor.fetchall()]


def drawn_items() -> list[tuple[int, int]]:
    """(item number, who looks again), by number, of what was drawn in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT item_number, user_id FROM second_look_asked ORDER BY item_number")
        return cursor.fetchall()


#: Each answer that is looked at again, with the second answer; silence and “I don't know” are no answers to agree with.
LOOKED = """
    SELECT look.first_reviewer_id AS first_id, look.item_id, second.id AS second_id, second.reviewer_id,
           second.sign_off_id IS NOT NULL AND second.decision <> 'dont_know' AS is_answered,
           second.sign_off_id IS NOT NULL AND second.decision = 'approve' AS is_agreed
    FROM campaigns_secondlook AS look JOIN campaigns_assignment AS second
        ON second.item_id = look.item_id AND second.campaign_id = look.campaign_id AND NOT second.is_vote AND second.is_active
    WHERE look.campaign_id = %s
"""


@dataclass(frozen=True)
class Agreement:
    """How often the second answer agreed with a reviewer's: of `asked` items `answered` were, of these `agreed` alike."""

    reviewer: int
    name: str
    asked: int
    answered: int
    agreed: int

    @property
    def percent(self) -> int | None:
        """Agreed of answered, rounded; None while nothing is answered."""
        return round(100 * self.agreed / self.answered) if self.answered else None


def agreement(campaign: Campaign) -> list[Agreement]:
    """Every reviewer whose answers are looked at again, the least agreed with first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT first_id, person.name, count(*), count(*) FILTER (WHERE is_answered), count(*) FILTER (WHERE is_agreed)"
            f" FROM ({LOOKED}) AS looked JOIN people_user AS person ON person.id = looked.first_id GROUP BY first_id, person.name",
            [campaign.pk],
        )
        found = [Agreement(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: (one.percent if one.percent is not None else 101, one.name, one.reviewer))


@dataclass(frozen=True)
class Disagreement:
    """A second answer that differs, and the first answers for the item that can be opened again."""

    second: Assignment
    firsts: list[Assignment]


def disagreements(campaign: Campaign, limit: int | None = None) -> list[Disagreement]:
    """Items about which the second answer was to remove or reduce, by number."""
    found = Assignment.objects.filter(
        campaign=campaign,
        is_active=True,
        is_vote=False,
        sign_off__isnull=False,
        decision__in=(DecisionCode.REVOKE, DecisionCode.REDUCE),
    )
    seconds = list(found.select_related("item", "decided_by").order_by("item_number", "pk")[:limit])
    kept = Assignment.objects.filter(
        campaign=campaign, is_active=True, is_vote=True, sign_off__isnull=False, decision=DecisionCode.APPROVE,
        item_id__in=[second.item_id for second in seconds],
    ).order_by("pk")  # fmt: skip
    firsts: dict[int, list[Assignment]] = {}
    for row in kept:
        firsts.setdefault(row.item_id, []).append(row)
    return [Disagreement(second, firsts.get(second.item_id, [])) for second in seconds]


def is_settled(campaign: Campaign) -> bool:
    """Whether nobody has to wait for the end of the second look: everything is answered, and no first answer that differs stands."""
    return not waiting(campaign).exists() and not any(one.firsts for one in disagreements(campaign))


def summary(campaign: Campaign, shown: int = 50) -> dict | None:
    """What the page of a campaign says; None where no second look is wanted.

    {"share", "is_asked", "is_running", "agreement", "asked", "answered", "agreed": sums, "percent", "disagreements": the first so
    many that still stand}
    """
    look = wanted(campaign.terms)
    if look is None or campaign.opened_at is None:
        return None
    rows = agreement(campaign) if campaign.second_look_at else []
    answered, agreed = sum(row.answered for row in rows), sum(row.agreed for row in rows)
    return {
        "share": look["share"],
        "is_asked": campaign.second_look_at is not None,
        "is_running": is_running(campaign),
        "agreement": rows,
        "asked": sum(row.asked for row in rows),
        "answered": answered,
        "agreed": agreed,
        "percent": round(100 * agreed / answered) if answered else None,
        "disagreements": disagreements(campaign, shown) if campaign.second_look_at else [],
    }
