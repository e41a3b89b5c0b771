"""The whole way of one sampled row: from the file it was read from to the log that proves each step."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from campaigns.models import Assignment, Campaign, CampaignSource, Decision, ReviewItem, SignOff
from evidence import queries, source_rows
from evidence.models import SampleRow, Seal
from inventory.models import FormerIdentity, Grant, Identity, Snapshot
from ledger.models import Entry
from remediation import queries as removal_queries
from remediation.models import Attempt, RemediationTask

#: Accounts, grants and items of a leaver that the page names; what is cut is said.
NAMED = 100


@dataclass(frozen=True)
class Step:
    """One thing that happened: when, by whom, and the ledger entry that recorded it (None: it has none of its own). `code` is a hash."""

    title: str
    text: str = ""
    at: datetime | None = None
    uid: UUID | None = None
    attempt: Attempt | None = None
    code: str = ""


@dataclass(frozen=True)
class Part:
    """One stretch of the way, under a heading, with its steps."""

    name: str
    heading: str
    steps: list[Step]


@dataclass
class Trail:
    """The way of a row. `entries` are the ledger entries of its steps by uid, each with its leaf where it has one."""

    row: SampleRow
    parts: list[Part]
    item: ReviewItem | None = None
    source: source_rows.SourceRow | None = None
    is_cut: bool = False
    entries: dict[UUID, Entry] = field(default_factory=dict)

    def uids(self) -> list[UUID]:
        """The entries that its steps name, in their order, each once."""
        return list(dict.fromkeys(step.uid for part in self.parts for step in part.steps if step.uid))


def of(row: SampleRow, *, has_file: bool = True) -> Trail:
    """The trail of a row; with `has_file` the uploaded file is read for the row it began with."""
    trail = _of_item(row, has_file=has_file) if row.item_id else _of_leaver(row)
    found = Entry.objects.signed().filter(uid__in=trail.uids()).select_related("leaf")
    trail.entries = {entry.uid: entry for entry in found}
    return trail


def _of_item(row: SampleRow, *, has_file: bool) -> Trail:
    item = ReviewItem.objects.select_related("campaign", "grant").get(pk=row.item_id)
    parts = [
        Part("reading", _("The reading of the system"), _reading(item)),
        Part("review", _("The review that asked about it"), _review(item)),
        Part("decisions", _("What was decided"), _decisions(item)),
        Part("outcome", _("What came of it"), _outcome(item)),
        Part("removal", _("The removal, and what proved it"), _removal(item)),
    ]
    source = source_rows.of(item) if has_file else None
    return Trail(row, parts, item, source)


def _reading(item: ReviewItem) -> list[Step]:
    frozen = CampaignSource.objects.select_related("snapshot").get(campaign=item.campaign_id, source=item.source_id)
    one = frozen.snapshot
    text = _("{read} rows read = {loaded} loaded + {rejected} rejected. {note}").format(
        read=one.rows_read, loaded=one.rows_loaded, rejected=one.rows_rejected, note=one.extraction_note
    )
    title = _("Reading {number} of {source} was loaded by {name}").format(
        number=one.number, source=item.source_name, name=one.loaded_by_name
    )
    return [Step(title, text, one.loaded_at, one.entry_uid)]


def _review(item: ReviewItem) -> list[Step]:
    campaign: Campaign = item.campaign
    title = _("“{review}” was launched: this is item {number} of {count}").format(
        review=campaign.name, number=item.number, count=campaign.item_count
    )
    steps = [Step(title, _("Population root"), campaign.opened_at, campaign.launch_entry_uid, code=campaign.population_root)]
    for asked in Assignment.objects.filter(item=item).order_by("pk"):
        text = asked.get_rule_display() + (f": {asked.reason}" if asked.reason else "")
        steps.append(Step(_("{name} was asked").format(name=asked.reviewer_name), text, asked.assigned_at))
    return steps


def _decisions(item: ReviewItem) -> list[Step]:
    seen = bytes(item.leaf).hex()
    steps = []
    for one in Decision.objects.filter(item=item).order_by("pk"):
        shown = _("on exactly what is shown above") if one.shown == seen else _("on something else than is shown above")
        text = " ".join(part for part in (one.rationale, f"({shown})") if part)
        title = _("{name}: {decision}").format(name=one.reviewer_name, decision=one.get_code_display())
        steps.append(Step(title, text, one.decided_at, one.entry_uid))
    signed = SignOff.objects.filter(pk__in=Assignment.objects.filter(item=item, sign_off__isnull=False).values("sign_off_id"))
    steps += [
        Step(_("{name} signed").format(name=one.reviewer_name), one.statement, one.submitted_at, one.entry_uid)
        for one in signed
    ]
    return sorted(steps, key=lambda step: step.at)


def _outcome(item: ReviewItem) -> list[Step]:
    campaign: Campaign = item.campaign
    steps = []
    if campaign.close_entry_uid:
        title = _("The review was closed: {outcome}").format(outcome=item.get_outcome_display())
        steps.append(Step(title, _("Outcome root"), campaign.closed_at, campaign.close_entry_uid, code=campaign.outcome_root))
    if seal := Seal.objects.filter(campaign=campaign).first():
        steps.append(Step(_("{name} sealed the review").format(name=seal.by_name), seal.statement, seal.at, seal.entry_uid))
    return steps


def _removal(item: ReviewItem) -> list[Step]:
    task = RemediationTask.objects.filter(item=item).first()
    events = removal_queries.trail(task) if task else []
    return [Step(one["title"], one["text"], one["at"], one["entry_uid"], one["attempt"]) for one in events]


def _of_leaver(row: SampleRow) -> Trail:
    person = Identity.objects.select_related("snapshot", "gone_in", "first_in").get(pk=row.identity_id)
    grants = list(_grants(person)[: NAMED + 1])
    # What else was reviewed is none of this period's auditors' business.
    asked = ReviewItem.objects.filter(identity_key=person.key, campaign__in=queries.campaigns_of(row.sample.period)[0])
    items = list(asked.select_related("campaign").order_by("-pk")[: NAMED + 1])
    read = Snapshot.objects.filter(source__in={one.source_id for one in grants}).order_by("source_id", "-id")
    latest = {one.source_id: one for one in read.distinct("source_id")}
    parts = [
        Part("person", _("What readings of people said"), _said(person)),
        Part(
            "access", _("Their access, and when it was gone"), [_access(one, latest[one.source_id]) for one in grants[:NAMED]]
        ),
        Part("reviews", _("Reviews that asked about it"), [_asked(one) for one in items[:NAMED]]),
    ]
    return Trail(row, parts, is_cut=len(grants) > NAMED or len(items) > NAMED)


def _said(person: Identity) -> list[Step]:
    steps = []
    for one in FormerIdentity.objects.filter(identity=person).select_related("until").order_by("until_id"):
        said = _("gone from the file") if one.is_gone else one.get_status_display()
        title = _("Until reading {number}: {status}").format(number=one.until.number, status=said)
        steps.append(Step(title, one.department, one.until.loaded_at, one.until.entry_uid))
    last = person.gone_in or person.snapshot
    said = _("gone from the file") if person.gone_in else person.get_status_display()
    title = _("Since then: {status}").format(status=said)
    ends = _("Last day: {day}").format(day=person.end_on) if person.end_on else ""
    return [*steps, Step(title, ends, last.loaded_at, last.entry_uid)]


def _grants(person: Identity):
    found = Grant.objects.filter(account__identity=person).select_related(
        "account", "entitlement", "source", "closed_in", "opened_in"
    )
    return found.order_by("source_id", "account_id", "entitlement_id", "pk")


def _access(one: Grant, latest: Snapshot) -> Step:
    title = _("{right} of {account} in {source}").format(right=one.entitlement, account=one.account, source=one.source)
    if one.closed_in:
        text = _("Not there any more, or changed, in reading {number}.").format(number=one.closed_in.number)
        return Step(title, text, one.closed_in.loaded_at, one.closed_in.entry_uid)
    return Step(title, _("Still there in the latest reading."), latest.loaded_at, latest.entry_uid)


def _asked(item: ReviewItem) -> Step:
    title = _("“{review}”, item {number}: {right}").format(
        review=item.campaign.name, number=item.number, right=item.entitlement_name
    )
    return Step(
        title, item.get_outcome_display() if item.outcome else _("not closed yet"), item.decided_at, item.decision_entry_uid
    )
