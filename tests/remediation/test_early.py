"""Removals that begin at sign-off: opened once, from then on; withdrawn when the review comes to something else."""

from datetime import timedelta

import pytest

from campaigns import tasks as review_tasks
from campaigns.actions import advancing, closing, guards
from campaigns.models import Campaign, RemovalHold
from certify.lib import clock
from certify.lib.errors import InvalidInput
from ledger.actors import SYSTEM
from ledger.models import Entry
from people import letters
from people.models import Mail
from remediation import early, tasks
from remediation.actions import attempts, objections, removals
from remediation.models import RemediationTask, Withdrawal
from remediation.states import TaskState

WHY = "The managers want to look at it once more"


def sweep() -> None:
    """What the worker does after a submission."""
    review_tasks.settle_submitted()
    tasks.sweep_signed_off()


def begin(story, *, accounts=("david", "chloe"), **changes) -> Campaign:
    """An open campaign in which Ana has submitted that these accounts lose the right to read."""
    campaign, ana = story.launch(removals_begin="sign_off", **changes), story.user("ana@x.example")
    for account in accounts:
        story.decide(campaign, account, "revoke", ana)
    story.submit(campaign, ana)
    sweep()
    return campaign


@pytest.fixture
def begun(story):
    """Two removals of an open campaign."""
    return begin(story)


def states() -> dict[str, str]:
    """Account → where its removal stands."""
    return {task.item.account_key: task.state for task in RemediationTask.objects.select_related("item")}


def task_of(account: str) -> RemediationTask:
    """The removal of an account."""
    return RemediationTask.objects.select_related("item", "campaign").get(item__account_key=account)


def reopen(story, campaign: Campaign, account: str) -> None:
    """The owner opens the answer about an account again."""
    row = story.row(campaign, account)
    advancing.reopen(campaign_id=campaign.pk, assignment_ids=[row.pk], reason=WHY, by=story.owner)
    tasks.sweep_signed_off()


def test_a_removal_begins_at_sign_off_says_so_and_is_opened_once(story, begun):
    task = task_of("david")
    assert (begun.state, states()) == ("open", {"david": "open", "chloe": "open"})
    entry = Entry.objects.get(uid=task.entry_uid).payload_json["data"]
    assert (entry["origin"], entry["decision"]) == ("sign-off", str(task.item.decision_entry_uid))
    assert task.due_at == task.item.settled_at + timedelta(days=7)
    closing.close(campaign_id=begun.pk, by=story.owner)
    sweep()
    assert RemediationTask.objects.count() == 2
    assert Entry.objects.filter(kind="removal:opened").count() == 2
    assert not Withdrawal.objects.exists()


def test_the_deadline_counts_from_the_sign_off_however_late_the_worker_comes(story):
    campaign, ana = story.launch(removals_begin="sign_off"), story.user("ana@x.example")
    story.decide(campaign, "david", "revoke", ana)
    signed = story.submit(campaign, ana)
    with clock.freeze(clock.now() + timedelta(days=2)):
        sweep()
    assert task_of("david").due_at == signed.submitted_at + timedelta(days=7)


def test_a_worker_that_dies_between_the_two_steps_loses_nothing(story):
    campaign, ana = story.launch(removals_begin="sign_off"), story.user("ana@x.example")
    story.decide(campaign, "david", "revoke", ana)
    story.submit(campaign, ana)
    review_tasks.settle_submitted()
    closing.close(campaign_id=campaign.pk, by=story.owner)
    sweep()
    assert (states(), task_of("david").is_early) == ({"david": "open"}, True)


def test_a_campaign_whose_removals_begin_at_the_close_opens_none_before(story):
    campaign = story.launch()
    with pytest.raises(InvalidInput, match="not closed"):
        removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)


def test_opening_the_answer_again_stops_the_removal_until_it_is_decided_again(story, begun):
    attempts.claim_one(task_id=task_of("david").pk, act=attempts.Act("Taken away by hand"), by=story.system_owner)
    reopen(story, begun, "david")
    assert states() == {"david": "withdrawn", "chloe": "open"}
    told = Mail.objects.filter(template="removals_withdrawn")
    assert set(told.values_list("recipient__name", flat=True)) == {story.owner.name, story.system_owner.name}
    ana = story.user("ana@x.example")
    story.decide(begun, "david", "revoke", ana)
    story.submit(begun, ana)
    sweep()
    assert states() == {"david": "open", "chloe": "open"}
    assert task_of("david").due_at == task_of("david").item.settled_at + timedelta(days=7)
    kinds = Entry.objects.filter(subject=f"remediation.task:{task_of('david').pk}").order_by("id")
    assert list(kinds.values_list("kind", flat=True)) == [
        "removal:opened", "removal:claimed-done", "removal:withdrawn", "removal:resumed"]  # fmt: skip


def test_what_is_decided_otherwise_in_the_end_stays_withdrawn(story, begun):
    reopen(story, begun, "david")
    ana = story.user("ana@x.example")
    story.decide(begun, "david", "approve", ana)
    story.submit(begun, ana)
    closing.close(campaign_id=begun.pk, by=story.owner)
    sweep()
    assert states() == {"david": "withdrawn", "chloe": "open"}
    assert story.item(begun, "david").outcome == "approved"


def test_access_that_was_gone_before_is_named_when_the_review_has_ended(story, begun):
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    reopen(story, begun, "david")
    assert not Withdrawal.objects.exists(), "it may be decided the same way again"
    closing.close(campaign_id=begun.pk, by=story.owner)
    sweep()
    sweep()
    found = Withdrawal.objects.get()
    assert (found.task, found.is_gone, found.reason, states()["david"]) == (
        task_of("david"), True, "decided_otherwise", "verified_gone")  # fmt: skip
    assert Entry.objects.get(kind="removal:withdrawn").payload_json["data"]["gone"] == "yes"
    story.load(grants=story.texts["grants"] + "crm,david,David Ekman,p4,read,2026-01-05,,\n")
    tasks.verify_new_snapshots()
    assert states()["david"] == "verified_gone", "that it was given again is no finding: it was to stay"


def test_a_cancelled_campaign_stops_its_removals_and_names_what_is_gone(story, begun):
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    closing.cancel(campaign_id=begun.pk, reason="It asked the wrong people", by=story.owner)
    sweep()
    assert states() == {"david": "withdrawn", "chloe": "verified_gone"}
    assert sorted(Withdrawal.objects.values_list("reason", "is_gone")) == [("cancelled", False), ("cancelled", True)]
    assert not early.campaigns_to_follow().exists()
    mail = Mail.objects.get(template="removals_withdrawn", recipient=story.owner)
    letter = letters.write(mail, {}, clock.now(), None)
    assert letter.subject == "Access is gone that is not to be removed any more: 1"
    assert "was cancelled after removals had begun" in letter.body
    assert "Chloe Dahl" in letter.body


def test_what_goes_after_it_was_withdrawn_is_noticed(story, begun):
    closing.cancel(campaign_id=begun.pk, reason="It asked the wrong people", by=story.owner)
    sweep()
    story.load()
    tasks.verify_new_snapshots()
    assert states()["david"] == "withdrawn", "still there is what it is to be"
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    sweep()
    assert Withdrawal.objects.filter(task=task_of("david"), is_gone=True).count() == 1


def test_what_waits_for_a_second_person_is_not_opened_before(story):
    campaign = begin(story, removal_limit=20)
    assert states() == {}
    guards.judge(hold_id=RemovalHold.objects.get().pk, code="confirmed", by=story.admin)
    with clock.freeze(clock.now() + timedelta(days=3)):
        sweep()
        assert task_of("david").due_at == clock.now() + timedelta(days=7), "its days begin with the second person's word"
    assert campaign.state == "open"


def test_the_person_is_told_and_may_object_and_the_objection_ends_with_the_removal(story):
    campaign = begin(story, accounts=("david",), objection_days=5)
    assert states() == {"david": TaskState.ANNOUNCED}
    person = story.user("david@x.example")
    objection = objections.object_to(task_id=task_of("david").pk, reason="I answer the calls of customers", by=person)
    reopen(story, campaign, "david")
    objection.refresh_from_db()
    assert (states()["david"], objection.state) == ("withdrawn", "withdrawn")
