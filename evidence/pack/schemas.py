"""What each table of a pack is, for programs: a CSVW document over the CSV files, and JSON Schemas of the manifest and the ledger's files.

Both, and the notes in the workbook, come from `columns.txt`, which has a line for every column. CSVW is the W3C's model of tabular data.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evidence.pack.archive import Archive

FILE = Path(__file__).with_name("columns.txt")
TABLES_PATH, JSON_PATHS = "schemas/tables.json", {
    "manifest.json": "schemas/manifest.json",
    "ledger/entries.jsonl": "schemas/entry.json",
    "ledger/keys.json": "schemas/keys.json",
    "ledger/proofs.json": "schemas/proofs.json",
    "ledger/anchors/anchors.json": "schemas/anchors.json",
}  # fmt: skip
#: Type of a column → the datatype of CSVW.
DATATYPES = {
    "text": "string", "yes": "string", "number": "integer", "decimal": "decimal", "time": "dateTimeStamp", "day": "date", "json": "json",
}  # fmt: skip
ALL = "*"


@dataclass(frozen=True)
class Column:
    """What one column holds."""

    name: str
    type: str
    meaning: str


def _read() -> Iterator[tuple[str, Column]]:
    table = ""
    for line in FILE.read_text().splitlines():
        if line.startswith("["):
            table = line[1:-1]
        elif line and not line.startswith("#"):
            yield table, Column(*line.split(" ", 2))


#: (table, column) → what it holds; what holds for every table stands under `ALL`.
COLUMNS = {(table, column.name): column for table, column in _read()}


def column(table: str, name: str) -> Column:
    """What a column of a table holds."""
    return COLUMNS.get((table, name)) or COLUMNS[ALL, name]


def tables(columns_of: dict[str, tuple[str, ...]]) -> dict:
    """The CSVW document: every table with its columns."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dialect": {"delimiter": ",", "quoteChar": '"', "doubleQuote": True, "encoding": "utf-8", "header": True},
        "tables": [
            {"url": f"../{path}", "tableSchema": {"columns": [_described(column(path, name)) for name in columns]}}
            for path, columns in sorted(columns_of.items())
        ],
    }


def _described(found: Column) -> dict:
    return {"name": found.name, "titles": found.name, "datatype": DATATYPES[found.type], "dc:description": found.meaning}


HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
COUNT = {"type": "integer", "minimum": 0}
DAY = {"type": "string", "format": "date"}
TEXT = {"type": "string"}


def _object(properties: dict, *, more: bool = False) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": more}


def _list(items: dict) -> dict:
    return {"type": "array", "items": items}


def manifest(pack_format: str) -> dict:
    """The manifest: what is in the pack, and what it is sealed with."""
    period = _object({"name": TEXT, "framework": TEXT, "framework_name": TEXT, "from": DAY, "to": DAY})
    return _object({
        "format": {"const": pack_format},
        "period": period,
        "log": _object({"origin": TEXT, "key": TEXT}),
        "checkpoint": _object({"size": COUNT, "root": HASH}),
        "campaigns": _list({"type": "string", "pattern": "^[0-9]+$"}),
        "rows": {"type": "object", "additionalProperties": COUNT},
        "files": {"type": "object", "additionalProperties": _object({"sha256": HASH, "size": COUNT})},
    })  # fmt: skip


def entry() -> dict:
    """One line of ledger/entries.jsonl: these bytes were hashed. Later versions may say more."""
    by_name, committed = _object({"id": TEXT, "name": TEXT}, more=True), _object({"id": TEXT, "person": HASH})
    actor = {"anyOf": [by_name, committed]}
    return _object({
        "uid": {"type": "string", "format": "uuid"}, "v": {"type": "integer", "minimum": 1},
        "at": {"type": "string", "format": "date-time"},
        "kind": {"type": "string", "pattern": "^[a-z-]+:[a-z-]+$"}, "subject": TEXT, "actor": actor, "data": {"type": "object"},
    }, more=True)  # fmt: skip


def keys() -> dict:
    """ledger/keys.json: the keys of the log in their order, with the statement by which each followed the one before."""
    return _list(_object({"key": TEXT, "since": COUNT, "statement": TEXT}))


def proofs() -> dict:
    """ledger/proofs.json: what leads from older leaves, checkpoints and entries to the sealed root."""
    return _object({
        "first_leaf": COUNT,
        "earlier": _list(HASH),
        "consistency": _list(_object({"size": COUNT, "path": _list(HASH)})),
        "inclusion": _list(_object({"leaf": HASH, "index": COUNT, "path": _list(HASH)})),
    })  # fmt: skip


def anchors() -> dict:
    """ledger/anchors/anchors.json: where checkpoints were left, and what came back."""
    names = ("size", "channel", "target", "at", "entry", "receipt")
    return _list(_object({**dict.fromkeys(names, TEXT), "detail": {"type": "object"}}))


def write(archive: Archive, columns_of: dict[str, tuple[str, ...]], pack_format: str) -> None:
    """Add all of them to a pack with these tables."""
    archive.add(TABLES_PATH, _printed(tables(columns_of)))
    found = {
        "manifest.json": manifest(pack_format), "ledger/entries.jsonl": entry(), "ledger/keys.json": keys(), "ledger/proofs.json": proofs(),
        "ledger/anchors/anchors.json": anchors(),
    }  # fmt: skip
    for path, schema in found.items():
        title = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": path}
        archive.add(JSON_PATHS[path], _printed(title | schema))


def _printed(document: dict) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"
