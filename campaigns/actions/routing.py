"""Answers that go to somebody else by themselves: what a reviewer does not know, and what a reviewer who has left had open."""

from collections import Counter

from django.db import connection, transaction

from campaigns import above, independence, queries
from campaigns.actions import assignments
from campaigns.actions.assignments import Move
from campaigns.models import Assignment, Campaign
from campaigns.states import CampaignState, DecisionCode, ReviewerRule
from certify.lib import clock
from inventory.models import Identity
from people.actions import mails
from people.hours import mail_at
from people.models import User
from people.states import Role

#: Who can best tell of an item that somebody does not know: whoever granted it, the owner of the right, of the system, then the
#: last person who kept this access in an earlier campaign. Only people with a sign-in who were not asked about the item in the stage
#: already, are no mere auditors, do not hold the access, and are independent of it or excused by the terms.
NEXT = f"""
    SELECT row.id, candidate.user_id, candidate.why, candidate.excused FROM unnest(%(rows)s::bigint[]) AS wanted (id)
    JOIN campaigns_assignment AS row ON row.id = wanted.id
    JOIN campaigns_reviewitem AS item ON item.id = row.item_id
    JOIN inventory_source AS source ON source.id = item.source_id
    JOIN inventory_grant AS granted ON granted.id = item.grant_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    JOIN inventory_account AS account ON account.id = granted.account_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
    CROSS JOIN LATERAL (
        SELECT known.user_id, known.why,
            CASE WHEN fit.is_granter THEN 'granter' WHEN fit.is_report THEN 'own_report' ELSE '' END AS excused
        FROM (
            SELECT 1 AS place, giver.id AS user_id, 'granted it' AS why FROM people_user AS giver
            WHERE item.granted_by <> '' AND item.granted_by IN (giver.username, giver.email)
            UNION ALL
            SELECT 1, giver.user_id, 'granted it' FROM inventory_identity AS giver
            WHERE item.granted_by <> '' AND item.granted_by IN (giver.key, giver.email)
            UNION ALL
            SELECT 2, owner.user_id, 'own the right' FROM inventory_identity AS owner WHERE owner.id = entitlement.owner_id
            UNION ALL
            SELECT 3, source.owner_id, 'own the system'
            UNION ALL
            (SELECT 4, earlier.decided_by_id, 'kept it before' FROM inventory_grant AS version
             JOIN campaigns_reviewitem AS earlier ON earlier.grant_id = version.id
             JOIN campaigns_decision AS kept ON kept.item_id = earlier.id AND kept.entry_uid = earlier.decision_entry_uid
             WHERE version.account_id = granted.account_id AND version.entitlement_id = granted.entitlement_id
               AND version.path = granted.path AND (version.closed_in_id IS NULL OR version.closed_in_id IS NOT NULL)
               AND earlier.campaign_id <> item.campaign_id AND earlier.outcome = 'approved'
             ORDER BY earlier.id DESC LIMIT 1)
        ) AS known JOIN people_user AS person ON person.id = known.user_id AND person.is_active
            AND person.roles <> ARRAY['{Role.AUDITOR.value}']::varchar[]
        CROSS JOIN LATERAL (
            SELECT item.granted_by <> '' AND (item.granted_by IN (person.username, person.email) OR EXISTS (
                       SELECT FROM inventory_identity AS own WHERE own.user_id = person.id AND item.granted_by IN (own.key, own.email))
                   ) AS is_granter,
                   EXISTS (SELECT FROM inventory_identity AS own
                           WHERE own.user_id = person.id AND own.manager_id = identity.id) AS is_report
        ) AS fit
        WHERE known.user_id <> row.reviewer_id AND known.user_id IS DISTINCT FROM identity.user_id
          AND (%(granter)s <> 'route' OR NOT fit.is_granter) AND (%(report)s <> 'route' OR NOT fit.is_report)
          AND NOT EXISTS (SELECT FROM campaigns_assignment AS asked WHERE asked.item_id = row.item_id AND asked.stage = row.stage
                          AND asked.reviewer_id = known.user_id)
        ORDER BY known.place LIMIT 1
    ) AS candidate
"""


@transaction.atomic
def route_unknown(*, rows: list[Assignment], by) -> int:
    """Ask the best next person about what was submitted as “I don't know”; returns how many items went on.

    Where somebody can be asked the answer no longer counts: the next person's does. Where nobody can, it stays as not decided, and
    what the terms say of silence follows (`actions.silence`).
    """
    unknown = {row.pk: row for row in rows if row.decision == DecisionCode.DONT_KNOW and row.is_vote}
    if not unknown:
        return 0
    terms = Campaign.objects.values_list("terms", flat=True).get(pk=rows[0].campaign_id)
    wanted = {name: terms.get("independence", {}).get(name, independence.ROUTE) for name in independence.CALLED}
    with connection.cursor() as cursor:
        cursor.execute(NEXT, {"rows": list(unknown), **wanted})
        found = cursor.fetchall()
    moves = [
        Move(
            pk,
            unknown[pk].item_number,
            unknown[pk].reviewer_id,
            person,
            f"The reviewer did not know; you {why}",
            excused,
        )
        for pk, person, why, excused in found
    ]
    if moves:
        assignments.move_all(campaign_id=rows[0].campaign_id, moves=moves, rule=ReviewerRule.ASKED_NEXT, by=by)
        _tell(Campaign.objects.get(pk=rows[0].campaign_id), moves, by)
    return len(moves)


def _tell(campaign: Campaign, moves: list[Move], by) -> None:
    """Mail those who are asked now, in their hours: they have less time than others, and no rung of the ladder may be due."""
    now, counts = clock.now(), Counter((one.reviewer, one.to, one.reason) for one in moves)
    people = User.objects.in_bulk({person for giver, to, _ in counts for person in (giver, to)})
    first = min(one.assignment for one in moves)
    drafts = [
        mails.Draft(
            recipient_id=to,
            template="items_given",
            context={
                "campaign": campaign.name,
                "giver": people[giver].name,
                "items": count,
                "back": 0,
                "reason": reason,
                "due_on": campaign.due_at.date().isoformat(),
                "path": f"/reviews/{campaign.pk}/?state=open",
            },
            subject_ref=f"campaigns.campaign:{campaign.pk}",
            # An assignment goes to somebody else once: its row is ended by that.
            dedupe_key=f"items-asked:{first}:{giver}:{to}:{place}",
            due_at=mail_at(people[to].hours, now, campaign.due_at),
        )
        for place, ((giver, to, reason), count) in enumerate(counts.items())
    ]
    mails.queue_many(drafts=drafts, by=by)


def _gone(campaign: Campaign) -> list[int]:
    """Reviewers with open answers who cannot answer any more: deactivated, or left according to the people's data."""
    waiting = queries.unanswered(campaign).order_by().values("reviewer_id").distinct()
    left = Identity.objects.filter(user_id__in=waiting, status="inactive") | Identity.objects.filter(
        user_id__in=waiting, gone_in__isnull=False
    )
    inactive = User.objects.filter(pk__in=waiting, is_active=False)
    return sorted({*left.values_list("user_id", flat=True), *inactive.values_list("pk", flat=True)})


@transaction.atomic
def replace_leavers(*, campaign_id: int, by) -> int:
    """Give the open answers of reviewers who have left to the next manager who is there, else to the owner of the campaign.

    Returns how many answers moved. Running it again moves nothing.
    """
    campaign = Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("owner").get(pk=campaign_id)
    if campaign.state != CampaignState.OPEN or clock.now() > campaign.due_at:
        return 0
    moved, gone = 0, _gone(campaign)
    lines = above.of(gone)
    for leaver in gone:
        waiting = queries.unanswered(campaign).filter(reviewer_id=leaver).select_related("item", "reviewer").order_by("pk")
        rows = list(waiting.select_for_update(of=("self",), no_key=True))
        moved += _replace(campaign, rows, lines.get(leaver, above.Above()), by)
    return moved


def _replace(campaign: Campaign, rows: list[Assignment], line: above.Above, by) -> int:
    """Move rows to the manager, but nothing they may not be asked about; what is left goes to the owner of the campaign."""
    moved, left = 0, rows
    passed = f" ({above.in_words(line.passed_over)})" if line.passed_over else ""
    for to in (line.manager, campaign.owner):
        if to is None or not left:
            continue
        asked = set(
            Assignment.objects.filter(campaign=campaign, stage=campaign.stage, reviewer=to, is_active=True).values_list(
                "item_id", flat=True
            )
        )
        standing = independence.of(to)
        judged = {row.pk: standing.judged(row.item, campaign.terms) for row in left}
        fitting = [row for row in left if judged[row.pk][0] and row.item_id not in asked]
        if fitting:
            reason = f"The reviewer is not there any more{passed}"
            moves = [Move(row.pk, row.item_number, row.reviewer_id, to.pk, reason, judged[row.pk][1]) for row in fitting]
            assignments.move_all(campaign_id=campaign.pk, moves=moves, rule=ReviewerRule.REASSIGNED, by=by)
            _tell(campaign, moves, by)
        moved += len(fitting)
        gone = {row.pk for row in fitting}
        left = [row for row in left if row.pk not in gone]
    return moved
