"""What the database says deserves care is what plain Python says of the same company."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from campaigns import population
from campaigns.actions import closing
from campaigns.models import Campaign, CampaignDefinition, CampaignSource, ReviewItem
from campaigns.scope import documents
from campaigns.states import CALM_SIGNALS, Signal
from inventory.models import Account, Entitlement, FormerIdentity, Grant, Identity, Snapshot, Source
from people.models import User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = NOW.date()
#: Number of a load → days ago.
LOADED = {1: 400, 2: 300, 3: 200, 4: 100, 5: 10}
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)


@dataclass
class Person:
    """Somebody with the jobs they had: (title, department, manager), each until a load; the last one is of today."""

    kind: str
    status: str
    gone: bool
    owned: bool
    end_on: date | None
    jobs: list[tuple[str, str, str]]
    until: list[int] = field(default_factory=list)


@dataclass
class Right:
    """Somebody's access: first seen in a load; what reviewers said of an earlier time, which ended in a load, and of this one."""

    holder: int | None
    privileged: str
    first_seen: int
    granted: int | None
    used: int | None
    expires: int | None
    earlier: tuple[str, int | None] | None
    kept_until: int | None
    #: Kind, and how many days ago it was made and last rotated.
    credential: tuple[str, int | None, int | None] = ("unknown", None, None)


def plain(right: Right, people: list[Person], reviewed: int | None) -> list[str]:
    """The signals of somebody's access, by the words of docs/campaigns.md."""
    person = None if right.holder is None else people[right.holder]
    non_human = person is not None and person.kind in ("service", "workload", "agent")
    begun = LOADED[right.first_seen] if right.granted is None else max(right.granted, LOADED[right.first_seen])
    found = {
        Signal.LEFT: person is not None
        and (person.status == "inactive" or person.gone or (person.end_on is not None and person.end_on < TODAY)),
        # There are no rules of duties here; tests/campaigns/sod reads them plainly.
        Signal.CONFLICT: False,
        Signal.EXPIRED: right.expires is not None and right.expires > 0,
        Signal.RETURNED: right.earlier is not None
        and right.earlier[0] == "revoked"
        and right.earlier[1] is not None
        and right.earlier[1] <= right.first_seen,
        Signal.PRIVILEGED: right.privileged == "yes",
        Signal.EXTERNAL: person is not None and person.kind in ("contractor", "supplier"),
        Signal.ORPHAN: person is None or (non_human and not person.owned),
        Signal.NON_HUMAN: non_human,
        Signal.STATIC: is_static(right.credential[0], is_program=person is None or non_human)
        and min((days for days in right.credential[1:] if days is not None), default=0) > 365,
        Signal.UNUSED: right.used is not None and right.used > 90,
        Signal.NEW: reviewed is not None and right.first_seen > reviewed,
        Signal.MOVED: person is not None and any(
            _differs(job, person.jobs[-1]) and begun > LOADED[until]
            for job, until in zip(person.jobs, person.until, strict=False)
        ),
        Signal.UNKNOWN_USE: right.used is None,
        Signal.EXCEPTED: right.kept_until is not None and right.kept_until >= 0,
    }  # fmt: skip
    return [signal.value for signal in Signal if found[signal]]


def is_static(kind: str, *, is_program: bool) -> bool:
    """Whether such a credential stays as it is until somebody changes it."""
    return kind in ("key", "secret", "token", "certificate") or (kind == "password" and is_program)


def _differs(former: tuple, present: tuple) -> bool:
    return any(old and old != new for old, new in zip(former, present, strict=True))


def plain_rank(signals: list[str]) -> int:
    """The place of the first risky signal."""
    risky = [signal.value for signal in Signal if signal not in CALM_SIGNALS]
    return next((place for place, signal in enumerate(risky) if signal in signals), len(risky))


words = st.sampled_from(("", "a", "b"))
jobs = st.lists(st.tuples(words, words, words), min_size=1, max_size=4)


@st.composite
def persons(draw) -> Person:
    """Somebody; their job changed in some of the loads."""
    had = draw(jobs)
    until = sorted(draw(st.lists(st.sampled_from(list(LOADED)), min_size=len(had) - 1, max_size=len(had) - 1, unique=True)))
    return Person(
        kind=draw(st.sampled_from(("employee", "contractor", "supplier", "service", "agent", "unknown"))),
        status=draw(st.sampled_from(("active", "inactive", "unknown"))),
        gone=draw(st.booleans()),
        owned=draw(st.booleans()),
        end_on=draw(st.sampled_from((None, TODAY, TODAY - timedelta(days=1), TODAY + timedelta(days=1)))),
        jobs=had,
        until=until,
    )


credential_days = st.sampled_from((None, 10, 364, 365, 366, 700))
days = st.sampled_from((None, 1, 89, 90, 91, 150, 250, 500))
rights = st.builds(
    Right,
    holder=st.one_of(st.none(), st.integers(0, 2)),
    privileged=st.sampled_from(("yes", "no", "unknown")),
    first_seen=st.sampled_from(list(LOADED)),
    granted=days,
    used=days,
    expires=st.sampled_from((None, 1, -1)),
    credential=st.tuples(
        st.sampled_from(("unknown", "none", "password", "key", "federated")), credential_days, credential_days
    ),
    earlier=st.one_of(
        st.none(),
        st.tuples(
            st.sampled_from(("revoked", "approved", "not_reviewed")), st.one_of(st.none(), st.sampled_from((2, 3, 4, 5)))
        ),
    ),
    kept_until=st.sampled_from((None, -1, 0, 5)),
)


def ago(number: int | None) -> datetime | None:
    """So many days before the launch."""
    return None if number is None else NOW - timedelta(days=number)


class Company:
    """The same company in the database."""

    def __init__(self, people: list[Person], held: list[Right], reviewed: int | None):
        self.user = User.objects.create(username="owner", name="Owner")
        self.source = Source.objects.create(key="s", name="S")
        self.snapshots = {number: self._snapshot(number) for number in LOADED}
        self.boss = Identity.objects.create(source=self.source, snapshot=self.snapshots[5], key="boss")
        self.people = [self._person(place, one) for place, one in enumerate(people)]
        self.campaign, self.grants = self._campaign(reviewed), {}
        for place, right in enumerate(held):
            self._right(place, right)
        facts = {"closed_at": ago(5), "close_entry_uid": uuid.uuid4(), "state": "closed"}
        Campaign.objects.filter(pk=self.campaign.pk).update(**facts)

    def _snapshot(self, number: int) -> Snapshot:
        counts = {f"rows_{name}": 0 for name in ("read", "loaded", "rejected")}
        counts |= {f"grants_{name}": 0 for name in ("open", "started", "changed", "ended")}
        return Snapshot.objects.create(
            source=self.source,
            number=number,
            completeness="full",
            loaded_at=ago(LOADED[number]),
            entry_uid=uuid.uuid4(),
            **counts,
        )

    def _person(self, place: int, one: Person) -> Identity:
        title, department, manager = one.jobs[-1]
        made = Identity.objects.create(
            source=self.source,
            snapshot=self.snapshots[5],
            key=f"p{place}",
            kind=one.kind,
            status=one.status,
            end_on=one.end_on,
            gone_in=self.snapshots[5] if one.gone else None,
            owner=self.boss if one.owned else None,
            title=title,
            department=department,
            manager_key=manager,
        )
        for (title, department, manager), until in zip(one.jobs, one.until, strict=False):
            former = {"title": title, "department": department, "manager_key": manager}
            FormerIdentity.objects.create(
                identity=made, until=self.snapshots[until], kind=one.kind, status=one.status, is_gone=False, **former
            )
        return made

    def _campaign(self, reviewed: int | None) -> Campaign:
        definition = CampaignDefinition.objects.create(name="D", owner=self.user, fallback_reviewer=self.user)
        facts = {"opened_at": ago(9), "due_at": ago(5), "launch_entry_uid": uuid.uuid4(), "terms": {}}
        campaign = Campaign.objects.create(
            definition=definition,
            name="C",
            owner=self.user,
            requested_by=self.user,
            requested_at=ago(9),
            state="open",
            **facts,
        )
        if reviewed:
            CampaignSource.objects.create(
                campaign=campaign,
                source=self.source,
                snapshot=self.snapshots[reviewed],
                grants_open=0,
                items=0,
                excluded=0,
            )
        return campaign

    def _right(self, place: int, right: Right) -> None:
        last = self.snapshots[5]
        entitlement = Entitlement.objects.create(
            source=self.source, key=f"e{place}", privileged=right.privileged, snapshot=last
        )
        holder = None if right.holder is None else self.people[right.holder]
        kind, made, rotated = right.credential
        times = {"credential_created_at": ago(made), "credential_rotated_at": ago(rotated)}
        account = Account.objects.create(source=self.source, key=f"a{place}", identity=holder, credential_kind=kind, **times)
        common = {"source": self.source, "account": account, "entitlement": entitlement}
        if right.earlier:
            outcome, closed = right.earlier
            # A version that never ended is the present one's twin in another path: a removal that was not done.
            path = "" if closed else "elsewhere"
            first = self.snapshots[1]
            ended = self.snapshots[closed] if closed else None
            was = Grant.objects.create(**common, path=path, first_seen=first, opened_in=first, closed_in=ended)
            self._answer(was, outcome)
        first = self.snapshots[right.first_seen]
        grant = Grant.objects.create(
            **common,
            first_seen=first,
            opened_in=first,
            granted_at=ago(right.granted),
            last_used_at=ago(right.used),
            expires_at=ago(right.expires),
        )
        self.grants[grant.pk] = right
        if right.kept_until is not None:
            self._answer(grant, "approved", TODAY + timedelta(days=right.kept_until))

    def _answer(self, grant: Grant, outcome: str, until: date | None = None) -> None:
        ReviewItem.objects.create(
            campaign=self.campaign,
            number=self.campaign.items.count() + 1,
            grant=grant,
            source=self.source,
            first_seen_at=NOW,
            risk_rank=9,
            leaf=b"",
            until=until,
            outcome=outcome,
            sign_off_id=1,
            decision="revoke" if outcome == "revoked" else "approve",
            decided_by_id=1,
            decided_at=NOW,
            decision_entry_uid=uuid.uuid4(),
        )

    def found(self) -> dict[int, tuple[list[str], int]]:
        """Grant id → (signals, rank) as a launch would freeze them."""
        definition = CampaignDefinition.objects.get()
        definition.scope = documents.simple(sources=[self.source.pk])
        definition.reviewer_chain = ["fallback"]
        population.stage(population.at(definition.terms(), NOW))
        with connection.cursor() as cursor:
            cursor.execute("SELECT grant_id, signals, risk_rank FROM launch_population")
            return {grant: (list(signals), rank) for grant, signals, rank in cursor.fetchall()}


@settings(
    max_examples=60,
    deadline=None,
    phases=QUICK,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    people=st.lists(persons(), min_size=3, max_size=3),
    held=st.lists(rights, min_size=1, max_size=8),
    reviewed=st.one_of(st.none(), st.sampled_from(list(LOADED))),
)
def test_signals_are_what_plain_python_says(people, held, reviewed):
    with transaction.atomic():
        company = Company(people, held, reviewed)
        expected = {}
        for grant, right in company.grants.items():
            signals = plain(right, people, reviewed)
            expected[grant] = (signals, plain_rank(signals))
        found = company.found()
        assert {grant: found[grant] for grant in expected} == expected
        transaction.set_rollback(True)


def test_access_that_a_review_removed_and_that_came_back_says_so(story):
    first = story.launch("Q1")
    ana = story.user("ana@x.example")
    story.decide(first, "bruno", "revoke", ana)
    story.submit(first, ana)
    grants = story.texts["grants"]
    closing.close(campaign_id=first.pk, by=story.owner)
    story.load_without(("bruno", "read"))
    story.load(grants=grants)
    again = story.launch("Q2")
    assert story.item(again, "bruno").signals == ["returned", "new"]
    assert story.item(again, "bruno", "admin").signals == ["privileged"]


def test_whoever_moved_after_the_grant_is_marked_and_new_access_is_not(story):
    moved = story.texts["identities"].replace("Finance,Accountant,p1,\np3", "Legal,Accountant,p1,\np3")
    story.load(identities=moved, grants=story.texts["grants"] + "crm,bruno,Bruno Costa,p2,write,2999-01-01,2026-11-01,\n")
    campaign = story.launch()
    assert story.item(campaign, "bruno").signals == ["moved"]
    assert story.item(campaign, "bruno", "write").signals == []
    assert story.item(campaign, "ana").signals == []
