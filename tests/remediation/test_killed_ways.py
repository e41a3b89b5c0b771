"""A worker that is killed between an effect in another system and its record: a true state, and no effect twice."""

from contextlib import contextmanager

import pytest

from remediation.models import Channel, DeliveryTry, Ticket
from remediation.outgoing import posting
from tests.conftest import eventually
from tests.killing import run
from tests.remediation import slapd
from tests.remediation.desk import SECRET, desk
from tests.remediation.scim_server import TOKEN, scim
from tests.remediation.ways import MINUTE, earnest, last, last_try, send, state, sweep

pytestmark = pytest.mark.django_db(transaction=True)
PROGRAM = "from remediation import tasks; tasks.send_webhooks()"


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    """The loopback address is a network of our own, here and in the worker."""
    for name, value in {"CERTIFY_WEBHOOK_NETWORKS": "127.0.0.0/8", "CERTIFY_LDAP_PLAIN": "true"}.items():
        monkeypatch.setenv(name, value)
    settings.CERTIFY_WEBHOOK_NETWORKS, settings.CERTIFY_LDAP_PLAIN = ["127.0.0.0/8"], True
    monkeypatch.setattr(posting, "PATIENCE", 1)


@contextmanager
def a_ticket_system(story, folder):
    with desk("servicenow") as system:
        earnest(story, "servicenow", system.url, SECRET)
        system.late = 30
        yield lambda: system.tickets, lambda: setattr(system, "late", 0)
        assert (len(system.tickets), system.count("POST")) == (1, 1)
        assert Ticket.objects.get().name == system.tickets[0].name


@contextmanager
def a_deletion(story, folder):
    with scim() as server:
        user = server.user("chloe")
        earnest(story, "scim", server.url, TOKEN, account_rights="read", account_end="delete")
        server.late = 30
        yield lambda: not server.has(f"/Users/{user}"), lambda: setattr(server, "late", 0)
        assert server.changes() == ["DELETE"]


@contextmanager
def a_directory(story, folder):
    where = {"bind_dn": slapd.BIND, "user_base": slapd.USERS, "group_base": slapd.GROUPS, "start_tls": "no"}
    with slapd.running(folder) as server, slapd.deaf(server.port) as port:
        server.set_group("read", "member", [slapd.CHLOE, slapd.ANA])
        earnest(story, "ldap", f"ldap://127.0.0.1:{port}", slapd.PASSWORD, **where)
        yield lambda: server.members("read") == {slapd.ANA}, lambda: Channel.objects.update(url=server.plain)
        assert server.members("read") == {slapd.ANA}


@pytest.mark.parametrize("way", [a_ticket_system, a_deletion, a_directory], ids=lambda way: way.__name__)
def test_a_worker_killed_after_the_effect_leaves_unknown_and_the_next_one_finds_it_done(story, opened, way, tmp_path):
    folder = tmp_path / "slapd"
    folder.mkdir()
    with way(story, folder) as (has_effect, hear_again):
        send(story, "chloe")
        worker = run(PROGRAM)
        eventually(has_effect)
        worker.kill()
        worker.wait()
        worker.stdout.close()
        assert (last().state, state(opened["chloe"]), DeliveryTry.objects.count()) == ("queued", "open", 0)
        assert sweep() == 0, "it may still be at work"
        hear_again()
        assert sweep(6 * MINUTE) == 1
    assert list(DeliveryTry.objects.order_by("number").values_list("number", "effect")) == [(1, "unknown"), (2, "already")]
    assert (last().state, last_try().outcome) == ("delivered", "delivered")
    assert state(opened["chloe"]) == ("sent" if last().kind == "servicenow" else "claimed_done")
