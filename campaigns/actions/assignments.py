"""Reassignment: items given to somebody else, with a reason and the whole trail kept."""

from django.db import transaction

from campaigns import permissions, rules, worklist
from campaigns.actions.items import Selection
from campaigns.models import Assignment
from campaigns.states import ReviewerRule
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.models import Identity
from ledger.actions import entries

MAX_ITEMS = 10_000


@transaction.atomic
def reassign(*, campaign_id: int, selection: Selection, to, reason: str, by) -> int:
    """Give undecided items to another reviewer; returns how many moved.

    A reviewer may give away their own items, a control owner anybody's. Refuses a missing reason, a reviewer who is not
    active, and items that are the new reviewer's own access. Decided items stay where they are.
    """
    now = clock.now()
    stage = worklist.hold_open(campaign_id, now)
    reason = rules.check_reason(reason, "Say why the items go to somebody else.")
    if not to.is_active:
        raise InvalidInput(f"{to.name} is not active.", field="to")
    if len(selection.ids) > MAX_ITEMS:
        raise InvalidInput(f"At most {MAX_ITEMS:,} items can be given away at once.")
    old = worklist.lock_reassignable(campaign_id, stage, selection.ids, to)
    if not permissions.can_run_campaigns(by) and any(assignment.reviewer_id != by.pk for assignment in old):
        raise NotAllowed("Only items that are assigned to you can be given away.")
    own = Identity.objects.filter(user=to).values_list("key", flat=True)
    if mine := [assignment for assignment in old if assignment.item.identity_key in set(own)]:
        raise InvalidInput(f"{len(mine)} of these items are {to.name}'s own access.", field="to")
    if not old:
        return 0
    move(rows=old, to=to, rule=ReviewerRule.REASSIGNED, reason=reason, by=by)
    return len(old)


@transaction.atomic
def move(*, rows: list[Assignment], to, rule: str, reason: str, by) -> None:
    """Deactivate locked assignments of one campaign and ask `to` instead; their panel and quorum go with them."""
    now, campaign_id = clock.now(), rows[0].campaign_id
    Assignment.objects.filter(pk__in=[assignment.pk for assignment in rows]).update(is_active=False)
    Assignment.objects.bulk_create(
        Assignment(
            campaign_id=campaign_id,
            item_id=assignment.item_id,
            stage=assignment.stage,
            panel=assignment.panel,
            group_id=assignment.group_id,
            quorum=assignment.quorum,
            is_vote=assignment.is_vote,
            reviewer=to,
            reviewer_name=to.name,
            rule=rule,
            reason=reason,
            risk_rank=assignment.risk_rank,
            item_number=assignment.item_number,
            assigned_at=now,
        )
        for assignment in rows
    )
    per_reviewer: dict[int, list[Assignment]] = {}
    for assignment in rows:
        per_reviewer.setdefault(assignment.reviewer_id, []).append(assignment)
    entries.record_many(
        kind="assignment:reassigned",
        by=by,
        at=now,
        rows=[
            (
                f"campaigns.campaign:{campaign_id}",
                {
                    "campaign": str(campaign_id),
                    "items": [assignment.item_number for assignment in batch],
                    "from": f"people.user:{reviewer}",
                    "to": f"people.user:{to.pk}",
                    "reason": reason,
                },
            )
            for reviewer, moved in per_reviewer.items()
            for batch in (moved[start : start + 5_000] for start in range(0, len(moved), 5_000))
        ],
    )
