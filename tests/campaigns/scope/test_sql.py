"""What the database says of a scope is what plain Python says of it."""

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from campaigns.models import (
    Campaign,
    CampaignDefinition,
    Exclusion,
    ReviewItem,
    SodConflict,
    SodConflictGrant,
    SodException,
    SodExceptionRight,
    SodExceptionStep,
    SodRule,
)
from campaigns.scope.counting import COUNTED_FROM, Counts, count
from campaigns.scope.sql import Baseline, compiled
from inventory.models import Account, Entitlement, Grant, Identity, Snapshot, Source
from people.models import User
from tests.campaigns.scope import strategies
from tests.campaigns.scope.plain import Row, World, exclusion
from tests.campaigns.scope.strategies import NOW

pytestmark = pytest.mark.django_db
#: Shrinking a company would take minutes; what differs is told by the document and the rows of the first failure.
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
#: Snapshot → days ago it was loaded; the baseline is the second, the grants are as of the third.
LOADED = {1: 400, 2: 30, 3: 1}


class Company:
    """A random company in the database, and the same as plain rows."""

    def __init__(self, people: dict, rights: dict, facts: list[dict], has_baseline: bool):
        self.world = World(NOW, people)
        self.has_baseline = has_baseline
        self.sources = {number: Source.objects.create(key=f"s{number}", name=f"S{number}") for number in strategies.SOURCES}
        self.snapshots = {
            (number, order): self._snapshot(source, order) for number, source in self.sources.items() for order in LOADED
        }
        self._people(people)
        self.rights = rights
        self.entitlements = {
            (number, key): Entitlement.objects.create(
                source=source, key=key, kind=kind, privileged=privileged, tags=tags, snapshot=self.snapshots[number, 3]
            )
            for number, source in self.sources.items()
            for key, (kind, privileged, tags) in rights.items()
        }
        self.campaigns = {}
        self.approver = User.objects.create(username="approver", name="Approver")
        self.baseline = self._campaign(None)
        self.rows = {}
        for place, fact in enumerate(facts):
            self._grant(place, fact)

    def _snapshot(self, source: Source, order: int) -> Snapshot:
        counts = dict.fromkeys(("read", "loaded", "rejected"), 0)
        grants = dict.fromkeys(("open", "started", "changed", "ended"), 0)
        return Snapshot.objects.create(
            source=source,
            number=order,
            completeness="full",
            loaded_at=NOW - timedelta(days=LOADED[order]),
            entry_uid=uuid.uuid4(),
            **{f"rows_{name}": count for name, count in counts.items()},
            **{f"grants_{name}": count for name, count in grants.items()},
        )

    def _people(self, people: dict) -> None:
        last = self.snapshots[1, 3]
        facts = ("key", "kind", "status", "department", "title", "location", "end_on")
        for one in people.values():
            Identity.objects.create(
                source=self.sources[1],
                snapshot=last,
                gone_in=last if one.is_gone else None,
                manager_key=one.manager,
                **{name: getattr(one, name) for name in facts},
            )
        self.identities = {one.key: one for one in Identity.objects.all()}
        for key, one in self.identities.items():
            one.manager = self.identities.get(people[key].manager)
            one.save()

    def _campaign(self, days: int | None) -> Campaign:
        """A closed campaign: the baseline, or one that closed so many days ago."""
        if days not in self.campaigns:
            user, _ = User.objects.get_or_create(username="owner", defaults={"name": "Owner"})
            asked, _ = CampaignDefinition.objects.get_or_create(name="D", owner=user, fallback_reviewer=user)
            at = NOW - timedelta(days=3000 if days is None else days)
            uid = uuid.uuid4()
            facts = {"opened_at": at, "due_at": at, "launch_entry_uid": uid, "closed_at": at, "close_entry_uid": uid}
            self.campaigns[days] = Campaign.objects.create(
                definition=asked,
                name=f"C{days}",
                terms={},
                owner=user,
                requested_by=user,
                requested_at=at,
                state="closed",
                **facts,
            )
        return self.campaigns[days]

    def _answer(self, campaign: Campaign, grant: Grant, outcome: str) -> None:
        ReviewItem.objects.create(
            campaign=campaign,
            number=campaign.items.count() + 1,
            grant=grant,
            source_id=grant.source_id,
            first_seen_at=NOW,
            risk_rank=9,
            leaf=b"",
            outcome=outcome,
            sign_off_id=1,
            decision={"revoked": "revoke"}.get(outcome, "approve"),
            decided_by_id=1,
            decided_at=NOW,
            decision_entry_uid=uuid.uuid4(),
        )

    def _grant(self, place: int, fact: dict) -> None:
        number, holder = fact["source"], fact["holder"]
        identity = holder and self.identities[holder]
        account = Account.objects.create(source=self.sources[number], key=f"a{place}", identity=identity)
        common = {
            "source": self.sources[number],
            "account": account,
            "entitlement": self.entitlements[number, fact["entitlement"]],
            "granted_at": fact["granted_at"],
        }
        now, before = self._versions(fact, common)
        if fact["answered_days"] is not None:
            self._answer(self._campaign(fact["answered_days"]), before, fact["answer"])
        is_answered = (
            fact["answered_days"] is not None and fact["answer"] != "not_reviewed" and before.first_seen == now.first_seen
        )
        if fact["conflict"]:
            self._conflict(place, now, fact["conflict"])
        kind, privileged, tags = self.rights[fact["entitlement"]]
        self.rows[now.pk] = Row(
            source=number,
            account=account.key,
            holder=holder and self.world.people[holder],
            entitlement=fact["entitlement"],
            entitlement_kind=kind,
            privileged=privileged,
            tags=tags,
            granted_at=fact["granted_at"],
            last_used_at=fact["last_used_at"],
            first_seen_at=NOW - timedelta(days=LOADED[fact["first_seen"]]),
            answered_at=NOW - timedelta(days=fact["answered_days"]) if is_answered else None,
            is_changed=self._is_changed(fact),
            is_in_conflict=fact["conflict"] in ("open", "waiting", "ran_out", "earlier", "outgrown"),
        )

    def _conflict(self, place: int, grant: Grant, what: str) -> None:
        """A conflict that the grant is part of, in one of the states that it can be in."""
        user = self._campaign(None).owner
        sides = {"side_a": ["x"], "side_b": ["y"], "severity": "low", "owner": user, "changed_at": NOW}
        rule = SodRule.objects.create(key=f"c{place}", is_active=what != "out_of_use", version=2, **sides)
        who = next(iter(self.identities.values()))
        ended = NOW if what == "ended" else None
        conflict = SodConflict.objects.create(rule=rule, holder=who.pk, identity=who, found_at=NOW, ended_at=ended)
        SodConflictGrant.objects.create(conflict=conflict, side="a", grant=grant)
        if what in ("excepted", "waiting", "ran_out", "earlier", "outgrown"):
            ends_on = NOW.date() - timedelta(days=what == "ran_out")
            facts = {"rule_version": 1 if what == "earlier" else 2, "ends_on": ends_on, "asked_by": user, "asked_at": NOW}
            asked = SodException.objects.create(rule=rule, identity=who, entry_uid=uuid.uuid4(), **facts)
            if what != "outgrown":
                SodExceptionRight.objects.create(exception=asked, side="a", entitlement_id=grant.entitlement_id)
            if what != "waiting":
                step = {"code": "approved", "asked_by": user, "by": self.approver, "at": NOW, "entry_uid": uuid.uuid4()}
                SodExceptionStep.objects.create(exception=asked, **step)

    def _versions(self, fact: dict, common: dict) -> tuple[Grant, Grant]:
        """The grant as it is, and as somebody saw it before: the version at the baseline, or one that ended and began again."""
        number, first = fact["source"], fact["first_seen"]
        seen, last = self.snapshots[number, first], self.snapshots[number, 3]
        if first == 3:
            start, end = self.snapshots[number, 1], self.snapshots[number, 2]
            found = Grant.objects.create(**common, last_used_at=fact["last_used_at"], first_seen=seen, opened_in=last)
            if fact["before"] != "ended":
                return found, found
            return found, Grant.objects.create(**common, first_seen=start, opened_in=start, closed_in=end)
        if fact["before"] in ("same", "ended"):
            old = found = Grant.objects.create(**common, last_used_at=fact["last_used_at"], first_seen=seen, opened_in=seen)
        else:
            longer = NOW + timedelta(days=90) if fact["before"] == "prolonged" else None
            old = Grant.objects.create(**common, first_seen=seen, opened_in=seen, closed_in=last)
            used = {"last_used_at": fact["last_used_at"], "expires_at": longer}
            found = Grant.objects.create(**common, **used, first_seen=seen, opened_in=last)
        if fact["at_baseline"] in ("approved", "not_reviewed"):
            self._answer(self.baseline, old, fact["at_baseline"])
        else:
            place = Exclusion.objects.count() + 1
            Exclusion.objects.create(campaign=self.baseline, number=place, grant=old, rule=fact["at_baseline"], leaf=b"")
        return found, old

    def _is_changed(self, fact: dict) -> bool:
        return (
            not self.has_baseline
            or fact["first_seen"] == 3
            or fact["before"] == "prolonged"
            or fact["at_baseline"] in ("not_reviewed", "kind")
        )

    def answers(self, document: dict) -> tuple[dict[int, str | None], Counts]:
        """Grant → what the database says of it; and the counts that the page shows."""
        ids = {number: source.pk for number, source in self.sources.items()}
        base = {ids[number]: Baseline(self.snapshots[number, 2].pk, self.baseline.pk) for number in ids}
        scope = compiled(translated(document, ids), NOW, baselines=base if self.has_baseline else {})
        with connection.cursor() as cursor:
            text = f"SELECT granted.id, {scope.case} {COUNTED_FROM} {' '.join(scope.joins)}"
            cursor.execute(text, scope.values | {"sources": list(ids.values())})
            rows = cursor.fetchall()
        assert len(rows) == len(dict(rows))
        return dict(rows), count(scope, list(ids.values()))

    def expected_counts(self, answers: dict[int, str | None]) -> tuple[int, int, int, list[tuple[str, int]]]:
        """Grants, items, people and rules, counted by hand."""
        asked = [pk for pk, code in answers.items() if code is None]
        people = {self.rows[pk].holder.key for pk in asked if self.rows[pk].holder}
        rules = Counter(code for code in answers.values() if code)
        return len(answers), len(asked), len(people), sorted(rules.items(), key=lambda one: (-one[1], one[0]))


def translated(document: dict, ids: dict[int, int]) -> dict:
    """The document with the ids that the sources really have."""

    def condition(one: dict) -> dict:
        return one | {"any": [ids[number] for number in one["any"]]} if one["field"] == "source" else one

    rules = [rule | {"when": [condition(one) for one in rule["when"]]} for rule in document["exclude"]]
    return document | {"exclude": rules}


@given(
    mixed=st.lists(strategies.documents(), min_size=5, max_size=5),
    single=strategies.one_by_one(),
    people=strategies.people,
    rights=strategies.rights,
    facts=strategies.grants(),
    has_baseline=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=QUICK)
def test_the_database_and_plain_python_agree(mixed, single, people, rights, facts, has_baseline):
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Closed campaigns are made here in one step, which the triggers would rightly refuse.
            cursor.execute("SET LOCAL session_replication_role = replica")
        company = Company(people, rights, facts, has_baseline)
        for document in [*mixed, *single]:
            expected = {pk: exclusion(document, row, company.world) for pk, row in company.rows.items()}
            found, counts = company.answers(document)
            assert found == expected
            assert (counts.grants, counts.items, counts.people, counts.rules) == company.expected_counts(expected)
        transaction.set_rollback(True)
