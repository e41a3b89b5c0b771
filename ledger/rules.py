"""What an entry is made of; pure."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from certify.lib import canonical
from certify.lib.errors import InvalidInput
from certify.lib.times import rfc3339

#: Since version 2 an entry holds a commitment in place of a person's name and address (see `ledger.persons`).
VERSION = 2
#: How each version names who acted: in the clear, or a person by a commitment.
IN_THE_CLEAR, COMMITTED = {"id", "name", "email"}, {"id", "person"}
ACTORS = {1: (IN_THE_CLEAR,), 2: (IN_THE_CLEAR, COMMITTED)}
#: The table of people, and what in it says who somebody is.
PERSON, PARTICULARS = ("people", "user"), ("email", "name", "username")
#: C2SP tlog-tiles prefixes an entry with a 16-bit length.
MAX_PAYLOAD_BYTES = 65_535
#: Above this many bytes the changes of a configuration are committed by their hash, which leaves room for the rest.
MAX_CHANGES_BYTES = MAX_PAYLOAD_BYTES // 2


def payload(*, uid: UUID, kind: str, subject: str, actor: dict[str, str], at: datetime, data: dict) -> bytes:
    """The canonical bytes of an entry (RFC 8785).

    Refuses more than 65,535 bytes (commit to larger things by their hash) and what JSON or PostgreSQL cannot hold
    exactly: lone surrogates, NUL, integers beyond 2^53, other types.
    """
    return payloads(kind=kind, actor=actor, at=at)(uid, subject, data)


def payloads(*, kind: str, actor: dict[str, str], at: datetime) -> Callable[[UUID, str, dict], bytes]:
    """`payload` for many entries of one kind, actor and time: what they share is written once. Keys stand in canonical order."""
    head, middle, named, end = frame(kind=kind, actor=actor, at=at)

    def write(uid: UUID, subject: str, data: dict) -> bytes:
        try:
            body = b"".join((head, canonical.dumps(data), middle, canonical.dumps(subject), named, str(uid).encode(), end))
        except ValueError as error:
            raise _unwritable(kind, error) from error
        if len(body) > MAX_PAYLOAD_BYTES:
            raise InvalidInput(
                f"A ledger entry of kind {kind} has {len(body):,} bytes; at most {MAX_PAYLOAD_BYTES:,} are allowed."
            )
        if b"\\u0000" in body.replace(b"\\\\", b""):
            raise InvalidInput(f"A ledger entry of kind {kind} contains a NUL character.")
        return body

    return write


def frame(*, kind: str, actor: dict[str, str], at: datetime) -> tuple[bytes, bytes, bytes, bytes]:
    """What stands before, between and after the three things that differ among entries of one act: data, subject, uid."""
    try:
        head = canonical.dumps({"actor": actor, "at": rfc3339(at)})[:-1] + b',"data":'
        middle = b',"kind":' + canonical.dumps(kind) + b',"subject":'
    except ValueError as error:
        raise _unwritable(kind, error) from error
    return head, middle, b',"uid":"', f'","v":{VERSION}}}'.encode()


def _unwritable(kind: str, error: ValueError) -> InvalidInput:
    return InvalidInput(f"A ledger entry of kind {kind} cannot be written as canonical JSON: {error}.")


def misfit(columns: dict[str, str], body: str) -> str:
    """Why the columns of an entry contradict its payload, in words; empty when they agree.

    `columns` has uid, kind, subject, actor_id, actor_name and at (RFC 3339) as the row states them.
    """
    try:
        stated = json.loads(body)
        if canonical.dumps(stated) != body.encode():
            return "its payload is not in canonical form"
        if stated["v"] not in ACTORS or set(stated["actor"]) not in ACTORS[stated["v"]]:
            return "its actor is not named as its version has it"
        said = {
            "uid": stated["uid"],
            "kind": stated["kind"],
            "subject": stated["subject"],
            "actor_id": stated["actor"]["id"],
            "actor_name": stated["actor"].get("name", ""),
            "at": stated["at"],
        }
    except (ValueError, KeyError, TypeError):
        return "its payload is not that of an entry"
    for name, value in said.items():
        if columns[name] != value:
            return f"its column {name} says {columns[name]!r}, its payload {value!r}"
    return ""


def change_data(row: object, version: int = VERSION) -> dict:
    """What the ledger keeps of a row of django-auditlog; changes that would not fit are kept as their SHA-256.

    Since version 2 nothing of what a person is called: the entries `user:created` and `user:changed` commit to that.
    """
    data = {
        "change": str(row.pk),
        "action": row.get_action_display(),
        "object": row.object_repr[:1000],
        "changed_at": rfc3339(row.timestamp),
    }
    changes = row.changes
    if version > 1 and (row.content_type.app_label, row.content_type.model) == PERSON:
        data |= {"object": ".".join(PERSON) + f":{row.object_pk}"}
        changes = {name: values for name, values in (changes or {}).items() if name not in PARTICULARS}
    written = canonical.dumps(changes)
    if len(written) > MAX_CHANGES_BYTES:
        return {**data, "changes_sha256": hashlib.sha256(written).hexdigest()}
    return {**data, "changes": changes}


def without_particulars(data: dict) -> dict:
    """What is left of such an entry's data when somebody was erased from the row that it repeats."""
    changes = {name: values for name, values in (data.get("changes") or {}).items() if name not in PARTICULARS}
    return data | {"object": "", "changes": changes}
