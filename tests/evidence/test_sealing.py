"""The seal: refused with every reason, given once, and kept."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.urls import reverse

from campaigns import silence
from campaigns.actions import closing, dispositions
from campaigns.actions import silence as actions
from campaigns.models import Campaign
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import queries
from evidence.actions import periods, sealing
from evidence.models import Seal
from ledger.actions import sequencing, verifying
from ledger.actors import SYSTEM
from ledger.models import Entry
from remediation import tasks
from remediation.actions import attempts, removals
from remediation.models import RemediationTask
from tests.campaigns.test_silence import closed_quietly
from tests.evidence.conftest import build, verify
from tests.evidence.story import details
from tests.story import Story, tell

pytestmark = pytest.mark.django_db
STATEMENT = "I have read every finding and every removal; this review is done."
REASON = "Looked at the decisions one by one"


def play(story: Story, name: str = "Q4") -> Campaign:
    """A campaign with two decisions to remove, made at once: three findings."""
    campaign = story.launch(name, quality={"min_decisions": 2, "streak": 1})
    ana, at = story.user("ana@x.example"), clock.now()
    for place, account in enumerate(("chloe", "david")):
        with clock.freeze(at + timedelta(milliseconds=place)):
            story.decide(campaign, account, "revoke", ana)
    story.submit(campaign, ana)
    return campaign


@pytest.fixture
def campaign(story) -> Campaign:
    return play(story)


@pytest.fixture
def closed(story, campaign) -> Campaign:
    """Closed, with its removals opened and reported done, and its findings to be judged."""
    closed = closing.close(campaign_id=campaign.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=closed.pk, by=SYSTEM)
    report(story, closed)
    return closed


def report(story: Story, campaign: Campaign) -> None:
    """Somebody says that all of its removals are done."""
    ids = RemediationTask.objects.filter(campaign=campaign).values_list("pk", flat=True)
    attempts.claim(task_ids=list(ids), act=attempts.Act("Taken away in the system"), by=story.owner)


def judge(story: Story, campaign: Campaign, choice: str = "accepted", count: int | None = None) -> None:
    ids = list(campaign.findings.filter(disposition__isnull=True).values_list("pk", flat=True))[:count]
    dispositions.judge(campaign_id=campaign.pk, finding_ids=ids, choice=choice, reason=REASON, by=story.owner)


def refusal(story: Story, campaign: Campaign, at=None) -> str:
    """Why it cannot be sealed."""
    with pytest.raises(InvalidInput) as refused, clock.freeze(at or clock.now()):
        sealing.seal(campaign_id=campaign.pk, statement=STATEMENT, by=story.owner)
    assert not Seal.objects.exists()
    assert not Entry.objects.filter(kind="campaign:sealed").exists()
    return refused.value.message


def test_an_open_campaign_is_not_sealed(story, campaign):
    assert refusal(story, campaign) == "It is open: only a closed campaign is sealed."


def test_a_cancelled_campaign_is_not_sealed(story, campaign):
    closing.cancel(campaign_id=campaign.pk, reason="Launched over the wrong system", by=story.owner)
    assert refusal(story, campaign) == "It is cancelled: only a closed campaign is sealed."


def test_every_reason_is_said_with_its_number(story, campaign):
    closing.close(campaign_id=campaign.pk, by=story.owner)
    said = refusal(story, campaign)
    assert "Not opened yet: 2 removals." in said
    assert "Not judged yet: 3 findings about how people reviewed." in said


def test_a_removal_past_due_hinders_until_it_is_verified_gone(story, closed):
    judge(story, closed)
    late = closed.closed_at + timedelta(days=7)
    assert refusal(story, closed, late).startswith("Past due: 2 removals.")
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    assert "Past due: 1 removal." in refusal(story, closed, late)
    story.load_without(("chloe", "read"), ("david", "read"))
    tasks.verify_new_snapshots()
    with clock.freeze(late):
        seal = sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    assert (seal.counts["verified_gone"], seal.counts["in_progress"]) == (2, 0)


def test_a_removal_without_a_result_hinders_within_its_deadline_too(story, campaign):
    closed = closing.close(campaign_id=campaign.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=closed.pk, by=SYSTEM)
    judge(story, closed)
    assert refusal(story, closed).startswith("Without a result: 2 removals.")
    report(story, closed)
    seal = sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    assert (seal.counts["in_progress"], seal.counts["without_result"]) == (2, 0)


def test_what_a_reading_contradicts_needs_another_result(story, closed):
    judge(story, closed)
    story.load()
    tasks.verify_new_snapshots()
    assert refusal(story, closed).startswith("Without a result: 2 removals.")


def test_removals_of_what_nobody_answered_hinder_until_they_are_confirmed_and_opened(story):
    closed = closed_quietly(story, "propose_removal", silence_limit=0)
    tasks.sweep_signed_off()
    report(story, closed)
    item, opened = silence.proposed(closed).first(), RemediationTask.objects.count()
    approval = actions.approve(campaign_id=closed.pk, item_ids=[item.pk], reason=REASON, by=story.owner).approval
    assert refusal(story, closed) == "Waiting for a second person: 1 approval of removals of what nobody answered."
    actions.confirm(approval_id=approval.pk, by=story.admin)
    assert refusal(story, closed).startswith("Not opened yet: 1 removal.")
    tasks.sweep_signed_off()
    report(story, closed)
    with clock.freeze(RemediationTask.objects.earliest("due_at").due_at - timedelta(hours=1)):
        seal = sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    assert seal.counts["removals"] == opened + 1


def test_a_finding_hinders_until_it_is_judged(story, closed):
    judge(story, closed, count=2)
    assert "Not judged yet: 1 finding about" in refusal(story, closed)
    judge(story, closed, "re_ask")
    seal = sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    assert (seal.counts["findings"], seal.counts["accepted"], seal.counts["re_ask"]) == (3, 2, 1)


def test_the_seal_is_recorded_with_what_it_stood_at(story, closed):
    judge(story, closed)
    seal = sealing.seal(campaign_id=closed.pk, statement=f" {STATEMENT} ", by=story.owner)
    entry = Entry.objects.get(kind="campaign:sealed")
    assert (entry.uid, entry.subject) == (seal.entry_uid, f"campaigns.campaign:{closed.pk}")
    data = entry.payload_json["data"]
    assert (data["statement"], data["close_entry"]) == (STATEMENT, str(closed.close_entry_uid))
    assert data["counts"] == {
        "items": 7, "approved": 0, "revoked": 2, "reduced": 0, "not_reviewed": 5, "removals": 2, "verified_gone": 0,
        "excepted": 0, "closed_on_proof": 0, "kept_after_objection": 0, "withdrawn": 0, "without_result": 0,
        "in_progress": 2, "overdue": 0, "unopened": 0, "findings": 3, "accepted": 3,
        "re_ask": 0, "unjudged": 0, "unconfirmed": 0, "held": 0,
    }  # fmt: skip


@pytest.mark.parametrize("statement", ["", "  done   ", "x" * 9])
def test_a_statement_has_to_say_something(story, closed, statement):
    judge(story, closed)
    with pytest.raises(InvalidInput) as refused:
        sealing.seal(campaign_id=closed.pk, statement=statement, by=story.owner)
    assert refused.value.field == "statement"


def test_only_a_control_owner_seals_and_only_once(story, closed):
    judge(story, closed)
    for person in (story.admin, story.auditor, story.system_owner):
        with pytest.raises(NotAllowed):
            sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=person)
    sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    with pytest.raises(InvalidInput, match="has sealed it already"):
        sealing.seal(campaign_id=closed.pk, statement="Something else entirely", by=story.owner)
    assert Seal.objects.get().statement == STATEMENT


@pytest.mark.parametrize("statement", ["DELETE FROM evidence_seal", "UPDATE evidence_seal SET statement = 'x'"])
def test_the_database_keeps_a_seal(story, closed, statement):
    judge(story, closed)
    sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_pack_with_findings_and_a_seal_holds(story, closed, key_file, tmp_path):
    judge(story, closed, count=1)
    judge(story, closed, "re_ask")
    sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    today = closed.closed_at.date()
    period = periods.create(details=details(story, from_on=today, to_on=today, open_until=today), by=story.owner)
    build(period, sequencing.sequence(by=SYSTEM), tmp_path / "pack.zip")
    assert verify(tmp_path / "pack.zip").status == 0
    assert [campaign.sealed_at for campaign in queries.campaigns_of(period)[0]] == [Seal.objects.get().at]
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        everything = b"".join(pack.read(name) for name in pack.namelist()).decode(errors="replace")
    for kind in ("finding:made", "finding:dispositioned", "campaign:sealed"):
        assert kind in everything


class TestPages:
    """The page of the seal, and where it is seen."""

    def test_the_page_says_what_hinders_with_links_then_seals_and_shows_it(self, story, closed, client):
        client.force_login(story.owner)
        address = reverse("evidence:campaign-seal", args=[closed.pk])
        with clock.freeze(closed.closed_at + timedelta(days=8)):
            text = client.get(address).content.decode()
            assert f'href="/removals/?campaign={closed.pk}&amp;state=overdue"' in text
            assert f'href="/campaigns/{closed.pk}/quality/"' in text
            assert "Sign and seal" not in text
            assert client.post(address, {"statement": STATEMENT}).status_code == 422
        judge(story, closed)
        assert "Sign and seal" in client.get(address).content.decode()
        answer = client.post(address, {"statement": STATEMENT})
        assert (answer.status_code, answer["Location"]) == (302, address)
        assert STATEMENT in client.get(address).content.decode()
        day = f"{Seal.objects.get().at:%-d}"
        assert f"Sealed on {day}" in client.get(reverse("campaigns:campaign-detail", args=[closed.pk])).content.decode()
        assert f"Sealed {day}" in client.get(reverse("campaigns:campaign-list")).content.decode()
        client.force_login(story.admin)
        assert STATEMENT in client.get(address).content.decode()

    def test_the_list_takes_the_same_queries_for_one_and_three_seals(self, story, closed, client, django_assert_num_queries):
        client.force_login(story.owner)
        judge(story, closed)
        sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
        with django_assert_num_queries(5):
            client.get(reverse("campaigns:campaign-list"))
        for name in ("Q1", "Q2"):
            other = play(story, name)
            closing.close(campaign_id=other.pk, by=story.owner)
            removals.open_for_campaign(campaign_id=other.pk, by=SYSTEM)
            report(story, other)
            judge(story, other)
            sealing.seal(campaign_id=other.pk, statement=STATEMENT, by=story.owner)
        with django_assert_num_queries(5):
            client.get(reverse("campaigns:campaign-list"))


@pytest.mark.django_db(transaction=True)
def test_eight_who_seal_at_once_seal_once(transactional_db, tmp_path):
    story = tell(tmp_path)
    campaign = closing.close(campaign_id=play(story).pk, by=story.owner)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    report(story, campaign)
    judge(story, campaign)

    def seal(_) -> int:
        try:
            sealing.seal(campaign_id=campaign.pk, statement=STATEMENT, by=story.owner)
        except InvalidInput:
            return 0
        finally:
            connection.close()
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(seal, range(8))) == 1
    assert Seal.objects.count() == Entry.objects.filter(kind="campaign:sealed").count() == 1


def test_nothing_is_sealed_onto_a_log_that_does_not_hold(story, closed):
    judge(story, closed)
    sequencing.sequence(by=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE ledger_entry SET actor_name = 'x' WHERE kind = 'campaign:closed'")
        cursor.execute("SET session_replication_role = origin")
    assert verifying.verify_slice(by=SYSTEM)
    with pytest.raises(InvalidInput, match="Something in the ledger does not fit"):
        sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE ledger_entry SET actor_name = '' WHERE kind = 'campaign:closed'")
        cursor.execute("SET session_replication_role = origin")
    assert verifying.verify_slice(by=SYSTEM)
    assert sealing.seal(campaign_id=closed.pk, statement=STATEMENT, by=story.owner)
