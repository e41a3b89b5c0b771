"""What is recommended: the formula, its SQL against the plain reading, and that it is frozen with its reasons."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from campaigns import advice, advice_sql
from campaigns.actions import closing, items
from campaigns.advice import ATTRIBUTES, GROUPS, PAIRS, Evidence, Peers, Tally
from campaigns.models import ItemAdvice
from campaigns.rules import ADVICE_COLUMNS
from campaigns.states import Recommendation, Signal
from certify.lib import canonical
from certify.lib.errors import InvalidInput
from ledger import merkle
from ledger.models import Entry

#: The evidence of an item is large; on a busy machine making it takes longer than hypothesis likes.
large = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
ORDER = {"keep": 0, "look": 1, "remove": 2}

tallies = st.integers(0, 30).flatmap(lambda n: st.builds(Tally, st.just(n), st.integers(0, n)))
peers = st.integers(0, 20).flatmap(lambda n: st.builds(Peers, st.integers(0, n), st.just(n)))
evidence = st.builds(
    Evidence,
    everything=tallies,
    alike=st.dictionaries(st.sampled_from([*ATTRIBUTES, *PAIRS]), tallies),
    peers=st.dictionaries(st.sampled_from(GROUPS), peers),
    share_of_all=st.floats(0, 1),
    signals=st.lists(st.sampled_from(Signal.values), unique=True).map(tuple),
    is_used=st.booleans(),
    was_kept=st.booleans(),
)


def with_(one: Evidence, **changes) -> Evidence:
    return Evidence(**(vars(one) | changes))


@large
@given(evidence)
def test_the_score_is_a_share_and_red_access_is_never_recommended_to_be_kept(one):
    assert 0 < advice.score(one) < 1
    if {"left", "privileged", "orphan"} & set(one.signals):
        assert advice.recommendation(one) != Recommendation.KEEP


@large
@given(evidence, st.sampled_from([*ATTRIBUTES, *PAIRS]))
def test_the_score_does_not_depend_on_the_order_of_what_is_known(one, key):
    turned = with_(
        one,
        alike=dict(reversed(one.alike.items())),
        peers=dict(reversed(one.peers.items())),
        signals=tuple(reversed(one.signals)),
    )
    assert advice.score(turned) == pytest.approx(advice.score(one), abs=1e-12)


@large
@given(evidence, st.sampled_from(list(PAIRS)))
def test_one_more_removal_of_the_same_pair_never_lowers_the_score(one, pair):
    tally = one.alike.get(pair, Tally(1, 0))
    if tally.removed < tally.decided:
        more = with_(one, alike=one.alike | {pair: Tally(tally.decided, tally.removed + 1)})
        same = with_(one, alike=one.alike | {pair: tally})
        assert advice.score(more) >= advice.score(same)


@large
@given(evidence, st.sampled_from(GROUPS))
def test_one_more_peer_who_holds_it_never_raises_the_score_of_the_only_group(one, group):
    found = one.peers.get(group, Peers(1, 5))
    if found.holding < found.total:
        more = with_(one, peers={group: Peers(found.holding + 1, found.total)})
        assert advice.score(more) <= advice.score(with_(one, peers={group: found}))


@large
@given(evidence)
def test_signals_of_risk_never_make_a_recommendation_more_lenient(one):
    for signal in ("left", "expired", "returned", "unused", "moved", "orphan"):
        if signal not in one.signals:
            more = with_(one, signals=(*one.signals, signal))
            assert ORDER[advice.recommendation(more)] >= ORDER[advice.recommendation(one)]


values = st.one_of(st.none(), st.integers(1, 3))
rows = st.fixed_dictionaries(dict.fromkeys(ATTRIBUTES, values) | {"right": st.integers(1, 3)})
people = st.fixed_dictionaries(dict.fromkeys(GROUPS, values))


def count(found: list[dict], like: dict, columns) -> list[dict]:
    """The rows that are alike in the columns; what is not known is like nothing."""
    if any(like[column] is None for column in columns):
        return []
    return [one for one in found if all(one[column] == like[column] for column in columns)]


def read(item: dict, decided: list[dict], others: list[dict], held: list[dict]) -> Evidence:
    """The evidence of an item, plainly."""
    own = int(item["is_peer"])

    def tally(found: list[dict]) -> Tally:
        return Tally(len(found), sum(one["removed"] for one in found))

    sets = [((one,), one) for one in ATTRIBUTES] + [(pair, pair) for pair in PAIRS]
    groups = {group: count(others, item, (group,)) for group in GROUPS}
    return Evidence(
        everything=tally(decided),
        alike={key: tally(count(decided, item, columns)) for columns, key in sets},
        peers={
            group: Peers(max(len(count(held, item, ("right", group))) - own, 0), len(found) - own)
            for group, found in groups.items()
            if found
        },
        share_of_all=max(len(count(held, item, ("right",))) - own, 0) / max(len(others) - own, 1),
        signals=tuple(item["signals"]),
        is_used=item["is_used"],
        was_kept=item["was_kept"],
    )


def fill(cursor, table: str, columns: dict[str, str], found: list[dict]) -> None:
    """A temporary table with these rows."""
    cursor.execute(
        f"CREATE TEMP TABLE {table} ({', '.join(f'{chr(34)}{name}{chr(34)} {kind}' for name, kind in columns.items())})"
    )
    for one in found:
        cursor.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(columns))})", [one[name] for name in columns])


@pytest.mark.django_db
@settings(
    max_examples=30,
    deadline=None,
    phases=QUICK,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    decided=st.lists(st.builds(lambda row, removed: row | {"removed": removed}, rows, st.booleans()), max_size=12),
    others=st.lists(people, max_size=12),
    asked=st.lists(
        st.builds(
            lambda person, more: person | more,
            people,
            st.fixed_dictionaries(
                {
                    "right": st.integers(1, 3),
                    "is_peer": st.booleans(),
                    "signals": st.lists(st.sampled_from(Signal.values), unique=True),
                    "is_used": st.booleans(),
                    "was_kept": st.booleans(),
                }
            ),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_the_database_scores_what_the_plain_reading_scores(decided, others, asked):
    held = [{"right": 1 + place % 3, **one} for place, one in enumerate(others)]
    # Whoever is asked about and counts as a peer is one of the people, and holds the right.
    others = others + [{name: one[name] for name in GROUPS} for one in asked if one["is_peer"]]
    held = held + [{name: one[name] for name in ATTRIBUTES} for one in asked if one["is_peer"]]
    numbers = dict.fromkeys(GROUPS, "bigint")
    with transaction.atomic(), connection.cursor() as cursor:
        advice_sql.begin()
        more = {"is_peer": "boolean", "signals": "text[]", "is_used": "boolean", "was_kept": "boolean"}
        listed = [one | {"item_id": place} for place, one in enumerate(asked)]
        fill(cursor, "advice_item", {"item_id": "bigint", "right": "bigint", **numbers, **more}, listed)
        fill(cursor, "advice_decided", {"right": "bigint", **numbers, "removed": "boolean"}, decided)
        fill(cursor, "advice_person", numbers, others)
        fill(cursor, "advice_held", {"right": "bigint", **numbers}, held)
        advice_sql.score()
        cursor.execute("SELECT item_id, score, recommendation FROM advice_scored ORDER BY item_id")
        found = cursor.fetchall()
        transaction.set_rollback(True)
    assert len(found) == len(asked)
    for place, score, recommendation in found:
        plain = read(listed[place], decided, others, held)
        assert abs(float(score) - advice.score(plain)) <= 0.000051
        # Right at a limit the last digit decides.
        if min(abs(float(score) - limit) for limit in (advice.REMOVE_FROM, advice.KEEP_TO)) > 0.0001:
            assert recommendation == advice.recommendation(plain)


@pytest.fixture
def company(story):
    """Seven more accountants in Finance who can read customers and use it, and one who can write to them and never did."""
    people = "".join(f"f{n},Fin {n},f{n}@x.example,employee,active,Finance,Accountant,p1,\n" for n in range(7))
    grants = "".join(f"crm,f{n},Fin {n},f{n},read,2026-01-05,2026-11-20,\n" for n in range(7))
    grants += "crm,f0,Fin 0,f0,write,2026-01-05,2026-01-06,\n"
    story.load(identities=story.texts["identities"] + people, grants=story.texts["grants"] + grants)
    return story


@pytest.mark.django_db
def test_each_item_says_what_is_recommended_and_why(company):
    campaign = company.launch()
    kept, unused = company.item(campaign, "f1").advice, company.item(campaign, "f0", "write").advice
    assert (kept.recommendation, kept.peers_holding, kept.peers_total, kept.peers_label) == ("keep", 8, 8, "in Finance")
    assert kept.reasons[0] == "8 of 8 peers in Finance have it."
    assert unused.recommendation == "remove"
    assert unused.reasons[0].startswith("Not used for ")
    assert "0 of 8 peers in Finance have it." in unused.reasons
    assert company.item(campaign, "chloe").advice.recommendation == "remove"
    assert company.item(campaign, "bruno", "admin").advice.recommendation == "look"
    assert ItemAdvice.objects.filter(item__campaign=campaign).count() == campaign.item_count


@pytest.mark.django_db
def test_earlier_decisions_are_told_and_count(company):
    first = company.launch("Q1")
    ana = company.user("ana@x.example")
    for n in range(7):
        company.decide(first, f"f{n}", "revoke" if n < 5 else "approve", ana)
    company.submit(first, ana)
    before = company.item(first, "f1").advice.score
    closing.close(campaign_id=first.pk, by=company.owner)
    second = company.launch("Q2")
    again = company.item(second, "f6").advice
    assert "A review kept it before." in again.reasons
    assert "Reviewers removed 5 of 7 of this right before." in again.reasons
    assert "Of people with the same manager they removed it from 5 of 7." in again.reasons
    assert company.item(second, "f1").advice.score > before


@pytest.mark.django_db
def test_advice_is_frozen_and_its_root_is_in_the_launch(company):
    campaign = company.launch()
    leaves = []
    for one in ItemAdvice.objects.filter(item__campaign=campaign).select_related("item").order_by("item__number"):
        cells = {name: str(getattr(one, name) if getattr(one, name, None) is not None else "") for name in ADVICE_COLUMNS[2:]}
        cells |= {"campaign": str(campaign.pk), "item": str(one.item.number), "reasons": " ".join(one.reasons)}
        leaf = merkle.leaf_hash(canonical.dumps([cells[name] for name in ADVICE_COLUMNS]))
        assert bytes(one.leaf) == leaf
        leaves.append(leaf)
    entry = Entry.objects.get(kind="campaign:launched")
    assert entry.payload_json["data"]["advice_root"] == campaign.advice_root == merkle.root(leaves).hex()
    one = ItemAdvice.objects.first()
    for change in (lambda: ItemAdvice.objects.filter(pk=one.pk).update(score=Decimal("0.1")), one.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.django_db
def test_a_decision_against_the_recommendation_needs_a_reason(company):
    campaign = company.launch()
    ana = company.user("ana@x.example")
    kept, unused = company.row(campaign, "f1"), company.row(campaign, "f0", "write")
    for row, code in ((kept, "revoke"), (unused, "approve")):
        with pytest.raises(InvalidInput, match="recommended"):
            items.decide(assignment_id=row.pk, answer=items.Answer(code), by=ana)
        items.decide(assignment_id=row.pk, answer=items.Answer(code, "They asked for it again in May"), by=ana)
    for row, code in ((kept, "approve"), (unused, "revoke")):
        items.decide(assignment_id=row.pk, answer=items.Answer(code), by=ana)
    assert (
        items.decide(assignment_id=company.row(campaign, "f2").pk, answer=items.Answer("approve"), by=ana).decision == "approve"
    )


@pytest.mark.django_db
def test_a_bulk_act_needs_one_reason_when_one_of_its_rows_does(company):
    campaign = company.launch()
    ana = company.user("ana@x.example")
    kept = [company.row(campaign, f"f{n}").pk for n in range(3)]
    unused = company.row(campaign, "f0", "write").pk

    def act(ids: list[int], reason: str = ""):
        selection = items.Selection(ids)
        return items.decide_bulk(campaign_id=campaign.pk, selection=selection, code="approve", rationale=reason, by=ana)

    with pytest.raises(InvalidInput, match="recommended"):
        act([*kept, unused])
    assert act(kept).decided == 3
    assert act([*kept, unused], "Needed for the closing of the year").decided == 4
