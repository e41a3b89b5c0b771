"""The pages of all ways: each asks for what it needs, says what is wrong where it is wrong, and shows no secret."""

import re
from html import unescape

import pytest
from django.utils import translation

from remediation import tasks
from remediation.connectors import KINDS
from remediation.models import Channel, Ticket
from tests.remediation.desk import SECRET, desk
from tests.remediation.ways import follow, settings_of, sweep

pytestmark = pytest.mark.django_db
LDAP = {"bind_dn": "cn=certify,dc=corp,dc=example", "user_base": "ou=people,dc=corp,dc=example", "group_base": "ou=groups,dc=x"}
#: Kind → (address, what is entered besides the defaults).
ENTERED = {
    "webhook": ("https://x.example/hook", {}),
    "scim": ("https://x.example/scim/v2", {"user_value": "{account}@corp.example"}),
    "ldap": ("ldaps://ldap.x.example:1636", LDAP),
    "jira": ("https://x.example/jira", {"project": "OPS"}),
    "servicenow": ("https://x.example", {}),
    "github": ("https://api.github.com", {"repository": "corp/access"}),
    "template": ("https://x.example/desk", {}),
}


@pytest.fixture
def here(story, client) -> str:
    client.force_login(story.admin)
    return f"/removals/programs/{story.source.pk}/"


def entered(kind: str, **more) -> dict:
    url, settings = ENTERED[kind]
    fields = settings_of(kind, **settings) | {"kind": kind, "url": url, "secret": SECRET, "most": 20, "percent": 5}
    return fields | more


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_is_set_up_in_the_browser_and_shows_no_secret(here, client, kind):
    page = client.get(f"{here}?kind={kind}").text
    assert re.search(rf'href="\?kind={kind}#settings" aria-current="true"', page)
    for one in KINDS[kind].fields:
        assert f'name="{one.name}"' in page
    assert client.post(f"{here}configure/", entered(kind)).status_code == 302
    kept = Channel.objects.get()
    assert (kept.kind, kept.url, kept.is_on, kept.is_dry) == (kind, ENTERED[kind][0], False, True)
    assert kept.settings == settings_of(kind, **ENTERED[kind][1])
    page = client.get(here).text
    assert SECRET not in page + str(kept.settings) + kept.secret
    assert str(KINDS[kind].label) in client.get("/removals/programs/").text
    again = client.post(f"{here}configure/", entered(kind, secret="", most=7))
    assert (again.status_code, Channel.objects.get().most) == (302, 7)


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_is_set_up_in_german_too(story, here, client, kind):
    story.admin.language = "de"
    story.admin.save(update_fields=["language"])
    page = unescape(client.get(f"{here}?kind={kind}").text)
    with translation.override("de"):
        said = [str(text) for one in KINDS[kind].fields for text in (one.label, one.help)]
        assert all(text in page for text in said)
    assert not [text for text in ("Address", "Keep", "Settings", "Such as", "For example", "optional") if text in page]
    answer = client.post(f"{here}configure/", entered(kind, url="ftp://x.example"))
    assert f"Die Adresse beginnt mit {KINDS[kind].schemes[0]}://" in answer.text


@pytest.mark.parametrize(
    ("kind", "change", "field", "words"),
    [
        ("scim", {"url": "ldap://x.example"}, "url", "begins with https://"),
        ("scim", {"secret": ""}, "secret", "has to be entered"),
        ("scim", {"user_value": "chloe"}, "user_value", "names at least one of"),
        ("ldap", {"url": "https://x.example"}, "url", "begins with ldaps://"),
        ("ldap", {"url": "ldaps://x.example/dc=x"}, "url", "and a host"),
        ("ldap", {"bind_dn": "certify"}, "bind_dn", "distinguished name"),
        ("ldap", {"user_filter": "uid={account}"}, "user_filter", "parentheses"),
        ("ldap", {"url": "ldap://x.example", "start_tls": "no"}, "start_tls", "in the clear"),
        ("github", {"repository": "access"}, "repository", "owner/name"),
        ("template", {"body": "{"}, "body", "no JSON"),
        ("servicenow", {"cancelled": "7"}, "cancelled", "both done and cancelled"),
        ("webhook", {"url": "http://x.example/"}, "url", "Use https"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(here, client, kind, change, field, words):
    answer = client.post(f"{here}configure/", entered(kind, **change))
    assert answer.status_code == 422
    error = re.search(rf'id="id_{field}_error">([^<]*)<', answer.text)
    assert words in error.group(1)
    assert SECRET not in answer.text
    assert not Channel.objects.exists()


def test_a_ticket_is_linked_from_its_removal_and_its_message(story, opened, client, here, settings):
    settings.CERTIFY_WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    with desk("github") as system:
        client.post(f"{here}configure/", entered("github", url=system.url, percent=100))
        client.post(f"{here}act/", {"act": "on"})
        client.force_login(story.system_owner)
        ids = {"task": [opened["chloe"].pk]}
        dry = client.get(client.post("/removals/send/", ids).url).text
        assert "dry run, nothing was sent" in dry
        assert "Remove Read customers from chloe" in dry
        client.force_login(story.admin)
        client.post(f"{here}act/", {"act": "earnest"})
        client.force_login(story.system_owner)
        client.post("/removals/send/", ids)
        sweep()
        follow()
    link = f'href="{Ticket.objects.get().url}"'
    assert link in client.get(f"/removals/{opened['chloe'].pk}/").text
    client.force_login(story.owner)
    page = client.get(here).text
    assert link in page
    assert "Taken on" in page
    assert SECRET not in page
    assert tasks.follow_tickets() == 0
