"""Rules of retention: what they delete, what they must not, what stays to be seen, and a run that dies in between."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from axes.models import AccessAttempt
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns.actions import closing
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.files import located, store
from evidence import tasks
from evidence.actions import holds, periods, retention
from evidence.retention import due
from evidence.retention.kinds import KINDS, Kind
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import mails, users
from people.holds import cover_of, in_force
from people.models import Deletion, LegalHold, Mail, RetentionRule, RetentionRun
from people.states import RetentionKind
from remediation.actions import attempts, removals
from remediation.models import Attempt, RemediationTask

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
WHY = "The data protection officer asks for it"
#: A kind that exists only here: what an invented thing belongs to is what the test says.
MADE_UP = Kind(
    RetentionKind.MAILS,
    "SELECT key, sha256, began, moment, campaigns, systems, people FROM made_up_thing",
    delete="DELETE FROM made_up_thing WHERE key = ANY(%(keys)s) RETURNING key",
)
TABLE = """
    CREATE TEMPORARY TABLE made_up_thing (key text, sha256 text, began timestamptz, moment timestamptz, campaigns bigint[],
                                          systems text[], people text[]) ON COMMIT DROP"""


def rule(kind, days, story, reason=WHY) -> RetentionRule:
    """A rule by the administrator."""
    return retention.set_rule(kind=kind, days=days, reason=reason, by=story.admin)


def place(story, **covers) -> LegalHold:
    """A hold by the control owner."""
    return holds.place(terms=holds.Terms("Case 7", "The court asks for it all", **covers), by=story.owner)


ages = st.integers(min_value=0, max_value=40)
of_some = st.one_of(st.none(), st.lists(st.integers(min_value=1, max_value=3), max_size=2, unique=True))
things = st.lists(st.tuples(ages, ages, of_some, of_some, of_some), max_size=8)
kinds_of_holds = st.sampled_from(["everything", "campaigns", "systems", "people", "span"])
covers = st.lists(st.tuples(kinds_of_holds, st.integers(min_value=1, max_value=3), ages, ages), max_size=3)


def is_held(thing, holding) -> bool:
    """The rule of holds, in Python: a thing lasted `length` days, and is `age` days old."""
    age, length, *belongs = thing
    for what, which, since, until in holding:
        if what == "everything":
            return True
        if what == "span":
            if age + length >= min(since, until) and age <= max(since, until):
                return True
        else:
            of = belongs[["campaigns", "systems", "people"].index(what)]
            if of is None or which in of:
                return True
    return False


def place_all(holding, by) -> None:
    """The same holds in the database."""
    for what, which, since, until in holding:
        covered = {what: [which if what == "campaigns" else str(which)]}
        if what == "everything":
            covered = {"everything": True}
        elif what == "span":
            days = [(NOW - timedelta(days=age)).date() for age in (max(since, until), min(since, until))]
            covered = dict(zip(("from_on", "to_on"), days, strict=True))
        LegalHold.objects.create(name="x", reason="x", by=by, by_name="x", at=NOW, entry_uid=uuid4(), **covered)


def make_up(cursor, made) -> None:
    """Things of an invented kind."""
    cursor.execute(TABLE)
    for number, (age, length, campaigns, systems, people) in enumerate(made):
        moment = NOW - timedelta(days=age)
        words = [of if of is None else [str(one) for one in of] for of in (systems, people)]
        row = [str(number), "ab", moment - timedelta(days=length), moment, campaigns, *words]
        cursor.execute("INSERT INTO made_up_thing VALUES (%s, %s, %s, %s, %s::bigint[], %s::text[], %s::text[])", row)


@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(things, covers, st.integers(min_value=1, max_value=40))
def test_nothing_held_or_young_goes_and_everything_else_does(django_db_blocker, django_db_setup, made, holding, days):
    held = {number for number, thing in enumerate(made) if is_held(thing, holding)}
    stays = {str(number) for number, thing in enumerate(made) if number in held or thing[0] <= days}
    with django_db_blocker.unblock(), clock.freeze(NOW), transaction.atomic(), connection.cursor() as cursor:
        by = users.create(username="admin", name="Ada", roles=["administrator"], by=SYSTEM)
        make_up(cursor, made)
        RetentionRule.objects.create(
            kind="mails", number=1, days=days, reason="x", by=by, by_name="x", at=NOW, entry_uid=uuid4()
        )
        place_all(holding, by)
        before = due.summary(MADE_UP, due.before(MADE_UP, days, NOW), cover_of(in_force()))
        deleted = 0
        while run := retention.delete_next(kind=MADE_UP, limit=3, by=SYSTEM):
            deleted += run.count
        cursor.execute("SELECT key FROM made_up_thing")
        left = {row[0] for row in cursor.fetchall()}
        transaction.set_rollback(True)
    assert left == stays
    assert (before.total, before.held, before.due) == (len(made), len(held), deleted)
    assert deleted == len(made) - len(stays)


def old_mail(story, key="one", days=100) -> Mail:
    """A mail that was sent so long ago."""
    with clock.freeze(clock.now() - timedelta(days=days)):
        mail = mails.queue(
            recipient=story.fallback, template="welcome", context={"roles": ["Reviewer"]}, subject_ref="people.user:1",
            dedupe_key=key, by=SYSTEM,
        )  # fmt: skip
        Mail.objects.filter(pk=mail.pk).update(state="sent", sent_at=clock.now(), subject="Your sign-in")
    return mail


def test_the_text_of_a_mail_goes_and_its_row_stays_with_the_hash_and_the_rule(story):
    old, young = old_mail(story), old_mail(story, "two", days=10)
    set_by = rule(KINDS["mails"], 30, story)
    assert tasks.apply_retention() == 1
    assert tasks.apply_retention() == 0, "a second run finds nothing"
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.context, old.subject, young.context) == ({}, "Your sign-in", {"roles": ["Reviewer"]})
    run, deletion = RetentionRun.objects.get(), Deletion.objects.get()
    assert (deletion.key, deletion.run, run.rule) == (f"people.mail:{old.pk}", run, set_by)
    entry = Entry.objects.get(kind="retention:deleted")
    data = entry.payload_json["data"]
    assert (data["kind"], data["rule"], data["days"], data["count"]) == ("mails", 1, "30", 1)
    assert data["digest"] == due.digest([due.Doomed(deletion.key, deletion.sha256, deletion.moment)])
    assert entry.uid == run.entry_uid
    Mail.objects.filter(pk=old.pk).update(state="failed", sent_at=None)
    with pytest.raises(InvalidInput):
        mails.retry(mail_id=old.pk, by=story.admin)


@pytest.mark.parametrize("covers", [{"everything": True}, {"people": ["reviewer"]}, {"from_on": True}])
def test_a_hold_keeps_it_until_a_second_person_releases_it(story, covers):
    if "from_on" in covers:
        day = clock.now().date() - timedelta(days=100)
        covers = {"from_on": day, "to_on": day}
    mail = old_mail(story)
    rule(KINDS["mails"], 30, story)
    hold = place(story, **covers)
    assert tasks.apply_retention() == 0
    with pytest.raises(NotAllowed):
        holds.release(hold_id=hold.pk, reason="It is over, they say", by=story.owner)
    holds.release(hold_id=hold.pk, reason="It is over, they say", by=story.admin)
    assert tasks.apply_retention() == 1
    assert [entry.kind for entry in Entry.objects.filter(kind__startswith="hold:")] == ["hold:placed", "hold:released"]
    mail.refresh_from_db()
    assert mail.context == {}


@pytest.fixture
def proof(story, settings, tmp_path) -> Attempt:
    """A removal with a proof file of 400 days ago."""
    settings.CERTIFY_DATA_DIR = tmp_path
    with clock.freeze(clock.now() - timedelta(days=400)):
        campaign = story.launch()
        story.decide(campaign, "bruno", "revoke", story.user("ana@x.example"))
        story.submit(campaign, story.user("ana@x.example"))
        closing.close(campaign_id=campaign.pk, by=story.owner)
        removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
        task = RemediationTask.objects.get()
        act = attempts.Act("Taken out of the group", attempts.Proof("p.txt", store([b"seen"], directory="proofs", limit=100)))
        attempts.claim_one(task_id=task.pk, act=act, by=story.system_owner)
    return Attempt.objects.get()


def test_a_proof_goes_from_the_disk_and_its_page_says_by_which_rule(story, proof, client):
    rule(KINDS["proofs"], 365, story)
    assert tasks.apply_retention() == 1
    assert not located(proof.stored_as).exists()
    deletion = Deletion.objects.get(key=proof.stored_as)
    assert (deletion.sha256, deletion.gone_at is not None) == (proof.proof_sha256, True)
    client.force_login(story.owner)
    page = client.get(f"/removals/{proof.task_id}/").text
    assert "Deleted by rule 1 on" in page
    assert proof.proof_sha256 in page
    answer = client.get(f"/removals/{proof.task_id}/proof/{proof.pk}/", follow=True)
    assert "Deleted by rule 1 on" in answer.text


@pytest.mark.parametrize(
    "covers", [{"systems": ["crm"]}, {"campaigns": True}, {"people": ["p2"]}, {"people": ["system_owner"]}]
)
def test_a_proof_is_held_by_its_system_its_review_its_person_and_who_showed_it(story, proof, covers):
    covers = {"campaigns": [proof.task.campaign_id]} if "campaigns" in covers else covers
    rule(KINDS["proofs"], 365, story)
    place(story, **covers)
    assert tasks.apply_retention() == 0
    assert located(proof.stored_as).exists()


@pytest.mark.parametrize("covers", [{"people": ["p4"]}])
def test_a_hold_on_somebody_else_does_not_keep_it(story, proof, covers):
    rule(KINDS["proofs"], 365, story)
    place(story, **covers)
    assert tasks.apply_retention() == 1


def test_a_worker_that_dies_before_the_file_is_off_is_finished_by_the_next(story, proof):
    rule(KINDS["proofs"], 365, story)
    retention.delete_next(kind=KINDS["proofs"], limit=10, by=SYSTEM)
    assert located(proof.stored_as).exists()
    hold = place(story, systems=["crm"])
    tasks.apply_retention()
    assert located(proof.stored_as).exists(), "what is held meanwhile stays where it is"
    holds.release(hold_id=hold.pk, reason="It is over, they say", by=story.admin)
    tasks.apply_retention()
    assert not located(proof.stored_as).exists()
    assert Entry.objects.filter(kind="retention:deleted").count() == 1


def test_an_open_audit_period_keeps_evidence_longer_than_any_rule(story, proof):
    today = clock.now().date()
    rule(KINDS["proofs"], 365, story)
    span = periods.Details("SOC 2", "soc2", today - timedelta(days=400), today, today + timedelta(days=90))
    periods.create(details=span, by=story.owner)
    assert tasks.apply_retention() == 0
    with pytest.raises(InvalidInput) as refused:
        rule(KINDS["proofs"], 520, story)
    assert "521 days" in refused.value.message
    assert rule(KINDS["proofs"], 521, story).number == 2
    assert rule(KINDS["mails"], 1, story).number == 1, "mails are no evidence"


@pytest.mark.parametrize("days", [0, -1, 40_000])
def test_a_rule_has_some_days_a_reason_and_an_administrator(story, days):
    for kind, wrong, reason, by, refusal in (
        ("mails", days, WHY, story.admin, InvalidInput),
        ("mails", None, WHY, story.admin, InvalidInput),
        ("mails", 30, "short", story.admin, InvalidInput),
        ("mails", 30, WHY, story.owner, NotAllowed),
        ("mails", 30, WHY, story.auditor, NotAllowed),
    ):
        with pytest.raises(refusal):
            retention.set_rule(kind=KINDS[kind], days=wrong, reason=reason, by=by)
    assert not RetentionRule.objects.exists()


def test_only_certify_deletes(story):
    for act in (retention.delete_next, retention.take_off):
        with pytest.raises(NotAllowed):
            act(kind=KINDS["mails"], limit=1, by=story.admin)


def test_counters_of_failed_sign_ins_go_unless_the_person_is_held(story):
    for name in ("reviewer", "auditor"):
        AccessAttempt.objects.create(username=name, ip_address="192.0.2.1", user_agent="x", failures_since_start=1)
    AccessAttempt.objects.update(attempt_time=clock.now() - timedelta(days=50))
    rule(KINDS["sign-ins"], 30, story)
    place(story, people=["auditor"])
    assert tasks.apply_retention() == 1
    assert AccessAttempt.objects.get().username == "auditor"


def test_every_kind_can_be_counted_and_a_dry_run_deletes_nothing(story, proof, capsys):
    rule(KINDS["proofs"], 365, story)
    call_command("apply_retention", "--dry-run")
    said = capsys.readouterr().out
    assert "proofs: 1 of 1 would go, 0 are held" in said
    assert [line.split(":")[0] for line in said.splitlines()] == [kind.value for kind in KINDS]
    assert not RetentionRun.objects.exists()
    for kind in KINDS.values():
        found = due.summary(kind, NOW + timedelta(days=4000), cover_of(in_force()))
        assert found.due == found.total


@pytest.mark.parametrize(
    "table", ["people_legalhold", "people_holdrelease", "people_retentionrule", "people_retentionrun", "people_deletion"]
)
def test_the_database_keeps_rules_holds_and_what_was_deleted(story, table):
    old_mail(story)
    rule(KINDS["mails"], 30, story)
    tasks.apply_retention()
    holds.release(hold_id=place(story, everything=True).pk, reason="It is over, they say", by=story.admin)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id + 1 WHERE true"):
        with (
            pytest.raises(Exception, match=r"refused|append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_which_kinds_are_files_and_which_are_evidence():
    assert {kind.code for kind in KINDS.values() if kind.is_evidence} == {"proofs", "loads", "packs"}
    assert {kind.code for kind in KINDS.values() if kind.is_file} == {"proofs", "loads", "sheets", "packs"}
