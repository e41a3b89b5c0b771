"""Conflicts that the database finds are those that plain Python finds, after whatever has changed."""

import uuid

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from campaigns import sod_finding
from campaigns.actions import sod_rules
from campaigns.models import SodConflict, SodConflictGrant, SodEvaluation, SodRule
from certify.lib import clock
from inventory.models import Account, Entitlement, Grant, Identity, Snapshot, Source
from ledger.models import Entry
from people.models import User
from tests.campaigns.sod.conftest import PAY_GRANTS, compare, load_erp, standing, terms

pytestmark = pytest.mark.django_db
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)

SOURCES, RIGHTS, TAGS, PEOPLE = ("s1", "s2"), ("r1", "r2", "r/3"), ("t1", "t2"), ("p1", "p2")
ACCOUNTS = [(source, account) for source in SOURCES for account in ("a1", "a2", "a3")]
REFERENCES = [f"{source}/{right}" for source in SOURCES for right in RIGHTS] + [f"tag:{tag}" for tag in TAGS]
side = st.lists(st.sampled_from(REFERENCES), min_size=1, max_size=3, unique=True)
states = st.fixed_dictionaries(
    {
        "tags": st.fixed_dictionaries(
            {(source, right): st.lists(st.sampled_from(TAGS), unique=True) for source in SOURCES for right in RIGHTS}
        ),
        "holders": st.fixed_dictionaries({account: st.none() | st.sampled_from(PEOPLE) for account in ACCOUNTS}),
        "grants": st.sets(st.tuples(st.sampled_from(ACCOUNTS), st.sampled_from(RIGHTS)), max_size=10),
        "rules": st.lists(st.tuples(side, side, st.booleans()), min_size=3, max_size=3),
    }
)


class Company:
    """A company in the database that can be put into any of the states."""

    def __init__(self):
        self.owner = User.objects.create(username="o", name="O")
        self.sources = {key: Source.objects.create(key=key, name=key) for key in SOURCES}
        self.snapshots = {key: self._snapshot(source) for key, source in self.sources.items()}
        first = {"source": self.sources["s1"], "snapshot": self.snapshots["s1"]}
        self.people = {key: Identity.objects.create(key=key, **first) for key in PEOPLE}
        self.rights = {
            (source, key): Entitlement.objects.create(source=self.sources[source], key=key, snapshot=self.snapshots[source])
            for source in SOURCES
            for key in RIGHTS
        }
        self.accounts = {pair: Account.objects.create(source=self.sources[pair[0]], key=pair[1]) for pair in ACCOUNTS}

    def _snapshot(self, source: Source) -> Snapshot:
        names = ("rows_read", "rows_loaded", "rows_rejected", "grants_open", "grants_started", "grants_changed", "grants_ended")
        facts = dict.fromkeys(names, 0) | {"loaded_at": clock.now(), "entry_uid": uuid.uuid4()}
        number = source.snapshots.count() + 1
        return Snapshot.objects.create(source=source, number=number, completeness="full", **facts)

    def become(self, state: dict) -> None:
        """Everything as the state says; what was open before is closed by a later snapshot."""
        for pair, tags in state["tags"].items():
            Entitlement.objects.filter(pk=self.rights[pair].pk).update(tags=sorted(tags))
        for pair, holder in state["holders"].items():
            Account.objects.filter(pk=self.accounts[pair].pk).update(identity=holder and self.people[holder])
        for key, source in self.sources.items():
            later = self._snapshot(source)
            Grant.objects.current().filter(source=source).update(closed_in=later)
            self.snapshots[key] = later
        for account, right in state["grants"]:
            at = self.snapshots[account[0]]
            known = {"source": self.sources[account[0]], "account": self.accounts[account], "first_seen": at, "opened_in": at}
            Grant.objects.create(entitlement=self.rights[account[0], right], **known)
        for place, (one, other, is_active) in enumerate(state["rules"]):
            said = {"side_a": one, "side_b": other, "is_active": is_active, "owner": self.owner, "changed_at": clock.now()}
            SodRule.objects.update_or_create(key=f"x{place}", defaults={"name": "X", "severity": "low", **said})


def expected(state: dict) -> set[tuple[str, str, str, str, str]]:
    """(rule, holder, side, account, right) of every grant in a conflict, found by looking at everybody and every rule."""
    held: dict[str, set] = {}
    for account, right in state["grants"]:
        holder = state["holders"][account] or f"account {account}"
        held.setdefault(holder, set()).add((account, (account[0], right)))
    found = set()
    for place, (one, other, is_active) in enumerate(state["rules"]):
        for holder, grants in held.items():
            hits = {
                name: {(account, pair) for account, pair in grants if is_on(side, pair, state)}
                for name, side in (("a", one), ("b", other))
            }
            if is_active and hits["a"] and hits["b"]:
                found |= {(f"x{place}", holder, name, account, pair) for name, some in hits.items() for account, pair in some}
    return found


def is_on(side: list[str], pair: tuple[str, str], state: dict) -> bool:
    """Whether a right is on a side, by its name or one of its tags."""
    return "/".join(pair) in side or any(f"tag:{tag}" in side for tag in state["tags"][pair])


def shown() -> set[tuple[str, str, str, str, str]]:
    """The same as the database has it now."""
    found = set()
    parts = SodConflictGrant.objects.filter(conflict__ended_at__isnull=True)
    for part in parts.select_related("conflict__rule", "conflict__identity", "grant__account__source", "grant__entitlement"):
        account = (part.grant.account.source.key, part.grant.account.key)
        person = part.conflict.identity
        holder = person.key if person else f"account {account}"
        found.add((part.conflict.rule.key, holder, part.side, account, (account[0], part.grant.entitlement.key)))
    return found


@given(told=st.lists(states, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
def test_the_database_and_plain_python_find_the_same_conflicts(told):
    with transaction.atomic():
        company = Company()
        for state in told:
            company.become(state)
            before = set(SodConflict.objects.standing().values_list("rule", "holder"))
            found = sod_finding.evaluate(clock.now())
            assert shown() == expected(state)
            after = set(SodConflict.objects.standing().values_list("rule", "holder"))
            assert (found.standing, found.begun, found.ended) == (len(after), len(after - before), len(before - after))
        transaction.set_rollback(True)


def test_a_person_is_in_conflict_across_systems_and_a_shared_account_by_itself(story, rule):
    assert standing() == {("customers-pay", "p2")}
    assert {part.side for part in SodConflictGrant.objects.all()} == {"a", "b"}
    own = terms(story, key="own", side_a=["erp/pay"], side_b=["erp/book"])
    sod_rules.create(terms=own, by=story.owner)
    compare()
    assert standing() == {("customers-pay", "p2"), ("own", "account shared")}


def test_what_is_over_keeps_its_row_and_comes_back_as_another(story, conflict):
    without = "\n".join(line for line in PAY_GRANTS.splitlines() if "bcosta" not in line) + "\n"
    load_erp(story, grants=without)
    compare()
    conflict.refresh_from_db()
    assert conflict.ended_at is not None
    assert conflict.parts.count() == 3
    load_erp(story)
    compare()
    again = SodConflict.objects.standing().get()
    assert (again.holder, again.pk != conflict.pk) == (conflict.holder, True)


def test_nothing_is_compared_again_before_something_changes(story, rule):
    assert SodEvaluation.objects.count() == 1
    compare()
    assert SodEvaluation.objects.count() == 1
    load_erp(story)
    compare()
    assert [(one.standing, one.begun, one.ended) for one in SodEvaluation.objects.order_by("pk")] == [(1, 1, 0), (1, 0, 0)]
    entry = Entry.objects.filter(kind="sod:evaluated").first()
    assert entry.payload_json["data"] == {"rules": 1, "standing": 1, "begun": 1, "ended": 0}
