"""The population of any past day, against a model in plain Python that keeps every state whole."""

from copy import deepcopy

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Grant
from tests.story import Story, tell

pytestmark = pytest.mark.django_db

PEOPLE, ACCOUNTS, RIGHTS = ("q1", "q2", "q3"), ("a1", "a2"), ("r1", "r2")
words = st.sampled_from(["", "one", "two"])
people = st.dictionaries(st.sampled_from(PEOPLE), st.tuples(words, st.sampled_from(["active", "inactive"]), words), max_size=3)
labels = st.sampled_from(["", "sox", "pay; SOX", "Pay|sox | pay"])
rights = st.dictionaries(st.sampled_from(RIGHTS), st.tuples(words, st.sampled_from(["yes", "no"]), words, labels), max_size=2)
credentials = st.tuples(st.sampled_from(["", "key", "password"]), st.sampled_from(["", "2024-05-06"]))
accounts = st.fixed_dictionaries({name: st.tuples(words, st.sampled_from(["", *PEOPLE]), credentials) for name in ACCOUNTS})
grants = st.dictionaries(
    st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(RIGHTS)), st.sampled_from(["", "2026-01-02"]), max_size=4
)
TAGS = {"": [], "sox": ["sox"], "pay; SOX": ["pay", "sox"], "Pay|sox | pay": ["pay", "sox"]}
loads = st.fixed_dictionaries(
    {
        "completeness": st.sampled_from(["full", "partial"]),
        "people": st.none() | people,
        "rights": st.none() | rights,
        "accounts": accounts,
        "grants": st.none() | grants,
    }
)


class Model:
    """What the company knows, as one would keep it by hand."""

    def __init__(self):
        self.people, self.rights, self.accounts, self.grants = {}, {}, {}, {}

    def load(self, told: dict) -> None:
        """Take a load in."""
        is_full = told["completeness"] == "full"
        if told["people"] is not None:
            if is_full:
                for key, facts in self.people.items():
                    self.people[key] = (*facts[:3], True)
            self.people |= {key: (*facts, False) for key, facts in told["people"].items()}
        if told["rights"] is not None:
            self.rights |= {key: (*facts[:3], TAGS[facts[3]]) for key, facts in told["rights"].items()}
        if told["grants"] is not None:
            for account, right in told["grants"]:
                self.accounts[account] = told["accounts"][account]
                self.rights.setdefault(right, ("", "unknown", "", []))
            self.grants = ({} if is_full else self.grants) | told["grants"]

    def population(self) -> dict:
        """(account, right) → everything that is said of it."""
        found = {}
        for (account, right), used in self.grants.items():
            name, holder, credential = self.accounts[account]
            person = self.people.get(holder)
            found[account, right] = (name, holder, credential, person, self.rights[right], used)
        return found


def text(header: str, rows: list[tuple]) -> str:
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def load(story: Story, told: dict):
    """The same load into the database; None when it has no file."""
    story.texts = {}
    if told["people"] is not None:
        rows = [(key, name, status, title) for key, (name, status, title) in told["people"].items()]
        story.texts["identities"] = text("identity_id,name,status,title", rows)
    if told["rights"] is not None:
        rows = [("crm", key, *facts) for key, facts in told["rights"].items()]
        story.texts["entitlements"] = text("source,entitlement_id,name,privileged,description,tags", rows)
    if told["grants"] is not None:
        rows = [
            ("crm", a, *told["accounts"][a][:2], r, used, *told["accounts"][a][2]) for (a, r), used in told["grants"].items()
        ]
        columns = "source,account_id,account_name,identity_id,entitlement_id,last_used_at,credential_kind,credential_rotated_at"
        story.texts["grants"] = text(columns, rows)
    return story.load(told["completeness"]) if story.texts else None


def shown(snapshot) -> dict:
    """What `as_of` tells."""
    found = {}
    for grant in Grant.objects.as_of(snapshot).select_related("account", "entitlement"):
        person = (grant.identity_name_then, grant.identity_status_then, grant.title_then, grant.is_gone_then)
        right = (grant.entitlement_name_then, grant.privileged_then, grant.description_then, grant.tags_then)
        used = grant.last_used_at.date().isoformat() if grant.last_used_at else ""
        holder = person if grant.holder else None
        rotated = grant.credential_rotated_at_then.date().isoformat() if grant.credential_rotated_at_then else ""
        credential = ("" if grant.credential_kind_then == "unknown" else grant.credential_kind_then, rotated)
        found[grant.account.key, grant.entitlement.key] = (
            grant.account_name_then,
            grant.identity_key_then,
            credential,
            holder,
            right,
            used,
        )
    return found


def begin(folder) -> Story:
    """The small company, of whom nobody has anything any more."""
    story = tell(folder)
    empty = {"identities": "identity_id,name\n", "entitlements": "source,entitlement_id\n"}
    story.load(**empty, grants="source,account_id,entitlement_id\n")
    return story


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(loads, min_size=2, max_size=6))
def test_every_past_day_comes_back_exactly(tmp_path_factory, db, told):
    with transaction.atomic():
        story, model, days = begin(tmp_path_factory.mktemp("as-of")), Model(), []
        for one in told:
            snapshot = load(story, one)
            if snapshot:
                model.load(one)
                days.append((snapshot, deepcopy(model.population())))
        for snapshot, population in days:
            assert shown(snapshot) == population
        transaction.set_rollback(True)
