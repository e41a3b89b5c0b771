"""A scope while somebody is writing it: from the fields of a page to rows, from rows to a document and back; pure.

The page names a row's fields after the row: `row` lists the rows of the scope (i1, i2 …), `rule` the exclude rules (x1 …, the
rule's code), `x1-row` the rows of a rule; each row has `-field`, `-any`, `-new`, `-days` and `-unknown`. A value that is being
added stands in `-new`. `act` says which button was pressed: add, add:x1, rule, drop:<row or rule>.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import QueryDict
from django.utils.translation import gettext as _

from campaigns.scope import documents, schema
from campaigns.scope.conditions import BY_NAME, CHOICE, DAYS, INCLUDABLE, LISTED, MAX_DAYS, OFFERED, PERSON, SOURCE, TEXT, Field
from campaigns.scope.documents import VERSION
from certify.lib.errors import InvalidInput
from certify.lib.numbers import whole

MIN_REASON = 10


@dataclass
class Row:
    """One condition as typed so far."""

    id: str
    field: Field
    any: list[str] = field(default_factory=list)
    new: str = ""
    days: str = ""
    unknown: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def has_choices(self) -> bool:
        """Whether all its values are shown to be ticked."""
        return self.field.shape in (CHOICE, SOURCE)

    @property
    def is_typed(self) -> bool:
        """Whether its values are typed, with suggestions."""
        return self.field.shape in (TEXT, PERSON)

    @property
    def has_days(self) -> bool:
        """Whether it asks for a number of days."""
        return self.field.shape == DAYS

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """(value, words, whether it is chosen) of everything that can be ticked."""
        known = self.labels.items() if self.field.shape == SOURCE else self.field.choices.choices
        return [(value, label, value in self.any) for value, label in known]

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """(value, words) of what was typed and added."""
        return [(value, self.labels.get(value) or value or _("(not known)")) for value in self.any]

    def condition(self) -> dict | None:
        """The condition; None, with the error set, when it says too little."""
        found: dict = {"field": self.field.name}
        if self.field.shape in LISTED:
            values = list(dict.fromkeys(self.any))[: schema.MAX_VALUES]
            if not values:
                self.errors.append(_("Choose at least one, or remove this line."))
                return None
            found["any"] = [int(value) for value in values] if self.field.shape == SOURCE else values
        if self.has_days:
            if not re.fullmatch(r"[0-9]{1,5}", self.days) or not 1 <= int(self.days) <= MAX_DAYS:
                self.errors.append(_("Write a number of days from 1 to {n}.").format(n=intcomma(MAX_DAYS)))
                return None
            found["days"] = int(self.days)
        if self.field.can_be_unknown:
            found["unknown"] = self.unknown
        return found


@dataclass
class Rule:
    """One exclude rule as typed so far."""

    code: str
    reason: str = ""
    rows: list[Row] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def addable(self) -> list[Field]:
        """Fields that it does not speak of yet."""
        return [one for one in OFFERED if one.name not in {row.field.name for row in self.rows}]


@dataclass
class Draft:
    """A scope as typed so far."""

    sources: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    standing: bool = True
    errors: list[str] = field(default_factory=list)
    focus: str = ""

    @property
    def addable(self) -> list[Field]:
        """Fields that it does not speak of yet."""
        said = {row.field.name for row in self.rows}
        return [one for one in INCLUDABLE if one.name not in said]

    def every_row(self) -> Iterator[Row]:
        """All rows, those of the rules too."""
        yield from self.rows
        for rule in self.rules:
            yield from rule.rows

    def has_errors(self) -> bool:
        """Whether something was found wrong."""
        return bool(self.errors) or any(one.errors for one in [*self.rules, *self.every_row()])

    def document(self) -> dict | None:
        """What is complete of it, and an error at everything that is not; None without a system."""
        if not self.sources:
            self.errors.append(_("Choose at least one system."))
        include = [condition for row in self.rows if (condition := row.condition())]
        exclude = []
        for rule in self.rules:
            when = [condition for row in rule.rows if (condition := row.condition())]
            if not rule.rows:
                rule.errors.append(_("Say what is left out, or remove this rule."))
            if len(rule.reason.strip()) < MIN_REASON:
                rule.errors.append(_("Say why in at least {n} characters: the auditor reads it.").format(n=MIN_REASON))
            elif len(when) == len(rule.rows) and when:
                exclude.append({"code": rule.code, "reason": rule.reason.strip(), "when": when})
        if not self.sources:
            return None
        parts = {"sources": self.sources, "include": include, "exclude": exclude, "standing": self.standing}
        try:
            return documents.check({"version": VERSION, **parts})
        except InvalidInput as refusal:
            self.errors.append(refusal.message)
            return None


def _clean(text: str, longest: int = 300) -> str:
    """Without what the database cannot hold."""
    return text.replace("\0", "")[:longest]


def numbers(texts: list[str]) -> list[int]:
    """The ids among them, in order."""
    return sorted({int(text) for text in texts if re.fullmatch(r"[1-9][0-9]{0,14}", text)})


def _row(data: QueryDict, name: str) -> Row | None:
    about = BY_NAME.get(data.get(f"{name}-field", ""))
    if about is None:
        return None
    chosen = [_clean(value) for value in data.getlist(f"{name}-any")]
    if about.shape == SOURCE:
        chosen = [str(number) for number in numbers(chosen)]
    elif about.shape == CHOICE:
        chosen = [value for value in chosen if value in about.choices.values]
    return Row(
        id=name,
        field=about,
        any=chosen,
        new=_clean(data.get(f"{name}-new", "")).strip(),
        days=data.get(f"{name}-days", "").strip(),
        unknown=f"{name}-unknown" in data,
    )


def _rows(data: QueryDict, key: str) -> list[Row]:
    return [row for name in data.getlist(key)[: schema.MAX_CONDITIONS] if (row := _row(data, name))]


def from_post(data: QueryDict) -> Draft:
    """What the page sent; what makes no sense there is dropped."""
    codes = [code for code in dict.fromkeys(data.getlist("rule")) if re.fullmatch(r"x[1-9][0-9]{0,3}", code)]
    return Draft(
        sources=numbers(data.getlist("sources")),
        rows=_rows(data, "row"),
        rules=[
            Rule(code, _clean(data.get(f"{code}-reason", ""), 500), _rows(data, f"{code}-row"))
            for code in codes[: schema.MAX_RULES]
        ],
        standing="standing" in data,
    )


def _row_of(name: str, condition: dict) -> Row:
    return Row(
        id=name,
        field=BY_NAME[condition["field"]],
        any=[str(value) for value in condition.get("any", [])],
        days=str(condition.get("days", "")),
        unknown=condition.get("unknown", False),
    )


def from_document(document: dict) -> Draft:
    """A stored scope as the page shows it."""
    return Draft(
        sources=list(document["sources"]),
        rows=[_row_of(f"i{place}", one) for place, one in enumerate(document["include"], 1)],
        rules=[
            Rule(rule["code"], rule["reason"], [_row_of(f"{rule['code']}-{n}", one) for n, one in enumerate(rule["when"], 1)])
            for rule in document["exclude"]
        ],
        standing=document["standing"],
    )


def _next(names: list[str], prefix: str) -> str:
    """A name that is not taken: one more than the highest."""
    taken = [whole(name.removeprefix(prefix)) or 0 for name in names]
    return f"{prefix}{max(taken, default=0) + 1}"


def _blank(name: str, about: Field) -> Row:
    return Row(name, about, days="90" if about.shape == DAYS else "")


def act(draft: Draft, data: QueryDict) -> None:
    """Do what the pressed button says: add a condition or a rule, or take one away. `focus` is where the keyboard goes on."""
    verb, _, where = data.get("act", "").partition(":")
    rule = next((one for one in draft.rules if one.code == where), None)
    if verb == "rule" and len(draft.rules) < schema.MAX_RULES:
        draft.rules.append(Rule(_next([one.code for one in draft.rules], "x")))
        draft.focus = draft.rules[-1].code
    elif verb == "add" and rule:
        _add(draft, rule, data.get(f"{where}-add", ""), f"{where}-")
    elif verb == "add" and not where:
        _add(draft, draft, data.get("add", ""), "i")
    elif verb == "drop":
        _drop(draft, where)


def _add(draft: Draft, to: Draft | Rule, name: str, prefix: str) -> None:
    if (about := BY_NAME.get(name)) in to.addable:
        to.rows.append(_blank(_next([row.id for row in to.rows], prefix), about))
        draft.focus = to.rows[-1].id


def _drop(draft: Draft, name: str) -> None:
    draft.rules = [one for one in draft.rules if one.code != name]
    for one in (draft, *draft.rules):
        one.rows = [row for row in one.rows if row.id != name]
    draft.focus = f"{name.split('-')[0]}-add" if "-" in name else "add"


def offer(draft: Draft, names: Iterable[str]) -> None:
    """Add empty conditions on these fields, to be filled in."""
    for name in names:
        draft.rows.append(_blank(_next([row.id for row in draft.rows], "i"), BY_NAME[name]))
