"""Who is meant by the commitments in a pack's entries: what opens each of them, and who was erased."""

import json
import re
from collections.abc import Iterable, Iterator

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from certify.lib.errors import DomainError
from ledger.models import Entry, Erasure, PersonRecord

PATH = "ledger/people.csv"
PARTICULARS = ("name", "email", "username")
#: A commitment, or a person.
NAMED = re.compile(r'"(?:person":"([0-9a-f]{64})|id":"(people\.user:[0-9]+))"')
COLUMNS = ("commitment", "person", *PARTICULARS, "salt", "erased")


def named_in(payload: str) -> list[str]:
    """The commitments in an entry, and the people whom it names by them or in the clear."""
    return [one or other for one, other in NAMED.findall(payload)]


def refuse_erased_since(named: Iterable[str], size: int) -> None:
    """Refuse a pack that names somebody who was erased after its checkpoint: the name is gone, the entry that says so lies outside."""
    said = Entry.objects.filter(kind="person:erased", subject__in=named)
    if said.exclude(pk__in=said.filter(leaf__index__lt=size).values("pk")).exists():
        raise DomainError(
            "erased_since",
            _("Somebody in this pack was erased after its checkpoint. Build it again, under the newest one."),
        )


def sealed(items: QuerySet) -> set[str]:
    """Whose names were erased from these items: references to identities and accounts."""
    return set(items.filter(name_commitment__isnull=False).values_list("name_ref", flat=True).distinct())


def rows(named: Iterable[str]) -> Iterator[list[str]]:
    """What opens each commitment. Of those who were erased every commitment is left, with the entry that says so: entries that name them
    in the clear are shown with the mark as well.
    """
    erased = dict(Erasure.objects.filter(person__in=named).values_list("person", "entry_uid"))
    for record in PersonRecord.objects.filter(Q(commitment__in=named) | Q(person__in=erased)).order_by("person", "commitment"):
        said = json.loads(record.particulars) if record.particulars else dict.fromkeys(PARTICULARS, "")
        salt = bytes(record.salt).hex() if record.salt else ""
        yield [
            record.commitment,
            record.person,
            *(said[part] for part in PARTICULARS),
            salt,
            str(erased.get(record.person, "")),
        ]
