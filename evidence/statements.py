"""What people state about the controls of a framework: the kinds of statements and their fields.

Certify computes what it can see. What it cannot see somebody has to say: why a control applies, which risk it treats, what a customer
or a supplier must do, what an internal audit found, what was done about a deviation, what management decided.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from certify.lib import language
from certify.lib.errors import InvalidInput
from evidence.states import Standing, StatementKind

LINE, TEXT = 200, 2_000
#: What one statement may hold in bytes: an entry of the ledger takes 65,535.
MOST = 40_000


class Shape(Enum):
    """What a field holds."""

    LINE = auto()
    TEXT = auto()
    CHOICE = auto()
    DAY = auto()
    CONTROL = auto()  # several when it is first stated: a statement about each
    CONTROLS = auto()
    SYSTEMS = auto()
    PERSON = auto()
    PERIOD = auto()
    DEVIATION = auto()


@dataclass(frozen=True)
class Field:
    """One thing that is stated. What is not `needed` may stay open, and is then shown as not stated."""

    name: str
    label: Promise
    shape: Shape = Shape.TEXT
    needed: bool = False
    choices: tuple[tuple[str, Promise], ...] = ()
    help: Promise | str = ""


YES_NO = (("yes", gettext_lazy("yes")), ("no", gettext_lazy("no")))
IMPLEMENTED = (
    ("yes", gettext_lazy("implemented")),
    ("partly", gettext_lazy("partly implemented")),
    ("planned", gettext_lazy("planned")),
    ("no", gettext_lazy("not implemented")),
)
TREATMENTS = (
    ("modify", gettext_lazy("modify the risk by controls")),
    ("retain", gettext_lazy("retain the risk")),
    ("avoid", gettext_lazy("avoid the risk")),
    ("share", gettext_lazy("share the risk")),
)
METHODS = (
    ("carve_out", gettext_lazy("carve-out: its controls are outside this audit")),
    ("inclusive", gettext_lazy("inclusive: its controls are part of this audit")),
)
CONTROLS = Field("controls", gettext_lazy("Controls"), Shape.CONTROLS)
#: Kind → its fields, in the order of its form.
FIELDS: dict[str, tuple[Field, ...]] = {
    StatementKind.APPLICABILITY: (
        Field("control", gettext_lazy("Controls"), Shape.CONTROL, needed=True),
        Field("applies", gettext_lazy("Applies"), Shape.CHOICE, needed=True, choices=YES_NO),
        Field("implemented", gettext_lazy("Implementation"), Shape.CHOICE, choices=IMPLEMENTED),
        Field("justification", gettext_lazy("Justification"), needed=True),
    ),
    StatementKind.RISK: (
        Field("title", gettext_lazy("Risk"), Shape.LINE, needed=True),
        Field("treatment", gettext_lazy("Treatment"), Shape.CHOICE, needed=True, choices=TREATMENTS),
        Field("plan", gettext_lazy("How the controls treat it")),
        Field("owner", gettext_lazy("Risk owner"), Shape.PERSON),
        Field("controls", gettext_lazy("Controls that treat it"), Shape.CONTROLS, needed=True),
    ),
    StatementKind.USER_CONTROL: (
        Field("title", gettext_lazy("What the customer has to do"), Shape.LINE, needed=True),
        Field("why", gettext_lazy("What depends on it")),
        CONTROLS,
    ),
    StatementKind.SUBSERVICE: (
        Field("title", gettext_lazy("Organisation"), Shape.LINE, needed=True),
        Field("service", gettext_lazy("What it does"), needed=True),
        Field("method", gettext_lazy("Method"), Shape.CHOICE, needed=True, choices=METHODS),
        Field("expected", gettext_lazy("Controls that are expected of it")),
        Field("systems", gettext_lazy("Systems"), Shape.SYSTEMS),
        CONTROLS,
    ),
    StatementKind.INTERNAL_AUDIT: (
        Field("title", gettext_lazy("What was audited"), Shape.LINE, needed=True),
        Field("held_on", gettext_lazy("Held on"), Shape.DAY, needed=True),
        Field("auditor", gettext_lazy("Held by"), Shape.LINE, needed=True, help=gettext_lazy("Who, and why they are independent.")),
        Field("result", gettext_lazy("Result"), needed=True),
        CONTROLS,
    ),
    StatementKind.NONCONFORMITY: (
        Field("title", gettext_lazy("What did not conform"), Shape.LINE, needed=True),
        Field("deviation", gettext_lazy("Deviation"), Shape.DEVIATION),
        Field("found_on", gettext_lazy("Found on"), Shape.DAY, needed=True),
        Field("controls", gettext_lazy("Controls"), Shape.CONTROLS, needed=True),
        Field("cause", gettext_lazy("Cause")),
        Field("correction", gettext_lazy("Correction"), help=gettext_lazy("What was done at once about the thing itself.")),
        Field("action", gettext_lazy("Corrective action"), help=gettext_lazy("What keeps it from happening again.")),
        Field("owner", gettext_lazy("Owner"), Shape.PERSON),
        Field("due_on", gettext_lazy("Due on"), Shape.DAY),
        Field("done_on", gettext_lazy("Done on"), Shape.DAY),
    ),
    StatementKind.MANAGEMENT_REVIEW: (
        Field("period", gettext_lazy("Figures before it"), Shape.PERIOD, needed=True,
              help=gettext_lazy("The audit period whose figures lay before it; they are kept with it as they are now.")),
        Field("held_on", gettext_lazy("Held on"), Shape.DAY, needed=True),
        Field("attended", gettext_lazy("Attended by"), Shape.LINE, needed=True),
        Field("decisions", gettext_lazy("What was decided"), needed=True),
    ),
}  # fmt: skip
#: The figures that lie before a management review, and how they are called.
INPUT = {
    "expected": gettext_lazy("runs expected"),
    "in_time": gettext_lazy("performed in time"),
    "late": gettext_lazy("late or overdue"),
    "missed": gettext_lazy("missed, skipped or cancelled"),
    "items": gettext_lazy("items reviewed or due"),
    "not_reviewed": gettext_lazy("items not reviewed"),
    "removals": gettext_lazy("removals not proved"),
    "findings": gettext_lazy("findings not judged"),
    "nonconformities": gettext_lazy("nonconformities not closed"),
}
#: What the check of a nonconformity adds: whether it was effective, why, and who says so.
CHECK = ("effective", "check_note", "checked_by")
#: What of the facts names people: references such as people.user:7, because what they are called may have to be erased.
PEOPLE = ("owner", "checked_by")


def clean(kind: str, said: dict) -> dict:
    """What is stated, with every field of the kind; texts without spaces around them, days as texts, lists of texts in order.

    Refuses what is missing, too long, or not one of the choices, with the field's name. Who and what is referred to is not looked at.
    """
    if kind not in FIELDS:
        raise InvalidInput(_("Choose what to state."))
    return {field.name: _value(field, said.get(field.name)) for field in FIELDS[kind]}


def _value(field: Field, value: object) -> object:
    if field.shape in (Shape.CONTROL, Shape.CONTROLS, Shape.SYSTEMS):
        found: object = sorted({str(one) for one in value or ()})
    elif isinstance(value, date):
        found = value.isoformat()
    else:
        found = "" if value is None else str(value).replace("\r\n", "\n").replace("\r", "\n").strip()
    if field.needed and not found:
        raise InvalidInput(_("“{label}” is missing.").format(label=field.label), field=field.name)
    if isinstance(found, str):
        _check_text(field, found)
    return found


def _check_text(field: Field, text: str) -> None:
    limit = TEXT if field.shape is Shape.TEXT else LINE
    if len(text) > limit:
        raise InvalidInput(
            _("“{label}” has more than {limit} characters.").format(label=field.label, limit=limit), field=field.name
        )
    if "\x00" in text:
        raise InvalidInput(_("“{label}” has a character that cannot be kept.").format(label=field.label), field=field.name)
    if field.shape is Shape.CHOICE and text and text not in dict(field.choices):
        raise InvalidInput(_("Choose “{label}” from the list.").format(label=field.label), field=field.name)
    if field.shape is Shape.DAY and text and _day(text) is None:
        raise InvalidInput(_("“{label}” is no day.").format(label=field.label), field=field.name)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def standing(facts: dict, today: date) -> Standing:
    """Where a nonconformity stands on a day."""
    if facts.get("effective"):
        return Standing.CLOSED if facts["effective"] == "yes" else Standing.FAILED
    if facts["done_on"]:
        return Standing.DONE
    return Standing.OVERDUE if facts["due_on"] and facts["due_on"] < today.isoformat() else Standing.OPEN


def may_check(facts: dict, owner: str, writer: str, who: str) -> bool:
    """Whether somebody may say that a corrective action was effective: not who owned it, nor who wrote down that it was done."""
    return bool(facts["done_on"]) and who not in (owner, writer)


def named_in(facts: dict) -> set[str]:
    """The people whom what is stated refers to."""
    return {facts[name] for name in PEOPLE if facts.get(name)}


def shown(field: Field, facts: dict, names: dict[str, str]) -> str:
    """A field in words; empty where it is not stated. `names` is what people are called, by reference."""
    value = facts.get(field.name, "")
    if field.shape is Shape.PERSON:
        return names.get(value, value)
    if field.shape is Shape.CHOICE and value:
        return str(dict(field.choices)[value])
    if field.shape is Shape.DAY and value:
        return language.dated(date.fromisoformat(value), "j M Y")
    return ", ".join(value) if isinstance(value, list) else value


def input_words(figures: dict[str, str]) -> str:
    """The figures that lay before a management review, in a line."""
    return "; ".join(f"{figures[name]} {label}" for name, label in INPUT.items() if name in figures)


#: Said wherever nobody stated what only people know.
NOT_STATED = gettext_noop("not stated")
