"""The report of a period as sections of tables, in the order in which they are read: for the page, its PDF, and the pack."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from certify.lib import language
from evidence import statements
from evidence.assurance import SOC2, Assurance, Figures, Said
from evidence.models import AuditPeriod, Statement
from evidence.queries import ScopeCheck
from evidence.statements import FIELDS, NOT_STATED, Field, Shape
from evidence.states import Standing, StatementKind

#: Rows of a table on these pages; statements are whole in packs, deviations on the page of readiness.
SHOWN = 200
#: Kinds of statements that the report of each question tells, in their order.
KINDS = {
    "soc2": (StatementKind.USER_CONTROL, StatementKind.SUBSERVICE, StatementKind.NONCONFORMITY),
    "iso27001": (
        StatementKind.RISK, StatementKind.INTERNAL_AUDIT, StatementKind.NONCONFORMITY, StatementKind.MANAGEMENT_REVIEW,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What a cell says; `under` is said smaller below it, `link` leads to where it is stated, or can be."""

    text: str
    under: str = ""
    link: str = ""
    is_open: bool = False


@dataclass(frozen=True)
class Section:
    """A heading with a table under it; `none` is said where it has no rows, `cut` what is not shown."""

    name: str
    heading: str
    columns: list[str]
    rows: list[list[Cell]]
    none: str
    intro: str = ""
    cut: str = ""
    numbers: frozenset[int] = field(default_factory=frozenset)
    #: Told one under the other instead of in a table: too many words for columns.
    is_records: bool = False
    #: The first cell of a row says what the row is about.
    is_named: bool = True

    @property
    def labelled(self) -> list[list[tuple[str, Cell, bool]]]:
        """Each row: its cells with what their columns are called, and whether they are numbers."""
        return [[(self.columns[place], cell, place in self.numbers) for place, cell in enumerate(row)] for row in self.rows]

    @property
    def records(self) -> list[tuple[Cell, list[tuple[str, Cell]]]]:
        """The first cell of each row, and the others with what their columns are called."""
        return [(row[0], list(zip(self.columns[1:], row[1:], strict=True))) for row in self.rows]


@dataclass(frozen=True)
class Links:
    """Where statements are made: (kind, number) → its page, (kind, what it begins with) → the form of a new one."""

    statement: Callable[[Statement], str]
    new: Callable[[str, dict], str]


NOWHERE = Links(lambda statement: "", lambda kind, begin: "")


def _open(link: str = "") -> Cell:
    return Cell(_(NOT_STATED), link=link, is_open=True)


def _cut(rows: list, total: int) -> str:
    return _("The first {shown} of {total}.").format(shown=len(rows), total=total) if total > len(rows) else ""


def of(found: Assurance, links: Links = NOWHERE) -> list[Section]:
    """Scope, what is missing, controls, deviations, statements: for the question that the framework asks."""
    period, mode = found.period, found.framework.assurance
    return [
        scope(period, found.scope),
        gaps(found.missing()),
        *controls(mode, period, found.figures, found.said, links),
        deviated(found, links),
        *(stated(kind, period, found.said, found.found.now.date(), links) for kind in KINDS[mode]),
    ]


def scope(period: AuditPeriod, check: ScopeCheck) -> Section:
    """What the period covers, what is outside, and where its reviews differ from that."""
    stated = covers(period, ", ".join(one.name for one in check.systems), ", ".join(check.kinds))
    rows = [
        (_("In scope, but in no review of the period"), ", ".join(one.name for one in check.unreviewed) or _("none")),
        (_("Reviewed, but outside the scope"), ", ".join(one.name for one in check.outside) or _("none")),
    ]
    stated.rows.extend([Cell(label), Cell(text)] for label, text in rows)
    return stated


def covers(period: AuditPeriod, systems: str, kinds: str) -> Section:
    """What a period covers: systems and kinds of identities, as they are called; none of them means all."""
    every = _("all")
    rows = [
        (_("Systems"), systems or every),
        (_("Kinds of identities"), kinds or every),
        (_("Outside, and why"), period.outside),
    ]
    cells = [[Cell(label), Cell(text) if text else _open()] for label, text in rows]
    return Section("scope", _("Scope"), [_("What"), _("Stated")], cells, "")


def gaps(missing: list[str]) -> Section:
    """What nobody stated."""
    none = _("Nothing: everything that people have to state is stated.")
    rows = [[Cell(one, is_open=True)] for one in missing]
    return Section("missing", _("What is missing"), [_("Not stated")], rows, none, is_named=False)


def controls(mode: str, period: AuditPeriod, figures: list[Figures], said: Said, links: Links = NOWHERE) -> list[Section]:
    """The controls: whether each applies and why, and how it ran."""
    return [_applicability(mode, period, figures, said, links), _operation(mode, figures, said, links)]


def _applicability(mode: str, period: AuditPeriod, figures: list[Figures], said: Said, links: Links) -> Section:
    stated, rows = said.applicability(), []
    for one in figures[:SHOWN]:
        found = stated.get(one.reference)
        begin = {"control": one.reference}
        link = links.statement(found) if found else links.new(StatementKind.APPLICABILITY, begin)
        cells = [Cell(one.control.id, one.control.text)]
        if found is None:
            cells += [_open(link), Cell("–"), Cell("–")]
        else:
            is_out = found.facts["applies"] == "no"
            cells += [
                Cell(_in_words(found, "applies", said), _said_by(found, period.to_on), link),
                Cell("–") if is_out else _cell(found, "implemented", said),
                _cell(found, "justification", said),
            ]
        rows.append(cells)
    heading = _("Criteria in scope") if mode == SOC2 else _("Statement of Applicability (extract)")
    intro = _("Of the framework’s controls those that reviews of access can serve; the words are Certify’s own.")
    columns = [_("Control"), _("Applies"), _("Implementation"), _("Justification")]
    return Section(
        "applicability", heading, columns, rows, _("The framework has no controls."), intro, _cut(rows, len(figures))
    )


def _operation(mode: str, figures: list[Figures], said: Said, links: Links) -> Section:
    """Expected against performed; for a managed system besides who owns it, the risks it serves and how often it runs."""
    is_managed = mode != SOC2
    risks = said.about(StatementKind.RISK)
    applies = {control for control, one in said.applicability().items() if one.facts["applies"] == "yes"}
    chosen = [one for one in figures if one.is_served or one.reference in applies]
    rows = []
    for one in chosen[:SHOWN]:
        counts = [Cell(str(count)) for count in (one.expected, one.in_time, one.late, one.missed, one.to_come)]
        cells = [Cell(one.control.id), Cell(one.owner) if one.owner else _open(), *counts]
        if is_managed:
            link = links.new(StatementKind.RISK, {"controls": one.reference})
            cells.append(_risks(risks.get(one.reference, []), said, link))
            cells.append(Cell(one.cadence) if one.cadence else Cell(_("no review in use serves it")))
        rows.append(cells)
    columns = [_("Control"), _("Control owner"), _("Expected"), _("In time"), _("Late or overdue"), _("Missed"), _("To come")]
    columns += [_("Risks it serves, and their treatment"), _("How often")] if is_managed else []
    heading = _("Controls, their owners and risks") if is_managed else _("Did the controls operate?")
    intro = _("Controls that reviews served, or that apply. A run counts for each control that it serves.")
    none = _("No review served a control of the framework.")
    return Section(
        "operation", heading, columns, rows, none, intro, _cut(rows, len(chosen)), numbers=frozenset((2, 3, 4, 5, 6))
    )


def _risks(found: list[Statement], said: Said, link: str) -> Cell:
    told = [f"{one.facts['title']} ({_in_words(one, 'treatment', said)})" for one in found]
    return Cell("; ".join(told)) if told else _open(link)


def deviated(found: Assurance, links: Links = NOWHERE) -> Section:
    """What did not go as it was to go, who answered for it then, and the nonconformity that was stated."""
    answered, rows = found.said.answering(), []
    for one in found.deviations[:SHOWN]:
        statement = answered.get(one.key)
        if statement:
            standing = statements.standing(statement.facts, found.found.now.date())
            made = Cell(_("No. {number}").format(number=statement.number), standing.label, links.statement(statement))
        else:
            begin = {"deviation": one.key, "title": one.text[: statements.LINE], "controls": " ".join(one.controls)}
            made = _open(links.new(StatementKind.NONCONFORMITY, begin))
        rows.append([Cell(one.text, ", ".join(one.controls)), Cell(_held(one.held)), made])
    none = _("Nothing: every run was performed in time, every item reviewed, every removal proved, every finding judged.")
    columns = [_("What"), _("Who answered for it then"), _("Nonconformity")]
    return Section("deviations", _("Deviations"), columns, rows, none, cut=_cut(rows, len(found.deviations)), is_named=False)


def _held(held: dict) -> str:
    nobody = _("nobody")
    return "; ".join(
        f"{control}: " + ", ".join(f"{language.within(one.duty.label)} {one.name or nobody}" for one in duties)
        for control, duties in held.items()
    )


HEADINGS = {
    StatementKind.USER_CONTROL: lambda: (_("Complementary user-entity controls"), _("None is stated.")),
    StatementKind.SUBSERVICE: lambda: (_("Subservice organisations"), _("None is stated.")),
    StatementKind.RISK: lambda: (_("Risks and their treatment"), _("None is stated.")),
    StatementKind.INTERNAL_AUDIT: lambda: (_("Internal audits in the period"), _("None is stated.")),
    StatementKind.NONCONFORMITY: lambda: (_("Nonconformities and corrective action"), _("None is stated.")),
    StatementKind.MANAGEMENT_REVIEW: lambda: (_("Management reviews in the period"), _("None is stated.")),
}


def stated(kind: str, period: AuditPeriod, said: Said, today: date, links: Links = NOWHERE) -> Section:
    """The statements of a kind that hold for the period, each with who said so when."""
    dated = {StatementKind.INTERNAL_AUDIT, StatementKind.MANAGEMENT_REVIEW}
    every = said.get(kind)
    if kind in dated:
        mine = said.held_in(kind, period.from_on, period.to_on)
    elif kind == StatementKind.NONCONFORMITY:
        mine = said.nonconformities(period.from_on, period.to_on)
    else:
        mine = every
    fields = [one for one in FIELDS[kind] if one.shape not in (Shape.DEVIATION, Shape.PERIOD)]
    rows = [_row(one, fields, said, period.to_on, today, links) for one in mine[:SHOWN]]
    columns = [_("No."), *(str(one.label) for one in fields), *_more_columns(kind)]
    heading, none = HEADINGS[StatementKind(kind)]()
    outside, withdrawn = len(every) - len(mine), said.withdrawn[kind]
    notes = [
        _cut(rows, len(mine)),
        ngettext("{n} of another time is not shown.", "{n} of another time are not shown.", outside) if outside else "",
        ngettext("{n} was withdrawn.", "{n} were withdrawn.", withdrawn) if withdrawn else "",
    ]
    cut = " ".join(filter(None, (note.format(n=n) for note, n in zip(notes, (0, outside, withdrawn), strict=True))))
    return Section(kind, heading, columns, rows, none, cut=cut, is_records=True)


def _more_columns(kind: str) -> list[str]:
    if kind == StatementKind.NONCONFORMITY:
        return [_("Stands at")]
    return [_("Figures")] if kind == StatementKind.MANAGEMENT_REVIEW else []


def _row(one: Statement, fields: Iterable[Field], said: Said, until: date, today: date, links: Links) -> list[Cell]:
    number = _("No. {number}").format(number=one.number)
    cells = [Cell(number, _said_by(one, until), links.statement(one)), *(_cell(one, field.name, said) for field in fields)]
    if one.kind == StatementKind.NONCONFORMITY:
        cells.append(_standing(one, said, today))
    if one.kind == StatementKind.MANAGEMENT_REVIEW:
        cells.append(Cell(statements.input_words(one.facts["input"])))
    return cells


def _standing(one: Statement, said: Said, today: date) -> Cell:
    standing = statements.standing(one.facts, today)
    checked = one.facts.get("checked_by", "")
    under = f"{said.names.get(checked, checked)}: {one.facts['check_note']}" if checked else ""
    return Cell(str(standing.label), under, is_open=standing in (Standing.OVERDUE, Standing.FAILED))


def _in_words(one: Statement, name: str, said: Said) -> str:
    field = next(field for field in FIELDS[one.kind] if field.name == name)
    return statements.shown(field, one.facts, said.names)


def _cell(one: Statement, name: str, said: Said) -> Cell:
    text = _in_words(one, name, said)
    return Cell(text) if text else _open()


def _said_by(one: Statement, until: date) -> str:
    """Who stated it when; marked where that was after the period."""
    text = _("{name}, {day}").format(name=one.by_name, day=language.dated(one.at, "j M Y"))
    return _("{said}, after the period").format(said=text) if one.at.date() > until else text
