"""The scope document: reading its present and its first form, and what is wrong with one; pure.

    {"version": 1, "sources": [ids], "include": [conditions], "exclude": [{"code", "reason", "when": [conditions]}],
     "standing": whether standing exclusions apply}

A grant is asked about when every condition of `include` holds and no rule of `exclude` fits; a rule fits when all of its
conditions do. `docs/schemas/scope.json` is its schema.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from jsonschema import Draft202012Validator

from campaigns.scope import conditions, schema
from campaigns.scope.conditions import BY_NAME, PLACE
from certify.lib.errors import InvalidInput

VERSION = 1
#: "privileged" of the first form → values.
PRIVILEGED = {"yes": ["yes"], "yes_or_unknown": ["yes", "unknown"]}


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where: the path of keys and places in the document."""

    where: tuple
    message: str


def simple(
    *,
    sources: Iterable[int],
    privileged: str = "any",
    departments: Iterable[str] = (),
    kinds: Iterable[str] = (),
    orphans: bool = True,
) -> dict:
    """The document of the questions that the first form could ask; empty departments and kinds mean all."""
    found = [
        not orphans and {"field": "orphan", "any": ["no"]},
        kinds and {"field": "kind", "any": sorted(kinds)},
        departments and {"field": "department", "any": [conditions.literal(name) for name in sorted(departments)]},
        privileged != "any" and {"field": "privileged", "any": PRIVILEGED[privileged]},
    ]
    return {
        "version": VERSION,
        "sources": sorted(sources),
        "include": [one for one in found if one],
        "exclude": [],
        "standing": True,
    }


def read(scope: dict) -> dict:
    """The document as version 1; the first form, which had no version, is read as the same question.

    Frozen terms stay as they are: this makes a new document. Standing exclusions did not exist then and do not apply.
    """
    if "version" in scope:
        return scope
    names = ("sources", "privileged", "departments", "kinds", "orphans")
    return simple(**{name: scope[name] for name in names}) | {"standing": False}


def ordered(document: dict) -> dict:
    """The same document with everything in its canonical place, so that equal questions are equal documents."""

    def condition(one: dict) -> dict:
        return one | {"any": sorted(set(one["any"]))} if "any" in one else dict(one)

    return document | {
        "sources": sorted(set(document["sources"])),
        "include": sorted(map(condition, document["include"]), key=lambda one: PLACE[one["field"]]),
        "exclude": [
            rule | {"when": sorted(map(condition, rule["when"]), key=lambda one: PLACE[one["field"]])}
            for rule in document["exclude"]
        ],
    }


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema.SCHEMA)


def _twice(found: list[dict], where: tuple, key: str, words: str) -> Iterator[Problem]:
    seen = set()
    for place, one in enumerate(found):
        if one[key] in seen:
            yield Problem((*where, place), words)
        seen.add(one[key])


def problems(document: object) -> list[Problem]:
    """Everything that is wrong with a document; empty when it may be stored."""
    found = [Problem(tuple(error.absolute_path), error.message) for error in _validator().iter_errors(document)]
    if found:
        return sorted(found, key=lambda one: [str(step) for step in one.where])
    twice = "This condition is there twice; put all values into one."
    found += _twice(document["include"], ("include",), "field", twice)
    found += _twice(document["exclude"], ("exclude",), "code", "Two rules have the same code.")
    for place, rule in enumerate(document["exclude"]):
        found += _twice(rule["when"], ("exclude", place, "when"), "field", twice)
    return found


def check(document: object) -> dict:
    """The document in canonical order; refuses one that breaks the schema and says where."""
    if found := problems(document):
        where = "/".join(str(step) for step in found[0].where)
        raise InvalidInput(f"{where}: {found[0].message}" if where else found[0].message, field="scope")
    return ordered(document)


def used_fields(document: dict) -> set[str]:
    """Names of the fields that the document speaks of."""
    every = [document["include"], *(rule["when"] for rule in document["exclude"])]
    return {one["field"] for found in every for one in found}


def people_keys(document: dict) -> set[str]:
    """Keys of the people it names."""
    every = [*document["include"], *(one for rule in document["exclude"] for one in rule["when"])]
    return {key for one in every if BY_NAME[one["field"]].shape == conditions.PERSON for key in one["any"]}
