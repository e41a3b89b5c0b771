"""Removals through SCIM, against a real server: what really goes, what is only said to, and what is not touched."""

import pytest
from django.utils import translation

from certify.lib.errors import InvalidInput
from certify.lib.language import dated
from ledger.models import Entry
from remediation import queries, tasks
from remediation.actions import channels
from remediation.models import Attempt, Channel, DeliveryTry
from remediation.outgoing import posting
from tests.remediation.scim_server import TOKEN, scim
from tests.remediation.ways import MINUTE, configured, earnest, last, last_try, send, state, sweep

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch):
    """The loopback address is a network of our own here, and nobody is waited for long."""
    settings.CERTIFY_WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(posting, "PATIENCE", 0.5)


@pytest.fixture
def server():
    with scim() as running:
        yield running


@pytest.fixture
def people(server):
    """Users by account, and the group that the right to read stands for."""
    found = {name: server.user(name) for name in ("chloe", "david", "ana", "Chloe2")}
    found["group"] = server.group("read", found["chloe"], found["david"], found["ana"])
    return found


def test_one_member_leaves_and_only_later_data_proves_it(story, opened, server, people):
    earnest(story, "scim", server.url, TOKEN)
    send(story, "chloe")
    assert sweep() == 1
    assert server.members(people["group"]) == {people["david"], people["ana"]}
    assert (last().state, last_try().effect, last_try().status) == ("delivered", "done", 204)
    assert f'members[value eq \\"{people["chloe"]}\\"]' in last_try().requests
    assert state(opened["chloe"]) == "claimed_done"
    claim = Attempt.objects.get()
    assert (claim.by, claim.by_name, claim.proof_link) == (None, "Certify", "")
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == "verified_gone"
    opened["chloe"].refresh_from_db()
    exact = f"Customer records answered on {dated(last_try().began_at, 'j F Y, H:i:s')} UTC that it took it away."
    assert queries.removal_words(opened["chloe"]).endswith(exact)


@pytest.mark.parametrize("body", [b"", b'{"displayName": "read"}'])
def test_a_server_that_says_200_and_does_nothing_is_unmasked_by_the_next_reading(story, opened, server, people, body):
    earnest(story, "scim", server.url, TOKEN)
    server.instead = [(200, {}, body)]
    send(story, "chloe")
    sweep()
    assert (last_try().effect, state(opened["chloe"])) == ("done", "claimed_done")
    assert people["chloe"] in server.members(people["group"])
    story.load()
    tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == "still_there"


def test_an_answer_that_shows_the_member_still_there_is_believed(story, opened, server, people):
    earnest(story, "scim", server.url, TOKEN)
    server.instead = [(200, {}, b'{"members": [{"value": "%s"}]}' % people["chloe"].encode())]
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect, state(opened["chloe"])) == ("dead", "none", "open")
    assert "still in the group" in last().note


def test_who_is_no_member_counts_as_done_without_effect(story, opened, server, people):
    earnest(story, "scim", server.url, TOKEN)
    no_target = b'{"status": "400", "scimType": "noTarget", "schemas": []}'
    server.instead = [(400, {}, no_target)]
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect, state(opened["chloe"])) == ("delivered", "already", "claimed_done")


def test_the_list_of_values_is_sent_only_where_it_was_chosen(story, opened, server, people):
    earnest(story, "scim", server.url, TOKEN, member_removal="list")
    server.instead = [(204, {}, b"")]
    send(story, "chloe")
    sweep()
    assert '"path": "members", "value": [{"value": "' + people["chloe"] in last_try().requests
    server.instead = [(400, {}, b'{"scimType": "invalidPath"}')]
    earnest(story, "scim", server.url, TOKEN)
    send(story, "david")
    sweep(MINUTE)
    assert '"value": [' not in last_try().requests, "no server is asked to empty a group because it refused something else"
    assert last().state == "dead"


@pytest.mark.parametrize(
    ("end", "is_there", "active"), [("deactivate", True, False), ("delete", False, None)], ids=["deactivate", "delete"]
)
def test_a_right_that_is_the_account_itself_ends_the_account(story, opened, server, people, end, is_there, active):
    earnest(story, "scim", server.url, TOKEN, account_rights="login, READ", account_end=end)
    send(story, "chloe")
    sweep()
    where = f"/Users/{people['chloe']}"
    assert server.has(where) == is_there
    assert not is_there or server.call("GET", where)["active"] is active
    assert server.call("GET", f"/Users/{people['david']}")["active"] is True
    assert state(opened["chloe"]) == "claimed_done"


def test_an_account_that_is_not_active_is_left_as_it_is(story, opened, server, people):
    server.call(
        "PUT",
        f"/Users/{people['chloe']}",
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "chloe", "active": False},
    )
    earnest(story, "scim", server.url, TOKEN, account_rights="read")
    send(story, "chloe")
    sweep()
    assert (last_try().effect, server.changes()) == ("already", [])


@pytest.mark.parametrize("value", ["{account}2", "nobody-{account}", 'x" or userName eq "david{account}'])
def test_only_an_exact_match_is_meant(story, opened, server, people, value):
    """The server finds Chloe2 for chloe2; that is another name."""
    earnest(story, "scim", server.url, TOKEN, user_value=value)
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect, server.changes()) == ("dead", "none", [])
    assert "exactly" in last().note


def test_what_a_server_did_is_kept_in_english_and_told_in_german(story, opened, server, people):
    with translation.override("de"):
        earnest(story, "scim", server.url, TOKEN)
        send(story, "david")
        sweep()
        assert Attempt.objects.get().note == "SCIM 2.0 server: Done, as the system says."
        told = queries.trail(opened["david"])
    assert {one["title"] for one in told} >= {"Gesendet an 127.0.0.1"}
    assert any("Versuch 1: Antwort 204. Erledigt, wie das System sagt. Zugestellt." in one["text"] for one in told)


def test_a_server_that_ignores_filters_is_not_believed(story, opened, server, people):
    plain = server.app
    server.app = lambda environ, start: plain({**environ, "QUERY_STRING": ""}, start)
    earnest(story, "scim", server.url, TOKEN)
    send(story, "chloe")
    sweep()
    assert server.members(people["group"]) == {people["david"], people["ana"]}


def test_an_answer_after_our_time_is_unknown_and_a_second_try_changes_nothing_more(story, opened, server, people):
    server.late = 1
    earnest(story, "scim", server.url, TOKEN)
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect, last_try().status) == ("queued", "unknown", None)
    assert state(opened["chloe"]) == "open", "nobody knows yet"
    server.late = 0
    sweep(2 * MINUTE)
    assert last().state == "delivered"
    assert server.members(people["group"]) == {people["david"], people["ana"]}


def test_a_deletion_of_unknown_effect_is_found_done_by_the_next_try(story, opened, server, people):
    server.late = 1
    earnest(story, "scim", server.url, TOKEN, account_rights="read", account_end="delete")
    send(story, "chloe")
    sweep()
    server.late = 0
    sweep(2 * MINUTE)
    assert (last().state, last_try().effect, server.changes()) == ("delivered", "already", ["DELETE"])


def test_a_busy_server_is_left_alone_for_as_long_as_it_says(story, opened, server, people):
    earnest(story, "scim", server.url, TOKEN)
    server.instead = [(429, {"Retry-After": "1800"}, b"")]
    send(story, "chloe")
    sweep()
    assert (last().state, last_try().effect) == ("queued", "none")
    send(story, "david")
    assert sweep(20 * MINUTE) == 0, "no other message goes there either"
    assert sweep(50 * MINUTE) == 2
    assert server.members(people["group"]) == {people["ana"]}


def test_a_wrong_token_is_given_up_and_no_token_is_shown(story, opened, server, people):
    earnest(story, "scim", server.url, "another-token")
    send(story, "chloe")
    sweep()
    assert last().state == "dead"
    assert "refused" in last().note
    kept = str(list(DeliveryTry.objects.values())) + "".join(entry.payload for entry in Entry.objects.all())
    assert "another-token" not in kept + str(Channel.objects.values()) + str(Channel.objects.get().__dict__)


def test_a_token_that_the_server_sends_back_is_not_kept(story, opened, server, people):
    earnest(story, "scim", server.url, TOKEN)
    server.instead = [(400, {}, b'{"detail": "no: Bearer %s"}' % TOKEN.encode())]
    send(story, "chloe")
    sweep()
    assert "no: Bearer •••" in last_try().response
    assert TOKEN not in str(DeliveryTry.objects.values_list())


def test_a_redirect_is_not_followed(story, opened, server, people):
    earnest(story, "scim", server.url, TOKEN)
    server.instead = [(307, {"Location": server.url + "/Users"}, b"")]
    send(story, "chloe")
    sweep()
    assert last().state == "dead"
    assert "redirects are not followed" in last().note
    assert server.changes() == ["PATCH"]


def test_a_dry_run_looks_up_and_changes_nothing(story, opened, server, people):
    configured(story, "scim", server.url, TOKEN)
    asked = send(story, "chloe")
    assert sweep() == 0, "off, nothing leaves"
    Channel.objects.update(is_on=True)
    assert sweep() == 1
    assert sweep() == 0
    assert server.changes() == []
    one = asked.deliveries.get()
    assert (one.state, last_try().effect) == ("dry", "none")
    assert f"PATCH {server.url}/Groups/{people['group']}".replace(server.url, "") in last_try().requests
    assert "not sent" in last_try().requests
    assert people["chloe"] in server.members(people["group"])


def test_a_secret_is_needed_and_belongs_to_one_address(story, opened, server):
    with pytest.raises(InvalidInput, match="Bearer token"):
        configured(story, "scim", server.url, "")
    configured(story, "scim", server.url, TOKEN)
    kept = configured(story, "scim", server.url, "")
    assert TOKEN not in kept.secret
    with pytest.raises(InvalidInput, match="Bearer token"):
        configured(story, "scim", server.url.replace("127.0.0.1", "127.0.0.2"), "")
    for act in (channels.show_secret, channels.rotate):
        with pytest.raises(InvalidInput, match="not shown again"):
            act(source_id=story.source.pk, by=story.admin)
    assert not Entry.objects.filter(kind="channel:secret-read").exists()
