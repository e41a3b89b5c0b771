"""Rules of duties as CSV: writing them all, and reading a file back with everything that is wrong with it."""

import csv
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from campaigns.models import SodRule
from campaigns.sod_rules import MAX_RULES, Known, Terms, problems
from certify.lib import csvsafe
from certify.lib.errors import InvalidInput
from inventory.readers import csvfile
from people.models import User
from people.rules import sign_in_name

#: Bytes that a file of rules may have.
MAX_BYTES = 5 * 2**20
COLUMNS = (
    "rule", "name", "severity", "side_a_name", "side_a", "side_b_name", "side_b", "control", "owner", "active",
)  # fmt: skip
YES_NO = {"yes": True, "no": False, "true": True, "false": False, "1": True, "0": False, "": True}


def joined(side: Iterable[str]) -> str:
    """References in one cell: between semicolons; a semicolon or backslash within one has a backslash in front."""
    return "; ".join(one.replace("\\", "\\\\").replace(";", "\\;") for one in side)


def split(cell: str) -> list[str]:
    """What `joined` was given; line ends separate too."""
    found, escaped = [""], False
    for letter in cell:
        if escaped:
            found[-1] += letter
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter in ";\n":
            found.append("")
        else:
            found[-1] += letter
    return [one.strip() for one in found if one.strip()]


class _Echo:
    """A file-like object that hands back what `csv` writes to it."""

    def write(self, text: str) -> str:
        return text


def lines(rules: Iterable[SodRule]) -> Iterator[str]:
    """Rules as CSV text, a row at a time, in the form that the import takes; cells that a spreadsheet would run are made harmless."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield writer.writerow(COLUMNS)
    for one in rules:
        row = (
            one.key, one.name, one.severity, one.side_a_name, joined(one.side_a), one.side_b_name, joined(one.side_b),
            one.control, one.owner.username, "yes" if one.is_active else "no",
        )  # fmt: skip
        yield writer.writerow([csvsafe.cell(cell) for cell in row])


@dataclass(frozen=True)
class Refused:
    """A row that cannot be taken: the line it begins on, its rule, the column, and why."""

    line: int
    rule: str
    column: str
    reason: str


#: Field of the terms → column of the file, where they are called differently.
NAMES = {"key": "rule", "is_active": "active"}


def read(data: bytes) -> tuple[list[Terms], list[Refused]]:
    """Every rule of a file, and everything that is wrong with it. Raises `InvalidInput` for what is no such file at all."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(
            _("The file is larger than {n} MiB, the limit for rules.").format(n=MAX_BYTES // 2**20), field="file"
        )
    rows, refused = _rows(data)
    users = {user.username: user for user in User.objects.filter(username__in={_owner(cells) for _, cells in rows})}
    found = [(line, _terms(cells, users)) for line, cells in rows]
    known = Known.of([terms for _, terms in found])
    first: dict[str, int] = {}
    for (line, terms), (_line, cells) in zip(found, rows, strict=True):
        wrong = [(NAMES.get(name, name), reason) for name, reason in problems(terms, known)]
        if cells["active"].lower() not in YES_NO:
            wrong.append(("active", _("“{value}” is not yes or no").format(value=cells["active"])))
        if terms.key and first.setdefault(terms.key, line) != line:
            wrong.append(("rule", _("stands on line {line} already").format(line=first[terms.key])))
        refused += [Refused(line, terms.key, column, reason) for column, reason in wrong]
    return [terms for _, terms in found], sorted(refused, key=lambda one: one.line)


def _rows(data: bytes) -> tuple[list[tuple[int, dict[str, str]]], list[Refused]]:
    """(line, cells by column) of every row that has the columns of the header, and those that have not."""
    rows, refused = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.csv"
        path.write_bytes(data)
        with csvfile.open_text(path, limit=MAX_BYTES) as text:
            records = csvfile.records(text)
            header = [name.strip().lower() for name in next(records).fields]
            _check_header(header)
            for record in records:
                if len(rows) == MAX_RULES:
                    raise InvalidInput(_("The file has more than {n} rules.").format(n=intcomma(MAX_RULES)), field="file")
                if len(record.fields) == len(header):
                    cells = dict(zip(header, (csvsafe.original(cell.strip()) for cell in record.fields), strict=True))
                    rows.append((record.line, cells))
                else:
                    reason = _("has {n} columns, the header has {wanted}").format(n=len(record.fields), wanted=len(header))
                    refused.append(Refused(record.line, "", "", reason))
    return rows, refused


def _check_header(header: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in header]
    extra = [name for name in header if name not in COLUMNS]
    if missing or extra or len(set(header)) < len(header):
        if extra:
            said = _("The columns are {columns}; “{name}” is not one of them.").format(
                columns=", ".join(COLUMNS), name=extra[0]
            )
        elif missing:
            said = _("The columns are {columns}; “{name}” is missing.").format(columns=", ".join(COLUMNS), name=missing[0])
        else:
            said = _("The columns are {columns}; one stands twice.").format(columns=", ".join(COLUMNS))
        raise InvalidInput(said, field="file")


def _owner(cells: dict[str, str]) -> str:
    return sign_in_name(cells["owner"])


def _terms(cells: dict[str, str], users: dict[str, User]) -> Terms:
    same = ("name", "side_a_name", "side_b_name", "control")
    return Terms(
        key=cells["rule"],
        side_a=split(cells["side_a"]),
        side_b=split(cells["side_b"]),
        severity=cells["severity"].strip().lower(),
        owner=users.get(_owner(cells)),
        is_active=YES_NO.get(cells["active"].lower(), True),
        **{name: cells[name] for name in same},
    ).cleaned()
