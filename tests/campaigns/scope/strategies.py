"""Random scopes, and random small companies to ask them of."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from campaigns.scope.conditions import BY_NAME, CHOICE, DAYS, FLAG, INCLUDABLE, OFFERED, PERSON, SOURCE
from campaigns.scope.documents import ordered
from inventory.states import EntitlementKind, IdentityKind, IdentityStatus, Tristate
from tests.campaigns.scope.plain import Holder

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = ("p1", "p2", "p3", "p4")
SOURCES = (1, 2)
WORDS = ("", "A", "B", "A*", "A_1", "A%1", "a\\b")
#: Among the patterns are all that could be confused: LIKE's own letters, ours, and both escaped.
PATTERNS = (*WORDS, "*", "A\\*", "*1", "a\\\\b", "A?1", "a\\")
DAYS_AGO = (1, 29, 30, 31, 400)


def condition(name: str) -> st.SearchStrategy[dict]:
    """A condition on the field."""
    field = BY_NAME[name]
    if field.shape == FLAG:
        return st.just({"field": name})
    if field.shape == DAYS:
        days = st.fixed_dictionaries({"field": st.just(name), "days": st.sampled_from([1, 30, 31, 365])})
        return (
            days.flatmap(lambda one: st.booleans().map(lambda known: one | {"unknown": known}))
            if field.can_be_unknown
            else days
        )
    values = {CHOICE: field.choices and field.choices.values, PERSON: PEOPLE, SOURCE: SOURCES}.get(field.shape) or PATTERNS
    listed = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)
    return listed.map(lambda chosen: {"field": name, "any": chosen})


def conditions(fields, **sizes) -> st.SearchStrategy[list[dict]]:
    """Some conditions, each on another field."""
    names = st.lists(st.sampled_from([field.name for field in fields]), unique=True, **sizes)
    return names.flatmap(lambda chosen: st.tuples(*map(condition, chosen)).map(list))


@st.composite
def documents(draw) -> dict:
    """A scope in canonical order."""
    rules = draw(st.lists(conditions(OFFERED, min_size=1, max_size=2), max_size=2))
    exclude = [{"code": f"x{place}", "reason": "Looked at elsewhere", "when": when} for place, when in enumerate(rules, 1)]
    include = draw(conditions(INCLUDABLE, max_size=4))
    return ordered({"version": 1, "sources": list(SOURCES), "include": include, "exclude": exclude, "standing": True})


@st.composite
def one_by_one(draw) -> list[dict]:
    """For every field a scope that asks for nothing but it, and one that leaves out nothing but it."""
    found = []
    for field in OFFERED:
        one = draw(condition(field.name))
        rule = {"code": "x1", "reason": "Looked at elsewhere", "when": [one]}
        parts = [{"include": [], "exclude": [rule]}, *([] if field.only_excludes else [{"include": [one], "exclude": []}])]
        found += [ordered({"version": 1, "sources": list(SOURCES), "standing": True, **part}) for part in parts]
    return found


moments = st.none() | st.sampled_from(DAYS_AGO).map(lambda days: NOW - timedelta(days=days))
dates = st.none() | st.sampled_from([-400, -1, 0, 1, 30, 31]).map(lambda days: NOW.date() + timedelta(days=days))


def holder(key: str) -> st.SearchStrategy[Holder]:
    """Somebody; managers may well form a ring."""
    return st.builds(
        Holder,
        key=st.just(key),
        kind=st.sampled_from(IdentityKind.values),
        status=st.sampled_from(IdentityStatus.values),
        department=st.sampled_from(WORDS),
        title=st.sampled_from(WORDS),
        location=st.sampled_from(WORDS),
        manager=st.sampled_from([*PEOPLE, ""]),
        end_on=dates,
        is_gone=st.booleans(),
    )


people = st.tuples(*map(holder, PEOPLE)).map(lambda found: {one.key: one for one in found})
tags = st.lists(st.sampled_from(["a", "b", "a_1", "a%1", "a*"]), max_size=2, unique=True).map(sorted)
rights = st.tuples(
    *[st.tuples(st.sampled_from(EntitlementKind.values), st.sampled_from(Tristate.values), tags) for _ in WORDS[1:]]
).map(lambda found: dict(zip(WORDS[1:], found, strict=True)))


@st.composite
def grants(draw) -> list[dict]:
    """Grants as plain facts: what the review at the baseline (snapshot 2 of 3) and since made of each is among them."""
    one = st.fixed_dictionaries(
        {
            "source": st.sampled_from(SOURCES),
            "holder": st.none() | st.sampled_from(PEOPLE),
            "entitlement": st.sampled_from(WORDS[1:]),
            "granted_at": moments,
            "last_used_at": moments,
            "first_seen": st.sampled_from([1, 2, 3]),
            "before": st.sampled_from(["same", "used", "prolonged", "ended"]),
            "at_baseline": st.sampled_from(["approved", "not_reviewed", "kind", "unchanged"]),
            "answered_days": st.none() | st.sampled_from(DAYS_AGO),
            "conflict": st.sampled_from(
                ["", "open", "ended", "out_of_use", "excepted", "waiting", "ran_out", "earlier", "outgrown"]
            ),
            "answer": st.sampled_from(["approved", "revoked", "not_reviewed"]),
        }
    )
    return draw(st.lists(one, min_size=1, max_size=10))
