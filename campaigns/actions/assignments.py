"""Reassignment: items given to somebody else, with a reason and the whole trail kept."""

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import independence, permissions, rules, worklist
from campaigns.actions.items import Selection
from campaigns.models import Assignment, Campaign
from campaigns.states import ReviewerRule
from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actions import entries
from ledger.models import Entry
from people.models import User

MAX_ITEMS = 10_000
#: Item numbers that one ledger entry names.
ITEMS_IN_ENTRY = 5_000


class Move(NamedTuple):
    """An assignment that goes to somebody else: its id, item number and reviewer, whom is asked instead, and why."""

    assignment: int
    number: int
    reviewer: int
    to: int
    reason: str
    excused: str = ""
    back: bool = False


@transaction.atomic
def reassign(*, campaign_id: int, selection: Selection, to, reason: str, by) -> int:
    """Give undecided items of anybody to another reviewer, as a control owner may; returns how many moved.

    Refuses a missing reason, a reviewer who is not active, and items that are the new reviewer's own access, or of which they are
    not independent where the terms do not excuse that. Decided items stay where they are. Reviewers give away their own items by
    `handing_over.hand_over`.
    """
    now = clock.now()
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may give away the items of others."))
    stage = worklist.hold_open(campaign_id, now)
    reason = rules.check_reason(reason, gettext_lazy("Say why the items go to somebody else."))
    if not to.is_active:
        raise InvalidInput(_("{to_name} is not active.").format(to_name=to.name), field="to")
    if len(selection.ids) > MAX_ITEMS:
        raise InvalidInput(_("At most {max_items} items can be given away at once.").format(max_items=intcomma(MAX_ITEMS)))
    old = worklist.lock_reassignable(campaign_id, stage, selection.ids, to)
    if not old:
        return 0
    move(rows=old, to=to, rule=ReviewerRule.REASSIGNED, reason=reason, excused=_checked(old, to), by=by)
    return len(old)


def _checked(rows: list[Assignment], to) -> dict[int, str]:
    """Assignment → what the new reviewer is excused from. Refuses their own access, and what nothing excuses."""
    terms = Campaign.objects.values_list("terms", flat=True).get(pk=rows[0].campaign_id)
    standing = independence.of(to)
    if mine := sum(standing.holds(row.item) for row in rows):
        raise InvalidInput(
            _("{mine} of these items are {to_name}'s own access.").format(mine=mine, to_name=to.name), field="to"
        )
    judged = {row.pk: standing.judged(row.item, terms) for row in rows}
    if unfit := sum(not may for may, _excused in judged.values()):
        raise InvalidInput(
            _(
                "{to_name} is not independent of {n} of these items: they granted the access, or report to its holder."
                " The definition does not excuse that."
            ).format(to_name=to.name, n=unfit),
            field="to",
        )
    return {pk: excused for pk, (_may, excused) in judged.items()}


@transaction.atomic
def move(*, rows: list[Assignment], to, rule: str, reason: str, excused: dict[int, str], by) -> None:
    """Deactivate locked assignments of one campaign and ask `to` instead; their panel and quorum go with them.

    `excused` says of each row what `to` is excused from; "" where nothing is.
    """
    moves = [Move(row.pk, row.item_number, row.reviewer_id, to.pk, reason, excused[row.pk]) for row in rows]
    move_all(campaign_id=rows[0].campaign_id, moves=moves, rule=rule, by=by)


ENDED = "UPDATE campaigns_assignment SET is_active = FALSE WHERE id = ANY(%(rows)s::bigint[]) AND is_active"
ASKED_INSTEAD = """
    INSERT INTO campaigns_assignment (campaign_id, item_id, stage, panel, group_id, quorum, reviewer_id, reviewer_name, rule, reason,
        excused, is_active, is_vote, risk_rank, item_number, assigned_at, previous_id, decision, rationale, reduce_to, is_bulk)
    SELECT row.campaign_id, row.item_id, row.stage, row.panel, row.group_id, row.quorum, reviewer.id, reviewer.name, %(rule)s,
           moved.reason, moved.excused, TRUE, row.is_vote, row.risk_rank, row.item_number, %(now)s, row.id, '', '', '', FALSE
    FROM unnest(%(rows)s::bigint[], %(to)s::bigint[], %(reasons)s::text[], %(excused)s::text[])
         WITH ORDINALITY AS moved (id, to_id, reason, excused, place)
    JOIN campaigns_assignment AS row ON row.id = moved.id JOIN people_user AS reviewer ON reviewer.id = moved.to_id
    ORDER BY moved.place
"""


@transaction.atomic
def move_all(*, campaign_id: int, moves: Iterable[Move], rule: str, by) -> list[Entry]:
    """Deactivate locked assignments of one campaign and ask others instead, set by set.

    Returns the ledger entries: one for each pair of people and reason, more where it is about very many items.
    """
    moved, now = list(moves), clock.now()
    values = {
        "rows": [one.assignment for one in moved],
        "to": [one.to for one in moved],
        "reasons": [one.reason for one in moved],
        "excused": [one.excused for one in moved],
        "rule": str(rule),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(ENDED, values)
        cursor.execute(ASKED_INSTEAD, values)
    together: dict[tuple[int, int, str], list[Move]] = {}
    for one in moved:
        together.setdefault((one.reviewer, one.to, one.reason), []).append(one)
    subject = f"campaigns.campaign:{campaign_id}"
    people = User.objects.in_bulk({one.to for one in moved})
    return entries.record_many(
        kind="assignment:reassigned",
        by=by,
        at=now,
        rows=[
            (subject, _facts(campaign_id, batch, people[batch[0].to]))
            for found in together.values()
            for batch in batched(found, ITEMS_IN_ENTRY)
        ],
    )


def _facts(campaign_id: int, moved: list[Move], asked: User) -> dict:
    """What the ledger records. Items that return to somebody who had given them on are named."""
    facts = {
        "campaign": str(campaign_id),
        "items": [one.number for one in moved],
        "from": f"people.user:{moved[0].reviewer}",
        "to": f"people.user:{moved[0].to}",
        "asked": asked.actor_ref(),
        "reason": moved[0].reason,
    }
    back = [one.number for one in moved if one.back]
    return facts | {"back": back} if back else facts
