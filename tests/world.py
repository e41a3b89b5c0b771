"""One of each thing, for the test that opens every address as everybody."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.db import transaction

from campaigns.actions import (
    closing,
    delegations,
    launching,
    plans,
    schedules,
    scopes,
    sod_conflicts,
    sod_exceptions,
    sod_rules,
)
from campaigns.models import Campaign, SodConflict
from campaigns.sod_rules import Terms as SodTerms
from certify.lib import clock
from certify.lib.files import store
from evidence.actions import holds, packs, periods, requests, samples, statements
from evidence.models import AuditRequest, EvidencePack, SampleRow
from inventory.actions import loads, snapshots
from inventory.models import Account, Identity, LoadJob
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import delivery, mails, tokens, users
from people.models import Mail, User
from remediation.actions import attempts, channels, exceptions, removals, sending
from remediation.models import Announcement, Attempt, Objection, RemediationTask, RiskException, Sending
from tests.campaigns import sheets
from tests.story import QUARTERLY, Story, tell

ANONYMOUS = "anonymous"
NOBODY = "nobody"  # signed in, without a role
ADMIN = "administrator"
OWNER = "control owner"
REVIEWER = "reviewer"  # of the items below
STRANGER = "another reviewer"
SYSTEM_OWNER = "system owner"  # of the source below
OTHER_SYSTEM = "another system owner"
AUDITOR = "auditor"  # to whom the period below is open
OTHER_AUDITOR = "another auditor"
SIGNED_IN = {NOBODY, ADMIN, OWNER, REVIEWER, STRANGER, SYSTEM_OWNER, OTHER_SYSTEM, AUDITOR, OTHER_AUDITOR}
ALL = {ANONYMOUS, *SIGNED_IN}


@dataclass
class World:
    """One of each thing, in the state in which the most can be done with it."""

    story: Story
    people: dict[str, User]
    open: Campaign
    requested: Campaign
    closed: Campaign
    failed: Campaign
    task: RemediationTask
    attempt: Attempt
    exception: RiskException
    sending: Sending
    job: LoadJob
    mail: Mail
    entry: Entry
    pack: EvidencePack
    row: SampleRow
    thread: AuditRequest
    identity: Identity
    orphan: Account


def build(folder: Path) -> World:
    """The small company, two campaigns, a removal with proof, a load on its way, a failed mail, a period with its pack."""
    story = tell(folder)
    people = _people(story)
    closed, opened = story.launch("Q3"), story.launch("Q4")
    scopes.keep(name="All of it", scope=opened.terms["scope"], by=story.owner)
    words = ("Break-glass", "Watched by the bank itself", story.owner, clock.now().date())
    scopes.exempt(terms=scopes.Exempt(*words, accounts=["crm/shared"]), by=story.owner)
    people[REVIEWER] = ana = story.user("ana@x.example")
    plans.create_group(name="Access board", members=[story.fallback], by=story.owner)
    today = clock.now().date()
    delegations.delegate(
        principal=ana, to=[story.fallback], absence=delegations.Absence(today, today, "Away for the day"), by=ana
    )
    sheets.keep(opened, ana, sheets.download(opened, ana))
    schedules.set_schedule(definition_id=opened.definition_id, schedule=QUARTERLY, by=story.owner)
    story.decide(closed, "bruno", "revoke", people[REVIEWER])
    story.submit(closed, people[REVIEWER])
    closed = closing.close(campaign_id=closed.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=closed.pk, by=SYSTEM)
    task = RemediationTask.objects.get()
    proof = attempts.Proof("proof.txt", store([b"seen"], directory="proofs", limit=100))
    with transaction.atomic():
        attempts.claim_one(task_id=task.pk, act=attempts.Act("Taken out of the group", proof), by=story.system_owner)
    RemediationTask.objects.filter(pk=task.pk).update(state="still_there")
    story.approve_silence(closed)
    story.hold_removals(closed)
    _duties(story)
    tokens.create(name="Nightly job", scopes=["removals:read"], things=["crm"], days=9, by=story.admin)
    _objection(task, people[REVIEWER])
    pack = _pack(story, people)
    row, thread = _audit(story, pack)
    _statement(story)
    holds.place(terms=holds.Terms("Case 7", "The court asks for it", systems=["crm"]), by=story.owner)
    sequencing.sequence(by=SYSTEM)
    return World(
        story=story,
        people=people,
        open=opened,
        closed=closed,
        task=task,
        attempt=task.attempts.get(),
        exception=_exception(story, task),
        sending=_sending(story, task),
        pack=pack,
        row=row,
        thread=thread,
        requested=_requested(story, "Q1"),
        failed=_failed(story),
        job=_job(story),
        mail=_mail(story),
        entry=Entry.objects.latest("id"),
        identity=Identity.objects.get(key="p4"),
        orphan=Account.objects.get(key="shared"),
    )


def _people(story: Story) -> dict[str, User]:
    """One person for each row of the table; the reviewer is Ana, whom the launch makes."""

    def make(username: str, *roles: str) -> User:
        return users.create(username=username, name=username, email=f"{username}@x.example", roles=roles, by=story.admin)

    return {
        NOBODY: make("nobody"),
        ADMIN: story.admin,
        OWNER: story.owner,
        STRANGER: make("stranger", "reviewer"),
        SYSTEM_OWNER: story.system_owner,
        OTHER_SYSTEM: make("other-system", "system_owner"),
        AUDITOR: story.auditor,
        OTHER_AUDITOR: make("other-auditor", "auditor"),
    }


def _exception(story: Story, task: RemediationTask) -> RiskException:
    day = clock.now().date() + timedelta(days=30)
    wanted = exceptions.Wanted("The new system comes in spring", "Every use is read by the security team", day)
    return exceptions.request(task_id=task.pk, wanted=wanted, by=story.system_owner)


def _objection(task: RemediationTask, reviewer: User) -> None:
    """Somebody was told that they lose access, and objected; the reviewer is to decide again."""
    bruno = users.provision(rows=[("bruno@x.example", "Bruno Costa", "bruno@x.example")], roles=(), by=SYSTEM)[
        "bruno@x.example"
    ]
    facts = {"task": task, "person_id": bruno, "at": clock.now(), "entry_uid": uuid4()}
    Announcement.objects.create(until=clock.now() + timedelta(days=3), is_waiting=False, **facts)
    told = {"reviewer": reviewer, "answer_by": clock.now() + timedelta(days=3), "reason": "I need it each day"}
    Objection.objects.create(person_name="Bruno Costa", **told, **facts)


def _duties(story: Story) -> None:
    """A rule, the conflict of one person, and an exception that waits."""
    sides = ("change customers", ["crm/admin"], "read customers", ["crm/read"])
    terms = SodTerms("change-read", "Change and read", *sides, "high", story.owner)
    sod_rules.create(terms=terms, by=story.owner)
    sod_conflicts.refresh(by=SYSTEM)
    wanted = sod_exceptions.Ask("Looked at every month", "The team is too small", clock.now().date())
    sod_exceptions.ask(conflict_id=SodConflict.objects.get().pk, wanted=wanted, by=story.owner)


def _sending(story: Story, task: RemediationTask) -> Sending:
    channels.configure(source_id=task.source_id, url="https://idm.example/hook", most=20, percent=5, by=story.admin)
    return sending.send(source_id=task.source_id, task_ids=[task.pk], by=story.owner)


def _requested(story: Story, name: str) -> Campaign:
    definition = story.define(f"Definition of {name}")
    return launching.request(definition_id=definition.pk, name=name, by=story.owner)


def _failed(story: Story) -> Campaign:
    campaign = _requested(story, "Q2")
    Campaign.objects.filter(pk=campaign.pk).update(state="failed", error="No data")
    campaign.refresh_from_db()
    return campaign


def _job(story: Story) -> LoadJob:
    stored = store([story.texts["grants"].encode()], directory="uploads", limit=10_000)
    origin = snapshots.Origin("Exported by the test, from nowhere", "full")
    uploads = [loads.Upload("grants", "grants.csv", stored)]
    return loads.create(source_id=story.source.pk, uploads=uploads, origin=origin, by=story.admin)


def _mail(story: Story) -> Mail:
    draft = mails.Draft(story.admin.pk, "no_such_template", "s", "matrix")
    mails.queue_many(drafts=[draft], by=SYSTEM)
    Mail.objects.exclude(dedupe_key="matrix").update(due_at=clock.now() + timedelta(days=1))
    return delivery.send_next(mailer=None, by=SYSTEM).mail


def _audit(story: Story, pack: EvidencePack) -> tuple[SampleRow, AuditRequest]:
    """The one revocation as a sample, and a request about it with a file."""
    wanted = samples.Wanted("revocations", 1)
    row = samples.draw(period_id=pack.period_id, wanted=wanted, by=story.auditor).rows.get()
    file = requests.File("list.txt", store([b"a list"], directory="audit", limit=100))
    said = requests.Said("Please say why", file)
    return row, requests.ask(period_id=pack.period_id, title="Why?", said=said, row=row, by=story.auditor)


def _statement(story: Story) -> None:
    """A nonconformity whose corrective action can be checked by the administrator."""
    found = {"title": "It was late", "found_on": clock.now().date(), "done_on": clock.now().date(), "controls": ["soc2:CC6.3"]}
    statements.make(framework="soc2", kind="nonconformity", facts=found, by=story.owner)


def _pack(story: Story, people: dict[str, User]) -> EvidencePack:
    today = clock.now().date()
    details = periods.Details(
        "This year", "soc2", today - timedelta(days=30), today, today + timedelta(days=30), [people[AUDITOR]]
    )
    found = packs.request(period_id=periods.create(details=details, by=story.owner).pk, by=story.owner)
    file = store([b"a pack"], directory="packs", limit=100)
    facts = {"stored_as": file.stored_as, "sha256": file.sha256, "size": file.size, "built_at": clock.now()}
    EvidencePack.objects.filter(pk=found.pk).update(state="ready", **facts)
    return found
