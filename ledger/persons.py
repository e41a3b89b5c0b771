"""What entries hold in place of a person's name and address: commitments, which one can open as long as their salt is kept.

An entry of version 2 names a person as {"id": "people.user:7", "person": COMMITMENT}. The commitment is the SHA-256 of the prefix, a
random salt of 32 bytes and the canonical JSON of the particulars: {"email", "id", "name", "username"}. Without the salt nobody can
find out by trying whose name it stands for; with it everybody can check that nothing else was meant.
"""

import hashlib

from django.db.models import F, Func, TextField, Value

PREFIX = b"certify-person/1\n"
#: The first word of what stands in place of every particular of somebody who was erased.
ERASED = "erased"


def commitment(salt: bytes, particulars: str) -> str:
    """The commitment to particulars under a salt, hex. The database makes them; this is for checking."""
    return hashlib.sha256(PREFIX + salt + particulars.encode()).hexdigest()


def mark(person: str) -> str:
    """What stands for who was erased: “erased person 7” for people.user:7, “erased identity 12” for inventory.identity:12."""
    label, _, number = person.partition(":")
    app, _, model = label.partition(".")
    return f"{ERASED} {model if app == 'inventory' else 'person'} {number}"


def particular_sql(reference: str, part: str = "name") -> str:
    """SQL: what the entry's reference to an actor or a person says of them, or the mark when they were erased."""
    return f"ledger_particular({reference}, '{part}')"


def signed_as() -> Func:
    """The same for the actor of an entry, to annotate entries with."""
    return Func(F("payload_json__actor"), Value("name"), function="ledger_particular", output_field=TextField())
