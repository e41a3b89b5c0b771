"""What each way would send, before anything is sent: names are filled in and escaped, and what a way cannot do is said."""

import json

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.conv import escape_filter_chars

from certify.lib.errors import InvalidInput
from remediation import rules
from remediation.connectors import KINDS, mapping, template
from remediation.connectors.calling import hidden
from remediation.connectors.protocol import Removal, Unfit
from remediation.states import DELIVERY_TRANSITIONS, DeliveryState, Effect
from tests.remediation.ways import settings_of

KEY, AT = "0b0e9a3e-3f8a-4f57-9a0b-2f6f6f1d9a11", "2026-11-25T14:00:00.000000Z"
LDAP = {"bind_dn": "cn=x,dc=x", "user_base": "ou=people,dc=x", "group_base": "ou=groups,dc=x"}
#: Letters that files may hold in a key.
KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


def removal(**more) -> Removal:
    facts = {
        "task": "7",
        "system": "crm",
        "account": "chloe",
        "identity": "p3",
        "entitlement": "read",
        "path": "",
        "reduce_to": "",
    }
    return Removal(**(facts | {"due_at": AT, "campaign": "Q4", "item": "3"} | more))


def plan(kind: str, one: Removal, **more) -> dict:
    return json.loads(KINDS[kind].plan(one, settings_of(kind, **more), KEY, AT))


@given(KEYS, KEYS)
def test_scim_filters_are_json_strings_whatever_the_keys_hold(account, entitlement):
    found = plan("scim", removal(account=account, entitlement=entitlement), account_rights="")
    said = found["requests"][0].removeprefix("GET /Users?filter=userName eq ")
    assert json.loads(said) == account == found["user"]["value"]
    assert found["group"]["value"] == entitlement


@given(KEYS)
def test_ldap_filters_have_no_letter_of_a_key_with_a_meaning(account):
    found = plan("ldap", removal(account=account), **LDAP)["user"]["filter"]
    inner = found.removeprefix("(uid=").removesuffix(")")
    assert inner == escape_filter_chars(account)
    assert not set("*()\0") & set(inner)


@given(KEYS, KEYS)
def test_a_body_of_a_template_stays_the_same_json(account, campaign):
    body = '{"a": "{account}", "deep": [{"c": "{campaign} {due}"}], "n": 7, "k": "{key}"}'
    found = plan("template", removal(account=account, campaign=campaign), body=body)["ticket"]
    assert found == {"a": account, "deep": [{"c": f"{campaign} 2026-11-25"}], "n": 7, "k": f"certify-{KEY}"}


def test_a_value_that_looks_like_a_name_is_not_filled_in_again():
    found = plan("template", removal(account="{key}"), body='{"a": "{account}", "k": "{key}"}')["ticket"]
    assert found["a"] == "{key}"
    assert plan("scim", removal(account="{entitlement}"))["user"]["value"] == "{entitlement}"


@pytest.mark.parametrize("kind", ["scim", "ldap"])
@pytest.mark.parametrize(
    ("one", "words"),
    [
        (removal(reduce_to="reader"), "reduction"),
        (removal(path="group:staff"), "through a membership"),
        (removal(account="a\nb"), "letters"),
        (removal(entitlement=""), "needs the entitlement"),
    ],
)
def test_what_a_direct_way_cannot_do_is_left_to_a_person(kind, one, words):
    # The reason is kept with the sending: in English, whoever sends.
    with translation.override("de"), pytest.raises(Unfit, match=words):
        plan(kind, one, **(LDAP if kind == "ldap" else {}))


def test_the_end_of_a_membership_is_the_group_that_the_path_names():
    through = removal(path="staff")
    assert plan("scim", through, through="end")["group"]["value"] == "staff"
    assert plan("ldap", through, through="end", **LDAP)["group"]["filter"] == "(cn=staff)"
    assert KINDS["scim"].takes(through, settings_of("scim")) == "path"
    assert KINDS["scim"].takes(removal(), settings_of("scim", account_rights="READ")) == "account"
    assert KINDS["jira"].takes(through, settings_of("jira")) == "grant"


@pytest.mark.parametrize("kind", ["jira", "servicenow", "github", "template", "webhook"])
def test_people_and_programs_can_reduce(kind):
    assert "reader" in json.dumps(plan(kind, removal(reduce_to="reader"), project="OPS", repository="a/b"))


@pytest.mark.parametrize("text", ["", "chloe", "{name}", "{account", "account}", "{account} {", "{}", "{account.x}"])
def test_templates_that_name_nothing_or_too_much_are_refused(text):
    with pytest.raises(InvalidInput):
        mapping.check_template(text, "user_value")


@pytest.mark.parametrize("text", ["{account}", "{account}@corp.example", "x-{path}-{identity}"])
def test_others_are_taken(text):
    mapping.check_template(text, "user_value")


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("/a/1/b", 7), ("/a/2", None), ("/x~1y/~0", "z"), ("/a/one", None), ("/nothing/at/all", None)],
)
def test_json_pointers(pointer, found):
    assert template._at({"a": [0, {"b": 7}], "x/y": {"~": "z"}}, pointer) == found


def test_plans_hold_nothing_that_a_setting_keeps_secret():
    for kind in KINDS.values():
        assert "secret" not in {one.name for one in kind.fields}, kind.key


def test_what_was_sent_back_is_hidden_in_every_shape():
    secret = 'a"b\\c'
    assert hidden(f"{secret} and {json.dumps(secret)}", [secret, ""]) == '••• and "•••"'


def test_every_effect_leads_to_a_step_that_the_table_has():
    for effect in Effect:
        for tries in (1, rules.MOST_TRIES):
            for is_final in (True, False):
                found = rules.after_effect(effect, tries, is_final=is_final)
                assert found in DELIVERY_TRANSITIONS[DeliveryState.QUEUED]
    assert rules.after_effect(Effect.UNKNOWN, 1, is_final=False) == DeliveryState.QUEUED
    assert rules.after_effect(Effect.NONE, 1, is_final=True) == DeliveryState.DEAD


@pytest.mark.parametrize(
    ("status", "arrived", "effect"),
    [
        (204, True, "taken"),
        (None, True, "unknown"),
        (None, False, "none"),
        (502, True, "unknown"),
        (429, True, "none"),
        (404, True, "none"),
    ],
)
def test_nobody_knows_what_an_unanswered_request_did(status, arrived, effect):
    assert rules.effect_of(status, may_have_arrived=arrived) == effect
