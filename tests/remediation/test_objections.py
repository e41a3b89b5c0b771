"""People who lose access: they are told, object once, and somebody decides again; silence gives nothing back."""

from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db import DatabaseError, transaction
from django.test import Client

from campaigns.actions import closing
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.models import Mail, User
from people.tasks import send_queued_mail
from remediation import invitations, tasks
from remediation.actions import objections, removals
from remediation.models import Objection, RemediationTask

pytestmark = pytest.mark.django_db
WHY = "I answer the calls of customers each day"


@pytest.fixture
def told(story):
    """Removals of a review that tells people: David's waits; Bruno's is privileged; Chloe has left and is told nothing."""
    campaign = story.launch(objection_days=5)
    ana = story.user("ana@x.example")
    for account, right in (("chloe", "read"), ("david", "read"), ("bruno", "admin")):
        story.decide(campaign, account, "revoke", ana, entitlement=right)
    story.submit(campaign, ana)
    campaign = closing.close(campaign_id=campaign.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    return {task.item.account_key: task for task in RemediationTask.objects.select_related("item", "campaign")}


def person(account: str) -> User:
    """Who was told."""
    return User.objects.get(email=f"{account}@x.example")


def kinds() -> list[str]:
    """What the ledger says of objections, in order."""
    found = Entry.objects.filter(
        kind__in=[f"removal:{word}" for word in ("objected", "confirmed", "kept", "unanswered", "released")]
    )
    return list(found.order_by("id").values_list("kind", flat=True))


def test_those_who_can_be_told_are_and_only_what_is_not_privileged_waits(told):
    assert {account: task.state for account, task in told.items()} == {
        "chloe": "open", "david": "announced", "bruno": "open"}  # fmt: skip
    david, bruno = told["david"], told["bruno"]
    assert (david.announcement.is_waiting, bruno.announcement.is_waiting, hasattr(told["chloe"], "announcement")) == (
        True,
        False,
        False,
    )
    assert david.due_at - david.created_at == timedelta(days=12)
    assert (person("david").roles, person("david").has_usable_password()) == ([], False)
    assert Mail.objects.filter(template="removals_announced").count() == 2


def test_nobody_is_told_unless_the_definition_says_so(opened):
    assert {task.state for task in opened.values()} == {"open"}
    assert not Mail.objects.filter(template="removals_announced").exists()


def test_the_mail_brings_a_link_that_is_kept_nowhere_and_opens_the_page(told, settings):
    Mail.objects.filter(template="removals_announced").update(due_at=clock.now() - timedelta(minutes=1))
    send_queued_mail()
    letter = next(one for one in outbox.outbox if one.to == ["david@x.example"])
    path = letter.body.partition("http://testserver")[2].split()[0]
    assert path.startswith("/removals/object/")
    assert "no password yet" not in letter.body
    assert "object/" not in str(Mail.objects.get(recipient=person("david")).context)
    page = Client().get(path)
    assert (page.status_code, "Read customers" in page.text, "Administrator" in page.text) == (200, True, False)
    answer = Client().post(path, {"task": told["david"].pk, "reason": WHY})
    assert (answer.status_code, Objection.objects.get().reason) == (302, WHY)
    assert "It waits for an answer" in Client().get(path).text


@pytest.mark.parametrize("break_it", [lambda token: token[:-1] + "x", lambda token: token + "x", lambda _: "nothing"])
def test_a_changed_link_opens_nothing(told, break_it):
    token = invitations.sign(person("david").pk, told["david"].campaign_id)
    assert Client().get(f"/removals/object/{token}/").status_code == 200
    assert Client().get(f"/removals/object/{break_it(token)}/").status_code == 404


def test_a_link_is_for_one_person_and_one_review(told):
    token = invitations.sign(person("david").pk, told["david"].campaign_id)
    assert Client().post(f"/removals/object/{token}/", {"task": told["bruno"].pk, "reason": WHY}).status_code == 404
    other = invitations.sign(person("david").pk, told["david"].campaign_id + 1)
    assert Client().get(f"/removals/object/{other}/").status_code == 404
    assert Client().post(f"/removals/object/{token}/", {"task": told["david"].pk, "reason": "no"}).status_code == 422
    assert not Objection.objects.exists()


@pytest.mark.parametrize(("days", "status"), [(5 + 29, 200), (5 + 31, 410)])
def test_a_link_can_be_read_for_a_while_after_the_last_moment_to_object(told, days, status):
    path = f"/removals/object/{invitations.sign(person('david').pk, told['david'].campaign_id)}/"
    with clock.freeze(clock.now() + timedelta(days=days)):
        page = Client().get(path)
        assert (page.status_code, "Read customers" in page.text, "This link has ended" in page.text) == (
            status, status == 200, status == 410)  # fmt: skip
        assert Client().post(path, {"task": told["david"].pk, "reason": WHY}).status_code == (422 if status == 200 else 410)
    assert not Objection.objects.exists()


def test_a_link_stays_while_an_objection_can_be_answered_and_the_own_page_stays_for_ever(told, client):
    path = f"/removals/object/{invitations.sign(person('david').pk, told['david'].campaign_id)}/"
    with clock.freeze(clock.now() + timedelta(days=4)):
        objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    with clock.freeze(clock.now() + timedelta(days=4 + 5 + 29)):
        assert WHY in client.get(path).text
    with clock.freeze(clock.now() + timedelta(days=4 + 5 + 31)):
        ended = client.get(path)
        assert (ended.status_code, WHY in ended.text, "David" in ended.text) == (410, False, False)
        client.force_login(person("david"))
        assert WHY in client.get("/removals/mine/").text


def test_the_reviewer_decides_again_and_both_decisions_stay(told, story):
    made = objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    assert made.reviewer == story.user("ana@x.example")
    objections.keep(objection_id=made.pk, answer="They do need it, I was wrong", by=made.reviewer)
    task = RemediationTask.objects.get(pk=told["david"].pk)
    assert (task.state, task.item.outcome, task.item.decision) == ("kept", "revoked", "revoke")
    entry = Entry.objects.get(kind="removal:kept")
    assert (entry.payload_json["data"]["decision"], entry.actor_id) == (
        str(task.item.decision_entry_uid), f"people.user:{made.reviewer.pk}")  # fmt: skip
    assert not RemediationTask.objects.unproved().filter(pk=task.pk).exists()
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    assert RemediationTask.objects.get(pk=task.pk).state == "kept"


def test_a_removal_that_stands_is_due_as_from_a_new_decision(told, story):
    made = objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    with clock.freeze(clock.now() + timedelta(days=2)):
        objections.confirm(objection_id=made.pk, answer="The team does not need it", by=made.reviewer)
        task = RemediationTask.objects.get(pk=told["david"].pk)
        assert (task.state, task.due_at) == ("open", clock.now() + timedelta(days=7))
    with pytest.raises(InvalidInput, match="This is answered"):
        objections.keep(objection_id=made.pk, answer="On second thoughts keep it", by=made.reviewer)


@pytest.mark.parametrize(("days", "state"), [(4, "announced"), (6, "open")])
def test_without_an_objection_the_removal_goes_on_when_the_time_is_over(told, days, state):
    with clock.freeze(clock.now() + timedelta(days=days)):
        tasks.follow_objections()
        tasks.follow_objections()
        assert RemediationTask.objects.get(pk=told["david"].pk).state == state
        assert kinds() == (["removal:released"] if state == "open" else [])
        if state == "open":
            with pytest.raises(InvalidInput, match="time to object is over"):
                objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))


def test_an_objection_that_nobody_answers_gives_nothing_back(told, story):
    with clock.freeze(clock.now() + timedelta(days=4)):
        objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    with clock.freeze(clock.now() + timedelta(days=6)):
        tasks.follow_objections()
        assert RemediationTask.objects.get(pk=told["david"].pk).state == "announced"
    with clock.freeze(clock.now() + timedelta(days=10)):
        tasks.follow_objections()
        tasks.follow_objections()
    assert (RemediationTask.objects.get(pk=told["david"].pk).state, Objection.objects.get().state) == ("open", "unanswered")
    assert kinds() == ["removal:objected", "removal:unanswered"]
    told_people = Mail.objects.filter(template="removals_objection_answered").values_list("recipient__email", flat=True)
    assert set(told_people) == {story.owner.email, "david@x.example"}


def test_privileged_access_goes_meanwhile_and_its_objection_ends_with_it(told, story):
    made = objections.object_to(task_id=told["bruno"].pk, reason=WHY, by=person("bruno"))
    assert RemediationTask.objects.get(pk=told["bruno"].pk).state == "open"
    story.load_without(("bruno", "admin"))
    tasks.verify_new_snapshots()
    assert (RemediationTask.objects.get(pk=told["bruno"].pk).state, Objection.objects.get(pk=made.pk).state) == (
        "verified_gone",
        "gone",
    )


def test_nobody_else_objects_and_nobody_judges_their_own(told, story):
    for stranger in (story.owner, person("bruno")):
        with pytest.raises(NotAllowed):
            objections.object_to(task_id=told["david"].pk, reason=WHY, by=stranger)
    made = objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    with pytest.raises(InvalidInput, match="objected already"):
        objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    for nobody in (person("david"), person("bruno"), story.system_owner):
        with pytest.raises(NotAllowed):
            objections.keep(objection_id=made.pk, answer="Because I say so, now", by=nobody)
    objections.confirm(objection_id=made.pk, answer="The owner has looked at it", by=story.owner)


def test_what_was_said_does_not_change(told):
    made = objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    for change in ({"reason": "x"}, {"answer_by": clock.now()}):
        with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
            Objection.objects.filter(pk=made.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        made.delete()


def test_a_waiting_removal_can_be_neither_reported_nor_sent_but_proved(told, story):
    task = told["david"]
    client = Client()
    client.force_login(story.system_owner)
    assert "Report it done" not in client.get(f"/removals/{task.pk}/").text
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    assert RemediationTask.objects.get(pk=task.pk).state == "verified_gone"


def test_the_page_of_an_objection_is_for_those_who_decide(told, story):
    made = objections.object_to(task_id=told["david"].pk, reason=WHY, by=person("david"))
    statuses = {}
    for reader in (made.reviewer, story.owner, story.admin, story.auditor, person("david")):
        client = Client()
        client.force_login(reader)
        statuses[reader.email] = client.get(f"/removals/objections/{made.pk}/").status_code
    assert list(statuses.values()) == [200, 200, 200, 404, 404]
    client.force_login(made.reviewer)
    assert client.post(f"/removals/objections/{made.pk}/", {"answer": "no", "choice": "keep"}).status_code == 422
    page = client.post(f"/removals/objections/{made.pk}/", {"answer": "They do need it", "choice": "keep"}, follow=True)
    assert "The access is kept" in page.text
    assert WHY in client.get("/removals/objections/").text or "david" in client.get("/removals/objections/").text.lower()


def test_whoever_is_signed_in_objects_on_a_page_of_their_own(told, client):
    client.force_login(person("david"))
    page = client.get("/removals/mine/")
    assert (page.status_code, "Read customers" in page.text, "Administrator" in page.text) == (200, True, False)
    assert "Access that you lose" in client.get("/").text
    answer = client.post("/removals/mine/", {"task": told["david"].pk, "reason": WHY})
    assert (answer.status_code, answer.url) == (302, "/removals/mine/")
    assert Objection.objects.get().task == told["david"]
    assert "You objected" in client.get("/removals/mine/").text
    assert "Access that you lose" not in client.get("/").text


def test_nobody_objects_on_their_page_to_what_others_lose(told, client):
    client.force_login(person("bruno"))
    assert client.post("/removals/mine/", {"task": told["david"].pk, "reason": WHY}).status_code == 404
    assert client.post("/removals/mine/", {"task": told["bruno"].pk, "reason": "no"}).status_code == 422
    assert not Objection.objects.exists()


def test_whoever_loses_nothing_has_an_empty_page(story, client):
    client.force_login(story.fallback)
    assert "No review has told you" in client.get("/removals/mine/").text
