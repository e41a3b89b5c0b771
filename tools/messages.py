"""The catalogues of translations: `make messages` brings them up to date, without any program of the system.

It reads every marked string (templates with Django's own lexer, Python as a syntax tree), merges them into
`locale/<language>/LC_MESSAGES/django.po`, where a new string has no translation yet, and writes the `.mo` beside it, which is what
Certify reads. `tests/test_translations.py` fails while a catalogue lacks something.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.template.base import Lexer, Token, TokenType
from django.template.defaulttags import TemplateSyntaxError
from django.utils.translation import trim_whitespace

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("certify", "ledger", "people", "inventory", "campaigns", "remediation", "evidence")
DATES = "date format"
#: Catalogues of Babel have a date in their header; one that never changes gives the same bytes for the same strings.
UNDATED = datetime(1980, 1, 1, tzinfo=UTC)
LITERAL = r"\"([^\"]*)\"|'([^']*)'"
IN_A_TAG = re.compile(rf"_\((?:{LITERAL})\)")
DATE_FORM = re.compile(r"\|date:\"([^\"]+)\"")
#: Only a date with a day and the name of a month has an order that differs between languages.
ORDERED = re.compile(r"[jd]\b.*[FMN]")
#: Function → which of its arguments are the string, its plural, and its context.
CALLS = {
    "_": (0, None, None),
    "gettext": (0, None, None),
    "gettext_lazy": (0, None, None),
    "gettext_noop": (0, None, None),
    "pgettext": (1, None, 0),
    "pgettext_lazy": (1, None, 0),
    "ngettext": (0, 1, None),
    "ngettext_lazy": (0, 1, None),
    "npgettext": (1, 2, 0),
}


class Message(NamedTuple):
    """A marked string as `gettext` looks it up."""

    text: str
    plural: str = ""
    context: str = ""

    @property
    def key(self) -> str | tuple[str, str]:
        """How a catalogue of Babel names it."""
        return (self.text, self.plural) if self.plural else self.text


def in_python(source: str) -> Iterator[Message]:
    """The marked strings of a module; what is looked up by a variable is marked elsewhere, with `gettext_noop`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).split(".")[-1]
        if name == "dated" and isinstance(node.args[1], ast.Constant):
            yield from _form(node.args[1].value)
        if name in CALLS:
            text, plural, context = (None if at is None else node.args[at] for at in CALLS[name])
            if isinstance(text, ast.Constant):
                yield Message(text.value, plural.value if plural else "", context.value if context else "")


def in_template(source: str) -> Iterator[Message]:
    """The marked strings of a template, and its forms of dates."""
    tokens = iter(Lexer(source).tokenize())
    for token in tokens:
        if token.token_type not in (TokenType.BLOCK, TokenType.VAR):
            continue
        for double, single in IN_A_TAG.findall(token.contents):
            yield Message(_escaped(double or single))
        for form in DATE_FORM.findall(token.contents):
            yield from _form(form)
        words = token.split_contents()
        if words[0] == "translate" and words[1][0] in "\"'":
            yield Message(_escaped(words[1][1:-1]), context=_context(words))
        elif words[0] == "blocktranslate":
            yield _block(tokens, words)


def _form(form: str) -> Iterator[Message]:
    if ORDERED.search(form):
        yield Message(form, context=DATES)


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _context(words: list[str]) -> str:
    return words[words.index("context") + 1][1:-1] if "context" in words else ""


def _block(tokens: Iterator[Token], words: list[str]) -> Message:
    """What stands between `blocktranslate` and its end, put together as Django does."""
    parts = [""]
    for token in tokens:
        if token.token_type == TokenType.TEXT:
            parts[-1] += _escaped(token.contents)
        elif token.token_type == TokenType.VAR:
            parts[-1] += f"%({token.contents})s"
        elif token.contents == "plural":
            parts.append("")
        else:
            break
    if token.contents != "endblocktranslate":
        raise TemplateSyntaxError(f"{token.contents!r} stands inside a text that is translated")
    return Message(*(trim_whitespace(part) if "trimmed" in words else part for part in parts), context=_context(words))


def sources() -> Iterator[tuple[str, str]]:
    """Path and content of every file that may have marked strings, in their order."""
    templates = (path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"})
    modules = (path for app in PRODUCT for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
    for path in sorted([*templates, *modules]):
        yield path.relative_to(ROOT).as_posix(), path.read_text()


def marked() -> dict[Message, list[str]]:
    """Every marked string and the files it stands in."""
    found: dict[Message, list[str]] = {}
    for path, source in sources():
        for message in in_template(source) if path.startswith("templates/") else in_python(source):
            places = found.setdefault(message, [])
            if path not in places:
                places.append(path)
    return found


def read(path: Path) -> Catalog:
    """A catalogue as it is kept."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parts[-3], domain="django", abort_invalid=True)
    catalogue.creation_date = catalogue.revision_date = UNDATED
    return catalogue


def updated(old: Catalog) -> Catalog:
    """The catalogue with exactly the strings that are marked now; a new one has no translation yet."""
    new = Catalog(locale=old.locale, domain="django", header_comment=old.header_comment, fuzzy=False)
    for message, places in marked().items():
        known = old.get(message.key, message.context or None)
        translation = known.string if known else ("", "") if message.plural else ""
        flags = known.flags if known else ()
        new.add(message.key, translation, [(place, None) for place in places], flags, context=message.context or None)
    return new


def compiled(catalogue: Catalog) -> bytes:
    """What goes into the `.mo`; the same bytes for the same catalogue."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def written(path: Path, catalogue: Catalog) -> bytes:
    """What goes into the `.po`: its header as it stands, which has no dates that change with every run, and the strings."""
    header, _, _ = path.read_bytes().partition(b"\n\n")
    file = io.BytesIO()
    write_po(file, catalogue, width=120, sort_by_file=True, include_lineno=False, omit_header=True)
    return header + b"\n\n" + file.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """The strings without a translation, or with one that nobody has looked at."""
    return [
        str(one.id) for one in catalogue if one.id and (one.fuzzy or not all(one.string if one.pluralizable else [one.string]))
    ]


def main() -> int:
    """Bring every catalogue up to date; 1 when strings lack a translation."""
    lacking = 0
    for path in sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po")):
        path.write_bytes(written(path, updated(read(path))))
        catalogue = read(path)
        path.with_suffix(".mo").write_bytes(compiled(catalogue))
        without = missing(catalogue)
        sys.stdout.write(f"{path.relative_to(ROOT)}: {len(catalogue)} strings, {len(without)} without a translation\n")
        sys.stdout.writelines(f"  {text}\n" for text in without)
        lacking += len(without)
    return int(lacking > 0)


if __name__ == "__main__":
    sys.exit(main())
