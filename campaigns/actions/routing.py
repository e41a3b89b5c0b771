"""Answers that go to somebody else by themselves: what a reviewer does not know, and what a reviewer who has left had open."""

from django.db import connection, transaction

from campaigns import queries, reviewers, rules
from campaigns.actions import assignments
from campaigns.models import Assignment, Campaign
from campaigns.states import CampaignState, DecisionCode, ReviewerRule
from certify.lib import clock
from inventory.models import Identity
from people.models import User

#: Who can best tell of an item that somebody does not know: whoever granted it, the owner of the right, of the system, then the
#: last person who kept it in an earlier campaign. Only people with a sign-in who are not asked about the item in the stage already.
NEXT = """
    SELECT row.id, candidate.user_id, candidate.why FROM unnest(%(rows)s::bigint[]) AS wanted (id)
    JOIN campaigns_assignment AS row ON row.id = wanted.id
    JOIN campaigns_reviewitem AS item ON item.id = row.item_id
    JOIN inventory_source AS source ON source.id = item.source_id
    JOIN inventory_grant AS granted ON granted.id = item.grant_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    JOIN inventory_account AS account ON account.id = granted.account_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
    CROSS JOIN LATERAL (
        SELECT known.user_id, known.why FROM (
            SELECT 1 AS place, person.id AS user_id, 'granted it' AS why FROM people_user AS person
            WHERE item.granted_by <> '' AND item.granted_by IN (person.username, person.email)
            UNION ALL
            SELECT 2, owner.user_id, 'own the right' FROM inventory_identity AS owner WHERE owner.id = entitlement.owner_id
            UNION ALL
            SELECT 3, source.owner_id, 'own the system'
            UNION ALL
            (SELECT 4, earlier.decided_by_id, 'kept it before' FROM campaigns_reviewitem AS earlier
             JOIN campaigns_decision AS kept ON kept.item_id = earlier.id AND kept.entry_uid = earlier.decision_entry_uid
             WHERE earlier.grant_id = item.grant_id AND earlier.campaign_id <> item.campaign_id AND earlier.outcome = 'approved'
             ORDER BY earlier.id DESC LIMIT 1)
        ) AS known JOIN people_user AS person ON person.id = known.user_id AND person.is_active
        WHERE known.user_id <> row.reviewer_id AND known.user_id IS DISTINCT FROM identity.user_id
          AND NOT EXISTS (SELECT FROM campaigns_assignment AS asked WHERE asked.item_id = row.item_id AND asked.stage = row.stage
                          AND asked.reviewer_id = known.user_id)
        ORDER BY known.place LIMIT 1
    ) AS candidate
"""


@transaction.atomic
def route_unknown(*, rows: list[Assignment], by) -> int:
    """Ask the best next person about what was submitted as “I don't know”; returns how many items went on.

    Where somebody can be asked the answer no longer counts: the next person's does. Where nobody can, it stays as not decided.
    """
    unknown = {row.pk: row for row in rows if row.decision == DecisionCode.DONT_KNOW and row.is_vote}
    if not unknown:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(NEXT, {"rows": list(unknown)})
        found = cursor.fetchall()
    per_person: dict[tuple[int, str], list[Assignment]] = {}
    for row, person, why in found:
        per_person.setdefault((person, why), []).append(unknown[row])
    people = User.objects.in_bulk([person for person, _ in per_person])
    for (person, why), moved in per_person.items():
        assignments.move(
            rows=moved,
            to=people[person],
            rule=ReviewerRule.ASKED_NEXT,
            reason=f"{moved[0].reviewer_name} did not know; you {why}",
            by=by,
        )
    return len(found)


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
    moved = 0
    for leaver in _gone(campaign):
        waiting = queries.unanswered(campaign).filter(reviewer_id=leaver).select_related("item", "reviewer").order_by("pk")
        rows = list(waiting.select_for_update(of=("self",), no_key=True))
        moved += _replace(campaign, rows, _next_manager(leaver), by)
    return moved


def _next_manager(leaver: int) -> User | None:
    reviewers.find_managers()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT line.user_id FROM inventory_identity AS identity JOIN reviewing_line AS line ON line.identity_id = identity.id"
            " WHERE identity.user_id = %s AND line.user_id IS NOT NULL",
            [leaver],
        )
        found = cursor.fetchone()
    return User.objects.filter(pk=found[0], is_active=True).first() if found else None


def _replace(campaign: Campaign, rows: list[Assignment], manager: User | None, by) -> int:
    """Move rows to the manager, but never a person's own access; what is left goes to the owner of the campaign."""
    moved, left = 0, rows
    for to in (manager, campaign.owner):
        if to is None or not left:
            continue
        own = set(Identity.objects.filter(user=to).values_list("key", flat=True))
        asked = set(
            Assignment.objects.filter(campaign=campaign, stage=campaign.stage, reviewer=to, is_active=True).values_list(
                "item_id", flat=True
            )
        )
        fitting = [
            row for row in left if not (row.item.identity_key and row.item.identity_key in own) and row.item_id not in asked
        ]
        if fitting:
            reason = f"{fitting[0].reviewer_name} is not there any more"
            assignments.move(rows=fitting, to=to, rule=ReviewerRule.REASSIGNED, reason=rules.check_reason(reason, ""), by=by)
        moved += len(fitting)
        gone = {row.pk for row in fitting}
        left = [row for row in left if row.pk not in gone]
    return moved
