"""What follows where nobody answers: others are asked, a follow-up asks again, removals are approved by people and never by silence."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from campaigns import silence, tasks
from campaigns.actions import advancing, closing, launching, plans
from campaigns.actions import silence as actions
from campaigns.models import Assignment, Campaign, ReviewItem, SilenceApproval, SilenceRemoval, SilenceVerdict
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence.actions import sealing
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users
from people.models import Mail
from remediation import tasks as remediation_tasks
from remediation.actions import attempts
from remediation.models import RemediationTask
from tests.campaigns.test_hand_over import LINE
from tests.story import Story, tell

pytestmark = pytest.mark.django_db
REASON = "Nobody could say who needs it"


def launch(story: Story, policy: str, name: str = "Quiet", *, stages: int = 1, rule: str = "manager", **more) -> Campaign:
    stage = {"name": "Managers", "panels": [[{"rule": rule}]], "strategy": "one_deny_denies", "days": 7}
    definition = story.define(f"Definition of {name}")
    plan = {"stages": [dict(stage) for _ in range(stages)], "silence": policy, **more}
    plans.set_plan(definition_id=definition.pk, plan=plan, by=story.owner)
    asked = launching.request(definition_id=definition.pk, name=name, by=story.owner)
    return launching.launch(campaign_id=asked.pk, by=story.owner)


def finish(campaign: Campaign) -> Campaign:
    """What the beat does a minute after the due date."""
    campaign.refresh_from_db()
    with clock.freeze(campaign.due_at + timedelta(minutes=1)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
    campaign.refresh_from_db()
    return campaign


@pytest.fixture
def line(story) -> Story:
    users.create(username="greta", name="Greta Holm", email="greta@x.example", roles=["reviewer"], by=story.admin)
    story.load(identities=LINE)
    return story


def test_silence_is_reported_and_nothing_more_unless_the_plan_says_so(story, campaign):
    closed = finish(campaign)
    assert (closed.state, closed.escalated_stage) == ("closed", 0)
    assert silence.summary(closed) is None
    for policy in (actions.follow_up, lambda **who: actions.approve(item_ids=[1], reason=REASON, **who)):
        with pytest.raises(InvalidInput):
            policy(campaign_id=campaign.pk, by=story.owner)
    assert not RemediationTask.objects.exists()


def test_when_a_stage_is_due_managers_are_asked_else_the_owner_once(line):
    campaign, ana, greta = launch(line, "escalate", silence_days=4), line.user("ana@x.example"), line.user("greta@x.example")
    line.decide(campaign, "bruno", "approve", ana)
    line.submit(campaign, ana)
    line.decide(campaign, "job", "approve", ana)  # a draft that is never submitted is silence
    due = campaign.due_at
    campaign = finish(campaign)
    assert (campaign.state, campaign.due_at) == ("open", due + timedelta(days=4, minutes=1))
    asked = {row.item.account_key: row for row in Assignment.objects.filter(campaign=campaign, previous__isnull=False)}
    assert {account: row.reviewer.name for account, row in asked.items()} == {
        "bruno": "Greta Holm",  # the other right of Bruno's
        "chloe": "Greta Holm",
        "david": "Greta Holm",
        "job": "Greta Holm",
        "ana": "Control_Owner",  # Greta has nobody above her who signs in
        "shared": "Control_Owner",
    }
    assert asked["job"].reason == f"No answer from the reviewer by {due:%d %B %Y}"
    data = Entry.objects.get(kind="silence:escalated").payload_json["data"]
    assert (data["to_managers"], data["to_owner"], data["left_silent"]) == (4, 2, 0)
    assert {mail.recipient: mail.context["items"] for mail in Mail.objects.filter(template="items_escalated")} == {
        greta: 4,
        line.owner: 2,
    }
    with clock.freeze(campaign.due_at - timedelta(hours=1)):
        line.decide(campaign, "job", "approve", greta)
        line.submit(campaign, greta)
    assert finish(campaign).state == "closed"
    assert (line.item(campaign, "job").outcome, line.item(campaign, "david").outcome) == ("approved", "not_reviewed")


def test_escalation_never_asks_somebody_about_their_own_access_nor_twice(line):
    """Here whoever was silent owns the campaign too."""
    campaign = launch(line, "escalate", rule="system_owner")
    Campaign.objects.filter(pk=campaign.pk).update(owner=line.system_owner)
    campaign = finish(campaign)
    assert campaign.state == "closed", "the only one to ask instead is the one who was silent"
    assert Entry.objects.get(kind="silence:escalated").payload_json["data"]["left_silent"] == 7
    assert Assignment.objects.filter(campaign=campaign).count() == 7


def test_each_stage_escalates_once_and_an_owner_who_ends_it_does_not(line):
    campaign = finish(launch(line, "escalate", stages=2))
    assert (campaign.stage, campaign.escalated_stage) == (1, 1)
    campaign = finish(campaign)
    assert (campaign.stage, campaign.escalated_stage) == (2, 1)
    campaign = finish(campaign)
    assert (campaign.state, campaign.escalated_stage) == ("open", 2)
    closing.close(campaign_id=campaign.pk, by=line.owner)
    other = launch(line, "escalate", "Ended by hand")
    advancing.finish_stage(campaign_id=other.pk, by=line.owner)
    assert Campaign.objects.get(pk=other.pk).state == "closed"


def closed_quietly(story: Story, policy: str, **more) -> Campaign:
    """Bruno's reading right is kept, Chloe's removed; nobody knew of David's, nor said a word about the other four."""
    campaign = launch(story, policy, **more)
    ana = story.user("ana@x.example")
    story.source.owner = None  # nobody is there to ask next about what somebody does not know
    story.source.save()
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "chloe", "revoke", ana)
    story.decide(campaign, "david", "dont_know", ana)
    story.submit(campaign, ana)
    return closing.close(campaign_id=campaign.pk, by=story.owner)


def test_a_follow_up_asks_only_about_what_nobody_answered_and_is_still_open(story):
    closed = closed_quietly(story, "follow_up")
    silent = {item.account_key: item.is_unknown for item in silence.silent_items(closed)}
    assert silent == {"ana": False, "bruno": False, "job": False, "shared": False, "david": True}
    story.load_without(("job", "read"))
    made = actions.follow_up(campaign_id=closed.pk, by=story.owner)
    assert (made.name, made.follows, made.state) == ("Quiet – follow-up", closed, "requested")
    assert actions.follow_up(campaign_id=closed.pk, by=story.owner) == made
    launched = launching.launch(campaign_id=made.pk, by=story.owner)
    items = ReviewItem.objects.filter(campaign=launched)
    assert {(one.account_key, one.entitlement_key) for one in items} == {
        ("ana", "read"),
        ("bruno", "admin"),
        ("david", "read"),
        ("shared", "read"),
    }
    assert launched.terms["stages"] == closed.terms["stages"]
    assert "about which nobody answered, or nobody knew, in “Quiet”" in launched.terms["scope_words"]
    assert set(launched.exclusions.values_list("rule", flat=True)) == {"answered"}
    assert launched.excluded_count + launched.item_count == 6


def test_a_follow_up_that_failed_is_tried_again_with_the_same_question(story):
    closed = closed_quietly(story, "follow_up")
    made = actions.follow_up(campaign_id=closed.pk, by=story.owner)
    Campaign.objects.filter(pk=made.pk).update(state="failed")
    again = launching.retry(campaign_id=made.pk, by=story.owner)
    assert again.terms["scope"]["include"] == [{"field": "silent_in", "any": [closed.pk]}]


def test_the_beat_follows_once_where_the_terms_say_so_and_no_follow_up_of_a_follow_up(story):
    closed = closed_quietly(story, "follow_up", silence_automatic=True)
    tasks.follow_silence()
    tasks.follow_silence()
    made = Campaign.objects.get(follows=closed)
    assert (made.requested_by, Entry.objects.filter(kind="campaign:requested").latest("id").actor_id) == (story.owner, "system")
    launching.launch(campaign_id=made.pk, by=story.owner)
    closing.close(campaign_id=made.pk, by=story.owner)
    tasks.follow_silence()
    assert Campaign.objects.count() == 2
    by_hand = launch(story, "follow_up", "By hand")
    closing.close(campaign_id=by_hand.pk, by=story.owner)
    tasks.follow_silence()
    assert not Campaign.objects.filter(follows=by_hand).exists()


def test_removals_are_proposed_and_nothing_is_removed_before_people_approve(story):
    closed = closed_quietly(story, "propose_removal", silence_limit=60)
    remediation_tasks.sweep_signed_off()
    assert [task.item.account_key for task in RemediationTask.objects.all()] == ["chloe"]
    story.load_without(("job", "read"))
    found = {item.account_key: item.pk for item in silence.proposed(closed)}
    assert set(found) == {"ana", "bruno", "david", "shared"}, "what is gone by itself is not proposed"
    with pytest.raises(NotAllowed):
        actions.approve(campaign_id=closed.pk, item_ids=[found["ana"]], reason=REASON, by=story.admin)
    with pytest.raises(InvalidInput):
        actions.approve(campaign_id=closed.pk, item_ids=[found["ana"]], reason="so", by=story.owner)
    kept = story.item(closed, "chloe").pk
    with pytest.raises(InvalidInput):
        actions.approve(campaign_id=closed.pk, item_ids=[found["ana"], kept], reason=REASON, by=story.owner)
    done = actions.approve(campaign_id=closed.pk, item_ids=[found["ana"]], reason=REASON, by=story.owner)
    assert not done.approval.needs_second
    remediation_tasks.sweep_signed_off()
    remediation_tasks.sweep_signed_off()
    task = RemediationTask.objects.get(item_id=found["ana"])
    assert task.is_for_silence
    assert task.due_at.date() == (clock.now() + timedelta(days=7)).date()
    opened = Entry.objects.filter(kind="removal:opened").latest("id").payload_json["data"]
    assert (opened["item"], opened["origin"]) == (str(task.item.number), "silence")
    assert task.item.outcome == "not_reviewed", "what the review came to does not change"
    with pytest.raises(InvalidInput):
        actions.approve(campaign_id=closed.pk, item_ids=[found["ana"]], reason=REASON, by=story.owner)
    story.load_without(("job", "read"), ("ana", "read"))
    remediation_tasks.verify_new_snapshots()
    task.refresh_from_db()
    assert task.state == "verified_gone"


def test_too_much_of_a_system_or_the_last_privileged_holder_needs_a_second_person(story):
    closed = closed_quietly(story, "propose_removal", silence_limit=20)
    found = {item.account_key: item.pk for item in silence.proposed(closed)}
    admin = silence.blast_radius(closed, [found["bruno"]])
    assert (admin["last_holders"], admin["needs_second"]) == (["Administrator · Customer records"], True)
    assert [(one["removals"], one["open"], one["percent"]) for one in admin["sources"]] == [(1, 7, 15)]
    assert not silence.blast_radius(closed, [found["ana"]])["needs_second"]
    assert silence.blast_radius(closed, [found["ana"], found["job"]])["needs_second"], "2 of 7 are more than 20 %"
    actions.approve(campaign_id=closed.pk, item_ids=[found["ana"]], reason=REASON, by=story.owner)
    second = actions.approve(campaign_id=closed.pk, item_ids=[found["job"]], reason=REASON, by=story.owner).approval
    assert second.needs_second, "small acts one after the other do not go round the limit"
    remediation_tasks.sweep_signed_off()
    assert not RemediationTask.objects.filter(item_id=found["job"]).exists()
    with pytest.raises(NotAllowed):
        actions.confirm(approval_id=second.pk, by=story.owner)
    with pytest.raises(NotAllowed):
        actions.confirm(approval_id=second.pk, by=story.fallback)
    with pytest.raises(InvalidInput):
        actions.decline(approval_id=second.pk, reason="", by=story.admin)
    verdict = actions.confirm(approval_id=second.pk, by=story.admin)
    with pytest.raises(InvalidInput):
        actions.decline(approval_id=second.pk, reason=REASON, by=story.admin)
    remediation_tasks.sweep_signed_off()
    assert RemediationTask.objects.filter(item_id=found["job"]).exists()
    data = Entry.objects.get(kind="silence:removals-confirmed").payload_json["data"]
    assert (data["approved_by"], verdict.by) == (f"people.user:{story.owner.pk}", story.admin)
    assert Entry.objects.filter(kind="silence:removals-approved").count() == 2


def test_what_is_declined_is_proposed_again(story):
    closed = closed_quietly(story, "propose_removal", silence_limit=0)
    found = {item.account_key: item.pk for item in silence.proposed(closed)}
    approval = actions.approve(campaign_id=closed.pk, item_ids=[found["ana"]], reason=REASON, by=story.owner).approval
    assert not silence.proposed(closed).filter(pk=found["ana"]).exists()
    actions.decline(approval_id=approval.pk, reason="She starts again in May", by=story.owner)
    assert silence.proposed(closed).filter(pk=found["ana"]).exists()
    remediation_tasks.sweep_signed_off()
    assert not RemediationTask.objects.filter(item_id=found["ana"]).exists()


def test_a_seal_waits_for_the_second_person_and_ends_it(story):
    closed = closed_quietly(story, "propose_removal", silence_limit=0)
    found = {item.account_key: item.pk for item in silence.proposed(closed)}
    approval = actions.approve(campaign_id=closed.pk, item_ids=[found["ana"]], reason=REASON, by=story.owner).approval
    remediation_tasks.sweep_signed_off()
    seal = {"campaign_id": closed.pk, "statement": "Everything of it is done with", "by": story.owner}
    with pytest.raises(InvalidInput, match="second person"):
        sealing.seal(**seal)
    actions.confirm(approval_id=approval.pk, by=story.admin)
    with pytest.raises(InvalidInput, match="Not opened yet: 1 removal"):
        sealing.seal(**seal)
    remediation_tasks.sweep_signed_off()
    with pytest.raises(InvalidInput, match="Without a result"):
        sealing.seal(**seal)
    ids = RemediationTask.objects.filter(campaign=closed).values_list("pk", flat=True)
    attempts.claim(task_ids=list(ids), act=attempts.Act("Taken away by hand"), by=story.owner)
    sealing.seal(**seal)
    with pytest.raises(InvalidInput, match="sealed"):
        actions.approve(campaign_id=closed.pk, item_ids=[found["job"]], reason=REASON, by=story.owner)


def test_the_database_keeps_who_approved_and_refuses_the_same_person_twice(story):
    closed = closed_quietly(story, "propose_removal", silence_limit=0)
    ids = [item.pk for item in silence.proposed(closed)]
    approval = actions.approve(campaign_id=closed.pk, item_ids=ids[:1], reason=REASON, by=story.owner).approval
    for change in (
        lambda: SilenceApproval.objects.update(needs_second=False),
        lambda: SilenceRemoval.objects.all()._raw_delete("default"),
        lambda: SilenceVerdict.objects.create(
            approval=approval,
            code="confirmed",
            approved_by=story.owner,
            by=story.owner,
            at=clock.now(),
            entry_uid=approval.entry_uid,
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_the_pages(client, story):
    closed = closed_quietly(story, "propose_removal", silence_limit=0)
    page, listed = (reverse(f"campaigns:campaign-{name}", args=[closed.pk]) for name in ("detail", "unanswered"))
    remove = reverse("campaigns:campaign-remove-unanswered", args=[closed.pk])
    client.force_login(story.owner)
    assert "5 removals proposed" in client.get(page).text
    assert "Nightly job" in client.get(listed).text
    ids = [item.pk for item in silence.proposed(closed)]
    assert "Another control owner or an administrator must confirm" in client.post(remove, {"everything": "yes"}).text
    assert client.post(remove, {"item": ids, "confirm": "yes", "reason": ""}).status_code == 422
    assert (
        "They wait for a second person."
        in client.post(remove, {"item": ids, "confirm": "yes", "reason": REASON}, follow=True).text
    )
    judge = reverse("campaigns:unanswered-judge", args=[closed.pk, SilenceApproval.objects.get().pk])
    assert client.post(judge, {"code": "confirm"}).status_code == 403
    client.force_login(story.admin)
    assert "Confirm the removals" in client.get(listed).text
    assert "Confirmed by Ada Admin" in client.post(judge, {"code": "confirm"}, follow=True).text
    remediation_tasks.sweep_signed_off()
    task = RemediationTask.objects.filter(item_id__in=ids).first()
    client.force_login(story.owner)
    assert (
        "nobody answered; the owner approved the removal" in client.get(reverse("remediation:task-detail", args=[task.pk])).text
    )
    assert "silence, approved by the owner" in client.get(reverse("remediation:task-list")).text


def test_the_button_of_the_follow_up(client, story, settings):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    closed = closed_quietly(story, "follow_up")
    client.force_login(story.owner)
    page = reverse("campaigns:campaign-detail", args=[closed.pk])
    assert "Ask again" in client.get(page).text
    client.post(reverse("campaigns:campaign-follow-up", args=[closed.pk]))
    made = Campaign.objects.get(follows=closed)
    assert f'Asked again in <a href="{reverse("campaigns:campaign-detail", args=[made.pk])}"' in client.get(page).text


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_follow_once_and_approve_each_removal_once(transactional_db, tmp_path):
    story = tell(tmp_path)
    followed, proposes = closed_quietly(story, "follow_up"), closed_quietly(story, "propose_removal", name="Proposed")
    ids = [item.pk for item in silence.proposed(proposes)]

    def act(number: int) -> None:
        try:
            actions.follow_up(campaign_id=followed.pk, by=story.owner)
            actions.approve(campaign_id=proposes.pk, item_ids=ids[number % 3 :], reason=REASON, by=story.owner)
        except InvalidInput:
            return
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(act, range(10)))
    assert Campaign.objects.filter(follows=followed).count() == 1
    taken = list(SilenceRemoval.objects.values_list("item_id", flat=True))
    assert taken
    assert len(taken) == len(set(taken))
