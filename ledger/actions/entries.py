"""Recording: the only way into the ledger."""

import io
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from certify.lib import clock
from ledger import merkle, rules
from ledger.models import Entry


class Recorded(NamedTuple):
    """What is known of an entry before the database has numbered it."""

    uid: uuid.UUID
    subject: str
    payload: str
    leaf_hash: bytes


@transaction.atomic
def record(*, kind: str, subject: str, by, data: dict, at: datetime | None = None) -> Entry:
    """Write one entry in the caller's transaction: if that fails, nothing was recorded and nothing happened.

    `by` is a user, or anything with `actor_ref()`. `data` holds strings, integers, booleans, lists and objects of them.
    Refuses more than 65,535 bytes.
    """
    moment, actor = at or clock.now(), by.actor_ref()
    built = _build(rules.payloads(kind=kind, actor=actor, at=moment), subject, data)
    return Entry.objects.create(**built._asdict(), kind=kind, actor_id=actor["id"], actor_name=_in_the_clear(actor), at=moment)


@transaction.atomic
def record_many(
    *, kind: str, by, rows: Iterable[tuple[str, dict]], at: datetime | None = None, uids: Iterable[uuid.UUID] | None = None
) -> list[Recorded]:
    """Write one entry for each (subject, data) in order, with COPY; under these `uids` where the caller has given them away already."""
    moment, actor, named = at or clock.now(), by.actor_ref(), iter(uids or ())
    write = rules.payloads(kind=kind, actor=actor, at=moment)
    entries = [_build(write, subject, data, next(named, None)) for subject, data in rows]
    shared = "\t".join(_copy_text(field) for field in (actor["id"], _in_the_clear(actor), moment.isoformat()))
    buffer = io.StringIO()
    for uid, subject, payload, leaf_hash in entries:
        buffer.write(f"{uid}\t{kind}\t{_copy_text(subject)}\t{shared}\t{_copy_text(payload)}\t\\\\x{leaf_hash.hex()}\n")
    buffer.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY ledger_entry (uid, kind, subject, actor_id, actor_name, at, payload, leaf_hash) FROM STDIN", buffer
        )
    return entries


#: One INSERT for many entries: the payload is put together from texts, which PostgreSQL writes as RFC 8785 wants them. The table's own
#: constraints hold the hash against the payload and refuse one that is too long.
RECORD_SET = """
    INSERT INTO ledger_entry (uid, kind, subject, actor_id, actor_name, at, payload, leaf_hash)
    SELECT uid, %(entry_kind)s, subject, %(entry_actor)s, %(entry_name)s, %(entry_at)s, body,
           sha256('\\x00'::bytea || convert_to(body, 'UTF8'))
    FROM (SELECT uid, subject, %(entry_head)s || {data} || %(entry_middle)s || to_json(subject)::text || %(entry_uid)s
                 || uid::text || %(entry_end)s AS body
          FROM ({rows}) AS said) AS written
"""


@transaction.atomic
def record_set(*, kind: str, by, at: datetime, rows: str, names: Iterable[str], values: dict) -> int:
    """Write one entry for each row of a query, without a row of it leaving the database; returns how many.

    `rows` is a SELECT of ours, filled with `values`; its columns are `uid`, `subject` and the `names`, which become the data of the
    entry: texts all of them. What it writes is byte for byte what `record_many` writes.
    """
    actor = by.actor_ref()
    head, middle, uid, end = (piece.decode() for piece in rules.frame(kind=kind, actor=actor, at=at))
    told = {"kind": kind, "actor": actor["id"], "name": _in_the_clear(actor), "at": at}
    told |= {"head": head + "{", "middle": "}" + middle, "uid": uid, "end": end}
    data = " || ',' || ".join(f"'\"{name}\":' || to_json({name}::text)::text" for name in sorted(names))
    with connection.cursor() as cursor:
        cursor.execute(
            RECORD_SET.format(data=data, rows=rows), values | {f"entry_{name}": value for name, value in told.items()}
        )
        return cursor.rowcount


def _in_the_clear(actor: dict[str, str]) -> str:
    """The name of a program or of Certify; that of a person stands in no entry."""
    return actor.get("name", "")


def _copy_text(value: str) -> str:
    """PostgreSQL's text format of COPY: backslash, tab and line ends are escaped."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _build(write: Callable[[uuid.UUID, str, dict], bytes], subject: str, data: dict, uid: uuid.UUID | None = None) -> Recorded:
    uid = uid or uuid.uuid4()
    body = write(uid, subject, data)
    return Recorded(uid, subject, body.decode(), merkle.leaf_hash(body))
