"""How people reviewed: the measures in SQL and in Python are the same, and say what they promise."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import measures, quality
from campaigns.measures import Decided, measure
from campaigns.models import Decision, ItemOpened
from campaigns.states import Measure
from certify.lib.errors import InvalidInput

START = datetime(2031, 3, 1, 9, tzinfo=UTC)
#: Pauses around every edge: of three seconds, of ten minutes, and none at all.
PAUSES = st.sampled_from([0, 1, 2_999_999, 3_000_000, 3_000_001, 7_000_000, 599_999_999, 600_000_000, 600_000_001])


def decisions(*steps, **same) -> list[Decided]:
    """Decisions from (seconds after the one before, code) pairs."""
    at, found = START, []
    for pause, code in steps:
        at += timedelta(seconds=pause)
        found.append(Decided(at, code, **same))
    return found


@st.composite
def histories(draw) -> list[tuple[int, Decided]]:
    """What some reviewers decided, in the order in which it was recorded: (which reviewer, decision)."""
    found, at, bulk = [], START, 0
    codes = st.sampled_from(["approve", "approve", "revoke", "dont_know", "undo"])
    for _ in range(draw(st.integers(0, 14))):
        at += timedelta(microseconds=draw(st.one_of(PAUSES, st.integers(0, 900_000_000))))
        who, code, privileged = draw(st.integers(0, 2)), draw(codes), draw(st.booleans())
        if code != "undo" and draw(st.integers(0, 3)) == 0:
            bulk += 1
            found += [(who, Decided(at, code, bulk, recommended="keep")) for _ in range(draw(st.integers(1, 4)))]
        else:
            one = Decided(at, code, None, privileged, draw(st.booleans()), recommended="remove" if privileged else "keep")
            found.append((who, one))
    return found


def write(campaign, people, items, history) -> None:
    """The history as rows; each decision on an assignment of its own."""
    rows, opened = [], []
    for number, (who, one) in enumerate(history, 1_000_000):
        rows.append(
            Decision(
                campaign=campaign, item=items[one.is_privileged], reviewer=people[who], assignment_id=number, code=one.code,
                bulk_act_id=one.bulk, decided_at=one.at, entry_uid=uuid.uuid4(), assigned_by_rule="manager",
            )
        )  # fmt: skip
        # Opened by somebody else, or a moment too late, is not opened before.
        late = timedelta(0) if one.was_opened else timedelta(microseconds=1)
        opened.append(ItemOpened(assignment_id=number, user=people[who], at=one.at + late))
        opened.append(ItemOpened(assignment_id=number, user=people[(who + 1) % 3], at=one.at - timedelta(days=1)))
    for row in rows:
        row.save()
    if rows:  # what was decided in another campaign is none of this one
        elsewhere = rows[-1]
        elsewhere.pk, elsewhere.campaign_id = None, campaign.pk + 1
        elsewhere.save()
    ItemOpened.objects.bulk_create(opened)


def recommend(item, what: str) -> None:
    """Say that this was recommended, past the trigger that keeps what really was."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE campaigns_itemadvice SET recommendation = %s WHERE item_id = %s", [what, item.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.django_db
def test_sql_and_python_measure_the_same(campaign, story):
    people = [story.fallback, story.owner, story.system_owner]
    items = {False: story.item(campaign, "bruno"), True: story.item(campaign, "bruno", "admin")}
    recommend(items[False], "keep")
    recommend(items[True], "remove")
    measured = []

    @settings(max_examples=120, deadline=None)
    @given(histories())
    def check(history):
        with transaction.atomic():
            write(campaign, people, items, history)
            by_person = {p.pk: measure(one for who, one in history if who == place) for place, p in enumerate(people)}
            expected = {pk: found for pk, found in by_person.items() if found}
            assert quality.measured(campaign) == expected
            some = [people[0].pk, people[2].pk]
            assert quality.measured(campaign, some) == {pk: found for pk, found in expected.items() if pk in some}
            measured.extend(expected.values())
            transaction.set_rollback(True)

    check()
    for name in Measure:
        assert len({one.value(name) for one in measured}) > 2, f"{name} was hardly tried"


def test_the_gaps_are_between_acts_of_one_sitting():
    found = measure(decisions((0, "approve"), (4, "revoke"), (2, "approve"), (601, "approve"), (600, "approve")))
    assert found.median_seconds == Decimal("4.0")  # of 4, 2 and 600; 601 is a new sitting
    assert found.under_3_seconds == Decimal("33.3")


def test_a_bulk_act_is_one_act_and_every_decision_of_it_is_in_bulk():
    bulk = [Decided(START, "approve", 7)] * 8
    found = measure([*bulk, Decided(START + timedelta(seconds=5), "approve"), Decided(START + timedelta(seconds=10), "revoke")])
    assert (found.decided, found.bulk, found.streak, found.median_seconds) == (10, Decimal("80.0"), 2, Decimal("5.0"))


def test_only_the_opposite_of_what_was_recommended_is_against_it():
    codes = ("approve", "revoke", "reduce", "dont_know")
    keep, remove, look = ([Decided(START, code, recommended=what) for code in codes] for what in ("keep", "remove", "look"))
    assert measure(keep).against_advice == Decimal("50.0")
    assert measure(remove).against_advice == Decimal("25.0")
    assert measure(look).against_advice is None
    assert measure([*keep, *look]).against_advice == Decimal("50.0")


def test_an_undo_is_no_decision_and_breaks_no_streak():
    found = measure(decisions((0, "approve"), (9, "approve"), (1, "undo"), (5, "approve")))
    assert (found.decided, found.streak, found.median_seconds) == (3, 3, Decimal("7.5"))
    assert measure(decisions((0, "undo"))) is None


def test_what_there_is_not_is_not_measured():
    found = measure(decisions((0, "approve")))
    assert (found.median_seconds, found.under_3_seconds, found.privileged_opened) == (None, None, None)
    assert measures.breaches(found, measures.DEFAULTS | {"min_decisions": 1, "privileged_opened": 100}) == []


def careless(count: int = 20) -> list[Decided]:
    return decisions(*[(1, "approve")] * count, is_privileged=True)


@pytest.mark.parametrize(
    ("thresholds", "wanted"),
    [
        ({}, {"median_seconds", "under_3_seconds"}),
        ({"median_seconds": 1, "under_3_seconds": 100}, set()),
        ({"median_seconds": None, "under_3_seconds": None}, set()),
        ({"streak": 20}, {"median_seconds", "under_3_seconds"}),
        ({"streak": 19}, {"median_seconds", "under_3_seconds", "streak"}),
        ({"privileged_opened": 1}, {"median_seconds", "under_3_seconds", "privileged_opened"}),
        ({"min_decisions": 21}, set()),
    ],
)
def test_a_breach_is_beyond_the_threshold_not_on_it(thresholds, wanted):
    found = measures.breaches(measure(careless()), measures.checked(thresholds))
    assert {breach.measure for breach in found} == wanted


def test_terms_without_thresholds_have_no_breaches():
    assert measures.breaches(measure(careless()), {}) == []


@pytest.mark.parametrize(
    "wrong", [{"bulk": 101}, {"streak": 0}, {"min_decisions": None}, {"median_seconds": "2"}, {"bulk": -1}]
)
def test_thresholds_that_make_no_sense_are_refused_at_their_field(wrong):
    with pytest.raises(InvalidInput) as refused:
        measures.checked(wrong)
    assert refused.value.field == f"quality_{next(iter(wrong))}"
