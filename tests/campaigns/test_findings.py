"""Findings: made at the end of somebody's work or of the campaign, once; judged once; asking again opens answers while it can."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.urls import reverse

from campaigns import quality
from campaigns.actions import closing, dispositions, findings
from campaigns.models import Assignment, Campaign, CampaignDefinition, Finding, FindingDisposition, ItemOpened
from certify.lib import clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users
from people.models import Mail, User
from tests.story import Story, tell

REASON = "Looked at the decisions one by one"
STRICT = {"min_decisions": 2, "streak": 3}
pytestmark = pytest.mark.django_db


def hurry(story: Story, campaign: Campaign, by: User, accounts=("bruno", "chloe", "david", "job"), pause: float = 1) -> None:
    """Keep one item after the other, a second apart."""
    at = clock.now()
    for place, account in enumerate(accounts):
        with clock.freeze(at + timedelta(seconds=pause * place)):
            story.decide(campaign, account, "approve", by)


def finish(story: Story, campaign: Campaign, by: User) -> None:
    """Everything that is left, and the submission."""
    story.decide(campaign, "bruno", "approve", by, entitlement="admin")
    story.submit(campaign, by)


def found(campaign: Campaign) -> dict[str, Finding]:
    return {finding.measure: finding for finding in campaign.findings.all()}


def made() -> int:
    return Entry.objects.filter(kind="finding:made").count()


@pytest.fixture
def campaign(story) -> Campaign:
    return story.launch(quality=STRICT)


@pytest.fixture
def judged(story, campaign, ana) -> list[int]:
    """Ids of what was found of Ana while her campaign is open."""
    hurry(story, campaign, ana)
    finish(story, campaign, ana)
    return list(campaign.findings.values_list("pk", flat=True))


def test_thresholds_are_frozen_at_the_launch(story, campaign):
    frozen = {
        "min_decisions": 2,
        "median_seconds": 2,
        "under_3_seconds": 50,
        "bulk": 80,
        "streak": 3,
        "privileged_opened": 0,
        "against_advice": None,
    }
    CampaignDefinition.objects.update(quality={"streak": 9})
    campaign.refresh_from_db()
    assert campaign.terms["quality"] == frozen
    assert Entry.objects.get(kind="campaign:launched").payload_json["data"]["terms"]["quality"] == frozen


def test_who_has_submitted_everything_is_measured_at_once(story, campaign, ana):
    hurry(story, campaign, ana)
    story.submit(campaign, ana)
    assert not campaign.findings.exists()  # one item is left
    with clock.freeze(clock.now() + timedelta(seconds=4)):
        finish(story, campaign, ana)
    some = found(campaign)
    assert set(some) == {"median_seconds", "under_3_seconds", "streak"}
    assert (some["streak"].value, some["streak"].threshold, some["streak"].decided) == (Decimal(5), 3, 5)
    data = Entry.objects.get(uid=some["median_seconds"].entry_uid).payload_json["data"]
    assert data == {
        "campaign": str(campaign.pk), "reviewer": ana.actor_ref(), "measure": "median_seconds", "value": "1.0",
        "threshold": "2", "decided": "5",
    }  # fmt: skip


def test_the_close_finds_the_rest_and_repeats_nothing(story, campaign, ana):
    hurry(story, campaign, ana)
    finish(story, campaign, ana)
    before = {measure: finding.found_at for measure, finding in found(campaign).items()}
    story.decide(campaign, "shared", "approve", story.system_owner)
    closed = closing.close(campaign_id=campaign.pk, by=story.owner)
    assert {measure: finding.found_at for measure, finding in found(closed).items()} == before
    assert made() == 3
    assert findings.record(campaign=closed, by=SYSTEM) == 0


def test_drafts_that_were_never_submitted_are_found_at_the_close(story, campaign, ana):
    hurry(story, campaign, ana)
    assert not campaign.findings.exists()
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert set(found(campaign)) == {"median_seconds", "under_3_seconds", "streak"}


def test_a_campaign_launched_before_there_were_thresholds_has_no_findings(story, campaign, ana):
    Campaign.objects.filter(pk=campaign.pk).update(terms={k: v for k, v in campaign.terms.items() if k != "quality"})
    hurry(story, campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    campaign.refresh_from_db()
    assert not campaign.findings.exists()
    assert [row.breaches for row in quality.rows(campaign)] == [[]]


def test_an_item_that_was_opened_before_counts_for_privileged_items(story, campaign, ana, client):
    client.force_login(ana)
    row = story.row(campaign, "bruno", "admin")
    address = reverse("campaigns:item-detail", args=[campaign.pk, row.pk])
    client.head(address)
    assert not ItemOpened.objects.exists()
    client.get(address)
    client.get(address, headers={"HX-Request": "true"})
    assert ItemOpened.objects.filter(assignment=row, user=ana).count() == 1
    story.decide(campaign, "bruno", "approve", ana, entitlement="admin")
    assert quality.measured(campaign)[ana.pk].privileged_opened == 100
    closing.close(campaign_id=campaign.pk, by=story.owner)
    other = story.row(campaign, "chloe")
    client.get(reverse("campaigns:item-detail", args=[campaign.pk, other.pk]))
    assert not ItemOpened.objects.filter(assignment=other).exists()


def test_accepting_takes_a_reason_and_is_final(story, campaign, judged):
    with pytest.raises(InvalidInput, match="Say why"):
        dispositions.judge(campaign_id=campaign.pk, finding_ids=judged, choice="accepted", reason=" ", by=story.owner)
    done = dispositions.judge(campaign_id=campaign.pk, finding_ids=judged[:2], choice="accepted", reason=REASON, by=story.owner)
    assert [(one.finding_id, one.reopened) for one in done] == [(judged[0], None), (judged[1], None)]
    assert quality.open_findings(campaign) == 1
    with pytest.raises(Conflict, match="Somebody else has judged"):
        dispositions.judge(campaign_id=campaign.pk, finding_ids=judged, choice="re_ask", reason=REASON, by=story.owner)
    assert FindingDisposition.objects.count() == 2
    data = Entry.objects.get(uid=done[0].entry_uid).payload_json["data"]
    assert (data["choice"], data["reason"]) == ("accepted", REASON)
    assert data["finding"] == str(Finding.objects.get(pk=judged[0]).entry_uid)
    assert "asked" not in data


def test_asking_again_opens_what_was_submitted(story, campaign, ana, judged):
    other = story.decide(campaign, "shared", "approve", story.system_owner)
    story.submit(campaign, story.system_owner)
    done = asked_again(story, campaign, judged)
    assert {one.reopened for one in done} == {5}
    assert list(Assignment.objects.filter(sign_off__isnull=False)) == [other]
    assert Mail.objects.filter(template="answers_reopened", recipient=ana).count() == 1
    assert Entry.objects.get(kind="review:reopened").payload_json["data"]["reason"] == REASON
    assert Entry.objects.filter(kind="finding:dispositioned").first().payload_json["data"]["asked"] == "now"
    with pytest.raises(InvalidInput, match="nothing to submit"):
        story.submit(campaign, ana)  # the same answers once more are no answer
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert made() == 3, "nothing was decided anew, so there is nothing to measure"
    assert story.item(campaign, "bruno").outcome == "not_reviewed"


def asked_again(story: Story, campaign: Campaign, ids: list[int], later: float = 60) -> list[FindingDisposition]:
    with clock.freeze(clock.now() + timedelta(seconds=later)):
        return dispositions.judge(campaign_id=campaign.pk, finding_ids=ids, choice="re_ask", reason=REASON, by=story.owner)


def again(story: Story, campaign: Campaign, ana: User, *, later: float, pause: float) -> None:
    """All five items once more."""
    begin = clock.now() + timedelta(seconds=later)
    with clock.freeze(begin):
        hurry(story, campaign, ana, pause=pause)
    with clock.freeze(begin + timedelta(seconds=4 * pause)):
        finish(story, campaign, ana)


def rounds(campaign: Campaign) -> dict[tuple[str, int], Decimal]:
    return {(one.measure, one.round): one.value for one in campaign.findings.all()}


def test_who_was_asked_again_is_measured_again_over_what_they_decided_since(story, campaign, ana, judged):
    asked_again(story, campaign, judged)
    assert quality.rows(campaign, [ana.pk])[0].measures.decided == 5, "not begun: what there was before"
    again(story, campaign, ana, later=120, pause=1)
    second = {measure: value for (measure, number), value in rounds(campaign).items() if number == 2}
    assert second == {"median_seconds": Decimal(1), "under_3_seconds": Decimal(100), "streak": Decimal(5)}
    entry = Entry.objects.filter(kind="finding:made").latest("id").payload_json["data"]
    assert (entry["decided"], entry["asked"]) == ("5", "again, round 2")
    assert quality.open_findings(campaign) == 3
    asked_again(story, campaign, list(campaign.findings.filter(round=2).values_list("pk", flat=True)), later=600)
    again(story, campaign, ana, later=700, pause=30)
    assert {key for key in rounds(campaign) if key[1] == 3} == {("streak", 3)}, "this time slowly"
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert made() == 7, "the close finds nothing that was found"


def test_a_careful_second_time_is_not_charged_with_the_first(story, campaign, ana, judged):
    asked_again(story, campaign, judged)
    begin = clock.now() + timedelta(seconds=120)
    codes = {"bruno": "approve", "chloe": "revoke", "david": "approve", "job": "revoke"}
    for place, (account, code) in enumerate(codes.items()):
        with clock.freeze(begin + timedelta(seconds=30 * place)):
            story.decide(campaign, account, code, ana)
    with clock.freeze(begin + timedelta(seconds=150)):
        story.decide(campaign, "bruno", "approve", ana, entitlement="admin")
        story.submit(campaign, ana)
    assert made() == 3
    row = quality.rows(campaign, [ana.pk])[0]
    assert (row.breaches, row.measures.median_seconds, row.again.opened) == ([], Decimal(30), 5)


def test_few_answers_that_were_asked_again_are_enough_to_be_held_to_the_limits(story, ana):
    campaign = story.launch("Few", quality={"min_decisions": 5, "streak": 3})
    hurry(story, campaign, ana)
    finish(story, campaign, ana)
    row = story.row(campaign, "chloe")
    ids = list(campaign.findings.values_list("pk", flat=True))
    Assignment.objects.filter(campaign=campaign, decided_by=ana).exclude(pk=row.pk).update(decided_by=story.admin)
    asked_again(story, campaign, ids)
    Assignment.objects.filter(campaign=campaign, decided_by=story.admin).update(decided_by=ana)
    with clock.freeze(clock.now() + timedelta(seconds=120)):
        hurry(story, campaign, ana, accounts=["chloe"] * 4)
        story.submit(campaign, ana)
    assert ("streak", 2) in rounds(campaign)


def test_what_was_found_in_an_earlier_stage_cannot_be_asked_again_and_is_not_said_to_be(story, campaign, judged):
    Assignment.objects.filter(campaign=campaign, sign_off__isnull=False).update(stage=2)
    done = dispositions.judge(campaign_id=campaign.pk, finding_ids=judged, choice="re_ask", reason=REASON, by=story.owner)
    assert {one.reopened for one in done} == {None}


@pytest.mark.parametrize("ends", ["closed", "due"])
def test_too_late_it_is_for_the_next_run(story, campaign, ana, judged, ends):
    at = clock.now()
    if ends == "closed":
        closing.close(campaign_id=campaign.pk, by=story.owner)
    else:
        at = campaign.due_at + timedelta(seconds=1)
    signed = Assignment.objects.filter(sign_off__isnull=False).count()
    with clock.freeze(at):
        done = dispositions.judge(campaign_id=campaign.pk, finding_ids=judged, choice="re_ask", reason=REASON, by=story.owner)
    assert {one.reopened for one in done} == {None}
    assert Assignment.objects.filter(sign_off__isnull=False).count() == signed
    assert Entry.objects.filter(kind="finding:dispositioned").first().payload_json["data"]["asked"] == "in the next run"


def test_nobody_judges_what_was_found_of_themselves_and_strangers_nothing(story, campaign, judged, ana):
    for person in (ana, story.admin):
        with pytest.raises(NotAllowed):
            dispositions.judge(campaign_id=campaign.pk, finding_ids=judged, choice="accepted", reason=REASON, by=person)
    users.set_roles(user_id=ana.pk, roles=["reviewer", "control_owner"], by=story.admin)
    ana.refresh_from_db()
    with pytest.raises(NotAllowed, match="another control owner"):
        dispositions.judge(campaign_id=campaign.pk, finding_ids=judged, choice="accepted", reason=REASON, by=ana)
    assert not FindingDisposition.objects.exists()


def test_findings_of_another_campaign_are_not_judged_here(story, campaign, judged):
    other = story.launch("Other")
    with pytest.raises(Conflict):
        dispositions.judge(campaign_id=other.pk, finding_ids=judged, choice="accepted", reason=REASON, by=story.owner)


@pytest.mark.parametrize("table", ["campaigns_finding", "campaigns_findingdisposition", "campaigns_itemopened"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id"])
def test_the_database_keeps_them(story, campaign, judged, ana, table, statement):
    dispositions.judge(campaign_id=campaign.pk, finding_ids=judged, choice="accepted", reason=REASON, by=story.owner)
    ItemOpened.objects.create(assignment=story.row(campaign, "bruno"), user=ana, at=clock.now())
    with pytest.raises(DatabaseError, match=r"refused|append"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


def test_nothing_is_found_after_the_end(story, campaign, ana):
    closing.close(campaign_id=campaign.pk, by=story.owner)
    with pytest.raises(DatabaseError, match="has ended"), transaction.atomic():
        Finding.objects.create(
            campaign=campaign, reviewer=ana, measure="bulk", value=99, threshold=80, decided=20, found_at=clock.now(),
            entry_uid="00000000-0000-4000-8000-000000000000",
        )  # fmt: skip


class TestPages:
    """The owner's table and the page on which they judge."""

    def test_breaches_come_first_with_their_limits(self, story, campaign, ana, judged, client):
        story.decide(campaign, "shared", "approve", story.system_owner)
        client.force_login(story.owner)
        text = client.get(reverse("campaigns:campaign-quality", args=[campaign.pk])).content.decode()
        assert text.index("Ana Berg") < text.index("System_Owner")
        assert "Judge 3 …" in text
        assert "limit 3" in text
        assert (
            "3 findings about how people reviewed"
            in client.get(reverse("campaigns:campaign-detail", args=[campaign.pk])).content.decode()
        )

    def test_the_owner_judges_on_the_page(self, story, campaign, ana, judged, client):
        client.force_login(story.owner)
        address = reverse("campaigns:finding-judge", args=[campaign.pk, ana.pk])
        assert "Asking again opens everything" in client.get(address).content.decode()
        refused = client.post(address, {"findings": judged, "choice": "accepted", "reason": "x"})
        assert (refused.status_code, b"at least 10 characters" in refused.content) == (422, True)
        assert client.post(address, {"choice": "accepted", "reason": REASON}).status_code == 422
        answer = client.post(address, {"findings": judged[:1], "choice": "accepted", "reason": REASON})
        assert answer.url == reverse("campaigns:campaign-quality", args=[campaign.pk])
        client.post(address, {"findings": judged[1:], "choice": "re_ask", "reason": REASON})
        text = client.get(address).content.decode()
        assert (text.count("answers opened again"), "Judge</legend>" in text, REASON in text) == (2, False, True)
        late = client.post(address, {"findings": judged[:1], "choice": "accepted", "reason": REASON})
        assert late.status_code == 422

    def test_somebody_who_decided_nothing_has_no_page(self, story, campaign, client):
        client.force_login(story.owner)
        assert client.get(reverse("campaigns:finding-judge", args=[campaign.pk, story.admin.pk])).status_code == 404

    def test_the_table_takes_the_same_queries_for_one_and_three_reviewers(
        self, story, campaign, ana, client, django_assert_num_queries
    ):
        client.force_login(story.owner)
        address = reverse("campaigns:campaign-quality", args=[campaign.pk])
        story.decide(campaign, "bruno", "approve", ana)
        with django_assert_num_queries(12):
            client.get(address)
        story.decide(campaign, "shared", "approve", story.system_owner)
        with django_assert_num_queries(12):
            client.get(address)

    def test_thresholds_are_set_with_the_definition(self, story, client):
        client.force_login(story.owner)
        form = {
            "name": "Strict", "duration_days": "14", "removal_days": "7", "sources": [story.source.pk], "kind": "people",
            "fallback_reviewer": story.fallback.pk, "owner": story.owner.pk, "standing": "on",
            "quality_min_decisions": "5", "quality_median_seconds": "4", "quality_bulk": "", "quality_streak": "50",
            "quality_under_3_seconds": "10", "quality_privileged_opened": "100",
        }  # fmt: skip
        wrong = client.post(reverse("campaigns:definition-create"), form | {"quality_under_3_seconds": "101"})
        assert (wrong.status_code, b"<details open>" in wrong.content) == (422, True)
        assert client.post(reverse("campaigns:definition-create"), form).status_code == 302
        definition = CampaignDefinition.objects.get()
        assert definition.quality == {
            "min_decisions": 5, "median_seconds": 4, "under_3_seconds": 10, "bulk": None, "streak": 50, "privileged_opened": 100,
            "against_advice": None,
        }  # fmt: skip
        text = client.get(reverse("campaigns:definition-edit", args=[definition.pk])).content.decode()
        assert 'name="quality_streak" value="50"' in text
        assert 'name="quality_bulk" min="0"' in text


@pytest.fixture
def told(transactional_db, tmp_path) -> Story:
    return tell(tmp_path)


@pytest.mark.django_db(transaction=True)
def test_eight_who_judge_at_once_judge_once(told):
    campaign = told.launch(quality=STRICT)
    ana = told.user("ana@x.example")
    hurry(told, campaign, ana)
    finish(told, campaign, ana)
    ids = list(campaign.findings.values_list("pk", flat=True))

    def judge(place: int) -> str:
        choice = ("accepted", "re_ask")[place % 2]
        try:
            dispositions.judge(campaign_id=campaign.pk, finding_ids=ids, choice=choice, reason=REASON, by=told.owner)
        except Conflict:
            return ""
        finally:
            connection.close()
        return choice

    with ThreadPoolExecutor(8) as pool:
        chosen = [choice for choice in pool.map(judge, range(8)) if choice]
    assert len(chosen) == 1
    assert set(FindingDisposition.objects.values_list("choice", flat=True)) == set(chosen)
    assert FindingDisposition.objects.count() == len(ids) == 3
    assert Assignment.objects.filter(sign_off__isnull=False).exists() is (chosen == ["accepted"])


@pytest.mark.django_db(transaction=True)
def test_submitting_and_closing_at_once_find_everything_once(told):
    campaign = told.launch(quality=STRICT)
    ana = told.user("ana@x.example")
    hurry(told, campaign, ana)
    told.decide(campaign, "bruno", "approve", ana, entitlement="admin")

    def act(place: int) -> None:
        try:
            if place == 2:
                closing.close(campaign_id=campaign.pk, by=told.owner)
            else:
                told.submit(campaign, ana)
        except InvalidInput:
            pass  # somebody was quicker
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(act, range(5)))
    assert set(found(campaign)) == {"median_seconds", "under_3_seconds", "streak"}
    assert made() == 3
