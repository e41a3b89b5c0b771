"""Tickets in systems of others: opened once whatever happens, followed until they are closed, and never believed more than a person."""

import json
import time

import pytest

from certify.lib import clock
from certify.lib.errors import InvalidInput
from ledger.models import Entry
from remediation import tasks
from remediation.actions import attempts, channels
from remediation.models import Attempt, Channel, DeliveryTry, RemediationTask, Ticket
from remediation.outgoing import posting
from tests.remediation.desk import SECRET, desk
from tests.remediation.ways import MINUTE, configured, earnest, follow, last, last_try, send, state, sweep

pytestmark = pytest.mark.django_db
USER = "certify@corp.example"
#: Kind → its settings, a status that means done, one that means cancelled, and what it is when it is open: (status, reason).
KINDS = {
    "jira": ({"project": "OPS", "user": USER}, ("Done", "Done"), ("Done", "Won't Do"), ("In Progress", None)),
    "servicenow": ({"user": USER}, ("7", None), ("8", None), ("2", None)),
    "github": ({"repository": "corp/access"}, ("closed", "completed"), ("closed", "not_planned"), ("open", None)),
    "template": ({"link_pointer": "/url"}, ("resolved", None), ("rejected", None), ("waiting", None)),
}


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    """The loopback address is a network of our own here, and nobody is waited for long."""
    settings.CERTIFY_WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(posting, "PATIENCE", 0.5)


@pytest.fixture(params=KINDS)
def system(request):
    """Each of the ticket systems."""
    with desk(request.param) as running:
        yield running


def ready(story, system, **more) -> None:
    earnest(story, system.kind, system.url, SECRET, **(KINDS[system.kind][0] | more))


def test_a_ticket_is_opened_with_our_key_and_the_way_back(story, opened, system):
    ready(story, system)
    send(story, "chloe")
    assert sweep() == 1
    assert (last().state, last_try().effect, state(opened["chloe"])) == ("delivered", "taken", "sent")
    (ticket,), known = system.tickets, Ticket.objects.get()
    said = json.dumps(ticket.body, ensure_ascii=False)
    assert f"certify-{last().key}" in said
    assert f"http://testserver/removals/{opened['chloe'].pk}/" in said
    assert (known.ident, known.name) in {
        (ticket.number, ticket.name),
        (ticket.name, ticket.name),
        (ticket.number, ticket.number),
    }
    assert ticket.number in known.url
    assert known.url.startswith("http")


def test_a_ticket_closed_by_hand_is_a_claim_and_data_decides(story, opened, system):
    ready(story, system)
    send(story, "chloe")
    sweep()
    system.close(*KINDS[system.kind][3])
    assert follow() == 1
    assert state(opened["chloe"]) == "sent"
    system.close(*KINDS[system.kind][1])
    assert follow(11 * MINUTE) == 1
    assert state(opened["chloe"]) == "claimed_done"
    claim = Attempt.objects.get()
    assert (claim.by, claim.proof_link) == (None, Ticket.objects.get().url)
    with clock.freeze(clock.now() + 20 * MINUTE):
        story.load()
        tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == "still_there"
    assert follow(600 * MINUTE) == 1
    assert state(opened["chloe"]) == "still_there", "the same word twice is no news"


def test_a_cancelled_ticket_gives_the_removal_back(story, opened, system):
    ready(story, system)
    send(story, "chloe")
    sweep()
    system.close(*KINDS[system.kind][2])
    follow()
    assert (state(opened["chloe"]), Ticket.objects.get().state) == ("open", "cancelled")
    assert Entry.objects.filter(kind="removal:handed-back").count() == 1
    assert follow(600 * MINUTE) == 0
    send(story, "chloe")
    sweep()
    assert len(system.tickets) == 2, "a new message is a new ticket"


def test_a_ticket_that_is_opened_again_or_gone_gives_it_back(story, opened, system):
    ready(story, system)
    send(story, "chloe")
    sweep()
    system.close(*KINDS[system.kind][1])
    follow()
    system.close(*KINDS[system.kind][3])
    follow(400 * MINUTE)
    assert (state(opened["chloe"]), Ticket.objects.get().state) == ("open", "open")
    system.close(*KINDS[system.kind][1])
    follow(800 * MINUTE)
    assert state(opened["chloe"]) == "claimed_done"
    system.tickets.clear()
    follow(1600 * MINUTE)
    assert (state(opened["chloe"]), Ticket.objects.get().state) == ("open", "missing")


def test_what_a_person_reported_is_not_taken_back_by_a_ticket(story, opened, system):
    ready(story, system)
    send(story, "chloe")
    sweep()
    attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act("Taken out of the group"), by=story.system_owner)
    system.close(*KINDS[system.kind][2])
    follow()
    assert state(opened["chloe"]) == "claimed_done"


def test_an_answer_that_comes_too_late_opens_no_second_ticket(story, opened, system):
    ready(story, system)
    system.late = 1
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect, state(opened["chloe"])) == ("queued", "unknown", "open")
    system.late = 0
    sweep(20 * MINUTE)
    assert (last().state, last_try().effect, state(opened["chloe"])) == ("delivered", "already", "sent")
    assert (len(system.tickets), system.count("POST")) == (1, 1)
    assert Ticket.objects.get().url.endswith(system.tickets[0].number) or system.tickets[0].number in Ticket.objects.get().url


def test_a_failure_of_the_server_may_have_had_an_effect(story, opened, system):
    ready(story, system)
    system.instead = [(502, {})]
    send(story, "chloe")
    sweep()
    assert last_try().effect == "unknown"
    sweep(20 * MINUTE)
    assert (len(system.tickets), last().state) == (1, "delivered")


@pytest.mark.parametrize("status", [429, 403])
def test_a_busy_system_is_left_alone_for_as_long_as_it_says(story, opened, system, status):
    ready(story, system)
    system.instead = [(status, {"Retry-After": "1800"})]
    send(story)
    sweep()
    assert (sweep(20 * MINUTE), system.tickets) == (0, [])
    assert sweep(50 * MINUTE) == 2
    assert len(system.tickets) == 2


@pytest.mark.parametrize("status", [429, 403])
def test_a_limit_that_is_used_up_is_waited_for(story, opened, system, status):
    ready(story, system)
    used_up = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1800)}
    system.instead = [(status, used_up)]
    send(story)
    sweep()
    assert (sweep(20 * MINUTE), system.tickets) == (0, [])
    assert sweep(50 * MINUTE) == 2
    assert len(system.tickets) == 2


def test_a_limit_that_is_not_used_up_is_no_reason_to_wait(story, opened, system):
    ready(story, system)
    system.instead = [(403, {"X-RateLimit-Remaining": "17", "X-RateLimit-Reset": str(int(time.time()) + 1800)})]
    send(story, "chloe")
    sweep()
    assert last().state == "dead"


def test_a_wrong_secret_is_given_up(story, opened, system):
    earnest(story, system.kind, system.url, "wrong-one", **KINDS[system.kind][0])
    send(story, "chloe")
    sweep()
    assert (last().state, system.tickets) == ("dead", [])
    assert "refused" in last().note
    kept = str(list(DeliveryTry.objects.values())) + "".join(entry.payload for entry in Entry.objects.all())
    assert "wrong-one" not in kept


def test_the_switch_stops_the_looking_too(story, opened, system):
    ready(story, system)
    send(story, "chloe")
    sweep()
    channels.switch(source_id=story.source.pk, is_on=False, by=story.owner)
    assert follow() == 0
    channels.switch(source_id=story.source.pk, is_on=True, by=story.owner)
    assert follow() == 1


def test_a_look_that_fails_changes_nothing(story, opened, system):
    ready(story, system)
    send(story, "chloe")
    sweep()
    Channel.objects.update(url="http://127.0.0.1:1")
    follow()
    known = Ticket.objects.get()
    assert (known.state, state(opened["chloe"])) == ("open", "sent")
    assert "No answer" in known.error
    assert known.next_at > known.opened_at


def test_a_dry_run_shows_the_ticket_and_asks_nobody(story, opened, system):
    configured(story, system.kind, system.url, SECRET, **KINDS[system.kind][0])
    channels.switch(source_id=story.source.pk, is_on=True, by=story.owner)
    asked = send(story, "chloe")
    assert (sweep(), system.asked) == (0, [])
    plan = json.loads(asked.deliveries.get().body)
    assert "Remove Read customers from chloe" in json.dumps(plan["ticket"])
    assert plan["key"] in json.dumps(plan["ticket"])


@pytest.mark.parametrize(
    ("kind", "setting", "status"),
    [
        ("jira", {"transition": "done"}, "Done"),
        ("servicenow", {"close_state": "7", "close_code": "Solution provided"}, "7"),
        ("github", {"close": "yes"}, "closed"),
    ],
)
def test_a_ticket_is_closed_once_the_removal_is_proved_where_that_is_set(story, opened, kind, setting, status):
    with desk(kind) as system:
        ready(story, system, **setting)
        send(story)
        sweep()
        story.load_without(("chloe", "read"))
        tasks.verify_new_snapshots()
        follow()
        follow(60 * MINUTE)
    by_account = {task.item.account_key: task for task in RemediationTask.objects.select_related("item")}
    assert (state(by_account["chloe"]), state(by_account["david"])) == ("verified_gone", "still_there")
    found = {one.name: one.status for one in system.tickets}
    ours = {one.delivery.task_id: one.name for one in Ticket.objects.all()}
    assert found[ours[by_account["chloe"].pk]] == status
    assert found[ours[by_account["david"].pk]] != status
    assert Attempt.objects.count() == 0


def test_jira_that_no_longer_knows_us_is_not_believed(story, opened):
    with desk("jira") as system:
        ready(story, system)
        send(story, "chloe")
        sweep()
        system.is_expired = True
        follow()
        assert (state(opened["chloe"]), Ticket.objects.get().state) == ("sent", "open")
        assert "refused" in Ticket.objects.get().error
        send(story, "david")
        sweep()
    assert (last().state, system.count("POST")) == ("dead", 1), "an empty list for a stranger is no reason to open a ticket"


def test_github_is_waited_for_when_only_its_words_say_so(story, opened):
    with desk("github") as system:
        ready(story, system)
        system.instead = [tuple(system.recorded["hurried"][name] for name in ("status", "headers", "body"))]
        send(story, "chloe")
        sweep()
        assert last().state == "queued"
        sweep(20 * MINUTE)
    assert (last().state, len(system.tickets)) == ("delivered", 1)


def test_jira_data_center_is_asked_in_version_2(story, opened):
    with desk("jira", api="2") as system:
        ready(story, system, api="2")
        send(story, "chloe")
        sweep()
        follow()
    assert [path.partition("?")[0] for _, path, _ in system.asked] == [
        "/rest/api/2/search", "/rest/api/2/issue", "/rest/api/2/issue/OPS-1",
    ]  # fmt: skip


def test_github_looks_through_all_pages_and_gives_up_beyond(story, opened):
    with desk("github") as system:
        for _ in range(250):
            system.open({"title": "Another one", "body": "of somebody else"}, "#{}", "open")
        ready(story, system)
        send(story, "chloe")
        sweep()
        assert (system.count("GET"), len(system.tickets)) == (3, 251)
        for _ in range(1_000):
            system.open({"title": "Another one", "body": "of somebody else"}, "#{}", "open")
        send(story, "david")
        sweep()
    assert (last().state, len(system.tickets)) == ("dead", 1_251)
    assert "cannot be told" in last().note


@pytest.mark.parametrize(
    ("kind", "setting", "field"),
    [
        ("template", {"body": '{"x": "{summary}"}'}, "body"),
        ("template", {"body": '{"x": "{key} {secret}"}'}, "body"),
        ("template", {"body": "{key}"}, "body"),
        ("template", {"search_path": "https://elsewhere.example/{key}"}, "search_path"),
        ("template", {"ticket_path": "/tickets"}, "ticket_path"),
        ("template", {"id_pointer": "id"}, "id_pointer"),
        ("template", {"done": "closed", "cancelled": "Closed"}, "cancelled"),
        ("servicenow", {"table": "incident/../sys_user"}, "table"),
        ("github", {"repository": "corp/access/../../x"}, "repository"),
        ("jira", {"project": " "}, "project"),
        ("jira", {"project": "OPS", "api": "4"}, "api"),
    ],
)
def test_settings_that_make_no_sense_name_their_field(story, kind, setting, field):
    with pytest.raises(InvalidInput) as refusal:
        configured(story, kind, "https://desk.example", SECRET, **setting)
    assert refusal.value.field == field
