"""Removals: opened after close, claimed, and proved or disproved by later data alone."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import Client

from campaigns.actions import closing, launching, plans
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.files import StoredFile
from ledger.models import Entry
from remediation import tasks
from remediation.actions import attempts, removals
from remediation.models import Attempt, RemediationTask, Verification
from remediation.states import TaskState

NOTE = "Taken out of the group, ticket 4711"


@pytest.fixture
def closed(story):
    """A closed campaign that revoked Chloe's and David's right to read."""
    campaign = story.launch()
    ana = story.user("ana@x.example")
    for account in ("chloe", "david"):
        story.decide(campaign, account, "revoke", ana)
    story.submit(campaign, ana)
    return closing.close(campaign_id=campaign.pk, by=story.owner)


@pytest.fixture
def opened(closed):
    """Its removals."""
    tasks.sweep_signed_off()
    return {task.item.account_key: task for task in RemediationTask.objects.select_related("item")}


def states() -> dict[str, str]:
    return dict(RemediationTask.objects.values_list("item__account_key", "state"))


@pytest.mark.django_db
def test_every_revoked_item_gets_one_task_with_its_owner_and_due_date(story, closed, opened):
    tasks.sweep_signed_off()
    assert set(opened) == {"chloe", "david"}
    assert {task.owner for task in opened.values()} == {story.system_owner}
    assert {task.due_at for task in opened.values()} == {closed.closed_at + timedelta(days=7)}
    assert Entry.objects.filter(kind="removal:opened").count() == 2


@pytest.mark.django_db
def test_where_the_plan_wants_it_the_reviewer_does_not_report_the_removal(story):
    definition = story.define()
    stage = {"name": "One", "panels": [[{"rule": "system_owner"}]], "strategy": "one_deny_denies", "days": 7}
    plans.set_plan(definition_id=definition.pk, plan={"stages": [stage], "other_remediator": True}, by=story.owner)
    campaign = launching.request(definition_id=definition.pk, name="Q4", by=story.owner)
    launching.launch(campaign_id=campaign.pk, by=story.owner)
    story.decide(campaign, "chloe", "revoke", story.system_owner)
    story.submit(campaign, story.system_owner)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    tasks.sweep_signed_off()
    task = RemediationTask.objects.get()
    with pytest.raises(NotAllowed, match="You reviewed this item"):
        attempts.claim_one(task_id=task.pk, act=attempts.Act(NOTE), by=story.system_owner)
    attempts.claim_one(task_id=task.pk, act=attempts.Act(NOTE), by=story.owner)


@pytest.mark.django_db
def test_a_reduction_is_a_removal_that_says_what_is_left(story, client):
    campaign = story.launch()
    ana = story.user("ana@x.example")
    story.decide(campaign, "chloe", "reduce", ana, reduce_to="read the archive only")
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    tasks.sweep_signed_off()
    task = RemediationTask.objects.get()
    client.force_login(story.system_owner)
    for address in ("/removals/", f"/removals/{task.pk}/"):
        assert "read the archive only" in client.get(address).content.decode()
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    task.refresh_from_db()
    assert task.state == TaskState.VERIFIED_GONE


@pytest.mark.django_db
def test_an_open_campaign_opens_no_removals(story):
    campaign = story.launch()
    with pytest.raises(InvalidInput, match="not closed"):
        removals.open_for_campaign(campaign_id=campaign.pk, by=story.owner)


@pytest.mark.django_db
def test_only_a_later_full_snapshot_proves_a_removal(story, opened):
    attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act(NOTE), by=story.system_owner)
    assert states() == {"chloe": "claimed_done", "david": "open"}
    before = dict(story.texts)
    story.load_without(("chloe", "read"), ("david", "read"), completeness="partial")
    tasks.verify_new_snapshots()
    assert states() == {"chloe": "claimed_done", "david": "open"}
    story.texts = before
    gone = story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    tasks.verify_new_snapshots()
    assert states() == {"chloe": "verified_gone", "david": "still_there"}
    proof = Verification.objects.get(task=opened["chloe"])
    assert (proof.snapshot_id, proof.present_in.number, proof.verdict) == (gone.pk, 1, "gone")
    assert Entry.objects.filter(kind="removal:verified").count() == Verification.objects.count() == 2


@pytest.mark.django_db
def test_a_claim_is_unmasked_by_the_next_full_snapshot(story, opened):
    attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act(NOTE), by=story.system_owner)
    story.load()
    tasks.verify_new_snapshots()
    assert states()["chloe"] == "still_there"
    attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act(NOTE + " again"), by=story.system_owner)
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    assert states()["chloe"] == "verified_gone"
    assert Attempt.objects.count() == 2


@pytest.mark.django_db
def test_a_snapshot_taken_before_the_claim_does_not_contradict_it(story, opened):
    story.load()
    with clock.freeze(clock.now() + timedelta(hours=1)):
        attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act(NOTE), by=story.system_owner)
    tasks.verify_new_snapshots()
    assert states()["chloe"] == "claimed_done"


@pytest.mark.django_db
def test_a_full_load_of_people_alone_proves_nothing(story, opened):
    only_people = story.texts["identities"]
    story.texts = {"identities": only_people}
    story.load()
    tasks.verify_new_snapshots()
    assert states() == {"chloe": "open", "david": "open"}


@pytest.mark.django_db
def test_claims_are_for_the_owner_and_need_a_note_that_says_something(story, opened):
    task = opened["chloe"]
    for stranger in (story.admin, story.auditor, story.fallback):
        with pytest.raises(NotAllowed):
            attempts.claim_one(task_id=task.pk, act=attempts.Act(NOTE), by=stranger)
    for note in ("", "done", "..............."):
        with pytest.raises(InvalidInput, match="at least 10 characters"):
            attempts.claim_one(task_id=task.pk, act=attempts.Act(note), by=story.system_owner)
    attempts.claim_one(task_id=task.pk, act=attempts.Act(NOTE), by=story.system_owner)
    with pytest.raises(InvalidInput, match="cannot become"):
        attempts.claim_one(task_id=task.pk, act=attempts.Act(NOTE), by=story.system_owner)


@pytest.mark.django_db
def test_a_proof_file_is_recorded_with_its_hash(story, opened):
    proof = attempts.Proof("screen.png", StoredFile("proofs/x", "ab" * 32, 17))
    attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act(NOTE, proof), by=story.system_owner)
    data = Entry.objects.get(kind="removal:claimed-done").payload_json["data"]
    assert (data["proof_name"], data["proof_sha256"], data["note"]) == ("screen.png", "ab" * 32, NOTE)


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["remediation_attempt", "remediation_verification", "remediation_remediationtask"])
def test_the_trail_cannot_be_deleted(story, opened, table):
    attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act(NOTE), by=story.system_owner)
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


@pytest.mark.django_db
def test_pages_list_claim_and_export(story, opened, settings, tmp_path):
    settings.CERTIFY_DATA_DIR = tmp_path
    client = Client()
    client.force_login(story.system_owner, backend="django.contrib.auth.backends.ModelBackend")
    task = opened["chloe"]
    assert "Chloe Dahl · Read customers" in client.get("/removals/?state=unproved").text
    answer = client.post(f"/removals/{task.pk}/", {"note": "short"})
    assert answer.status_code == 422
    assert "at least 10 characters" in answer.text
    client.post(f"/removals/{task.pk}/", {"note": NOTE})
    assert states()["chloe"] == "claimed_done"
    lines = b"".join(client.get("/removals/export.csv").streaming_content).decode().splitlines()
    assert len(lines) == 3
    assert "claimed_done" in "".join(lines)
