"""A year of reviews at the small company, played with the product's own actions: what the packs of these tests hold."""

import re
from datetime import UTC, date, datetime, timedelta

from campaigns import tasks, worklist
from campaigns.actions import (
    advancing,
    assignments,
    closing,
    delegations,
    dispositions,
    items,
    launching,
    lifecycle,
    occurrences,
    plans,
    schedules,
    sod_conflicts,
    sod_exceptions,
    sod_rules,
)
from campaigns.actions.definitions import Terms, create
from campaigns.actions.items import Answer, Selection
from campaigns.models import Assignment, Campaign, Finding, ReviewItem, SodConflict
from campaigns.sod_rules import Terms as SodTerms
from campaigns.states import Outcome
from certify.lib import clock
from certify.lib.files import StoredFile
from evidence.actions import duties, holds, periods, requests, retention, samples, sealing
from evidence.models import AuditPeriod
from evidence.retention.kinds import KINDS
from inventory.actions import describing, snapshots, sources
from inventory.models import Entitlement, Source
from inventory.readers.rows import FileToRead
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from people.actions import erasing, users
from people.tasks import send_queued_mail
from remediation.actions import attempts, exceptions, objections, removals, verification
from remediation.models import Announcement, RemediationTask
from tests.evidence import signing_in, stated
from tests.evidence.stated import YEAR, moment
from tests.story import QUARTERLY, Story

IDENTITIES = """\
identity_id,name,email,kind,status,department,title,manager_id,owner_id
p1,Ana Berg,ana@x.example,employee,active,Finance,Head of Finance,,
p2,Bruno Costa,bruno@x.example,employee,active,Finance,"=HYPERLINK(""http://x"")",p1,
p3,Chloe Dahl,chloe@x.example,employee,inactive,Finance,Accountant,p1,
p4,David Ekman,david@x.example,contractor,active,Sales,'quoted',p1,
p5,Elif Şahin,elif@x.example,employee,active,Sales,"Line
break",p1,
svc,Nightly job,,service,active,IT,,,p1
,nobody,,employee,active,,,,
"""
GRANTS = """\
source,account_id,account_name,identity_id,entitlement_id,granted_at,last_used_at,path,credential_kind,credential_created_at
crm,ana,Ana Berg,p1,read,2026-01-05,2026-11-01,,,
crm,bruno,=1+1,p2,read,2026-01-05,2026-11-01,,,
crm,bruno,=1+1,p2,admin,2026-01-05,2026-11-01,,,
crm,bruno2,=1+1,p2,read,2026-01-05,2026-11-01,@team,,
crm,chloe,-Chloe,p3,read,2026-01-05,2026-01-06,,,
crm,david,David Ekman,p4,read,2026-01-05,,,,
crm,elif,+49,p5,read,2026-01-05,2026-11-01,"a ""quoted"" path, with commas",,
crm,job,Nightly job,svc,read,2026-01-05,2026-11-01,,key,2031-01-02
crm,shared,'=1+1,,read,2026-01-05,,,password,
crm,,,,read,2026-01-05,,,,
"""
REASON = "=Seen and checked\nwith the “team”, \\ twice"


def play(story: Story) -> AuditPeriod:
    """Two closed reviews with removals, one cancelled, one of another framework, one still open; and the period of the year."""
    with clock.freeze(datetime(YEAR - 1, 12, 1, tzinfo=UTC)):
        sequencing.sequence(by=SYSTEM)
    with clock.freeze(moment(1, 10)):
        story.load(identities=IDENTITIES, grants=GRANTS)
        words = describing.Words(Entitlement.objects.get(key="read").pk, "=Look up any customer,\nwith “address”")
        describing.describe(words=[words], by=story.system_owner)
    _duties(story)
    _answering(story)
    stated.state_all(story)
    first = _first(story)
    _left_alone(story)
    _leaving(story)
    with clock.freeze(moment(4, 2)):
        load_without(story, "bruno,=1+1,p2,admin")
        verify(story)
    second = _second(story)
    with clock.freeze(moment(9, 1)):
        load_without(story, "elif,")
        verify(story)
    _staged(story)
    _scheduled(story)
    _sealed(story)
    _handled(story)
    _open(story)
    stated.correct(story)
    _kept(story)
    users.set_roles(user_id=story.fallback.pk, roles=["reviewer", "system_owner"], by=story.admin)
    assert {first.pk, second.pk} <= set(Campaign.objects.filter(state="closed").values_list("pk", flat=True))
    period = periods.create(details=details(story), by=story.owner)
    audited(story, period)
    return period


def audited(story: Story, period: AuditPeriod) -> None:
    """What the auditor did: one sample signed off, one with an exception, one of leavers, and a request that is answered and closed."""
    with clock.freeze(moment(12, 27)):
        without = "".join(line for line in IDENTITIES.splitlines(keepends=True) if not line.startswith(("svc", ",nobody")))
        story.load(identities=without)
        wanted = samples.Wanted("items", 6, "outcome", seed="dice-6-1-4")
        drawn = samples.draw(period_id=period.pk, wanted=wanted, by=story.auditor)
        gone = samples.draw(period_id=period.pk, wanted=samples.Wanted("revocations", 3), by=story.owner)
        samples.draw(period_id=period.pk, wanted=samples.Wanted("privileged", 2), by=story.auditor)
        assert samples.draw(period_id=period.pk, wanted=samples.Wanted("leavers", 9, "kind"), by=story.auditor).size == 7
    rows = list(drawn.rows.all())
    for place, row in enumerate(rows):
        with clock.freeze(moment(12, 28) + timedelta(minutes=place)):
            samples.conclude(row_id=row.pk, conclusion="no_exception", note="", by=story.auditor)
    with clock.freeze(moment(12, 28, 12)):
        said = "=Nobody could say why it was kept"
        samples.conclude(row_id=rows[0].pk, conclusion="exception", note=said, by=story.auditor)
        samples.conclude(row_id=gone.rows.first().pk, conclusion="exception", note=said, by=story.auditor)
        question = requests.Said("@ the team lead says no")
        asked = requests.ask(period_id=period.pk, title="=Why was it kept?", said=question, row=rows[0], by=story.auditor)
        requests.ask(period_id=period.pk, title="The list of rooms", said=requests.Said("Who has keys?"), by=story.auditor)
    with clock.freeze(moment(12, 29)):
        file = requests.File("=letter.txt", StoredFile("audit/x", "cd" * 32, 12))
        requests.post(request_id=asked.pk, kind="answer", said=requests.Said("=See the letter", file), by=story.owner)
        requests.post(request_id=asked.pk, kind="close", said=requests.Said(""), by=story.auditor)
        samples.sign_off(sample_id=drawn.pk, note="=With one exception.", by=story.auditor)


def details(story: Story, **changes) -> periods.Details:
    """The period of the year."""
    values = {
        "name": f"SOC 2 {YEAR}",
        "framework": "soc2",
        "from_on": date(YEAR, 1, 1),
        "to_on": date(YEAR, 12, 31),
        "open_until": date(YEAR + 1, 3, 31),
        "auditors": [story.auditor],
    }
    return periods.Details(**values | changes)


def load_without(story: Story, account: str) -> None:
    """A later full reading in which the grants of this beginning of a line are gone."""
    lines = story.texts["grants"].splitlines(keepends=True)
    # The row that cannot be read is gone as well: what it might have been about must not stay open.
    story.load(grants="".join(line for line in lines if not line.startswith((f"crm,{account}", "crm,,"))))


def verify(story: Story) -> None:
    """What the task does after a load."""
    latest = story.source.snapshots.order_by("-number").first()
    verification.verify_against(snapshot_id=latest.pk, by=SYSTEM)


def _terms(story: Story, name: str, **changes) -> Terms:
    terms = {
        "sources": [story.source.pk],
        "fallback_reviewer": story.fallback,
        "owner": story.owner,
        "controls": ["soc2:CC6.3"],
        # So small a company is emptied by few removals.
        "removal_limit": None,
        "last_holder_waits": False,
    }
    return Terms(name=f"Definition of {name}", **terms | changes)


def _launch(story: Story, name: str, **changes) -> Campaign:
    definition = create(terms=_terms(story, name, **changes), by=story.owner)
    campaign = launching.request(definition_id=definition.pk, name=name, by=story.owner)
    return launching.launch(campaign_id=campaign.pk, by=story.owner)


def _decide(story: Story, campaign: Campaign, account: str, code: str, by, entitlement: str = "read") -> Assignment:
    row = story.row(campaign, account, entitlement)
    return items.decide(assignment_id=row.pk, answer=items.Answer(code, REASON), by=by)


def _duties(story: Story) -> None:
    """A rule that Bruno breaks with three rights, and an exception that covers him: his items say both."""
    with clock.freeze(moment(1, 20)):
        sides = ("=change customers", ["crm/admin"], "read customers", ["crm/read"])
        terms = SodTerms("change-read", "=Change and read", *sides, "high", story.owner, control="@ the auditor reads the log")
        sod_rules.create(terms=terms, by=story.owner)
        sod_conflicts.refresh(by=SYSTEM)
        conflict = SodConflict.objects.get(identity__key="p2")
        wanted = sod_exceptions.Ask("=Every change is read by Ana", "The team is too small", moment(12, 15).date())
        asked = sod_exceptions.ask(conflict_id=conflict.pk, wanted=wanted, by=story.owner)
        sod_exceptions.judge(exception_id=asked.pk, code="approved", by=story.admin)


def _answering(story: Story) -> None:
    """Who answers for the control before the period begins and after it, and for one of another framework."""
    with clock.freeze(moment(1, 25)):
        duties.give(control="soc2:CC6.3", duty="process_owner", holder=story.admin, by=story.owner)
        duties.give(control="iso27001:A.5.18", duty="approver", holder=story.admin, by=story.owner)
    with clock.freeze(moment(1, 26)):
        duties.give(control="soc2:CC6.3", duty="process_owner", holder=story.owner, by=story.owner)
        duties.give(control="soc2:CC6.3", duty="operator", holder=story.admin, by=story.owner)
    with clock.freeze(moment(1, 27)):
        _gone(story)


def _gone(story: Story) -> None:
    """Somebody who answered for a control for a day, said who does then, left and was erased."""
    paul = users.create(username="paul", name="=Paul Weg", email="paul@x.example", roles=["control_owner"], by=story.admin)
    duties.give(control="soc2:CC6.2", duty="approver", holder=paul, by=story.owner)
    duties.give(control="soc2:CC6.2", duty="approver", holder=story.owner, by=paul)
    users.deactivate(user_id=paul.pk, by=story.admin)
    erasing.erase(user_id=paul.pk, basis="request", reason="Asked for it in a letter", by=story.admin)


def _kept(story: Story) -> None:
    """How long mails are kept, a legal hold that was released, and one that is in force."""
    with clock.freeze(moment(10, 5)):
        retention.set_rule(kind=KINDS["mails"], days=3650, reason="=Ten years are enough", by=story.admin)
        case = holds.Terms("=Case 7", "The court asks, “all of it”", systems=["crm"], people=["reviewer"])
        ended = holds.place(terms=case, by=story.owner)
        holds.place(terms=holds.Terms("Case 8", "The works council asks", everything=True), by=story.owner)
        holds.release(hold_id=ended.pk, reason="The court has decided", by=story.admin)


def _first(story: Story) -> Campaign:
    """Decisions of every sort, a bulk act, a reassignment, two removals, one reported done."""
    with clock.freeze(moment(2, 1)):
        campaign = _launch(story, "=Review of spring", controls=["soc2:CC6.2", "soc2:CC6.3"])
        ana = story.user("ana@x.example")
    with clock.freeze(moment(2, 3)):
        send_queued_mail()
        moved = story.row(campaign, "david")
        assignments.reassign(
            campaign_id=campaign.pk,
            selection=Selection([moved.pk]),
            to=story.owner,
            reason="Knows the suppliers",
            by=story.owner,
        )
        _decide(story, campaign, "bruno", "approve", ana)
        undone = _decide(story, campaign, "bruno", "revoke", ana, "admin")
        items.undo(assignment_id=undone.pk, by=ana)
        _decide(story, campaign, "bruno", "revoke", ana, "admin")
        _decide(story, campaign, "david", "revoke", story.owner)
        _decide(story, campaign, "chloe", "dont_know", ana)
        everything = list(worklist.my_rows(ana, campaign.pk).order_by("item_number").values_list("pk", flat=True))
        result = items.decide_bulk(
            campaign_id=campaign.pk,
            selection=Selection(everything, {"system": "crm"}),
            code="approve",
            rationale=REASON,
            by=ana,
        )
        assert result.decided, "the story needs a bulk act"
    signing_in.tell(story)
    with clock.freeze(moment(2, 5)):
        story.submit(campaign, ana)
        story.submit(campaign, story.owner)
    with clock.freeze(moment(2, 9)):
        closing.close(campaign_id=campaign.pk, by=story.owner)
        assert removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM) == 2
        task = story.item(campaign, "bruno", "admin").removal
        attempts.claim_one(task_id=task.pk, act=attempts.Act("Taken out of the group, OPS-12"), by=story.system_owner)
    return campaign


def _left_alone(story: Story) -> None:
    """A review that was cancelled, and one that serves another framework."""
    with clock.freeze(moment(3, 1)):
        cancelled = _launch(story, "Launched by mistake", departments=["Sales"], orphans=False)
        _decide(story, cancelled, "david", "approve", story.user("ana@x.example"))
        closing.cancel(campaign_id=cancelled.pk, reason="Wrong department was chosen", by=story.owner)
        _launch(story, "Of another standard", controls=["iso27001:A.5.18"])


WIKI_PEOPLE = """\
identity_id,name,kind,status,end_date
w1,Olga Novak,employee,{0},{1}2031-02-28
w2,=Piet Kok,employee,{0},{1}2031-02-10
w4,Rosa Lind,contractor,{0},
w5,Sven Moe,employee,{0},{1}2031-02-20
w6,Tess Ito,employee,{0},{1}2031-02-20
w7,Uma Rao,employee,active,
w3,Quin Roe,employee,active,
"""
WIKI_GRANTS = "source,account_id,identity_id,entitlement_id\n"


def _leaving(story: Story) -> None:
    """Leavers of another system: gone in time, late, still there, without an account, between two readings, handed over."""
    wiki = sources.create(key="wiki", name="Wiki", owner=story.system_owner, by=story.admin)
    there, left = WIKI_PEOPLE.format("active", "#"), WIKI_PEOPLE.format("inactive", "")
    there = re.sub("#.*", "", there)
    accounts = {"olga": "w1", "=piet": "w2", "piet-adm": "w2", "quin": "w3", "sven": "w5", "tess": "w6", "uma": "w7"}
    rests = [accounts, {name: accounts[name] for name in ("=piet", "piet-adm", "quin", "tess", "uma")} | {"tess": "w7"},
             {"quin": "w3", "tess": "w7", "uma": "w7"}]  # fmt: skip
    texts = [there, left.rpartition("w3")[0], None]
    for day, people, rest in zip(((1, 11), (3, 1), (4, 1)), texts, rests, strict=True):
        grants = WIKI_GRANTS + "".join(f"wiki,{name},{person},edit\n" for name, person in rest.items())
        with clock.freeze(moment(*day)):
            load_files(story, wiki, {"identities": people, "grants": grants})


def load_files(story: Story, source: Source, texts: dict[str, str | None]) -> None:
    """Load these files of another source, in full."""
    files = []
    for kind, text in texts.items():
        if text is not None:
            path = story.folder / f"{source.key}-{kind}.csv"
            path.write_text(text)
            files.append(FileToRead(kind, path, path.name))
    origin = snapshots.Origin("Exported by the test, from nowhere", "full")
    snapshots.load(source_id=source.pk, files=files, origin=origin, by=story.admin, accept_large_drop=True)


def _second(story: Story) -> Campaign:
    """One more removal, to which its person objects in vain and which nobody reports; exclusions by rule; silence on the rest."""
    with clock.freeze(moment(7, 1)):
        campaign = _launch(story, "Review of summer", departments=["Sales"], orphans=False, objection_days=5)
        ana = story.user("ana@x.example")
        _decide(story, campaign, "elif", "revoke", ana)
        story.submit(campaign, ana)
    with clock.freeze(campaign.due_at + timedelta(minutes=1)):
        closing.close(campaign_id=campaign.pk, by=SYSTEM)
        removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
        told = Announcement.objects.get(task__campaign=campaign)
        made = objections.object_to(task_id=told.task_id, reason="=I call the customers", by=told.person)
        objections.confirm(objection_id=made.pk, answer="=Others call them now", by=ana)
    assert set(ReviewItem.objects.filter(campaign=campaign).values_list("outcome", flat=True)) == {
        Outcome.REVOKED,
        Outcome.NOT_REVIEWED,
    }
    return campaign


def _staged(story: Story) -> Campaign:
    """Two stages: the manager and a board of whom one must answer, then the owner of the control; everything that can be said."""
    with clock.freeze(moment(10, 1)):
        campaign = _launch_staged(story)
        ana = story.user("ana@x.example")
        days = delegations.Absence(moment(10, 1).date(), moment(10, 20).date(), "=On leave, the phone is off")
        delegations.delegate(principal=ana, to=[story.system_owner], absence=days, by=ana)
    with clock.freeze(moment(10, 3)):
        _first_stage(story, campaign, ana)
    with clock.freeze(moment(10, 12)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        _decide(story, campaign, "bruno", "approve", story.owner)
        reduced = Answer("reduce", REASON, reduce_to="read only")
        items.decide(assignment_id=story.row(campaign, "job").pk, answer=reduced, by=story.owner)
        story.submit(campaign, story.owner)
    with clock.freeze(moment(10, 25)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    decided = ReviewItem.objects.filter(campaign=campaign).exclude(outcome="not_reviewed")
    outcomes = dict(decided.values_list("account_key", "outcome"))
    assert outcomes == {"david": "revoked", "job": "reduced", "bruno": "approved"}
    return campaign


def _scheduled(story: Story) -> None:
    """A monthly review by schedule: performed in time, late, missed, skipped, withdrawn, and one that waits for its data."""
    with clock.freeze(moment(5, 1)):
        definition = create(terms=_terms(story, "=Monthly", departments=["Sales"], duration_days=5), by=story.owner)
        monthly = QUARTERLY | {"every": 1, "month": 1, "number": 20, "starts_on": f"{YEAR}-01-01", "max_age_days": 45}
        schedules.set_schedule(definition_id=definition.pk, schedule=monthly, by=story.owner)
    runs = {run.due_on.month: run for run in definition.occurrences.filter(due_on__year=YEAR)}
    for month, days in ((5, 0), (6, 3)):
        with clock.freeze(runs[month].opens_at):
            story.load()
            tasks.run_schedules()
            tasks.run_requested_launches()
            campaign = Campaign.objects.get(occurrence=runs[month])
        if days:
            with clock.freeze(runs[month].opens_at + timedelta(hours=1)):
                lifecycle.pause(campaign_id=campaign.pk, reason="The export is looked at again", by=story.owner)
            with clock.freeze(runs[month].opens_at + timedelta(days=days, hours=1)):
                lifecycle.resume(campaign_id=campaign.pk, by=story.owner)
        with clock.freeze(runs[month].due_at + timedelta(days=days, hours=2)):
            tasks.close_due_campaigns()
    with clock.freeze(moment(8, 16)):
        tasks.run_schedules()
        tasks.run_requested_launches()
    with clock.freeze(moment(9, 12)):
        occurrences.skip(occurrence_id=runs[9].pk, reason="The system stands still in autumn", by=story.owner)
    with clock.freeze(moment(10, 25)):
        tasks.run_schedules()
        schedules.set_schedule(definition_id=definition.pk, schedule=monthly | {"every": 2, "month": 2}, by=story.owner)


def _launch_staged(story: Story) -> Campaign:
    board = plans.create_group(name="Access board", members=[story.fallback, story.admin], by=story.owner)
    panels = [[{"rule": "manager"}], [{"rule": "group", "group": board.pk, "quorum": 1}]]
    first = {"name": "Both", "panels": panels, "strategy": "all_must_accept", "days": 10, "stop_on": ["revoke"]}
    last = {"name": "Confirm", "panels": [[{"rule": "control_owner"}]], "strategy": "one_deny_denies", "days": 5}
    definition = create(terms=_terms(story, "Review of autumn"), by=story.owner)
    plans.set_plan(definition_id=definition.pk, plan={"stages": [first, last]}, by=story.owner)
    campaign = launching.request(definition_id=definition.pk, name="Review of autumn", by=story.owner)
    return launching.launch(campaign_id=campaign.pk, by=story.owner)


def _first_stage(story: Story, campaign: Campaign, ana) -> None:
    told = {"bruno": Answer("approve", REASON, until=moment(12, 31).date()), "david": Answer("revoke", REASON)}
    told |= {"job": Answer("reduce", REASON, reduce_to="=read only"), "chloe": Answer("dont_know", REASON)}
    for account, answer in told.items():
        by = story.system_owner if account == "david" else ana
        items.decide(assignment_id=story.row(campaign, account, reviewer=ana).pk, answer=answer, by=by)
        board_row = story.row(campaign, account, reviewer=story.fallback)
        items.decide(assignment_id=board_row.pk, answer=Answer("approve", REASON), by=story.fallback)
    for person in (ana, story.system_owner, story.fallback):
        story.submit(campaign, person)
    row = story.row(campaign, "bruno", reviewer=story.fallback)
    advancing.reopen(campaign_id=campaign.pk, assignment_ids=[row.pk], reason="Looked at the wrong person", by=story.owner)
    items.decide(assignment_id=row.pk, answer=Answer("approve", REASON), by=story.fallback)
    story.submit(campaign, story.fallback)


def _sealed(story: Story) -> Campaign:
    """A hurried review: a second look at half of what was kept, findings that are judged, and the seal."""
    with clock.freeze(moment(11, 2)):
        definition = create(terms=_terms(story, "Hurried", quality={"min_decisions": 2, "streak": 1}), by=story.owner)
        stage = {"name": "", "panels": [[{"rule": "manager"}]], "strategy": "one_deny_denies", "days": 5}
        look = {"share": 50, "reviewer": {"user": story.fallback.pk}, "days": 3}
        plans.set_plan(definition_id=definition.pk, plan={"stages": [stage], "second_look": look}, by=story.owner)
        campaign = launching.request(definition_id=definition.pk, name="Hurried review", by=story.owner)
        launching.launch(campaign_id=campaign.pk, by=story.owner)
        ana = story.user("ana@x.example")
    for second, account in enumerate(("bruno", "david", "job")):
        with clock.freeze(moment(11, 3) + timedelta(seconds=second)):
            _decide(story, campaign, account, "approve", ana)
    with clock.freeze(moment(11, 4)):
        story.submit(campaign, ana)
    with clock.freeze(moment(11, 8)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        for row in Assignment.objects.filter(campaign=campaign, rule="second_look"):
            items.decide(assignment_id=row.pk, answer=Answer("approve", REASON), by=story.fallback)
        story.submit(campaign, story.fallback)
    with clock.freeze(moment(11, 12)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        found = list(Finding.objects.filter(campaign=campaign).values_list("pk", flat=True))
        dispositions.judge(campaign_id=campaign.pk, finding_ids=found, choice="accepted", reason=REASON, by=story.owner)
        sealing.seal(campaign_id=campaign.pk, statement="Every finding and every removal was looked at.", by=story.owner)
    return campaign


def _handled(story: Story) -> None:
    """Access that came back, a removal in somebody's list, and one that is closed on its proof."""
    with clock.freeze(moment(12, 1)):
        story.load(
            grants=GRANTS.replace("crm,,,,read,2026-01-05,,,,\n", "").replace(
                "crm,bruno,=1+1,p2,admin,2026-01-05,2026-11-01,,,\n", ""
            )
        )
        verify(story)
    back, handed = RemediationTask.objects.get(state="returned"), RemediationTask.objects.get(item__account_key="job")
    assert back.item.account_key == "elif"
    with clock.freeze(moment(12, 2)):
        act = attempts.Act("=Handed to the administrator, in a list", link="https://tickets.example/=1")
        attempts.hand_on(task_ids=[handed.pk], act=act, by=story.system_owner)
    task = RemediationTask.objects.filter(item__account_key="david", state="still_there").latest("pk")
    with clock.freeze(moment(12, 3)):
        attempts.claim_one(task_id=task.pk, act=attempts.Act("=Taken away in the console"), by=story.system_owner)
        proof = attempts.Proof("=screen.png", StoredFile("proofs/x", "ab" * 32, 17))
        attempts.add_proof(task_id=task.pk, act=attempts.Act("The screen after it", proof), by=story.system_owner)
    with clock.freeze(moment(12, 4)):
        attempts.close(task_id=task.pk, act=attempts.Act("The system is switched off now"), by=story.owner)
    _excepted(story, back, handed)


def _excepted(story: Story, back: RemediationTask, handed: RemediationTask) -> None:
    """Exceptions: one in force, one declined, one that has ended on its day; and one that waits."""
    control = "=Every use is read by the security team"
    wanted = exceptions.Wanted("=The new system comes in spring", control, moment(12, 31).date())
    with clock.freeze(moment(12, 5)):
        made = exceptions.request(task_id=back.pk, wanted=wanted, by=story.system_owner)
        exceptions.approve(exception_id=made.pk, note="=Accepted by the risk board", by=story.owner)
        made = exceptions.request(task_id=handed.pk, wanted=wanted, by=story.system_owner)
        exceptions.decline(exception_id=made.pk, note="That is too long for a job", by=story.owner)
        short = exceptions.Wanted(wanted.reason, control, moment(12, 10).date())
        made = exceptions.request(task_id=handed.pk, wanted=short, by=story.system_owner)
        exceptions.approve(exception_id=made.pk, note="=Accepted for some days", by=story.owner)
    with clock.freeze(moment(12, 11)):
        assert exceptions.expire(by=SYSTEM) == 1
        exceptions.request(task_id=handed.pk, wanted=wanted, by=story.system_owner)


def _open(story: Story) -> Campaign:
    """One submitted decision and one draft in a review that is still open when the pack is sealed."""
    with clock.freeze(moment(12, 20)):
        campaign = _launch(story, "Review of winter", duration_days=60)
        ana = story.user("ana@x.example")
        _decide(story, campaign, "bruno", "approve", ana)
        story.submit(campaign, ana)
        _decide(story, campaign, "job", "revoke", ana)
    return campaign
