"""Decisions: one, its undo, and many at once. Every decision is a row that stays and an entry in the ledger."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from campaigns import queries, rules
from campaigns.models import Assignment, BulkAct, Campaign, Decision, ReviewItem
from campaigns.states import DecisionCode
from certify.lib import canonical, clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from inventory.models import Identity
from ledger.actions import entries

MAX_BULK = 10_000
DECIDED = ["decision", "rationale", "decided_by", "decided_at", "decision_entry_uid", "is_bulk"]


@dataclass(frozen=True)
class BulkResult:
    """What a bulk act did: how many items it decided, and how many of the selected it left for single decisions."""

    act: BulkAct | None
    decided: int
    left_out: int


@dataclass(frozen=True)
class Selection:
    """The rows a bulk act is about: item numbers, and the filter they were chosen with (recorded, not applied again)."""

    item_numbers: list[int]
    filter: dict = field(default_factory=dict)


@transaction.atomic
def decide(*, item_id: int, code: str, rationale: str = "", expected: str | None = None, by) -> ReviewItem:
    """Record a draft decision. `expected` is the uid of the decision the reviewer saw ("" for none).

    Refuses people the item is not assigned to, one's own access, submitted items, anything after the due date, a missing
    reason, and, with `Conflict`, a decision that somebody else made meanwhile.
    """
    if code not in (DecisionCode.APPROVE, DecisionCode.REVOKE, DecisionCode.DONT_KNOW):
        raise InvalidInput(f"“{code}” is not a decision.")
    now = clock.now()
    item, assignment = _open_item(item_id, expected, by, now)
    reason = rules.check_reason(rationale, rules.needs_reason(code, item.signals, item.campaign.terms))
    return _write(item, assignment, code, reason, now, by)


@transaction.atomic
def undo(*, item_id: int, expected: str | None = None, by) -> ReviewItem:
    """Withdraw a draft decision; both rows stay. Refuses what `decide` refuses, and an item that is not decided."""
    now = clock.now()
    item, assignment = _open_item(item_id, expected, by, now)
    if not item.decision:
        raise InvalidInput("There is no decision to undo.")
    return _write(item, assignment, DecisionCode.UNDO, "", now, by)


def _open_item(item_id: int, expected: str | None, by, now: datetime) -> tuple[ReviewItem, Assignment]:
    item = ReviewItem.objects.select_for_update(of=("self",), no_key=True).get(pk=item_id)
    queries.hold_open(item.campaign_id, now)
    item.campaign = Campaign.objects.get(pk=item.campaign_id)
    assignment = Assignment.objects.filter(item=item, reviewer_id=by.pk, is_active=True).first()
    if assignment is None or not by.is_active:
        raise NotAllowed("This item is not assigned to you.")
    owner = (
        Identity.objects.filter(key=item.identity_key).values_list("user_id", flat=True).first() if item.identity_key else None
    )
    if rules.is_self_review(owner, by.pk):
        raise NotAllowed("This is your own access: somebody else must decide.")
    if item.sign_off_id:
        raise InvalidInput("This item was submitted. Submitted decisions do not change.")
    if expected is not None and str(item.decision_entry_uid or "") != expected:
        raise Conflict("Somebody else decided this item meanwhile. Look at it again.")
    return item, assignment


def _facts(item: ReviewItem, assignment_rule: str, code: str, reason: str, now: datetime, by, bulk: str = "") -> dict:
    return {
        "campaign": str(item.campaign_id),
        "item": str(item.number),
        "reviewer": by.actor_ref(),
        "decision": str(code),
        "rationale": reason,
        "decided_at": rfc3339(now),
        "rule": assignment_rule,
        "shown": bytes(item.leaf).hex(),
        "bulk": bulk,
    }


def _write(item: ReviewItem, assignment: Assignment, code: str, reason: str, now: datetime, by) -> ReviewItem:
    entry = entries.record(
        kind="decision:undone" if code == DecisionCode.UNDO else "decision:made",
        subject=f"campaigns.reviewitem:{item.campaign_id}/{item.number}",
        by=by,
        at=now,
        data=_facts(item, assignment.rule, code, reason, now, by),
    )
    Decision.objects.create(
        campaign_id=item.campaign_id,
        item=item,
        reviewer=by,
        reviewer_name=by.name,
        reviewer_email=by.email,
        assigned_by_rule=assignment.rule,
        code=code,
        rationale=reason,
        decided_at=now,
        shown=bytes(item.leaf).hex(),
        entry_uid=entry.uid,
    )
    if code == DecisionCode.UNDO:
        item.decision, item.rationale, item.decided_by, item.decided_at, item.decision_entry_uid = "", "", None, None, None
    else:
        item.decision, item.rationale, item.decided_by, item.decided_at = code, reason, by, now
        item.decision_entry_uid = entry.uid
    item.is_bulk = False
    item.save(update_fields=DECIDED)
    return item


@transaction.atomic
def decide_bulk(*, campaign_id: int, selection: Selection, code: str, rationale: str = "", by) -> BulkResult:
    """Decide many items in one act with one reason.

    Red items, items decided singly and submitted ones are left out and counted. Refuses more than 10,000 at once and a
    missing reason; when nothing is left to decide nothing is recorded.
    """
    if code not in (DecisionCode.APPROVE, DecisionCode.REVOKE, DecisionCode.DONT_KNOW):
        raise InvalidInput(f"“{code}” is not a decision.")
    if len(selection.item_numbers) > MAX_BULK:
        raise InvalidInput(f"At most {MAX_BULK:,} items can be decided at once; {len(selection.item_numbers):,} are selected.")
    now = clock.now()
    queries.hold_open(campaign_id, now)
    terms = Campaign.objects.values_list("terms", flat=True).get(pk=campaign_id)
    reason = rules.check_reason(rationale, rules.needs_reason(code, [], terms))
    items = queries.lock_bulk(campaign_id, selection.item_numbers, by)
    left_out = len(set(selection.item_numbers)) - len(items)
    if not items:
        return BulkResult(None, 0, left_out)
    act = _record_act(campaign_id, items, selection, code, reason, left_out, now, by)
    _write_many(act, items, now, by)
    return BulkResult(act, len(items), left_out)


def _record_act(campaign_id: int, items: list, selection: Selection, code, reason, left_out: int, now, by) -> BulkAct:
    numbers = [item.number for item in items]
    entry = entries.record(
        kind="decision:bulk",
        subject=f"campaigns.campaign:{campaign_id}",
        by=by,
        at=now,
        data={
            "campaign": str(campaign_id),
            "decision": str(code),
            "filter": selection.filter,
            "count": len(items),
            "items_sha256": hashlib.sha256(canonical.dumps(numbers)).hexdigest(),
            "rationale": reason,
            "left_out": left_out,
        },
    )
    return BulkAct.objects.create(
        campaign_id=campaign_id,
        reviewer=by,
        decision=code,
        rationale=reason,
        filter=selection.filter,
        count=len(items),
        item_numbers=numbers,
        left_out=left_out,
        at=now,
        entry_uid=entry.uid,
    )


def _write_many(act: BulkAct, items: list, now: datetime, by) -> None:
    bulk = str(act.entry_uid)
    recorded = entries.record_many(
        kind="decision:made",
        by=by,
        at=now,
        rows=[
            (
                f"campaigns.reviewitem:{act.campaign_id}/{item.number}",
                _facts(item, item.assignment_rule, act.decision, act.rationale, now, by, bulk),
            )
            for item in items
        ],
    )
    uids = [entry.uid for entry in recorded]
    values = {
        "items": [item.pk for item in items],
        "uids": [str(uid) for uid in uids],
        "rules": [item.assignment_rule for item in items],
        "campaign": act.campaign_id,
        "act": act.pk,
        "code": str(act.decision),
        "reason": act.rationale,
        "by": by.pk,
        "name": by.name,
        "email": by.email,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_decision (campaign_id, item_id, reviewer_id, reviewer_name, reviewer_email, assigned_by_rule, code,"
            " rationale, bulk_act_id, decided_at, shown, entry_uid)"
            " SELECT %(campaign)s, item.id, %(by)s, %(name)s, %(email)s, chosen.rule, %(code)s, %(reason)s, %(act)s, %(now)s,"
            " encode(item.leaf, 'hex'), chosen.uid"
            " FROM unnest(%(items)s::bigint[], %(uids)s::uuid[], %(rules)s::text[]) AS chosen (item_id, uid, rule)"
            " JOIN campaigns_reviewitem AS item ON item.id = chosen.item_id ORDER BY item.number",
            values,
        )
        cursor.execute(
            "UPDATE campaigns_reviewitem AS item SET decision = %(code)s, rationale = %(reason)s, decided_by_id = %(by)s,"
            " decided_at = %(now)s, decision_entry_uid = chosen.uid, is_bulk = TRUE"
            " FROM unnest(%(items)s::bigint[], %(uids)s::uuid[]) AS chosen (item_id, uid) WHERE item.id = chosen.item_id",
            values,
        )
