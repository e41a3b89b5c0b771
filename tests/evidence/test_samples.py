"""Samples: what is drawn can be drawn again by anybody, and is concluded and signed by the auditor alone."""

import hashlib
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actions import closing
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import populations, sampling
from evidence.actions import samples
from evidence.actions.samples import Wanted
from evidence.models import PopulationRow, RowConclusion, Sample
from evidence.verifier import verify as verifier
from ledger.models import Entry
from people.actions import users
from tests.evidence.test_periods import open_period
from tests.story import IDENTITIES, Story

SIZES = st.dictionaries(st.text(max_size=3), st.integers(1, 50), min_size=1, max_size=12)


@given(SIZES, st.integers(1, 700))
def test_each_stratum_gets_its_share_and_never_more_than_it_has(sizes, size):
    found, total = sampling.allocation(sizes, size), sum(sizes.values())
    assert sum(found.values()) == min(size, total)
    assert all(found[name] <= count for name, count in sizes.items())
    if size >= len(sizes):
        assert min(found.values()) >= 1
    assert found == verifier.allocation(sizes, size), "the verifier draws alike"


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=4), st.sampled_from("abc")), unique_by=lambda row: row[0]),
    st.integers(1, 9),
)
def test_the_draw_depends_on_nothing_but_seed_ids_and_strata(rows, size):
    found = sampling.chosen("seed-1234", rows, size)
    assert set(found) == set(sampling.chosen("seed-1234", reversed(rows), size))
    assert [key for key, _stratum in rows if key in set(found)] == found
    assert len(found) == min(size, len(rows))


@pytest.mark.parametrize(("population", "size"), [(20, 20), (45, 9), (300, 45), (1000, 45), (100_000, 59)])
def test_the_bound_is_the_largest_that_such_a_sample_could_still_hide(population, size):
    def hidden(deviating: int) -> float:
        chance = 1.0
        for place in range(size):
            chance *= max(0, population - deviating - place) / (population - place)
        return chance

    found = sampling.bound(population, size)
    assert hidden(found) >= 0.1 or not found
    assert hidden(found + 1) < 0.1


def test_the_guidance_is_what_its_sources_say():
    advised = {n: sampling.advised(n) for n in (1, 4, 12, 24, 52, 53, 100, 250, 251, 10**6)}
    assert advised == {1: 1, 4: 2, 12: 4, 24: 8, 52: 9, 53: 9, 100: 10, 250: 25, 251: 45, 10**6: 45}
    assert sampling.bound(100_000, 45) / 100_000 < 0.05, "45 without a deviation: fewer than 5 % deviate, with 90 % confidence"


# ---- in the database ----


def closed_review(story: Story, name: str = "Q1"):
    """A closed review: bruno's two rights kept and removed, the rest not answered."""
    campaign = story.launch(name)
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "bruno", "revoke", ana, entitlement="admin")
    story.submit(campaign, ana)
    return closing.close(campaign_id=campaign.pk, by=story.owner)


@pytest.fixture
def period(story):
    closed_review(story)
    return open_period(story)


def draw(story, period, population="items", size=3, **more) -> Sample:
    return samples.draw(period_id=period.pk, wanted=Wanted(population, size, **more), by=story.auditor)


@pytest.mark.django_db
@pytest.mark.parametrize(("population", "count"), [("items", 7), ("privileged", 1), ("revocations", 1)])
def test_every_population_balances_down_to_its_rows(story, period, population, count):
    found = populations.of(period, population)
    for line in found.statement:
        assert line["count"] == sum(part["count"] for part in line["parts"]), line["label"]
    assert found.count == count
    sample = draw(story, period, population, 99)
    assert (sample.size, sample.population_count) == (count, count)
    assert sample.population_rows.count() == sample.rows.count() == count


@pytest.mark.django_db
def test_a_sample_is_drawn_again_by_the_documented_lines(story, period):
    sample = draw(story, period, size=4, strata_by="outcome", seed="dice-4-2-6-1")
    rows = list(sample.population_rows.values_list("key", "stratum"))
    drawn = list(sample.rows.values_list("key", flat=True))
    assert drawn == sampling.chosen("dice-4-2-6-1", rows, 4)
    for one in sample.strata:
        keys = [key for key, stratum in rows if stratum == one["stratum"]]
        order = sorted(keys, key=lambda key: hashlib.sha256(f"dice-4-2-6-1{key}".encode()).digest())
        assert set(order[: one["drawn"]]) == set(drawn) & set(keys)
    assert {one["stratum"] for one in sample.strata} == {"approved", "revoked", "not_reviewed"}


@pytest.mark.django_db
def test_the_ledger_has_seed_population_rows_and_who_drew_it(story, period):
    sample = draw(story, period)
    entry = Entry.objects.signed().get(kind="sample:drawn")
    data = entry.payload_json["data"]
    assert (entry.uid, entry.subject, entry.signed_as) == (
        sample.entry_uid, f"evidence.period:{period.pk}/sample:{sample.pk}", story.auditor.name,
    )  # fmt: skip
    assert (data["seed"], data["population_count"], data["population_root"]) == (sample.seed, 7, sample.population_root)
    tree = verifier.Tree()
    for row in sample.population_rows.order_by("place"):
        tree.append(verifier.leaf_hash(verifier.canonical_row([str(row.place), row.key, row.stratum])))
    assert tree.root().hex() == sample.population_root
    assert len(sample.seed) == 32


@pytest.mark.django_db
def test_leavers_are_those_whom_a_reading_of_the_period_saw_leaving(story, period):
    assert populations.of(period, "leavers").count == 0, "Chloe had left when she was first seen"
    gone = "".join(line for line in IDENTITIES.splitlines(keepends=True) if not line.startswith("svc"))
    story.load(
        identities=gone.replace(
            "p4,David Ekman,david@x.example,contractor,active", "p4,David Ekman,david@x.example,contractor,inactive"
        )
    )
    sample = draw(story, period, "leavers", 5, strata_by="kind")
    assert sorted(row.identity.key for row in sample.rows.all()) == ["p4", "svc"]
    (line,) = sample.statement
    assert [part["count"] for part in line["parts"]] == [2, 2, 1]
    story.load(identities=IDENTITIES)
    assert populations.of(period, "leavers").count == 0, "both are back"
    assert sample.rows.count() == 2, "what was drawn stays"


@pytest.mark.django_db
def test_what_cannot_be_drawn_is_refused_with_the_field(story, period):
    for wrong, field in (
        (Wanted("everything", 3), "population"), (Wanted("items", 0), "size"), (Wanted("items", 501), "size"),
        (Wanted("leavers", 3), "size"), (Wanted("leavers", 3, "outcome"), "strata_by"), (Wanted("items", 3, seed="short"), "seed"),
        (Wanted("items", 3, campaign=10**6), "campaign"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as refused:
            samples.draw(period_id=period.pk, wanted=wrong, by=story.auditor)
        assert refused.value.field == field
    assert not Sample.objects.exists()


@pytest.mark.django_db
def test_only_closed_reviews_are_drawn_from_and_one_may_be_chosen(story, period):
    story.launch("Q2")
    other = closed_review(story, "Q3")
    assert draw(story, period, size=50).population_count == 14
    narrow = draw(story, period, size=50, campaign=other.pk)
    assert narrow.campaigns == [other.pk]
    parts = [part["count"] for part in narrow.statement[1]["parts"]]
    assert parts == [7, 7, 7], "drawn from, not chosen, still open"


@pytest.mark.django_db
def test_strangers_and_lapsed_auditors_do_nothing(story, period):
    sample = draw(story, period)
    row = sample.rows.first()
    stranger = users.create(username="s", name="S", email="s@x.example", roles=["auditor"], by=story.admin)
    later = clock.now() + timedelta(days=2)
    for by, now in ((stranger, clock.now()), (story.auditor, later), (story.admin, clock.now())):
        with clock.freeze(now):
            for act in (
                lambda by=by: samples.draw(period_id=period.pk, wanted=Wanted("items", 3), by=by),
                lambda by=by: samples.conclude(row_id=row.pk, conclusion="no_exception", note="", by=by),
                lambda by=by: samples.sign_off(sample_id=sample.pk, note="", by=by),
            ):
                with pytest.raises(NotAllowed):
                    act()
    with pytest.raises(NotAllowed):
        samples.conclude(row_id=row.pk, conclusion="no_exception", note="", by=story.owner)
    assert Sample.objects.count() == 1
    assert not RowConclusion.objects.exists()


@pytest.mark.django_db
def test_a_sample_is_signed_off_once_every_row_is_concluded_and_then_stays(story, period):
    sample = draw(story, period, size=2)
    first, second = sample.rows.all()
    with pytest.raises(InvalidInput, match="at least 10"):
        samples.conclude(row_id=first.pk, conclusion="exception", note="bad", by=story.auditor)
    samples.conclude(row_id=first.pk, conclusion="exception", note="Nobody knows why he has it", by=story.auditor)
    samples.conclude(row_id=first.pk, conclusion="no_exception", note="The ticket was found", by=story.auditor)
    with pytest.raises(InvalidInput, match="1 rows have no conclusion"):
        samples.sign_off(sample_id=sample.pk, note="", by=story.auditor)
    samples.conclude(row_id=second.pk, conclusion="no_exception", note="", by=story.auditor)
    signed = samples.sign_off(sample_id=sample.pk, note="All is well.", by=story.auditor)
    assert (signed.no_exception, signed.exception) == (2, 0)
    assert signed.statement.startswith("I have examined each of the 2 rows")
    assert signed.by_name == story.auditor.name
    assert signed.statement.endswith("All is well.")
    for again in (
        lambda: samples.sign_off(sample_id=sample.pk, note="", by=story.auditor),
        lambda: samples.conclude(row_id=first.pk, conclusion="no_exception", note="", by=story.auditor),
    ):
        with pytest.raises(InvalidInput, match="signed this sample off"):
            again()
    kinds = Entry.objects.filter(subject=sample.subject).values_list("kind", flat=True)
    assert sorted(kinds) == ["sample:concluded"] * 3 + ["sample:drawn", "sample:signed-off"]


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["sample", "populationrow", "samplerow"])
def test_the_database_changes_nothing_that_was_drawn(story, period, table):
    draw(story, period)
    for statement in (f"UPDATE evidence_{table} SET id = id", f"DELETE FROM evidence_{table}"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert PopulationRow.objects.count() == 7
