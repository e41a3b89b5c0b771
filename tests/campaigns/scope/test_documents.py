"""The document: its schema, its first form, its words, and what a page makes of it."""

import json
from pathlib import Path

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from campaigns.scope import builder, conditions, documents, schema, sentences
from campaigns.scope.sentences import Names
from certify.lib.errors import InvalidInput
from tests.campaigns.scope import strategies
from tests.campaigns.scope.plain import fits_pattern

PUBLISHED = Path(__file__).parents[3] / "docs/schemas/scope.json"
NAMES = Names({1: "CRM", 2: "ERP"}, {"p1": "Ana Berg"})


def scope(*include: dict, exclude: tuple = (), sources: tuple = (1, 2), standing: bool = True) -> dict:
    """A document."""
    return {"version": 1, "sources": list(sources), "include": list(include), "exclude": list(exclude), "standing": standing}


def test_the_published_schema_is_the_one_in_force():
    assert json.loads(PUBLISHED.read_text()) == schema.SCHEMA, (
        "write campaigns.scope.schema.printed() to docs/schemas/scope.json"
    )
    Draft202012Validator.check_schema(schema.SCHEMA)


@given(strategies.documents())
@settings(max_examples=100, deadline=None)
def test_every_scope_is_valid_and_canonical_and_can_be_said(document):
    assert documents.problems(document) == []
    assert documents.check(document) == document
    said = sentences.sentence(document, NAMES)
    assert said.endswith(".")
    assert all(rule["reason"] in said for rule in document["exclude"])
    codes = {conditions.BY_NAME[one["field"]].code for one in document["include"]} | {
        one["code"] for one in document["exclude"]
    }
    assert set(sentences.left_out_words(document)) == codes


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (scope(sources=()), ("sources",)),
        (scope() | {"more": 1}, ()),
        (scope({"field": "nothing"}), ("include", 0, "field")),
        (scope({"field": "kind", "any": ["robot"]}), ("include", 0, "any", 0)),
        (scope({"field": "kind", "any": []}), ("include", 0, "any")),
        (scope({"field": "unused", "days": 90}), ("include", 0)),
        (scope({"field": "unused", "days": 0, "unknown": True}), ("include", 0, "days")),
        (scope({"field": "source", "any": [1]}), ("include", 0, "field")),
        (scope({"field": "kind", "any": ["agent"]}, {"field": "kind", "any": ["service"]}), ("include", 1)),
        (scope(exclude=({"code": "x1", "reason": "too short", "when": [{"field": "changed"}]},)), ("exclude", 0, "reason")),
        (scope(exclude=({"code": "x1", "when": [{"field": "changed"}]},)), ("exclude", 0)),
        (scope(exclude=({"code": "x'; --", "reason": "Long enough", "when": [{"field": "changed"}]},)), ("exclude", 0, "code")),
        (scope(exclude=({"code": "x1", "reason": "Long enough", "when": []},)), ("exclude", 0, "when")),
    ],
)
def test_what_is_wrong_is_found_where_it_is(broken, where):
    assert [problem.where for problem in documents.problems(broken)] == [where]
    with pytest.raises(InvalidInput):
        documents.check(broken)


def test_codes_fit_the_column_and_are_never_those_of_rules_or_lists():
    codes = [field.code for field in conditions.FIELDS]
    assert len(set(codes)) == len(codes)
    assert all(len(code) <= 20 and not code[1:].isdecimal() for code in codes)


@pytest.mark.parametrize(
    ("old", "include"),
    [
        ({}, []),
        ({"orphans": False}, [{"field": "orphan", "any": ["no"]}]),
        ({"kinds": ["service", "agent"]}, [{"field": "kind", "any": ["agent", "service"]}]),
        ({"departments": ["B*", "A"]}, [{"field": "department", "any": ["A", "B\\*"]}]),
        ({"privileged": "yes"}, [{"field": "privileged", "any": ["yes"]}]),
        ({"privileged": "yes_or_unknown"}, [{"field": "privileged", "any": ["unknown", "yes"]}]),
    ],
)
def test_the_first_form_is_read_as_the_same_question(old, include):
    first = {"sources": [2, 1], "privileged": "any", "departments": [], "kinds": [], "orphans": True} | old
    before = json.dumps(first)
    assert documents.ordered(documents.read(first)) == scope(*include, standing=False)
    assert json.dumps(first) == before


@given(st.text(alphabet="ab*\\%_", max_size=6))
def test_a_literal_fits_itself_and_nothing_else(text):
    assert fits_pattern(conditions.literal(text), text)
    assert not fits_pattern(conditions.literal(text), text + "a")


SPOKEN = [
    (scope(), "All access, in CRM and ERP."),
    (
        scope(
            {"field": "orphan", "any": ["no"]},
            {"field": "kind", "any": ["contractor"]},
            {"field": "department", "any": ["Finance"]},
            {"field": "privileged", "any": ["yes"]},
            exclude=({"code": "x1", "reason": "Reviewed daily.", "when": [{"field": "entitlement", "any": ["backup*"]}]},),
        ),
        "Privileged access of contractors in Finance, in CRM and ERP; accounts without a known person are left out."
        " Except access to “backup*”: Reviewed daily.",
    ),
    (
        scope({"field": "below", "any": ["p1"]}, {"field": "unused", "days": 90, "unknown": True}, sources=(1,)),
        "Access of everybody below Ana Berg, not used for 90 days (or use not known), in CRM;"
        " accounts without a known person are asked about too.",
    ),
    (
        scope({"field": "left", "any": ["yes"]}, {"field": "changed"}, sources=(2,)),
        "Access of those who have left or are inactive, new or changed since the last review of its system, in ERP;"
        " accounts without a known person are asked about too.",
    ),
    (scope({"field": "tag", "any": ["sox", ""]}, sources=(1,)), "Access tagged “sox” or not at all, in CRM."),
    (
        scope({"field": "sod"}, sources=(1,)),
        "Access in conflict with other duties of the same person, in CRM.",
    ),
    (scope({"field": "orphan", "any": ["yes"]}), "Access of accounts without a known person, in CRM and ERP."),
]


@pytest.mark.parametrize(("document", "words"), SPOKEN)
def test_a_scope_reads_as_a_sentence(document, words):
    assert sentences.sentence(document, NAMES) == words


def typed(draft: builder.Draft, **more: str) -> QueryDict:
    """What a page would send of a draft."""
    data = QueryDict(mutable=True)
    data.setlist("sources", map(str, draft.sources))
    rows = [("row", row) for row in draft.rows] + [(f"{rule.code}-row", row) for rule in draft.rules for row in rule.rows]
    for key, row in rows:
        data.appendlist(key, row.id)
        data.update({f"{row.id}-field": row.field.name, f"{row.id}-new": row.new, f"{row.id}-days": row.days})
        data.setlist(f"{row.id}-any", row.any)
        data.update({f"{row.id}-unknown": "on"} if row.unknown else {})
    for rule in draft.rules:
        data.update({"rule": rule.code, f"{rule.code}-reason": rule.reason})
    data.update({"standing": "on"} if draft.standing else {})
    data.update(more)
    return data


@given(strategies.documents(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_page_gives_back_the_scope_it_was_given(document, standing):
    document["standing"] = standing
    sent = builder.from_post(typed(builder.from_document(document)))
    assert sent.document() == document
    assert not sent.has_errors()


def test_buttons_add_and_take_away():
    draft = builder.Draft(sources=[1])
    for pressed in (
        {"act": "add", "add": "department"},
        {"act": "rule"},
        {"act": "add:x1", "x1-add": "source"},
        {"act": "rule"},
    ):
        data = typed(draft, **pressed)
        draft = builder.from_post(data)
        builder.act(draft, data)
    assert [row.field.name for row in draft.rows] == ["department"]
    assert [(rule.code, [row.field.name for row in rule.rows]) for rule in draft.rules] == [("x1", ["source"]), ("x2", [])]
    for gone in ("i1", "x1"):
        builder.act(draft, typed(draft, act=f"drop:{gone}"))
    assert (draft.rows, [rule.code for rule in draft.rules]) == ([], ["x2"])


def test_what_is_incomplete_has_its_message_and_the_rest_counts():
    draft = builder.from_document(scope({"field": "kind", "any": ["agent"]}, {"field": "unused", "days": 9, "unknown": False}))
    draft.rows[0].any, draft.rows[1].days = [], "many"
    draft.rules = [builder.Rule("x1", "short"), builder.Rule("x2", "Said well enough", draft.rows[:1])]
    assert draft.document() == scope()
    assert [len(one.errors) for one in (*draft.rows, *draft.rules)] == [2, 1, 2, 0]


@given(
    st.dictionaries(
        st.sampled_from(["row", "rule", "act", "add", "sources", "x1-row", "i1-field", "i1-any"]), st.text(max_size=9)
    )
)
def test_no_post_whatever_is_an_error_of_ours(sent):
    data = QueryDict(mutable=True)
    data.update({"row": "i1", "i1-field": "unused", "i1-days": "²"} | sent)
    draft = builder.from_post(data)
    builder.act(draft, data)
    draft.document()
