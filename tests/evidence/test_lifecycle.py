"""Leavers, roles and how people reviewed: what the pack says of them, and that forged rows of them are found."""

import csv
import io
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import measures
from certify.lib import clock
from certify.lib.errors import InvalidInput
from certify.lib.times import rfc3339
from evidence.actions import periods
from evidence.verifier import verify as verifier
from inventory.models import Source
from people.actions import users
from people.models import User
from tests.evidence import spoil
from tests.evidence.conftest import build, seal
from tests.evidence.conftest import verify as checked
from tests.evidence.story import WIKI_GRANTS, WIKI_PEOPLE, details, load_files, moment
from tests.evidence.test_mutations import found

pytestmark = pytest.mark.django_db


def table(pack, name: str) -> list[dict[str, str]]:
    """The rows of a table."""
    with zipfile.ZipFile(pack) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def leavers(pack) -> dict[tuple[str, str], list[str]]:
    """(person, account) → between which readings it was gone, the verdict, days late, why nobody can say."""
    told = ("present_in", "gone_in", "verdict", "late_at_least", "late_at_most", "why")
    return {
        (row["identity_id"], row["account_id"]): [row[name] for name in told] for row in table(pack, "lifecycle/leavers.csv")
    }


def test_every_leaver_and_account_is_there_with_what_the_readings_prove(honest):
    assert leavers(honest.path) == {
        ("w1", "olga"): ["1", "2", "in_time", "", "", ""],
        ("w2", "'=piet"): ["2", "3", "late", "18", "49", ""],
        ("w2", "piet-adm"): ["2", "3", "late", "18", "49", ""],
        ("w3", "quin"): ["3", "", "still_there", "30", "", ""],
        ("w4", ""): ["", "", "in_time", "", "", "no_account"],
        ("w5", "sven"): ["1", "2", "cannot_say", "", "", "between_readings"],
        ("w6", "tess"): ["3", "", "cannot_say", "", "", "handed_over"],
        ("svc", "job"): ["8", "", "cannot_say", "", "", "not_read_since"],
    }
    (balance,) = table(honest.path, "lifecycle/balance.csv")
    assert {name: int(value) for name, value in balance.items()} == {
        "known": 13, "there": 5, "left_before": 1, "leavers": 7, "in_time": 2, "late": 1, "still_there": 1, "cannot_say": 3,
        "without_account": 1, "accounts": 7, "days": 1,
    }  # fmt: skip


def test_later_readings_change_no_pack_of_an_earlier_checkpoint(story, period, tmp_path):
    early, wiki = seal(moment(12, 30)), Source.objects.get(key="wiki")
    build(period, early, tmp_path / "early.zip")
    with clock.freeze(moment(12, 30, 12)):
        people = WIKI_PEOPLE.format("active", "").replace("Olga", "Olga Maria")
        load_files(story, wiki, {"identities": people, "grants": WIKI_GRANTS + "wiki,uma,w7,edit\nwiki,olga,,edit\n"})
    build(period, early, tmp_path / "again.zip")
    assert (tmp_path / "early.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    build(period, seal(moment(12, 31)), tmp_path / "later.zip")
    assert set(leavers(tmp_path / "later.zip")) == {("svc", "job")}, "all others came back"
    assert checked(tmp_path / "later.zip").status == 0


def test_who_left_is_as_the_readings_told_it_when_the_period_ended(story, period, tmp_path):
    """A pack that is built later knows later readings: they prove what became of access, and change nobody's leaving."""

    def told(pack) -> tuple:
        names = ("identity_id", "identity_name", "identity_kind", "people_snapshot", "last_day", "left_on", "due_on")
        people = {tuple(row[name] for name in names) for row in table(pack, "lifecycle/leavers.csv")}
        return people, [table(pack, "lifecycle/balance.csv")[0][name] for name in ("known", "there", "left_before", "leavers")]

    build(period, seal(moment(12, 30)), tmp_path / "early.zip")
    after, wiki = moment(12, 31) + timedelta(days=20), Source.objects.get(key="wiki")
    with clock.freeze(after):
        people = WIKI_PEOPLE.format("active", "").replace("Olga", "Olga Maria") + "w8,Zed,employee,inactive,\n"
        load_files(story, wiki, {"identities": people, "grants": WIKI_GRANTS})
    build(period, seal(after + timedelta(days=1)), tmp_path / "later.zip")
    assert told(tmp_path / "later.zip") == told(tmp_path / "early.zip")
    assert checked(tmp_path / "later.zip").status == 0


def test_the_days_that_leavers_have_are_those_that_the_log_recorded(story, period, tmp_path):
    with pytest.raises(InvalidInput, match="0 to 365"):
        periods.change(period_id=period.pk, details=details(story, leaver_days=366), by=story.owner)
    before = seal(moment(12, 30))
    periods.change(period_id=period.pk, details=details(story, leaver_days=30), by=story.owner)
    build(period, before, tmp_path / "before.zip")
    build(period, seal(moment(12, 31)), tmp_path / "after.zip")
    assert leavers(tmp_path / "before.zip")["w2", "piet-adm"][2:4] == ["late", "18"]
    after = leavers(tmp_path / "after.zip")
    assert after["w2", "piet-adm"] == ["2", "3", "cannot_say", "", "", "between_readings"]
    assert after["w3", "quin"] == ["3", "", "still_there", "1", "", ""]
    assert checked(tmp_path / "after.zip").status == 0


def edit(copy, path: str, change) -> None:
    """Change rows of a table as {column: cell}, and make the manifest fit."""
    rows = spoil.rows_of(spoil.read(copy)[path])
    changed = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    change(changed)
    spoil.change(copy, path, lambda _: spoil.table([rows[0], *([*row.values()] for row in changed)]), forge=True)


def test_a_leaver_whose_account_a_review_showed_later_cannot_be_left_out(copy):
    """Even where the balance is made to fit."""
    items = table(copy, "reviews/items.csv")
    late = next(row for row in items if row["account_id"] == "elif")
    forged = {**table(copy, "lifecycle/leavers.csv")[0], "identity_id": late["identity_id"], "left_on": "2031-01-02"}
    forged |= {"people_snapshot": "2", "last_day": "2031-01-02", "due_on": "2031-01-03", "account_id": "other", "source": "crm"}
    edit(copy, "lifecycle/leavers.csv", lambda rows: rows.append(forged))
    edit(copy, "lifecycle/balance.csv", lambda rows: rows[0].update(leavers="8", accounts="8", known="14", cannot_say="4"))
    assert "who had left, and there is no such row" in found(copy)[1]


@pytest.mark.parametrize(("change", "said"), [
    ({"verdict": "in_time", "late_at_least": "", "late_at_most": ""}, "verdict is “in_time”, but the readings of this pack make it “late”"),
    ({"present_in": "1"}, "verdict is “late”, but the readings of this pack make it “cannot_say”"),
    ({"gone_in": "9"}, "reading “9” of “wiki” is not in population/snapshots.csv"),
    ({"due_on": "2031-03-20"}, "due_on is “2031-03-20”, but the readings of this pack make it “2031-02-11”"),
    ({"last_day": "2031-03-01"}, "left_on is “2031-02-10”, but the readings of this pack make it “2031-03-01”"),
])  # fmt: skip
def test_a_leaver_that_is_made_to_look_better_is_named(change, said, copy):
    edit(copy, "lifecycle/leavers.csv", lambda rows: rows[3].update(change))
    assert said in found(copy)[1]


def test_a_balance_of_leavers_that_does_not_add_up_is_named(copy):
    edit(copy, "lifecycle/balance.csv", lambda rows: rows[0].update(still_there="0", in_time="3"))
    text = found(copy)[1]
    assert "still_there is “0”, but lifecycle/leavers.csv adds up to “1”" in text
    edit(copy, "lifecycle/balance.csv", lambda rows: rows[0].update(still_there="1", in_time="2", there="6"))
    assert "people are not there, left before or left in the period" in found(copy)[1]


def test_roles_begin_and_end_with_the_entries_that_gave_and_took_them(story, period, tmp_path):
    with clock.freeze(moment(3, 1)):
        other = users.create(username="other", name="Otto Other", roles=["control_owner", "reviewer"], by=story.admin)
    with clock.freeze(moment(4, 1)):
        users.change(user_id=other.pk, name="Otto Married", email="", by=story.admin)
        users.set_roles(user_id=other.pk, roles=["control_owner", "administrator"], by=story.admin)
    with clock.freeze(moment(5, 1)):
        users.deactivate(user_id=other.pk, by=story.admin)
    with clock.freeze(moment(6, 1)):
        users.reactivate(user_id=other.pk, by=story.admin)
        users.set_roles(user_id=other.pk, roles=["reviewer"], by=story.admin)
    build(period, seal(), tmp_path / "pack.zip")
    rows = [
        row for row in table(tmp_path / "pack.zip", "administration/roles.csv") if row["person"] == f"people.user:{other.pk}"
    ]
    assert [(row["role"], row["name"], row["from"][5:7], row["until"][5:7], row["taken_by"]) for row in rows] == [
        ("control_owner", "Otto Other", "03", "05", "Ada Admin"), ("administrator", "Otto Married", "04", "05", "Ada Admin"),
        ("administrator", "Otto Married", "06", "06", "Ada Admin"), ("control_owner", "Otto Married", "06", "06", "Ada Admin"),
    ]  # fmt: skip
    assert checked(tmp_path / "pack.zip").status == 0


def test_who_held_a_role_before_the_period_is_known_with_the_entry_that_gave_it(story, period, tmp_path):
    seal(moment(11, 1))
    late = periods.create(details=details(story, name="Winter", from_on=moment(12, 1).date()), by=story.owner)
    build(late, seal(), tmp_path / "late.zip")
    held = {(row["person"], row["role"]) for row in table(tmp_path / "late.zip", "administration/roles.csv")}
    active = User.objects.filter(is_active=True)
    wanted = {(f"people.user:{person.pk}", role) for person in active for role in person.roles if role != "reviewer"}
    assert held == wanted
    assert checked(tmp_path / "late.zip").status == 0


def test_a_role_that_is_hidden_or_shortened_is_named(copy):
    edit(copy, "administration/roles.csv", lambda rows: rows[0].update(until="2031-02-01T00:00:00.000000Z"))
    edit(copy, "administration/roles.csv", lambda rows: rows.pop())
    text = found(copy)[1]
    assert "until is “2031-02-01T00:00:00.000000Z”, but the log recorded “”" in text
    assert "held the role" in text


def test_a_decision_on_access_of_ones_own_is_a_finding_of_the_verifier(copy):
    """The product refuses them, so the identity of a reviewer is forged here to be that of somebody they decided on."""
    edit(copy, "reviews/independence.csv", lambda rows: rows[1].update(identity="p2"))
    text = found(copy)[1]
    assert "decided 3 times on access of their own" in text or "times on access of their own" in text
    assert "own is “0”, but the rows of this pack add up to" in text


DECIDED = st.builds(
    measures.Decided,
    at=st.integers(0, 5_000_000_000).map(lambda micros: moment(2, 1) + timedelta(microseconds=micros)),
    code=st.sampled_from(["approve", "revoke", "reduce", "dont_know"]),
    bulk=st.one_of(st.none(), st.integers(1, 3)),
    is_privileged=st.booleans(),
    recommended=st.sampled_from(["keep", "remove", "", "none"]),
)


@given(st.lists(DECIDED, min_size=1, max_size=12))
def test_measures_are_those_of_the_product(decisions):
    acts = {}
    decisions = [
        one
        if one.bulk is None
        else replace(one, at=acts.setdefault(one.bulk, one).at, code=acts[one.bulk].code, is_sheet=one.bulk == 3)
        for one in decisions
    ]
    campaign = verifier.Campaign(2, {"campaign": "1", "name": "", "state": "open", "terms": "{}"})
    work = verifier.Work(-1, "", "Ana")
    for place, one in enumerate(decisions):
        campaign.holder.append(0)
        campaign.manager.append(0)
        campaign.privileged.append(one.is_privileged)
        campaign.recommended += one.recommended[:1].encode() or b"-"
        cells = ["1", str(place), one.code, "", "Ana", "", "manager", "", rfc3339(one.at), "", str(one.bulk or ""), "", "1", ""]
        work.take(campaign, place, cells, {"3"})
    wanted = measures.measure(decisions)
    seconds, hasty, streak = work.pace()
    shown = [seconds, hasty, streak, verifier.shares(work.in_bulk, work.decisions), verifier.shares(work.against, work.advised)]
    values = [wanted.median_seconds, wanted.under_3_seconds, wanted.streak, wanted.bulk, wanted.against_advice]
    assert shown == ["" if value is None else str(value) for value in values]
    assert (work.decisions, work.privileged) == (wanted.decided, wanted.privileged)
