"""Loads the sample company through the product's own actions and tells its last forty days: two closed reviews, one that is open.

The past is told with the clock set back; what the pages show as today is today.
"""

import secrets
from datetime import date, timedelta
from pathlib import Path

from campaigns.actions import (
    closing,
    definitions,
    guards,
    items,
    launching,
    reviews,
    schedules,
    sod_conflicts,
    sod_exceptions,
    sod_rules,
)
from campaigns.models import Assignment, Campaign, RemovalHold, SodConflict
from campaigns.rules import statement
from campaigns.sod_rules import Terms as SodTerms
from campaigns.states import RemovalsBegin, SilenceVerdictCode
from certify.demo import assurance, removals
from certify.demo import company as sample
from certify.lib import clock
from certify.lib.files import store
from evidence.actions import duties, holds, periods, requests, retention, samples
from evidence.models import AuditPeriod, AuditRequest
from evidence.retention.kinds import KINDS
from evidence.states import Duty
from inventory.actions import describing, loads, snapshots, sources
from inventory.models import Entitlement, Identity, Source
from ledger.actors import SYSTEM
from people import factors
from people.actions import factors as second_factors
from people.actions import users
from people.models import User
from people.states import RetentionKind
from remediation.actions import channels, sending
from remediation.models import RemediationTask
from remediation.states import TaskState

#: Days to decide.
DAYS = 21
#: Days ago: the beginning, the close of the first review, readings of the cloud after it, new readings of everything, the launch of the
#: open review, the close of the second one.
BEGUN, CLOSED, GONE, LATE, READ, ASKED, FINANCE = 40, 30, 29.5, 10, 4, 3, 2
#: Rows of the auditor's sample, and of them those that are concluded.
SAMPLED, CONCLUDED = 25, 9
#: Where the program of finance would be, if the sample company were anywhere.
PROGRAM = "https://removals.halden-moss.example/certify"
UPLOAD_LIMIT = 50 * 2**20
#: What both schedules of the sample company have in common.
SHARED = {"time_zone": "Europe/Berlin", "draft_days": 5, "max_age_days": 7, "max_drift": 20}
QUARTERLY = SHARED | {"repeat": "months", "every": 3, "on": "day", "number": 31, "month": 3, "starts_on": "2026-01-01"}

EXTRACTED = {
    "people": "Nightly export of the HR system, all employees, contractors and service accounts.",
    "crm": "Administration → Users → Export, all users with their roles.",
    "erp": "Report RSUSR002 for all users and roles, saved as CSV.",
    "code": "Members and permissions of all groups, read through the API.",
    "cloud": "Role assignments of all projects, read through the command line.",
}


class Demo:
    """The sample company in the database. `folder` keeps the files that were loaded."""

    def __init__(self, folder: Path, today: date):
        self.folder, self.company, self.now = folder, sample.generate(today), clock.now()
        self.users: dict[str, User] = {}
        self.passwords: dict[str, str] = {}
        self.secrets: dict[str, str] = {}

    def load(self) -> list[dict]:
        """Everything, in order; returns the sign-ins as rows of {role, name, username, password, secret}."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._ago(BEGUN):
            self._people()
            self._systems()
            self._descriptions()
            self._duties()
        removed = removals.Removals(self.users["systems"], self.users["control"])
        gone = self._cloud_review(removed)
        with self._ago(READ):
            for system in sample.SYSTEMS:
                self._read(system.key, gone if system.key == "cloud" else set())
            removals.verify()
        with self._ago(ASKED):
            removed.hand_on_again()
            self._quarterly_review()
        self._finance_review(removed)
        self._connection()
        self._answering()
        period = self._audit_period("SOC 2", "soc2")
        assurance.state(period, self.users)
        assurance.manage(self._audit_period("ISO 27001", "iso27001"), self.users)
        self._audit(period)
        self._kept()
        return self._sign_ins()

    def _ago(self, days: float):
        """The clock set back by so many days."""
        return clock.freeze(self.now - timedelta(days=days))

    def _make(self, username: str, name: str, *roles: str, by) -> User:
        email = f"{username}@halden-moss.example" if "@" not in username else username
        person = users.create(username=email, name=name, email=email, roles=roles, by=by)
        self._give_password(username, person)
        self.users[username] = person
        return person

    def _give_password(self, key: str, person: User) -> None:
        self.passwords[key] = f"{secrets.token_hex(3)}-{secrets.token_hex(3)}-{secrets.token_hex(3)}"
        users.set_password(user_id=person.pk, password=self.passwords[key], by=person)

    def _give_factor(self, key: str, person: User) -> None:
        """A second factor whose secret the start prints, since no phone has it; `manage.py demo_code` shows its codes."""
        self.secrets[key] = factors.new_secret()
        code = factors.code_at(self.secrets[key], factors.step_at(clock.now()))
        second_factors.enrol(user_id=person.pk, secret=self.secrets[key], code=code, by=person)

    def _people(self) -> None:
        admin = self._make("admin", "Ada Lund (administrator)", "administrator", by=SYSTEM)
        self._make("control", "Cato Winter (control owner)", "control_owner", by=admin)
        self._make("systems", "Sol Marsh (system owner)", "system_owner", by=admin)
        self._give_factor("auditor", self._make("auditor", "Iris Falk (auditor)", "auditor", by=admin))
        feed = sources.create(key="people", name="People (HR)", description="The feed of people.", by=admin)
        self._load(feed, identities=self.company.identities)

    def _systems(self) -> None:
        for system in sample.SYSTEMS:
            source = sources.create(
                key=system.key,
                name=system.name,
                description=system.description,
                owner=self.users["systems"],
                by=self.users["admin"],
            )
            grants = self.company.grants[system.key]
            self._load(source, entitlements=self.company.entitlements[system.key], grants=grants)

    def _descriptions(self) -> None:
        """The owner of the systems says of one right in plain words what the file says too short."""
        right = Entitlement.objects.get(source__key="cloud", key="cloud-view")
        words = describing.Words(right.pk, "See every server, its settings and what it costs; change nothing.")
        describing.describe(words=[words], by=self.users["systems"])

    def _duties(self) -> None:
        """Rules of duties that must be apart; of the conflicts that show, one is excepted and for one it is asked."""
        control, admin = self.users["control"], self.users["admin"]
        for key, name, duty, rights, other, others, severity, limits in sample.DUTIES:
            sides = (duty, list(rights), other, list(others))
            terms = SodTerms(key, name, *sides, severity, control, control=limits)
            sod_rules.create(terms=terms, by=control)
        sod_conflicts.refresh(by=SYSTEM)
        last = clock.now().date() + timedelta(days=90)
        found = SodConflict.objects.filter(rule__key="code-production", identity__isnull=False).order_by("pk")[:2]
        for place, conflict in enumerate(found):
            wanted = sod_exceptions.Ask(conflict.rule.control, "On call for production this quarter", last)
            asked = sod_exceptions.ask(conflict_id=conflict.pk, wanted=wanted, by=control)
            if not place:
                sod_exceptions.judge(exception_id=asked.pk, code="approved", by=admin)

    def _load(self, source: Source, **tables: list[dict]) -> None:
        columns = {
            "identities": sample.IDENTITY_COLUMNS,
            "entitlements": sample.ENTITLEMENT_COLUMNS,
            "grants": sample.GRANT_COLUMNS,
        }
        uploads, admin = [], self.users["admin"]
        for kind, rows in tables.items():
            path = sample.write_csv(self.folder / f"{source.key}-{kind}.csv", columns[kind], rows)
            stored = store([path.read_bytes()], directory="uploads", limit=UPLOAD_LIMIT)
            uploads.append(loads.Upload(kind, path.name, stored))
        origin = snapshots.Origin(EXTRACTED[source.key], "full", clock.now())
        job = loads.create(source_id=source.pk, uploads=uploads, origin=origin, by=admin)
        loads.request_check(job_id=job.pk, mappings={}, by=admin)
        loads.run_check(job_id=job.pk, progress=lambda *_: None, by=admin)
        loads.request_load(job_id=job.pk, accept_large_drop=True, by=admin)
        loads.run_load(job_id=job.pk, progress=lambda *_: None, by=admin)

    def _define(
        self, name: str, keys: list[str], purpose: str, controls: list[str], schedule: dict | None = None, **more
    ) -> Campaign:
        control = self.users["control"]
        terms = definitions.Terms(
            name=name,
            purpose=purpose,
            controls=controls,
            sources=list(Source.objects.filter(key__in=keys).values_list("pk", flat=True)),
            fallback_reviewer=control,
            owner=control,
            duration_days=DAYS,
            **more,
        )
        definition = definitions.create(terms=terms, by=control)
        if schedule:
            schedules.set_schedule(definition_id=definition.pk, schedule=schedule, by=control)
        campaign = launching.request(definition_id=definition.pk, name=f"{name} {clock.now():%B %Y}", by=control)
        return launching.launch(campaign_id=campaign.pk, by=control)

    def _soon(self) -> dict:
        """A schedule of which a draft is waiting for its owner."""
        due = self.now.date() + timedelta(days=DAYS + 3)
        return SHARED | {"repeat": "weeks", "every": 12, "number": due.weekday(), "starts_on": due.isoformat()}

    def _cloud_review(self, removed: removals.Removals) -> set[tuple[str, str]]:
        """A review of one system from launch to proof, with every turn that a removal can take; returns what the next reading misses."""
        with self._ago(BEGUN):
            campaign = self._define(
                "Cloud access",
                ["cloud"],
                "Who may change our servers and data?",
                ["soc2:CC6.1", "iso27001:A.8.2"],
                self._soon(),
            )
        with self._ago(CLOSED):
            self._answer_all(campaign)
            tasks = removed.open(campaign)
            removed.cloud(tasks)
        grants = [(task.item.account_key, task.item.entitlement_key) for task in tasks]
        for days, gone in ((GONE, grants[:3]), (LATE, [*grants[:3], grants[6]])):
            with self._ago(days):
                self._read("cloud", set(gone))
                removals.verify()
        return {*grants[:2], grants[6]}

    def _finance_review(self, removed: removals.Removals) -> None:
        """A review that was closed two days ago and tells people beforehand what they lose."""
        with self._ago(ASKED):
            purpose = "Nobody keeps access to payments and ledgers that they do not use."
            campaign = self._define(
                "Unused finance access", ["erp"], purpose, ["sox-itgc:APD-2", "soc2:CC6.3"], objection_days=5
            )
        with self._ago(FINANCE):
            self._answer_all(campaign)
            tasks = removed.open(campaign)
        with self._ago(FINANCE / 2):
            removed.finance(tasks)

    def _connection(self) -> None:
        """The program of finance, which nobody has switched on: a dry run shows what it would be sent, and nothing leaves the house."""
        erp = Source.objects.get(key="erp")
        channels.configure(source_id=erp.pk, url=PROGRAM, most=20, percent=5, by=self.users["admin"])
        waiting = RemediationTask.objects.filter(source=erp, state=TaskState.OPEN).order_by("pk")
        ids = list(waiting.values_list("pk", flat=True)[:5])
        if ids:
            sending.send(source_id=erp.pk, task_ids=ids, by=self.users["systems"])

    def _answer_all(self, campaign: Campaign) -> None:
        """Everybody answers and submits, the owner closes it, and a second person confirms the removals that wait for one."""
        for reviewer in User.objects.filter(assignments__campaign=campaign).distinct():
            self._review(campaign, reviewer)
        closing.close(campaign_id=campaign.pk, by=self.users["control"])
        for held in RemovalHold.objects.filter(campaign=campaign):
            guards.judge(hold_id=held.pk, code=SilenceVerdictCode.CONFIRMED, by=self.users["admin"])

    def _read(self, key: str, gone: set[tuple[str, str]]) -> None:
        """A new reading of a system, in which this is gone."""
        source = Source.objects.get(key=key)
        self._load(source, entitlements=self.company.entitlements[key], grants=self.company.without(key, gone))

    def _review(self, campaign: Campaign, reviewer: User) -> None:
        mine = Assignment.objects.filter(campaign=campaign, reviewer=reviewer).select_related("item").order_by("item_number")
        for row in mine:
            signals = row.item.signals
            if {"left", "unused"} & set(signals):
                why = "Left the team" if "left" in signals else "Not used for months"
                answer = items.Answer("revoke", f"{why}, not needed any more")
            else:
                answer = items.Answer("approve", "Needed for the daily work, checked with the team lead" if signals else "")
            items.decide(assignment_id=row.pk, answer=answer, by=reviewer)
        words = statement(mine.count(), campaign.name)
        reviews.submit(campaign_id=campaign.pk, statement=words, by=reviewer)

    def _quarterly_review(self) -> None:
        """The review that is open now; its reviewers can sign in and decide."""
        campaign = self._define(
            "Quarterly access review",
            [system.key for system in sample.SYSTEMS],
            "Every quarter each manager confirms that the people in their team still need what they can do.",
            ["soc2:CC6.2", "soc2:CC6.3", "iso27001:A.5.18"],
            QUARTERLY,
            removals_begin=RemovalsBegin.SIGN_OFF,
        )
        for key, department in (("reviewer", "Sales"), ("reviewer2", "Finance")):
            head = self.company.heads()[department]
            person = Identity.objects.get(key=head["identity_id"]).user
            self.users[key] = person
            self._give_password(key, person)
        early = Identity.objects.get(key=self.company.heads()["People"]["identity_id"]).user
        if Assignment.objects.filter(campaign=campaign, reviewer=early).exists():
            self._review(campaign, early)

    def _answering(self) -> None:
        """Who answers for the control that the quarterly review serves."""
        named = {Duty.PROCESS_OWNER: "control", Duty.APPROVER: "admin", Duty.OPERATOR: "systems"}
        for duty, key in named.items():
            duties.give(control="soc2:CC6.3", duty=duty, holder=self.users[key], by=self.users["control"])

    def _kept(self) -> None:
        """Texts of mails are kept for two years, and a dispute holds what belongs to one system."""
        why = "Two years, as the works council agreed"
        retention.set_rule(kind=KINDS[RetentionKind.MAILS], days=730, reason=why, by=self.users["admin"])
        dispute = holds.Terms(
            "Dispute about two removals", "The works council disputes them; nothing may go", systems=["cloud"]
        )
        holds.place(terms=dispute, by=self.users["control"])

    def _audit_period(self, name: str, framework: str) -> AuditPeriod:
        today = clock.now().date()
        return periods.create(
            details=periods.Details(
                name=f"{name} {today.year}",
                framework=framework,
                from_on=date(today.year, 1, 1),
                to_on=date(today.year, 12, 31),
                open_until=date(today.year + 1, 3, 31),
                auditors=[self.users["auditor"]],
                outside="Paper, buildings, and the machines of the hosting company: no system of ours gives access to them.",
            ),
            by=self.users["control"],
        )

    def _audit(self, period: AuditPeriod) -> None:
        """The auditor has drawn twenty-five items, concluded some of them, and asked about one."""
        auditor, control = self.users["auditor"], self.users["control"]
        drawn = samples.draw(period_id=period.pk, wanted=samples.Wanted("items", SAMPLED, "outcome"), by=auditor)
        rows = list(drawn.rows.all()[:CONCLUDED])
        for row in rows:
            samples.conclude(row_id=row.pk, conclusion="no_exception", note="", by=auditor)
        why = "The reason does not say which work needs it"
        samples.conclude(row_id=rows[-1].pk, conclusion="exception", note=why, by=auditor)
        question = requests.Said("Which work needs this access? The reason in the review does not say.")
        asked = requests.ask(period_id=period.pk, title="Reason of one approval", said=question, row=rows[-1], by=auditor)
        answer = requests.Said("It is the on-call rota of the platform team. The rota is attached next week.")
        requests.post(request_id=asked.pk, kind="answer", said=answer, by=control)
        requests.ask(
            period_id=period.pk, title="List of people who left", said=requests.Said("Please send the list of HR."), by=auditor
        )

    def _sign_ins(self) -> list[dict]:
        labels = {
            "reviewer": "Reviewer",
            "reviewer2": "Reviewer",
            "control": "Control owner",
            "systems": "System owner",
            "auditor": "Auditor",
            "admin": "Administrator",
        }
        return [
            {
                "role": label,
                "name": self.users[key].name,
                "username": self.users[key].username,
                "password": self.passwords[key],
                "secret": self.secrets.get(key, ""),
            }
            for key, label in labels.items()
        ]


def is_loaded() -> bool:
    """Whether the sample company was loaded to its end: the auditor's requests are its last act."""
    return AuditRequest.objects.exists()
