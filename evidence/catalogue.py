"""The file format of a control catalogue; pure. `docs/schemas/framework.json` is its schema.

A catalogue is a JSON object: a code, a name, and controls with an identifier, one line that says in plain words what is asked for,
and the evidence it asks for: words of `EVIDENCE`, or sentences of one's own.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import WHITESPACE

#: What Certify holds that controls ask for.
EVIDENCE = {
    "calendar": "Runs that were expected against runs that were performed",
    "changes": "Changes of definitions, roles and configuration",
    "decisions": "Every decision with reviewer, reason and time, signed",
    "definitions": "Definitions of reviews: what is asked, of whom, how often",
    "duties": "Who answered for the control at each time",
    "external": "Access of suppliers' people and other externals",
    "findings": "Findings about how people reviewed, and what was made of them",
    "independence": "Nobody decided on their own access; who looked again",
    "leavers": "Leavers and what became of their access",
    "ledger": "The append-only log with its proofs",
    "movers": "People who changed jobs, and the reviews that followed",
    "nonhuman": "Service accounts, applications and AI agents with their owners",
    "population": "The complete population with its balance",
    "privileged": "Privileged access, shown apart",
    "removals": "Removals from decision to the data that proves them",
    "samples": "Samples that an auditor drew, with conclusions",
    "signin": "How reviewers had signed in who signed; the settings of this installation",
    "snapshots": "Readings of systems with the hashes of their files",
    "sod": "Duties that must be apart, conflicts and exceptions",
    "unused": "Access that was not used for 90 days",
}
#: The question that the report of an audit answers: did controls operate, or is there a managed system.
ASSURANCE = ("soc2", "iso27001")
CODE = re.compile(r"[a-z0-9_-]{2,30}")
CONTROL = re.compile(r"[A-Za-z0-9.()-]{1,28}")
MAX_CONTROLS, MAX_TEXT, MAX_ASKS = 2000, 300, 20
MAX_BYTES = 1_000_000
MOST_QUOTED = 60
TEXTS = {"name": 200, "edition": 200, "note": 1000}
FIELDS = {"code", "assurance", "controls", *TEXTS}
CONTROL_FIELDS = {"id", "text", "asks", "aliases"}


class CatalogueError(ValueError):
    """What is wrong with a file: `line` begins with 1, `field` is a path such as controls[3].id, empty for the whole file."""

    def __init__(self, line: int, field: str, problem: str):
        super().__init__(f"Line {line}" + (f", {field}" if field else "") + f": {problem}")
        self.line, self.field, self.problem = line, field, problem


@dataclass(frozen=True)
class Control:
    """One control: what it asks for in one line of ours, and the evidence it wants."""

    id: str
    text: str
    asks: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def evidence(self) -> list[str]:
        """What it asks for, in words."""
        return [EVIDENCE.get(word, word) for word in self.asks]


@dataclass(frozen=True)
class Framework:
    """A framework and the controls of it that access reviews serve. `controls` is identifier → control, in the file's order."""

    code: str
    name: str
    controls: dict[str, Control]
    edition: str = ""
    note: str = ""
    assurance: str = "soc2"

    def reference(self, control: str) -> str:
        """How definitions name a control of it."""
        return f"{self.code}:{control}"


def parse(text: str) -> Framework:
    """Read a catalogue. Raises `CatalogueError` for the first thing that is wrong, with its line and field."""
    body = _loaded(text)
    _known(body, FIELDS, 1, "")
    code = _text(body, "code", 30, 1, "")
    if not CODE.fullmatch(code):
        raise CatalogueError(1, "code", "2 to 30 small letters, digits, - or _")
    _text(body, "name", TEXTS["name"], 1, "")
    for name in ("edition", "note"):
        _text(body, name, TEXTS[name], 1, "", is_needed=False)
    assurance = body.get("assurance", "soc2")
    if assurance not in ASSURANCE:
        raise CatalogueError(1, "assurance", "must be soc2 or iso27001")
    entries = body.get("controls")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_CONTROLS:
        raise CatalogueError(1, "controls", f"must be a list of 1 to {MAX_CONTROLS:,} controls")
    lines = list(_lines(text, len(entries)))
    controls: dict[str, Control] = {}
    names: set[str] = set()
    for index, entry in enumerate(entries):
        control = _control(entry, lines[index], f"controls[{index}]")
        if taken := {control.id, *control.aliases} & names:
            raise CatalogueError(lines[index], f"controls[{index}].id", f"“{min(taken)}” is there already")
        controls[control.id] = control
        names |= {control.id, *control.aliases}
    return Framework(code, body["name"], controls, body.get("edition", ""), body.get("note", ""), assurance)


def _loaded(text: str) -> dict:
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise CatalogueError(1, "", f"more than {MAX_BYTES:,} bytes")

    def once(pairs: list[tuple[str, object]]) -> dict:
        found: dict[str, object] = {}
        for name, value in pairs:
            if name in found:
                raise CatalogueError(1, _quoted(name), "stands there twice")
            found[name] = value
        return found

    try:
        body = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise CatalogueError(error.lineno, "", f"this is not JSON: {error.msg}") from None
    except RecursionError:
        raise CatalogueError(1, "", "this is nested too deeply") from None
    except CatalogueError:
        raise
    except ValueError as error:
        # A number of more digits than Python reads.
        raise CatalogueError(1, "", f"this cannot be read: {error}") from None
    if not isinstance(body, dict):
        raise CatalogueError(1, "", "must be an object")
    return body


def _quoted(name: str) -> str:
    """The name of a field as a message can show it: short, and without halves of letters."""
    return name[:MOST_QUOTED].encode("utf-8", "replace").decode()


def _lines(text: str, count: int) -> Iterator[int]:
    """The line on which each control begins."""
    decoder = json.JSONDecoder()
    at = re.search(r'(?<!\\)"controls"\s*:\s*\[', text)
    position = at.end() if at else len(text)
    for _ in range(count):
        position = WHITESPACE.match(text, position).end()
        if not text[position : position + 1].strip(","):
            position = WHITESPACE.match(text, position + 1).end()
        yield text.count("\n", 0, position) + 1
        try:
            position = decoder.raw_decode(text, position)[1]
        except json.JSONDecodeError:  # The name was written with escapes: the line is that of the last control that was found.
            position = min(position, len(text))


def _control(entry: object, line: int, field: str) -> Control:
    if not isinstance(entry, dict):
        raise CatalogueError(line, field, "must be an object")
    _known(entry, CONTROL_FIELDS, line, f"{field}.")
    identifier = _text(entry, "id", 28, line, f"{field}.")
    asks = _listed(entry, "asks", line, f"{field}.")
    aliases = _listed(entry, "aliases", line, f"{field}.")
    for name in (identifier, *aliases):
        if not CONTROL.fullmatch(name):
            raise CatalogueError(
                line, f"{field}.id", f"“{name}” is no identifier: 1 to 28 letters, digits, dots, - or brackets"
            )
    return Control(identifier, _text(entry, "text", MAX_TEXT, line, f"{field}."), asks, aliases)


def _known(found: dict, names: set[str], line: int, before: str) -> None:
    if strange := sorted(set(found) - names):
        raise CatalogueError(line, f"{before}{_quoted(strange[0])}", f"is not known; there are {', '.join(sorted(names))}")


def _text(found: dict, name: str, limit: int, line: int, before: str, *, is_needed: bool = True) -> str:
    value = found.get(name, "")
    if not isinstance(value, str) or len(value) > limit or "\x00" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise CatalogueError(line, f"{before}{name}", f"must be a text of at most {limit} characters")
    if is_needed and not value.strip():
        raise CatalogueError(line, f"{before}{name}", "is missing")
    return value


def _listed(found: dict, name: str, line: int, before: str) -> tuple[str, ...]:
    values = found.get(name, [])
    if not isinstance(values, list) or len(values) > MAX_ASKS:
        raise CatalogueError(line, f"{before}{name}", f"must be a list of at most {MAX_ASKS} texts")
    return tuple(_text({name: value}, name, MAX_TEXT, line, before) for value in values)


def schema() -> dict:
    """The JSON schema of a catalogue."""

    def text(limit: int, least: int = 1) -> dict:
        return {"type": "string", "minLength": least, "maxLength": limit}

    identifier = {"type": "string", "pattern": f"^{CONTROL.pattern}$"}
    asks = {"anyOf": [{"enum": sorted(EVIDENCE)}, text(MAX_TEXT)]}
    control = {
        "type": "object",
        "properties": {
            "id": identifier,
            "text": text(MAX_TEXT),
            "asks": {"type": "array", "items": asks, "maxItems": MAX_ASKS},
            "aliases": {"type": "array", "items": identifier, "maxItems": MAX_ASKS},
        },
        "required": ["id", "text"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A catalogue of controls",
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": f"^{CODE.pattern}$"},
            "name": text(TEXTS["name"]),
            "edition": text(TEXTS["edition"], 0),
            "note": text(TEXTS["note"], 0),
            "assurance": {"enum": list(ASSURANCE)},
            "controls": {"type": "array", "items": control, "minItems": 1, "maxItems": MAX_CONTROLS},
        },
        "required": ["code", "name", "controls"],
        "additionalProperties": False,
    }
