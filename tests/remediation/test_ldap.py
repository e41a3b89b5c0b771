"""Removals from the groups of a directory, against OpenLDAP's own server: TLS, names that need care, limits, and lost answers."""

import socket
from threading import Thread

import pytest

from certify.lib.errors import InvalidInput
from ledger.models import Entry
from remediation import tasks
from remediation.models import Channel, DeliveryTry
from remediation.outgoing import posting
from tests.remediation import slapd
from tests.remediation.slapd import ANA, BIND, CHLOE, DAVID, GROUPS, PASSWORD, SMALL, USERS
from tests.remediation.ways import MINUTE, configured, earnest, last, last_try, send, state, sweep

pytestmark = pytest.mark.django_db
WHERE = {"bind_dn": BIND, "user_base": USERS, "group_base": GROUPS}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with slapd.running(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch, server):
    """The loopback address is a network of our own, plain LDAP is allowed, and the server's certificate is trusted."""
    settings.CERTIFY_WEBHOOK_NETWORKS, settings.CERTIFY_LDAP_PLAIN = ["127.0.0.0/8"], True
    monkeypatch.setattr(posting, "PATIENCE", 1)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    server.set_group("read", "member", [CHLOE, DAVID, ANA])


@pytest.mark.parametrize("way", ["ldaps", "starttls", "plain"])
def test_a_member_leaves_and_only_later_data_proves_it(story, opened, server, way):
    url = server.tls if way == "ldaps" else server.plain
    earnest(story, "ldap", url, PASSWORD, **WHERE, start_tls="no" if way == "plain" else "yes")
    send(story, "chloe")
    assert sweep() == 1
    assert (last().note, last().state, last_try().effect) == ("Done, as the system says", "delivered", "done")
    assert server.members("read") == {DAVID, ANA}
    assert state(opened["chloe"]) == "claimed_done"
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == "verified_gone"


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_a_certificate_that_is_not_trusted_is_no_way_in(story, opened, server, monkeypatch, way):
    monkeypatch.delenv("SSL_CERT_FILE")
    earnest(story, "ldap", server.tls if way == "ldaps" else server.plain, PASSWORD, **WHERE)
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect) == ("queued", "none")
    assert "certificate" in last().note.lower()
    assert len(server.members("read")) == 3


def test_plain_ldap_needs_a_setting_when_it_is_set_up_and_when_it_goes_out(story, opened, server, settings):
    earnest(story, "ldap", server.plain, PASSWORD, **WHERE, start_tls="no")
    send(story, "chloe")
    settings.CERTIFY_LDAP_PLAIN = False
    sweep()
    assert (last().state, last_try().effect) == ("dead", "none")
    assert "CERTIFY_LDAP_PLAIN" in last().note
    with pytest.raises(InvalidInput, match="in the clear"):
        configured(story, "ldap", server.plain, PASSWORD, **WHERE, start_tls="no")


def test_a_host_of_an_inner_network_is_refused_unless_it_is_named(story, opened, server, settings):
    earnest(story, "ldap", server.tls, PASSWORD, **WHERE)
    send(story, "chloe")
    settings.CERTIFY_WEBHOOK_NETWORKS = []
    sweep()
    assert last().state == "dead"
    assert "may not reach" in last().note
    assert len(server.members("read")) == 3


@pytest.mark.parametrize(
    ("attribute", "members", "left"),
    [("uniqueMember", [CHLOE, ANA], {ANA}), ("memberUid", ["chloe", "ana"], {"ana"})],
)
def test_other_attributes_of_members(story, opened, server, attribute, members, left):
    server.set_group("read", attribute, members)
    earnest(story, "ldap", server.tls, PASSWORD, **WHERE, member_attribute=attribute)
    send(story, "chloe")
    sweep()
    assert last_try().effect == "done"
    assert server.members("read", attribute) == left


def test_who_is_no_member_counts_as_done_without_effect(story, opened, server):
    server.set_group("read", "member", [DAVID, ANA])
    earnest(story, "ldap", server.tls, PASSWORD, **WHERE)
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect, last_try().status) == ("delivered", "already", 16)
    assert server.members("read") == {DAVID, ANA}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user_filter": "(uid=no-{account})"}, "no entry"),
        ({"group_filter": "(cn=no-{entitlement})"}, "no entry"),
        ({"user_filter": "(|(uid={account})(objectClass=inetOrgPerson))"}, "entries or more"),
        ({"bind_dn": SMALL, "user_filter": "(|(uid={account})(uid=ana))"}, "sizeLimitExceeded"),
        ({"user_base": "ou=nobody,dc=corp,dc=example"}, "noSuchObject"),
        ({"bind_dn": "cn=nobody,dc=corp,dc=example"}, "invalidCredentials"),
        ({"bind_dn": SMALL}, "insufficientAccessRights"),
    ],
)
def test_what_is_not_certain_is_not_done(story, opened, server, change, words):
    earnest(story, "ldap", server.tls, PASSWORD, **(WHERE | change))
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect) == ("dead", "none")
    assert words in last().note
    assert len(server.members("read")) == 3


def test_a_group_that_may_not_be_empty_keeps_its_last_member(story, opened, server):
    server.set_group("read", "member", [CHLOE])
    earnest(story, "ldap", server.tls, PASSWORD, **WHERE)
    send(story, "chloe")
    sweep()
    assert (last().state, server.members("read")) == ("dead", {CHLOE})
    assert "no member left" in last().note


def test_an_answer_that_gets_lost_is_unknown_and_the_next_try_finds_it_done(story, opened, server):
    with slapd.deaf(server.port) as port:
        earnest(story, "ldap", f"ldap://127.0.0.1:{port}", PASSWORD, **WHERE, start_tls="no")
        send(story, "chloe")
        sweep()
        assert (last().state, last_try().effect, state(opened["chloe"])) == ("queued", "unknown", "open")
        assert server.members("read") == {DAVID, ANA}
    Channel.objects.update(url=server.plain)
    sweep(5 * MINUTE)
    assert (last().state, last_try().effect) == ("delivered", "already")
    assert state(opened["chloe"]) == "claimed_done"


def test_a_directory_that_is_gone_is_tried_again(story, opened):
    earnest(story, "ldap", f"ldaps://127.0.0.1:{slapd.free_port()}", PASSWORD, **WHERE)
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect) == ("queued", "none")


def test_a_dry_run_names_the_entries_and_changes_nothing(story, opened, server):
    configured(story, "ldap", server.tls, PASSWORD, **WHERE)
    Channel.objects.update(is_on=True)
    send(story, "chloe")
    assert sweep() == 1
    assert f"delete member: {CHLOE}" in last_try().requests
    assert "not sent" in last_try().requests
    assert len(server.members("read")) == 3


def test_the_password_is_nowhere_to_be_read(story, opened, server):
    channel = earnest(story, "ldap", server.tls, PASSWORD, **WHERE)
    send(story, "chloe")
    sweep()
    kept = str(list(DeliveryTry.objects.values())) + "".join(entry.payload for entry in Entry.objects.all())
    assert PASSWORD not in kept + channel.secret + str(channel.settings)


@pytest.mark.parametrize("said", [
    b"0\x0c\x02\x01\x01a\x07\n\x01\x7f\x04\x00\x04\x00", b"0\x05\x02\x01\x01a\x00", b"0\x02\x02\x00", b"HTTP/1.1 200 OK\r\n\r\n",
    b"0\x84\xff\xff\xff\xff", b"0\x0c\x02\x01\x01\x15\x07\n\x01\x00\x04\x00\x04\x00",
])  # fmt: skip
def test_what_is_no_answer_of_a_directory_is_an_answer_all_the_same(story, opened, said):
    with socket.create_server(("127.0.0.1", 0)) as garbling:

        def garble():
            with garbling.accept()[0] as line:
                line.recv(65_536)
                line.sendall(said)

        thread = Thread(target=garble)
        thread.start()
        url = f"ldap://127.0.0.1:{garbling.getsockname()[1]}"
        earnest(story, "ldap", url, PASSWORD, **WHERE, start_tls="no")
        send(story, "chloe")
        assert sweep() == 1
        thread.join()
    assert (last().state, last_try().effect) == ("queued", "none")
