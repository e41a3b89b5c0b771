"""Removals sent to real servers on the loopback address: what comes back, what does not, and what each of it leads to."""

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.models import Entry
from people.actions import users
from remediation import rules, tasks
from remediation.actions import attempts, channels, delivering, sending
from remediation.connectors import webhook
from remediation.models import Channel, Delivery, DeliveryTry, RemediationTask, Sending
from remediation.outgoing import posting, signing
from remediation.states import DELIVERY_TRANSITIONS, DeliveryState
from tests.remediation.receiver import Say, is_signed, receiving

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    """The loopback address is a network of our own here, and nobody is waited for long."""
    settings.CERTIFY_WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(posting, "PATIENCE", 0.4)
    monkeypatch.setattr(posting, "DEADLINE", 1.0)


def earnest(story, url: str, most: int = 20, percent: int = 100) -> Channel:
    """A channel that has been tried and sends in earnest."""
    channels.configure(source_id=story.source.pk, url=url, most=most, percent=percent, by=story.admin)
    dry = send(story)
    assert dry.is_dry
    channels.set_dry(source_id=story.source.pk, is_dry=False, by=story.admin)
    return channels.switch(source_id=story.source.pk, is_on=True, by=story.owner)


def send(story, *accounts: str, by=None) -> Sending:
    found = RemediationTask.objects.filter(item__entitlement_key="read")
    ids = found.filter(item__account_key__in=accounts) if accounts else found
    return sending.send(source_id=story.source.pk, task_ids=list(ids.values_list("pk", flat=True)), by=by or story.system_owner)


def state(task) -> str:
    return RemediationTask.objects.get(pk=task.pk).state


def sweep(after: timedelta = timedelta()) -> int:
    with clock.freeze(clock.now() + after):
        return tasks.send_webhooks()


def last_delivery() -> Delivery:
    return Delivery.objects.exclude(state="dry").latest("pk")


def test_a_delivered_message_is_signed_and_proves_nothing(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        assert sweep() == 1
        assert sweep() == 0
    (headers, body), secret = receiver.got[0], channels.show_secret(source_id=story.source.pk, by=story.admin)
    assert is_signed(secret, headers, body)
    assert not is_signed(secret, headers, body.replace(b"chloe", b"david"))
    assert not is_signed(signing.new_secret(), headers, body)
    said = json.loads(body)
    assert (said["type"], said["data"]["account_id"], said["data"]["entitlement_id"]) == (webhook.TYPE, "chloe", "read")
    assert headers["idempotency-key"] == headers["webhook-id"] == said["id"]
    assert state(opened["chloe"]) == "sent"
    story.load()
    tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == "still_there"
    entry = Entry.objects.get(kind="removal:delivered").payload_json["data"]
    assert (entry["status"], entry["try"], entry["outcome"]) == (200, 1, "delivered")


def test_busy_servers_are_asked_again_later_with_the_same_message(story, opened):
    says = Say(500), Say(503), Say(429, {"Retry-After": "3600"}), Say(200)
    with receiving(*says) as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        assert [sweep(), sweep()] == [1, 0]
        assert sweep(2 * MINUTE) == 1
        assert sweep(5 * MINUTE) == 1
        assert sweep(50 * MINUTE) == 0, "it asked for an hour"
        assert sweep(70 * MINUTE) == 1
    assert len(set(receiver.ids())) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert len({headers["webhook-signature"] for headers, _ in receiver.got}) > 1
    tries = DeliveryTry.objects.order_by("number")
    assert list(tries.values_list("number", "status", "outcome")) == [
        (1, 500, "queued"), (2, 503, "queued"), (3, 429, "queued"), (4, 200, "delivered"),
    ]  # fmt: skip
    assert state(opened["chloe"]) == "sent"


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (Say(after=1.5), "No answer within"),
        (Say(hang_up=True), "No answer"),
    ],
    ids=["late", "hangs up"],
)
def test_whoever_does_not_answer_is_asked_again_and_may_have_had_it(story, opened, say, words):
    with receiving(say, Say()) as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        sweep()
        first = DeliveryTry.objects.get()
        assert (first.status, first.outcome) == (None, "queued")
        assert words in first.error
        assert state(opened["chloe"]) == "open"
        sweep(2 * MINUTE)
    assert len(receiver.got) == 2
    assert len(set(receiver.ids())) == 1
    assert last_delivery().state == "delivered"


def test_an_answer_that_trickles_for_ever_holds_nobody_up(story, opened):
    with receiving(Say(200, {"Content-Length": "100000"}, trickle=True)) as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        sweep()
    found = DeliveryTry.objects.get()
    assert (found.status, found.outcome) == (200, "delivered")
    assert found.took_ms < 10_000


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
def test_what_another_try_will_not_change_is_given_up_and_can_be_sent_again(story, opened, status):
    with receiving(Say(status, {"Location": "http://127.0.0.1:1/"}), Say(200)) as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        assert [sweep(), sweep(60 * MINUTE)] == [1, 0]
        dead = last_delivery()
        assert (dead.state, state(opened["chloe"])) == ("dead", "open")
        with pytest.raises(NotAllowed):
            delivering.resend(delivery_ids=[dead.pk], by=story.auditor)
        assert delivering.resend(delivery_ids=[dead.pk], by=story.system_owner) == 1
        sweep()
    assert len(set(receiver.ids())) == 1
    assert (last_delivery().state, state(opened["chloe"])) == ("delivered", "sent")


def test_a_server_that_is_gone_is_tried_eight_times(story, opened):
    with receiving() as receiver:
        url = receiver.url
    earnest(story, url)
    send(story, "chloe")
    tried, after = 0, timedelta()
    while tried < 20 and last_delivery().state == "queued":
        after += timedelta(hours=10)
        tried += sweep(after)
    assert (tried, last_delivery().state) == (rules.MOST_TRIES, "dead")
    assert DeliveryTry.objects.count() == rules.MOST_TRIES


def test_a_worker_that_dies_in_the_middle_leaves_a_lost_try_and_the_message_goes_on(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        lost = delivering.claim(by=story.owner)
        assert sweep() == 0, "another worker has it"
        assert sweep(5 * MINUTE) == 1
        stale = delivering.record(claimed=lost, answer=posting.Answer(500), by=story.owner)
    assert stale.state == "delivered"
    assert list(DeliveryTry.objects.order_by("number").values_list("number", "error", "status")) == [
        (1, delivering.LOST, None),
        (2, "", 200),
    ]
    assert receiver.ids() == [str(last_delivery().key)]


def test_what_is_not_to_be_removed_any_more_is_not_sent(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act("Taken out of the group"), by=story.system_owner)
        assert sweep() == 0
    assert (receiver.got, last_delivery().state) == ([], "cancelled")


def test_the_switch_stops_everything_and_nothing_is_lost(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url)
        send(story)
        for by in (story.system_owner, story.auditor):
            with pytest.raises(NotAllowed):
                channels.switch(source_id=story.source.pk, is_on=False, by=by)
        channels.switch(source_id=story.source.pk, is_on=False, by=story.owner)
        assert sweep() == 0
        assert receiver.got == []
        channels.switch(source_id=story.source.pk, is_on=True, by=story.owner)
        assert sweep() == 2


def test_a_dry_run_comes_first_and_sends_nothing(story, opened):
    with receiving() as receiver:
        channels.configure(source_id=story.source.pk, url=receiver.url, most=20, percent=100, by=story.admin)
        with pytest.raises(InvalidInput, match="dry run"):
            channels.set_dry(source_id=story.source.pk, is_dry=False, by=story.admin)
        channels.switch(source_id=story.source.pk, is_on=True, by=story.owner)
        dry = send(story)
        assert sweep() == 0
        assert (receiver.got, dry.deliveries.count()) == ([], 2)
        assert "chloe" in " ".join(dry.deliveries.values_list("body", flat=True))
        assert state(opened["chloe"]) == "open"
        channels.set_dry(source_id=story.source.pk, is_dry=False, by=story.admin)
        other = channels.configure(source_id=story.source.pk, url=receiver.url + "2", most=20, percent=100, by=story.admin)
    assert (other.is_on, other.is_dry, other.dried_at) == (False, True, None)


@pytest.mark.parametrize(("most", "percent"), [(1, 100), (20, 1)])
def test_much_at_once_waits_for_a_second_person(story, opened, most, percent):
    second = users.create(username="second", name="Second", email="second@x.example", roles=["control_owner"], by=story.admin)
    with receiving() as receiver:
        earnest(story, receiver.url, most, percent)
        asked = send(story, by=story.owner)
        assert (asked.needs_second, sweep()) == (True, 0)
        for by in (story.owner, story.admin, story.system_owner):
            with pytest.raises(NotAllowed):
                sending.decide(sending_id=asked.pk, is_confirmed=True, by=by)
        with pytest.raises(InvalidInput, match="on their way"):
            send(story, by=story.owner)
        sending.decide(sending_id=asked.pk, is_confirmed=True, by=second)
        assert sweep() == 2
        with pytest.raises(InvalidInput, match="Nothing waits"):
            sending.decide(sending_id=asked.pk, is_confirmed=False, by=second)


def test_a_stopped_sending_sends_nothing(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url, 1)
        asked = send(story, by=story.owner)
        sending.decide(sending_id=asked.pk, is_confirmed=False, by=story.owner)
        assert sweep() == 0
    assert set(asked.deliveries.values_list("state", flat=True)) == {"cancelled"}


def test_the_last_administrator_is_never_sent(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url)
        with pytest.raises(InvalidInput, match="Nobody would hold Administrator"):
            sending.send(source_id=story.source.pk, task_ids=[opened["bruno"].pk], by=story.system_owner)
        both = sending.send(source_id=story.source.pk, task_ids=[opened["bruno"].pk, opened["chloe"].pk], by=story.system_owner)
    assert (both.count, both.limits["last_holders"]) == (1, ["Administrator"])


def test_secrets_rotate_with_a_day_of_both_and_are_not_stored_in_the_clear(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url)
        old = channels.show_secret(source_id=story.source.pk, by=story.admin)
        channels.rotate(source_id=story.source.pk, by=story.admin)
        new = channels.show_secret(source_id=story.source.pk, by=story.admin)
        send(story, "chloe")
        sweep()
        assert is_signed(old, *receiver.got[0])
        assert is_signed(new, *receiver.got[0])
        send(story, "david")
        sweep(timedelta(days=2))
        assert not is_signed(old, *receiver.got[1])
        assert is_signed(new, *receiver.got[1])
    channel = Channel.objects.get()
    assert old not in channel.former_secret + channel.secret
    assert not any(word in entry.payload for entry in Entry.objects.all() for word in (old, new))
    with pytest.raises(NotAllowed):
        channels.show_secret(source_id=story.source.pk, by=story.owner)


def test_a_private_network_is_refused_when_the_message_goes_out(story, opened, settings):
    with receiving() as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        settings.CERTIFY_WEBHOOK_NETWORKS = []
        sweep()
    assert receiver.got == []
    assert last_delivery().state == "dead"
    assert "may not reach" in DeliveryTry.objects.get().error


def test_tries_and_messages_are_kept(story, opened):
    with receiving() as receiver:
        earnest(story, receiver.url)
        send(story, "chloe")
        sweep()
    for statement in (
        "DELETE FROM remediation_deliverytry",
        "UPDATE remediation_deliverytry SET status = 200",
        "DELETE FROM remediation_delivery",
        "UPDATE remediation_delivery SET body = '{}'",
        "DELETE FROM remediation_sending",
    ):
        with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_every_outcome_is_a_step_that_the_table_has():
    for status in (None, 200, 204, 301, 400, 408, 410, 425, 429, 500, 503):
        for tries in (1, rules.MOST_TRIES):
            assert rules.after_answer(status, tries, is_refused=False) in DELIVERY_TRANSITIONS[DeliveryState.QUEUED]
    assert rules.after_answer(None, 1, is_refused=True) == DeliveryState.DEAD


def test_the_pages_lead_from_the_address_to_the_answer(story, opened, client):
    with receiving(Say(404)) as receiver:
        client.force_login(story.admin)
        here = f"/removals/programs/{story.source.pk}/"
        assert (
            client.post(
                f"{here}configure/", {"kind": "webhook", "url": "http://user:x@127.0.0.1/", "most": 20, "percent": 100}
            ).status_code
            == 422
        )
        client.post(f"{here}configure/", {"kind": "webhook", "url": receiver.url, "most": 20, "percent": 100})
        assert "whsec_" in client.post(f"{here}secret/").text
        client.post(f"{here}act/", {"act": "on"})
        assert "Do a dry run" in client.post(f"{here}act/", {"act": "earnest"}, follow=True).text
        client.force_login(story.system_owner)
        ids = {"task": [opened["chloe"].pk]}
        assert "dry run, nothing was sent" in client.get(client.post("/removals/send/", ids).url).text
        client.force_login(story.admin)
        client.post(f"{here}act/", {"act": "earnest"})
        client.force_login(story.system_owner)
        page = client.get(client.post("/removals/send/", ids).url).text
        assert "1 removal to Customer records" in page
        sweep()
    client.force_login(story.owner)
    assert "Given up" in client.get(here).text
    assert "404" in client.get(f"/removals/{opened['chloe'].pk}/").text
    client.post("/removals/resend/", {"delivery": [last_delivery().pk]})
    assert last_delivery().state == "queued"
    assert receiver.url[:60] in client.get("/removals/programs/").text
