"""What people do about removals, what comes back, and what no data verifies."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import override_settings

from campaigns.actions import closing
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.files import StoredFile
from ledger.models import Entry
from people.models import Mail
from remediation import queries, tasks
from remediation.actions import attempts, removals, verification
from remediation.models import Attempt, RemediationTask, Return, Verification, Watched
from remediation.states import TaskState

pytestmark = pytest.mark.django_db
NOTE = attempts.Act("Taken out of the group, ticket 4711")
LINKED = attempts.Act("Taken out of the group, see there", link="https://tickets.example/4711")


def state(task) -> str:
    return RemediationTask.objects.get(pk=task.pk).state


def gone(story, *accounts):
    """A full reading without these, and the sweep after it."""
    found = story.load_without(*((account, "read") for account in accounts))
    tasks.verify_new_snapshots()
    return found


def test_privileged_access_is_to_be_removed_sooner(closed, opened):
    assert opened["bruno"].due_at == closed.closed_at + timedelta(days=1)
    assert opened["chloe"].due_at == closed.closed_at + timedelta(days=7)


def test_the_setting_never_gives_privileged_access_more_days(closed):
    with override_settings(CERTIFY_PRIVILEGED_REMOVAL_DAYS=30):
        tasks.sweep_signed_off()
    assert set(RemediationTask.objects.values_list("due_at", flat=True)) == {closed.closed_at + timedelta(days=7)}


def test_the_time_of_a_removal_stands_between_two_readings(story, opened):
    with clock.freeze(clock.now() + timedelta(days=1)):
        story.load()
        tasks.verify_new_snapshots()
    with clock.freeze(clock.now() + timedelta(days=2)):
        gone(story, "chloe")
    first, second, third = story.source.snapshots.order_by("number")
    proof = Verification.objects.get(task=opened["chloe"], verdict="gone")
    assert (proof.present_in, proof.snapshot) == (second, third)
    words = queries.removal_words(RemediationTask.objects.get(pk=opened["chloe"].pk))
    assert words == f"Present on {queries.seen_words(second)}, gone on {queries.seen_words(third)}."
    assert "(reading 2)" in words
    assert first.number == 1


def test_what_was_still_there_yesterday_is_not_written_again(story, opened):
    for days in (1, 2, 3):
        with clock.freeze(clock.now() + timedelta(days=days)):
            story.load()
            tasks.verify_new_snapshots()
    assert Verification.objects.filter(verdict="still_there").count() == 3
    with clock.freeze(clock.now() + timedelta(days=4)):
        gone(story, "chloe")
    proof = Verification.objects.get(verdict="gone")
    assert (proof.present_in.number, proof.snapshot.number) == (4, 5)


def test_a_removal_that_is_opened_late_is_held_against_the_readings_before_it(story, opened):
    gone(story, "chloe")
    campaign = story.launch("Later")
    ana = story.user("ana@x.example")
    story.decide(campaign, "david", "revoke", ana)
    story.submit(campaign, ana)
    gone(story, "chloe", "david")
    assert Watched.objects.get().up_to == story.source.snapshots.latest("id").pk
    closing.close(campaign_id=campaign.pk, by=story.owner)
    tasks.sweep_signed_off()
    assert Watched.objects.get().up_to == campaign.sources.get().snapshot_id
    tasks.verify_new_snapshots()
    assert set(RemediationTask.objects.filter(item__account_key="david").values_list("state", flat=True)) == {"verified_gone"}


def test_what_came_back_is_a_finding_that_names_both_decisions(story, closed, opened):
    gone(story, "chloe", "david")
    later = story.launch("Later")
    ana = story.user("ana@x.example")
    story.decide(later, "bruno", "approve", ana)
    story.load(grants=story.texts["grants"] + "crm,chloe,Chloe Dahl,p3,read,2026-11-01,,\n")
    tasks.verify_new_snapshots()
    tasks.verify_new_snapshots()
    found = Return.objects.get()
    task = RemediationTask.objects.get(pk=opened["chloe"].pk)
    assert (found.task, task.state, task.verified_in, task.due_at) == (task, TaskState.RETURNED, None, found.due_at)
    assert found.decision_entry_uid == task.item.decision_entry_uid
    assert (found.gone_in.number, found.seen_in.number) == (2, 3)
    data = Entry.objects.get(kind="removal:returned").payload_json["data"]
    assert (data["decision"], data["gone_in"], data["seen_in"]) == (str(task.item.decision_entry_uid), "2", "3")
    mail = Mail.objects.get(template="removals_returned")
    assert (mail.recipient, mail.context["count"]) == (story.owner, 1)
    assert state(opened["david"]) == TaskState.VERIFIED_GONE
    assert found.due_at > clock.now()


def test_a_partial_reading_shows_what_came_back_but_proves_nothing_gone(story, opened):
    gone(story, "chloe")
    story.load("partial", grants="\n".join(line for line in story.texts["grants"].splitlines() if "bruno" not in line) + "\n")
    tasks.verify_new_snapshots()
    assert state(opened["bruno"]) == TaskState.STILL_THERE
    story.load("partial", grants=story.texts["grants"] + "crm,chloe,Chloe Dahl,p3,read,2026-11-01,,\n")
    tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == TaskState.RETURNED


def test_a_later_decision_about_the_same_access_stands_with_the_return(story, opened):
    grants = story.texts["grants"]
    gone(story, "chloe")
    with clock.freeze(clock.now() + timedelta(days=1)):
        story.load(grants=grants)
    later = story.launch("Later")
    ana = story.user("ana@x.example")
    story.decide(later, "chloe", "approve", ana)
    story.submit(later, ana)
    closing.close(campaign_id=later.pk, by=story.owner)
    tasks.verify_new_snapshots()
    found = Return.objects.get()
    assert (found.later_outcome, found.later_entry_uid) == ("approved", story.item(later, "chloe").decision_entry_uid)


def test_what_came_back_can_be_removed_again(story, opened):
    grants = story.texts["grants"]
    gone(story, "chloe")
    with clock.freeze(clock.now() + timedelta(days=1)):
        story.load(grants=grants)
        tasks.verify_new_snapshots()
    attempts.claim_one(task_id=opened["chloe"].pk, act=NOTE, by=story.system_owner)
    with clock.freeze(clock.now() + timedelta(days=2)):
        gone(story, "chloe")
    assert state(opened["chloe"]) == TaskState.VERIFIED_GONE
    assert Verification.objects.filter(task=opened["chloe"], verdict="gone").count() == 2


def test_many_are_reported_at_once_and_others_are_left_out_with_the_reason(story, opened):
    attempts.claim_one(task_id=opened["david"].pk, act=NOTE, by=story.system_owner)
    done = attempts.claim(task_ids=[task.pk for task in opened.values()], act=LINKED, by=story.system_owner)
    assert done.count == 2
    assert sum(done.left_out.values()) == 1
    assert {state(task) for task in opened.values()} == {TaskState.CLAIMED_DONE}
    assert Attempt.objects.filter(proof_link=LINKED.link).count() == 2
    assert Entry.objects.filter(kind="removal:claimed-done").count() == 3


def test_too_many_at_once_are_refused(story, opened):
    with pytest.raises(InvalidInput, match="At most 5,000"):
        attempts.claim(task_ids=range(1, 6000), act=NOTE, by=story.system_owner)


def test_a_list_that_was_handed_on_is_waited_for(story, opened):
    done = attempts.hand_on(task_ids=[opened["chloe"].pk], act=NOTE, by=story.system_owner)
    assert (done.count, state(opened["chloe"])) == (1, TaskState.SENT)
    story.load()
    tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == TaskState.STILL_THERE


def test_a_proof_is_added_while_nothing_can_be_verified(story, opened):
    task = opened["chloe"]
    with pytest.raises(NotAllowed):
        attempts.add_proof(task_id=task.pk, act=LINKED, by=story.system_owner)
    attempts.claim_one(task_id=task.pk, act=NOTE, by=story.system_owner)
    assert not queries.is_proved(task)
    with pytest.raises(InvalidInput, match="Add a file"):
        attempts.add_proof(task_id=task.pk, act=NOTE, by=story.system_owner)
    with pytest.raises(NotAllowed):
        attempts.add_proof(task_id=task.pk, act=LINKED, by=story.auditor)
    proof = attempts.Proof("screen.png", StoredFile("proofs/x", "ab" * 32, 1))
    attempts.add_proof(task_id=task.pk, act=attempts.Act("The page after it", proof), by=story.system_owner)
    assert queries.is_proved(task)
    assert state(task) == TaskState.CLAIMED_DONE


def test_only_another_control_owner_closes_on_proof_and_data_may_still_disprove_it(story, opened):
    task = opened["chloe"]
    attempts.claim_one(task_id=task.pk, act=NOTE, by=story.system_owner)
    for by in (story.system_owner, story.admin, story.auditor):
        with pytest.raises(NotAllowed):
            attempts.close(task_id=task.pk, act=NOTE, by=by)
    with pytest.raises(InvalidInput, match="Nothing shows"):
        attempts.close(task_id=task.pk, act=NOTE, by=story.owner)
    attempts.add_proof(task_id=task.pk, act=LINKED, by=story.system_owner)
    attempts.close(task_id=task.pk, act=NOTE, by=story.owner)
    assert state(task) == TaskState.CLOSED
    with clock.freeze(clock.now() + timedelta(days=1)):
        story.load()
        tasks.verify_new_snapshots()
    assert state(task) == TaskState.STILL_THERE


def test_whoever_reported_it_does_not_close_it(story, opened):
    attempts.claim_one(task_id=opened["chloe"].pk, act=LINKED, by=story.owner)
    with pytest.raises(NotAllowed, match="did not report"):
        attempts.close(task_id=opened["chloe"].pk, act=NOTE, by=story.owner)


def test_a_second_look_at_an_older_reading_changes_nothing(story, opened):
    first = gone(story, "chloe")
    story.load(grants=story.texts["grants"] + "crm,chloe,Chloe Dahl,p3,read,2026-11-01,,\n")
    tasks.verify_new_snapshots()
    before = (Verification.objects.count(), Return.objects.count(), Entry.objects.count())
    verification.verify_against(snapshot_id=first.pk, by=story.owner)
    tasks.verify_new_snapshots()
    assert (Verification.objects.count(), Return.objects.count(), Entry.objects.count()) == before
    assert state(opened["chloe"]) == TaskState.RETURNED


def test_what_came_back_cannot_be_deleted_or_changed(story, opened):
    gone(story, "chloe")
    story.load(grants=story.texts["grants"] + "crm,chloe,Chloe Dahl,p3,read,2026-11-01,,\n")
    tasks.verify_new_snapshots()
    for statement in ("DELETE FROM remediation_return", "UPDATE remediation_return SET granted_by = 'x'"):
        with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_removals_opened_again_are_none(story, closed, opened):
    assert removals.open_for_campaign(campaign_id=closed.pk, by=story.owner) == 0
