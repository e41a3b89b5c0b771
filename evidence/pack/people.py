"""Who is meant by the commitments in a pack's entries: what opens each of them, and who was erased."""

import json
from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from certify.lib.errors import DomainError
from ledger import persons
from ledger.models import Entry, Erasure, PersonRecord

PATH = "ledger/people.csv"
PARTICULARS = ("name", "email", "username")
COLUMNS = ("commitment", "person", *PARTICULARS, "salt", "erased")


def refuse_erased_since(size: int) -> None:
    """Refuse a pack under a checkpoint after which somebody was erased: their name is gone, and the entry that says so lies outside."""
    covered = Entry.objects.filter(leaf__index__lt=size, uid__in=Erasure.objects.values("entry_uid"))
    if covered.count() < Erasure.objects.count():
        raise DomainError(
            "erased_since", _("Somebody was erased after this checkpoint. Build the pack again, under the newest one.")
        )


def named_in(payload: str) -> list[str]:
    """The commitments in an entry."""
    return persons.REFERENCE.findall(payload)


def rows(named: Iterable[str]) -> Iterator[list[str]]:
    """What opens each commitment; of those who were erased the commitment is left, with the entry that says so."""
    erased = dict(Erasure.objects.values_list("person", "entry_uid"))
    for record in PersonRecord.objects.filter(commitment__in=named).order_by("person", "commitment"):
        said = json.loads(record.particulars) if record.particulars else dict.fromkeys(PARTICULARS, "")
        salt = bytes(record.salt).hex() if record.salt else ""
        yield [
            record.commitment,
            record.person,
            *(said[part] for part in PARTICULARS),
            salt,
            str(erased.get(record.person, "")),
        ]
