"""Rules: what they may say, who may say it, and their CSV form in and out."""

import csv
import io

import pytest
from django.db import InternalError, ProgrammingError, transaction
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from campaigns import sod_csv, sod_rules
from campaigns.actions import sod_rules as actions
from campaigns.models import SodRule
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.models import Entry
from tests.campaigns.sod.conftest import load_erp, terms

pytestmark = pytest.mark.django_db


def exported() -> str:
    """All rules as the export writes them."""
    return "".join(sod_csv.lines(SodRule.objects.select_related("owner")))


def take_in(story, text: str):
    """Import a text."""
    return actions.take_in(data=text.encode(), file_name="duties.csv", by=story.owner)


def row(**changes: str) -> str:
    """A file with one rule."""
    said = {
        "rule": "r1", "name": "Change and pay", "severity": "high", "side_a_name": "change", "side_a": "crm/admin",
        "side_b_name": "pay", "side_b": "tag:payments; erp/book", "control": "", "owner": "control_owner", "active": "yes",
    }  # fmt: skip
    out = io.StringIO()
    writer = csv.DictWriter(out, sod_csv.COLUMNS)
    writer.writeheader()
    writer.writerow(said | changes)
    return out.getvalue()


@pytest.fixture(autouse=True)
def erp(story):
    """The second system."""
    load_erp(story)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"key": ""}, "key", "is empty"),
        ({"key": "a b"}, "key", "letters, digits"),
        ({"name": " "}, "name", "is empty"),
        ({"severity": "awful"}, "severity", "“awful” is not one of low, medium, high, critical"),
        ({"owner": None}, "owner", "nobody who is active"),
        ({"side_a": []}, "side_a", "names no right"),
        ({"side_a": ["crm/admn"]}, "side_a", "No system has the right “crm/admn”"),
        ({"side_a": ["admin"]}, "side_a", "No system has the right “admin”"),
        ({"side_a": ["tag:pay"]}, "side_a", "No right has the tag “pay”"),
        ({"side_a": ["erp/pay"]}, "side_b", "“erp/pay” is on both sides"),
        ({"side_a": [f"crm/{place}" for place in range(201)]}, "side_a", "names 201 rights and tags"),
    ],
)
def test_what_a_rule_may_not_say_is_refused_at_its_field(story, changes, field, words):
    with pytest.raises(InvalidInput, match=words) as refusal:
        actions.create(terms=terms(story, **changes), by=story.owner)
    assert refusal.value.field == field
    assert not SodRule.objects.exists()


def test_each_change_is_in_the_ledger_and_new_sides_make_a_new_version(story):
    rule = actions.create(terms=terms(story, side_a=[" crm/admin ", "crm/admin"], side_b=["tag: Payments"]), by=story.admin)
    assert (rule.side_a, rule.side_b, rule.version) == (["crm/admin"], ["tag:payments"], 1)
    reworded = terms(story, side_a=["crm/admin"], name="Other words")
    assert actions.change(rule_id=rule.pk, terms=reworded, by=story.owner).version == 1
    assert actions.change(rule_id=rule.pk, terms=terms(story, name="Other words"), by=story.owner).version == 2
    actions.change(rule_id=rule.pk, terms=terms(story, name="Other words"), by=story.owner)
    kinds = list(Entry.objects.filter(kind__startswith="sod-rule").order_by("id").values_list("kind", flat=True))
    assert kinds == ["sod-rule:created", "sod-rule:changed", "sod-rule:changed"]
    last = Entry.objects.filter(kind="sod-rule:changed").latest("id").payload_json["data"]
    assert (last["old"]["side_a"], last["new"]["side_a"]) == (["crm/admin"], ["crm/admin", "crm/read"])
    with pytest.raises(InvalidInput, match="already a rule"):
        actions.create(terms=terms(story), by=story.owner)
    with pytest.raises(InvalidInput, match="stays as it is"):
        actions.change(rule_id=rule.pk, terms=terms(story, key="other"), by=story.owner)


def test_only_control_owners_and_administrators_write_rules_and_nobody_deletes_one(story):
    for user in (story.system_owner, story.auditor, story.fallback):
        with pytest.raises(NotAllowed):
            actions.create(terms=terms(story), by=user)
        with pytest.raises(NotAllowed):
            actions.take_in(data=row().encode(), file_name="x", by=user)
    rule = actions.create(terms=terms(story), by=story.admin)
    with pytest.raises(NotAllowed):
        actions.change(rule_id=rule.pk, terms=terms(story, name="Mine"), by=story.system_owner)
    with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
        rule.delete()


def test_what_was_exported_is_imported_as_the_same_and_twice_changes_nothing(story):
    first = take_in(story, row() + row(rule="r2", active="no").splitlines()[1] + "\r\n")
    assert (first.created, first.changed, first.same, first.refused) == (2, 0, 0, [])
    before, entries = exported(), Entry.objects.filter(kind__startswith="sod-rule:").count()
    again = take_in(story, before)
    assert (again.created, again.changed, again.same) == (0, 0, 2)
    assert (exported(), Entry.objects.filter(kind__startswith="sod-rule:").count()) == (before, entries)
    changed = take_in(story, row(severity="LOW", control="Looked at monthly"))
    assert (changed.created, changed.changed, changed.same) == (0, 1, 0)
    assert SodRule.objects.get(key="r1").severity == "low"
    assert [entry.payload_json["data"]["same"] for entry in Entry.objects.filter(kind="sod-rules:imported")] == [0, 2, 0]


def test_an_import_is_all_or_nothing_and_says_of_every_row_why(story):
    good, bad = row(), row(rule="r2", side_a="crm/none; tag:nothing", severity="huge", owner="nobody", active="maybe")
    twice, short = row(name="Again").splitlines()[1], "r3,too,short"
    done = take_in(story, "\r\n".join([*good.splitlines(), bad.splitlines()[1], twice, short]))
    assert [(one.line, one.rule, one.column) for one in done.refused] == [
        (3, "r2", "severity"),
        (3, "r2", "owner"),
        (3, "r2", "side_a"),
        (3, "r2", "side_a"),
        (3, "r2", "active"),
        (4, "r1", "rule"),
        (5, "", ""),
    ]
    assert done.refused[5].reason == "stands on line 2 already"
    assert (SodRule.objects.count(), Entry.objects.filter(kind__startswith="sod-rule").count()) == (0, 0)


def test_what_is_wrong_is_said_in_the_language_of_whoever_reads(story):
    with translation.override("de"):
        with pytest.raises(InvalidInput, match=r"^Das nennt kein Recht, aber jede Regel braucht zwei Seiten\.$"):
            actions.create(terms=terms(story, side_a=[]), by=story.owner)
        with pytest.raises(InvalidInput, match=r"^Kein System hat das Recht „crm/no“\. Schreiben Sie System/Recht\.$"):
            actions.create(terms=terms(story, side_a=["crm/no"]), by=story.owner)
        refused = take_in(story, row(name="", active="vielleicht")).refused
    assert [one.reason for one in refused] == [
        "ist leer, aber jede Regel braucht es",
        "„vielleicht“ ist weder yes noch no",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("rule,name\n", "“severity” is missing"),
        (row().replace("severity", "danger"), "“danger” is not one of them"),
        (row().splitlines()[0] + "\n", "has no rules"),
        ("x" * (sod_csv.MAX_BYTES + 1), "larger than"),
        (row() + '"open', "not valid CSV"),
    ],
)
def test_what_is_no_file_of_rules_says_so(story, text, words):
    with pytest.raises(InvalidInput, match=words):
        take_in(story, text)


def test_cells_that_a_spreadsheet_would_run_are_harmless_and_come_back(story):
    wild = terms(story, name='=HYPERLINK("x")', control="@SUM(1+1)", side_a_name="'quoted", side_b_name="+pay")
    actions.create(terms=wild, by=story.owner)
    cells = next(csv.DictReader(io.StringIO(exported())))
    assert [cells[name] for name in ("name", "control", "side_a_name", "side_b_name")] == [
        '\'=HYPERLINK("x")',
        "'@SUM(1+1)",
        "''quoted",
        "'+pay",
    ]
    assert take_in(story, exported()).same == 1


@given(st.lists(st.text("ab;\\ :/'", min_size=1).map(str.strip).filter(bool), max_size=4))
def test_a_side_comes_back_from_its_cell(side):
    assert sod_csv.split(sod_csv.joined(side)) == [one for one in side if one]


@given(st.lists(st.text("aA :tg/", max_size=9)))
def test_references_have_one_form(texts):
    once = sod_rules.references(texts)
    assert sod_rules.references(once) == once
