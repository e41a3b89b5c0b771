"""What people state about controls: recorded, versioned, refused where it says nothing; and who may check a corrective action."""

from datetime import date

import pytest
from django.db import ProgrammingError, connection
from hypothesis import given
from hypothesis import strategies as st

from certify.lib.errors import Conflict, DomainError, InvalidInput, NotAllowed
from evidence import erasing, statements
from evidence.actions import periods
from evidence.actions import statements as acts
from evidence.models import Statement
from evidence.statements import FIELDS, Shape
from evidence.states import Standing, StatementKind
from ledger.models import Entry
from tests.evidence.story import details
from tests.story import Story

WHY = "Reviews of access are how we know who has what."
APPLIES = {"applies": "yes", "implemented": "yes", "justification": WHY}
NONCONFORMITY = {"title": "Spring was late", "found_on": "2031-05-02", "controls": ["iso27001:A.5.18"]}
said_of = st.fixed_dictionaries({}, optional={
    **dict.fromkeys(("title", "applies", "plan", "service"), st.none() | st.text(max_size=30)),
    **dict.fromkeys(("held_on", "due_on"), st.none() | st.dates() | st.text("0123456789-", max_size=10)),
    **dict.fromkeys(("control", "controls", "systems"), st.lists(st.text(max_size=9), max_size=3)),
})  # fmt: skip


def state(story: Story, kind: str, framework: str = "iso27001", **facts) -> Statement:
    """The first of what is stated."""
    return acts.make(framework=framework, kind=kind, facts=facts, by=story.owner)[0]


def cleaned(kind: str, said: dict) -> tuple[dict, str | None]:
    """(what is stated, the field that was refused)."""
    try:
        return statements.clean(kind, said), None
    except InvalidInput as refusal:
        return {}, refusal.field


@given(st.sampled_from(sorted(FIELDS)), said_of)
def test_whatever_is_said_is_kept_whole_or_refused_with_its_field(kind, said):
    found, refused = cleaned(kind, said)
    if refused is not None:
        assert refused in {one.name for one in FIELDS[kind]}
        return
    assert list(found) == [one.name for one in FIELDS[kind]]
    assert statements.clean(kind, found) == found, "cleaning twice changes nothing"
    assert all(found[one.name] for one in FIELDS[kind] if one.needed)


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_everything_that_must_be_said_is_asked_for(kind):
    needed = next(one for one in FIELDS[kind] if one.needed)
    with pytest.raises(InvalidInput, match="missing") as refusal:
        statements.clean(kind, {})
    assert refusal.value.field == needed.name


@pytest.mark.parametrize(
    ("facts", "standing"),
    [
        ({}, Standing.OPEN),
        ({"due_on": "2031-05-30"}, Standing.OVERDUE),
        ({"due_on": "2031-06-01"}, Standing.OPEN),
        ({"due_on": "2031-05-30", "done_on": "2031-06-01"}, Standing.DONE),
        ({"done_on": "2031-05-30", "effective": "no"}, Standing.FAILED),
        ({"done_on": "2031-05-30", "effective": "yes"}, Standing.CLOSED),
    ],
)
def test_a_nonconformity_stands_where_its_facts_say(facts, standing):
    assert statements.standing({"due_on": "", "done_on": ""} | facts, date(2031, 6, 1)) == standing


@pytest.mark.django_db
def test_applicability_is_stated_of_many_controls_at_once_each_once(story):
    rows = acts.make(
        framework="iso27001",
        kind="applicability",
        facts=APPLIES | {"control": ["iso27001:A.8.2", "iso27001:A.5.18"]},
        by=story.owner,
    )
    assert [(one.number, one.version, one.control) for one in rows] == [(1, 1, "iso27001:A.5.18"), (2, 1, "iso27001:A.8.2")]
    told = {str(one.uid): one.payload_json["data"] for one in Entry.objects.filter(kind="statement:made")}
    assert len(told) == 2
    for row in rows:
        entry = told[str(row.entry_uid)]
        assert (entry["facts"], entry["control"], entry["version"]) == (row.facts, row.control, "1")
    with pytest.raises(InvalidInput, match=r"A\.8\.2 is stated already"):
        state(story, "applicability", **APPLIES, control=["iso27001:A.8.2", "iso27001:A.8.3"])
    assert Statement.objects.count() == 2, "nothing half-written"


@pytest.mark.django_db
def test_a_change_is_a_version_and_a_withdrawal_says_why(story):
    first = state(story, "risk", title="Leavers keep access", treatment="modify", controls=["iso27001:A.5.18"])
    second = acts.change(statement_id=first.pk, facts=first.facts | {"treatment": "share"}, by=story.owner)
    assert (second.number, second.version) == (first.number, 2)
    with pytest.raises(InvalidInput, match="so already"):
        acts.change(statement_id=second.pk, facts=second.facts, by=story.owner)
    with pytest.raises(Conflict):
        acts.change(statement_id=first.pk, facts=first.facts, by=story.owner)
    with pytest.raises(InvalidInput):
        acts.withdraw(statement_id=second.pk, why=" ", by=story.owner)
    third = acts.withdraw(statement_id=second.pk, why="The system is gone", by=story.owner)
    assert [one.pk for one in Statement.objects.all().newest()] == [third.pk]
    assert Statement.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize("sql", ["DELETE FROM evidence_statement", "UPDATE evidence_statement SET by_name = 'x'"])
def test_the_database_refuses_to_change_what_was_stated(sql, story):
    state(story, "nonconformity", **NONCONFORMITY)
    with pytest.raises(ProgrammingError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(sql)


WRONG = [
    ("risk", {"title": "R", "treatment": "hope", "controls": ["iso27001:A.5.18"]}, "treatment", "from the list"),
    ("risk", {"title": "R", "treatment": "modify", "controls": ["soc2:CC6.3"]}, "controls", "has no control soc2:CC6.3"),
    ("risk", {"title": "R" * 201, "treatment": "modify", "controls": ["iso27001:A.5.18"]}, "title", "more than 200"),
    ("risk", {"title": "R\x00", "treatment": "modify", "controls": ["iso27001:A.5.18"]}, "title", "cannot be kept"),
    ("nonconformity", NONCONFORMITY | {"found_on": "31.2.2031"}, "found_on", "is no day"),
    ("nonconformity", NONCONFORMITY | {"owner": "people.user:0"}, "owner", "from the list"),
    ("nonconformity", NONCONFORMITY | {"deviation": "run:999"}, "deviation", "no such deviation"),
    ("nonconformity", NONCONFORMITY | {"deviation": "run:x"}, "deviation", "no such deviation"),
    ("subservice", {"title": "Host", "service": "Runs", "method": "inclusive", "systems": ["none"]}, "systems", "does not exist"),
    ("management_review", {"period": "0", "held_on": "2031-05-02", "attended": "All", "decisions": "None"}, "period", "audit period"),
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "facts", "field", "words"), WRONG)
def test_what_is_wrong_is_named_and_nothing_is_recorded(kind, facts, field, words, story):
    with pytest.raises(InvalidInput, match=words) as refusal:
        state(story, kind, **facts)
    assert refusal.value.field == field
    assert not Statement.objects.exists()
    assert not Entry.objects.filter(kind="statement:made").exists()


@pytest.mark.django_db
def test_strangers_state_nothing(story):
    made = state(story, "nonconformity", **NONCONFORMITY)
    for by in (story.admin, story.auditor, story.fallback):
        for act in (
            lambda by=by: acts.make(framework="iso27001", kind="nonconformity", facts=NONCONFORMITY, by=by),
            lambda by=by: acts.change(statement_id=made.pk, facts=NONCONFORMITY | {"cause": "x"}, by=by),
            lambda by=by: acts.withdraw(statement_id=made.pk, why="x", by=by),
        ):
            with pytest.raises(NotAllowed):
                act()
    assert Statement.objects.count() == 1


@pytest.mark.django_db
def test_effectiveness_is_checked_by_somebody_else_and_again_after_a_change(story):
    facts = NONCONFORMITY | {"owner": f"people.user:{story.system_owner.pk}"}
    made = state(story, "nonconformity", **facts)
    assert made.facts["owner"] == f"people.user:{story.system_owner.pk}"
    with pytest.raises(InvalidInput, match="nothing to check"):
        acts.check(statement_id=made.pk, effective=True, note="Seen", by=story.admin)
    done = acts.change(statement_id=made.pk, facts=made.facts | {"done_on": "2031-05-20"}, by=story.owner)
    for by in (story.owner, story.auditor):
        with pytest.raises(NotAllowed):
            acts.check(statement_id=done.pk, effective=True, note="Seen", by=by)
    checked = acts.check(statement_id=done.pk, effective=True, note="Summer was in time", by=story.admin)
    assert statements.standing(checked.facts, date(2031, 6, 1)) == Standing.CLOSED
    assert checked.facts["checked_by"] == f"people.user:{story.admin.pk}"
    again = acts.change(statement_id=checked.pk, facts=checked.facts | {"action": "A second reminder"}, by=story.owner)
    assert statements.standing(again.facts, date(2031, 6, 1)) == Standing.DONE


def test_whoever_owns_the_action_or_wrote_that_it_was_done_may_not_check_it():
    done = {"done_on": "2031-05-20"}
    assert statements.may_check(done, "people.user:1", "people.user:2", "people.user:3")
    assert not statements.may_check(done, "people.user:1", "people.user:2", "people.user:1")
    assert not statements.may_check(done, "people.user:1", "people.user:2", "people.user:2")
    assert not statements.may_check({"done_on": ""}, "people.user:1", "people.user:2", "people.user:3")


@pytest.mark.django_db
def test_the_figures_before_a_management_review_are_kept_as_they_were(story):
    period = periods.create(details=details(story, framework="iso27001"), by=story.owner)
    said = {"period": str(period.pk), "held_on": "2031-05-02", "attended": "All", "decisions": "None"}
    made = state(story, "management_review", **said)
    assert set(made.facts["input"]) == set(statements.INPUT)
    assert made.facts["input"]["nonconformities"] == "0"
    state(story, "nonconformity", **NONCONFORMITY)
    later = acts.change(statement_id=made.pk, facts=made.facts | {"decisions": "More reviewers"}, by=story.owner)
    assert later.facts["input"] == made.facts["input"]
    assert state(story, "management_review", **said).facts["input"]["nonconformities"] == "1"


@pytest.mark.django_db
def test_too_much_for_an_entry_is_refused_in_words(story, monkeypatch):
    monkeypatch.setattr(statements, "MOST", 400)
    with pytest.raises(DomainError, match="too much for one statement"):
        state(story, "risk", title="R", treatment="modify", plan="x" * 300, controls=["iso27001:A.5.18"])


def test_every_kind_has_its_fields_and_controls_can_be_named_in_all_but_the_review():
    assert set(FIELDS) == set(StatementKind)
    for kind, fields in FIELDS.items():
        assert any(one.shape in (Shape.CONTROL, Shape.CONTROLS) for one in fields) or kind == StatementKind.MANAGEMENT_REVIEW


@pytest.mark.django_db
def test_entries_know_people_by_commitments_and_an_open_correction_hinders_erasing_its_owner(story):
    owner = f"people.user:{story.system_owner.pk}"
    made = state(story, "nonconformity", **NONCONFORMITY, owner=owner)
    entry = Entry.objects.get(uid=made.entry_uid)
    assert entry.payload_json["data"]["facts"]["owner"] == {"id": owner, "person": story.system_owner.commitment}
    assert made.facts["owner"] == owner
    assert story.system_owner.name not in entry.payload
    assert list(erasing.hindrances(story.system_owner)) == ["Nonconformities they have to correct: 1."]
    acts.change(statement_id=made.pk, facts=made.facts | {"done_on": "2031-05-20"}, by=story.owner)
    assert list(erasing.hindrances(story.system_owner)) == []
