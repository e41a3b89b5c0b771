"""Decisions: one, its undo, and many at once. Every decision is a row that stays and an entry in the ledger."""

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Subquery
from django.utils.translation import gettext as _

from campaigns import advice_reading, bulk_acts, bulk_rows, independence, rules, second_look, worklist
from campaigns.actions import guards
from campaigns.bulk_rows import BulkRow
from campaigns.decision_facts import facts_of, portions, size_of, together
from campaigns.models import Assignment, BulkAct, Campaign, Decision
from campaigns.states import ANSWERS, DecisionCode
from certify.lib import clock, planning
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from certify.lib.files import StoredFile
from inventory.models import Identity
from ledger.actions import entries

MAX_BULK = 10_000
DECIDED = ["decision", "rationale", "reduce_to", "until", "decided_by", "decided_at", "decision_entry_uid", "is_bulk"]
BULK_ANSWERS = (DecisionCode.APPROVE, DecisionCode.REVOKE, DecisionCode.DONT_KNOW)


@dataclass(frozen=True)
class Evidence:
    """A file that a reviewer gives with a decision."""

    name: str
    stored: StoredFile


@dataclass(frozen=True)
class Answer:
    """What a reviewer says of an item: the code, why, what is left after a reduction, until when it is kept, and a file.

    `number` is the request's own: an answer that arrives again with the same number is recorded once.
    """

    code: str
    rationale: str = ""
    reduce_to: str = ""
    until: date | None = None
    evidence: Evidence | None = None
    number: UUID | None = None


@dataclass(frozen=True)
class BulkResult:
    """What a bulk act did: how many items it decided, and how many of the selected it left for single decisions."""

    act: BulkAct | None
    decided: int
    left_out: int


@dataclass(frozen=True)
class Selection:
    """The rows a bulk act is about: assignment ids, and the filter they were chosen with (recorded, not applied again).

    `seen` is the digest of what the preview said would be decided (`bulk_acts.digest`); empty where there was none.
    """

    ids: list[int]
    filter: dict = field(default_factory=dict)
    seen: str = ""


@transaction.atomic
def decide(*, assignment_id: int, answer: Answer, expected: str | None = None, by) -> Assignment:
    """Record a draft decision. `expected` is the uid of the decision the reviewer saw ("" for none).

    Refuses people the item is not assigned to and who act for nobody it is assigned to, one's own access, submitted items,
    another stage's, anything after the due date, a missing reason, and, with `Conflict`, a decision that somebody else made
    meanwhile. An answer that was recorded already changes nothing: the row is returned as it stands.
    """
    if answer.code not in ANSWERS:
        raise InvalidInput(_("“{code}” is not a decision.").format(code=answer.code))
    now = clock.now()
    row, is_done = _open_unless_recorded(assignment_id, expected, answer.number, by, now)
    if is_done:
        return row
    why_needed = rules.needs_reason(answer.code, row.item.signals, row.campaign.terms, advice_reading.recommended(row.item))
    reason = rules.check_reason(answer.rationale, why_needed)
    checked = Answer(
        answer.code,
        reason,
        *rules.check_answer(answer.code, answer.reduce_to, answer.until, now),
        answer.evidence,
        answer.number,
    )
    row = _write(row, checked, now, by)
    guards.notice_hurry(campaign_id=row.campaign_id, now=now, by=by)
    return row


@transaction.atomic
def undo(*, assignment_id: int, expected: str | None = None, number: UUID | None = None, by) -> Assignment:
    """Withdraw a draft decision; both rows stay. Refuses what `decide` refuses, and an item that is not decided.

    `number` is as that of an `Answer`.
    """
    now = clock.now()
    row, is_done = _open_unless_recorded(assignment_id, expected, number, by, now)
    if is_done:
        return row
    if not row.decision:
        raise InvalidInput(_("There is no decision to undo."))
    return _write(row, Answer(DecisionCode.UNDO, number=number), now, by)


def _known(assignment_id: int, number: UUID | None) -> tuple[int, bool]:
    """(the row's campaign, whether this very request was carried out before: its answer was lost on the way, and it was sent again)."""
    same = Decision.objects.filter(number=number, assignment_id=OuterRef("pk"), number__isnull=False)
    rows = Assignment.objects.annotate(is_recorded=Exists(same))
    return rows.values_list("campaign_id", "is_recorded").get(pk=assignment_id)


def _open_unless_recorded(assignment_id: int, expected: str | None, number: UUID | None, by, now: datetime) -> tuple:
    """(the row, locked, and whether the request is carried out already)."""
    campaign_id, is_recorded = _known(assignment_id, number)
    if not is_recorded:
        try:
            return _open_row(assignment_id, campaign_id, expected, by, now), False
        except (Conflict, InvalidInput):
            # The same request may have come twice at once, and the other one was the first.
            if not _known(assignment_id, number)[1]:
                raise
    return Assignment.objects.select_related("item", "campaign").get(pk=assignment_id), True


def _open_row(assignment_id: int, campaign_id: int, expected: str | None, by, now: datetime) -> Assignment:
    # Everybody takes the campaign before its rows, so that nobody waits in a circle.
    stage = worklist.hold_open(campaign_id, now)
    owner = Identity.objects.filter(key=OuterRef("item__identity_key")).exclude(key="").values("user_id")[:1]
    row = (
        Assignment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("item__advice", "campaign")
        .annotate(owner_id=Subquery(owner))
        .get(pk=assignment_id)
    )
    campaign = row.campaign
    is_theirs = row.reviewer_id == by.pk or row.reviewer_id in worklist.principals(by, campaign_id, now)
    if not row.is_active or not by.is_active or not is_theirs:
        raise NotAllowed(_("This item is not assigned to you."))
    if not row.is_vote and worklist.has_answered(row.item_id, by):
        raise NotAllowed(_("You have answered for this item: its second look is somebody else's."))
    if not second_look.takes(campaign, row):
        raise InvalidInput(
            _("First answers have ended, and a second look is taken. What was not submitted counts as not reviewed.")
        )
    if row.stage != stage:
        raise InvalidInput(_("The stage of this answer has ended; nothing in it can change."))
    if rules.is_self_review(row.owner_id, by.pk):
        raise NotAllowed(_("This is your own access: somebody else must decide."))
    if row.reviewer_id != by.pk and independence.of(by).violated(row.item):
        raise NotAllowed(_("You granted this access or report to its holder: a deputy does not decide on it."))
    if row.sign_off_id:
        raise InvalidInput(_("This item was submitted. Submitted decisions do not change."))
    if expected is not None and str(row.decision_entry_uid or "") != expected:
        raise Conflict(_("Somebody else decided this item meanwhile. Look at it again."))
    return row


def _write(row: Assignment, answer: Answer, now: datetime, by) -> Assignment:
    entry = entries.record(
        kind="decision:undone" if answer.code == DecisionCode.UNDO else "decision:made",
        subject=f"campaigns.reviewitem:{row.campaign_id}/{row.item_number}",
        by=by,
        at=now,
        data=facts_of(row, row.item.leaf, answer, now, by),
    )
    Decision.objects.create(
        campaign_id=row.campaign_id,
        item_id=row.item_id,
        assignment=row,
        stage=row.stage,
        reviewer=by,
        reviewer_name=by.name,
        reviewer_email=by.email,
        acting_for_id=row.reviewer_id if row.reviewer_id != by.pk else None,
        assigned_by_rule=row.rule,
        code=answer.code,
        rationale=answer.rationale,
        reduce_to=answer.reduce_to,
        until=answer.until,
        evidence_name=answer.evidence.name if answer.evidence else "",
        evidence_sha256=answer.evidence.stored.sha256 if answer.evidence else "",
        evidence_stored_as=answer.evidence.stored.stored_as if answer.evidence else "",
        decided_at=now,
        shown=bytes(row.item.leaf).hex(),
        entry_uid=entry.uid,
        number=answer.number,
    )
    is_undo = answer.code == DecisionCode.UNDO
    row.decision, row.rationale = ("", "") if is_undo else (answer.code, answer.rationale)
    row.reduce_to, row.until = answer.reduce_to, answer.until
    row.decided_by, row.decided_at, row.decision_entry_uid = (None, None, None) if is_undo else (by, now, entry.uid)
    row.is_bulk = False
    row.save(update_fields=DECIDED)
    return row


@transaction.atomic
def decide_bulk(*, campaign_id: int, selection: Selection, code: str, rationale: str = "", by) -> BulkResult:
    """Decide many items in one act with one reason.

    Red items, items decided singly and submitted ones are left out and counted. Refuses more than 10,000 at once, a missing
    reason and, with `Conflict`, an act that would decide anything but what its preview showed; when nothing is left to decide
    nothing is recorded.
    """
    if code not in BULK_ANSWERS:
        raise InvalidInput(_("“{code}” is not a decision for many at once.").format(code=code))
    if len(selection.ids) > MAX_BULK:
        raise InvalidInput(
            _("At most {max_bulk} items can be decided at once; {ids} are selected.").format(
                max_bulk=intcomma(MAX_BULK), ids=intcomma(len(selection.ids))
            )
        )
    now = clock.now()
    stage = worklist.hold_open(campaign_id, now)
    terms = Campaign.objects.values_list("terms", flat=True).get(pk=campaign_id)
    reason = rules.check_reason(rationale, rules.needs_reason(code, [], terms))
    answer, principals = Answer(code, reason), worklist.principals(by, campaign_id)
    worklist.hold_reviewers(campaign_id, principals)
    rows = _update_rows(campaign_id, stage, principals, selection.ids, answer, now, by)
    left_out = len(set(selection.ids)) - len(rows)
    if selection.seen and selection.seen != bulk_acts.digest(row.item_number for row in rows):
        raise Conflict(_("Some of these were decided or given away meanwhile. Nothing was recorded: look at what is left."))
    if not rows:
        return BulkResult(None, 0, left_out)
    if not reason and (recommended := advice_reading.opposed([row.pk for row in rows], code)):
        rules.check_reason("", rules.needs_reason(code, [], terms, recommended))
    rows = bulk_rows.each_item_once(rows)
    act = _record_act(campaign_id, rows, selection, answer, left_out, now, by)
    write_many(act=act, rows=rows, facts=_many_facts(rows, answer, now, by, str(act.entry_uid)), now=now, by=by)
    return BulkResult(act, len(rows), left_out)


#: Nobody meets their own access; a deputy neither what they granted nor that of whom they report to.
INDEPENDENT = (
    "item.identity_key <> ALL (%(own)s::text[]) AND (row.reviewer_id = %(by)s"
    " OR (item.identity_key <> ALL (%(bosses)s::text[]) AND item.granted_by <> ALL (%(names)s::text[])))"
)

#: Rows that somebody may still answer in this stage, each of one item once.
MINE = """row.campaign_id = %(campaign)s AND row.stage = %(stage)s AND row.reviewer_id = ANY(%(principals)s)
    AND row.is_active AND row.sign_off_id IS NULL AND (row.is_vote OR NOT EXISTS (
        SELECT FROM campaigns_assignment AS first WHERE first.item_id = row.item_id AND first.is_active AND first.is_vote
        AND first.decided_by_id = %(by)s AND first.sign_off_id IS NOT NULL))"""

#: Decides what a bulk act may touch (`rules.is_bulk_eligible`): locking the rows before would cost as much again.
UPDATE_ROWS = f"""
    UPDATE campaigns_assignment AS row SET decision = %(code)s, rationale = %(reason)s, reduce_to = '', until = NULL,
        decided_by_id = %(by)s, decided_at = %(now)s, decision_entry_uid = chosen.uid, is_bulk = TRUE
    FROM unnest(%(rows)s::bigint[], %(uids)s::uuid[]) AS chosen (id, uid), campaigns_reviewitem AS item, campaigns_campaign AS campaign
    WHERE campaign.id = %(campaign)s AND row.id = chosen.id AND item.id = row.item_id AND {second_look.ANSWERABLE_SQL}
      AND {planning.unguessed(f"{MINE} AND (row.decision = '' OR row.is_bulk)")}
      AND NOT item.signals && %(red)s::varchar[] AND {INDEPENDENT}
    RETURNING row.id, row.campaign_id, row.item_number, row.rule, row.stage, row.reviewer_id, item.leaf, row.decision_entry_uid
"""


def _update_rows(campaign_id: int, stage: int, principals: list[int], ids: list[int], answer: Answer, now, by) -> list[BulkRow]:
    rows = sorted(set(ids))
    values = {
        "campaign": campaign_id,
        "stage": stage,
        "principals": principals,
        "rows": rows,
        "uids": portions((0 for _ in rows), size_of(answer.rationale)),
        "red": worklist.RED,
        **independence.values_of(by),
        "code": str(answer.code),
        "reason": answer.rationale,
        "by": by.pk,
        "now": now,
    }
    return bulk_rows.decided(UPDATE_ROWS, values)


def _record_act(campaign_id: int, rows: list, selection: Selection, answer: Answer, left_out: int, now, by) -> BulkAct:
    numbers = [row.item_number for row in rows]
    entry = entries.record(
        kind="decision:bulk",
        subject=f"campaigns.campaign:{campaign_id}",
        by=by,
        at=now,
        data={
            "campaign": str(campaign_id),
            "decision": str(answer.code),
            "filter": selection.filter,
            "count": len(rows),
            "items_sha256": bulk_acts.digest(numbers),
            "rationale": answer.rationale,
            "left_out": left_out,
        },
    )
    return BulkAct.objects.create(
        campaign_id=campaign_id,
        reviewer=by,
        decision=answer.code,
        rationale=answer.rationale,
        filter=selection.filter,
        count=len(rows),
        item_numbers=numbers,
        left_out=left_out,
        at=now,
        entry_uid=entry.uid,
    )


INSERT_DECISIONS = """
    INSERT INTO campaigns_decision (campaign_id, item_id, assignment_id, stage, reviewer_id, reviewer_name, reviewer_email,
        acting_for_id, assigned_by_rule, code, rationale, reduce_to, until, bulk_act_id, decided_at, shown, entry_uid,
        evidence_name, evidence_sha256, evidence_stored_as)
    SELECT %(campaign)s, row.item_id, row.id, row.stage, %(by)s, %(name)s, %(email)s, NULLIF(row.reviewer_id, %(by)s), row.rule,
           row.decision, row.rationale, row.reduce_to, row.until, %(act)s, %(now)s, chosen.shown, row.decision_entry_uid, '', '', ''
    FROM unnest(%(rows)s::bigint[], %(shown)s::text[]) AS chosen (id, shown)
    JOIN campaigns_assignment AS row ON row.id = chosen.id ORDER BY row.id
"""


@transaction.atomic
def write_many(*, act: BulkAct, rows: list[BulkRow], facts: list[dict], now: datetime, by) -> None:
    """The entries and decision rows of assignments that an act has just decided; `facts` is `facts_of` each, in the same order.

    The decisions that have the same `uid` stand in one entry, which says what they share once.
    """
    told: dict[UUID, list[dict]] = {}
    for row, fact in zip(rows, facts, strict=True):
        told.setdefault(row.uid, []).append(fact)
    entries.record_many(
        kind="decisions:made",
        by=by,
        at=now,
        rows=[(f"campaigns.campaign:{act.campaign_id}", together(portion)) for portion in told.values()],
        uids=list(told),
    )
    values = {
        "rows": [row.pk for row in rows],
        "shown": [fact["shown"] for fact in facts],
        "campaign": act.campaign_id,
        "act": act.pk,
        "by": by.pk,
        "name": by.name,
        "email": by.email,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT_DECISIONS, values)


def _many_facts(rows: list[BulkRow], answer: Answer, now: datetime, by, bulk: str) -> list[dict]:
    """The facts of each row; what is the same for all is written once."""
    shared = facts_of(rows[0], rows[0].leaf, answer, now, by, bulk)
    found = []
    for row in rows:
        fact = shared | {"item": str(row.item_number), "rule": row.rule, "shown": row.leaf.hex()}
        fact.pop("for", None)
        if row.reviewer_id != by.pk:
            fact["for"] = f"people.user:{row.reviewer_id}"
        found.append(fact)
    return found
