"""Describing rights: what their owners write, one at a time, several on a form, or from a file. Nothing written is ever changed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from inventory import describing, permissions
from inventory.models import Entitlement, EntitlementDescription
from inventory.readers import descriptions
from inventory.states import DescribedHow
from ledger.actions import entries

#: Rights that one form can describe.
MOST = 100


@dataclass(frozen=True)
class Words:
    """What somebody says of a right. Empty takes back what an owner wrote; the file's words are shown again.

    `seen` is the id of the description that was there (0: none), None where nobody looked. `is_confirmed`: the same words count as
    written again, now that the file says something else.
    """

    entitlement_id: int
    text: str
    seen: int | None = None
    is_confirmed: bool = False


@dataclass(frozen=True)
class Described:
    """What came of it. Where something was refused, nothing was written at all."""

    written: int = 0
    unchanged: int = 0
    empty: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    refused_rows: list[descriptions.Refused] = field(default_factory=list)


def _require(by) -> None:
    if not permissions.can_describe(by):
        raise NotAllowed(_("Only owners of rights and of systems describe rights."))


@transaction.atomic
def describe(*, words: list[Words], by) -> Described:
    """Write what an owner says of some rights, all of it or nothing.

    Refuses rights that are not theirs, texts that say nothing, and what somebody else wrote in the meantime.
    """
    _require(by)
    if len(words) > MOST:
        raise InvalidInput(_("At most {most} rights are described in one go.").format(most=MOST))
    rights = _locked(by, [one.entitlement_id for one in words])
    found = [(one.entitlement_id, describing.problem(rights.get(one.entitlement_id), one.text, one.seen)) for one in words]
    refused = {pk: reason for pk, reason in found if reason}
    if refused:
        return Described(refused=refused)
    changed = [one for one in words if _is_change(rights[one.entitlement_id], one)]
    _write(rights, changed, DescribedHow.FORM, {}, by)
    return Described(written=len(changed), unchanged=len(words) - len(changed))


def _locked(by, ids: Iterable[int]) -> dict[int, Entitlement]:
    """Those of the rights that the user may describe, locked in the order of their ids."""
    mine = describing.describable(by).filter(pk__in=list(ids)).values("pk")
    found = Entitlement.objects.filter(pk__in=mine).select_related("source", "described").order_by("pk")
    return {right.pk: right for right in found.select_for_update(of=("self",), no_key=True)}


def _is_change(right: Entitlement, said: Words) -> bool:
    text = said.text.strip()
    if text == describing.own(right):
        return said.is_confirmed and bool(text) and right.described.file_said != right.description
    return right.described_id is not None or text != right.description


def _write(rights: dict[int, Entitlement], changed: list[Words], how: str, file: dict, by) -> None:
    """A row, its ledger entry, and what is shown from now on, for each."""
    if not changed:
        return
    at = clock.now()
    facts = [_facts(rights[one.entitlement_id], one, how) | file for one in changed]
    recorded = entries.record_many(
        kind="entitlement:described",
        by=by,
        at=at,
        rows=[(f"inventory.entitlement:{one.entitlement_id}", data) for one, data in zip(changed, facts, strict=True)],
    )
    written = EntitlementDescription.objects.bulk_create(
        EntitlementDescription(
            entitlement_id=one.entitlement_id,
            text=one.text.strip(),
            file_said=rights[one.entitlement_id].description,
            how=how,
            by=by,
            by_name=by.name,
            at=at,
            entry_uid=entry.uid,
        )
        for one, entry in zip(changed, recorded, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_entitlement AS entitlement SET described_id = CASE WHEN written.text <> '' THEN written.id END"
            " FROM inventory_entitlementdescription AS written"
            " WHERE written.id = ANY(%s) AND written.entitlement_id = entitlement.id",
            [[one.pk for one in written]],
        )


def _facts(right: Entitlement, said: Words, how: str) -> dict:
    """What the ledger records. Of the file's words, which its snapshots keep, the hash is enough."""
    return {
        "source": right.source.key,
        "entitlement": right.key,
        "old": describing.own(right),
        "new": said.text.strip(),
        "file_said_sha256": hashlib.sha256(right.description.encode()).hexdigest() if right.description else "",
        "how": str(how),
    }


@transaction.atomic
def take_in(*, data: bytes, file_name: str, only_check: bool = False, by) -> Described:
    """Write the descriptions of a CSV file, all of them or nothing; empty ones change nothing. `only_check` writes nothing at all.

    Refuses, row by row, what `describe` refuses, and a right that stands there twice.
    """
    _require(by)
    rows, refused = descriptions.read(data)
    if not rows and not refused:
        raise InvalidInput(_("The file has no rows."), field="file")
    ids = _ids(by, rows)
    rights = _locked(by, ids.values())
    filled = [row for row in rows if row.text]
    words = [Words(ids.get((row.source, row.right), 0), row.text) for row in filled]
    for row, said in zip(filled, words, strict=True):
        if reason := describing.problem(rights.get(said.entitlement_id), said.text):
            refused.append(descriptions.Refused(row.line, f"{row.source}/{row.right}", reason))
    if refused:
        return Described(refused_rows=sorted(refused, key=lambda one: one.line))
    changed = [one for one in words if _is_change(rights[one.entitlement_id], one)]
    done = Described(written=len(changed), unchanged=len(words) - len(changed), empty=len(rows) - len(filled))
    if not only_check:
        _take_in(rights, changed, done, {"file": file_name[:200], "sha256": hashlib.sha256(data).hexdigest()}, by)
    return done


def _take_in(rights: dict[int, Entitlement], changed: list[Words], done: Described, file: dict, by) -> None:
    _write(rights, changed, DescribedHow.FILE, file, by)
    counted = {"written": done.written, "unchanged": done.unchanged, "empty": done.empty}
    entries.record(kind="descriptions:imported", subject="inventory.entitlement:*", by=by, data=file | counted)


def _ids(by, rows: list[descriptions.Row]) -> dict[tuple[str, str], int]:
    """(system, right) → id, of the rights that the rows name and the user may describe."""
    named = describing.describable(by).filter(source__key__in={row.source for row in rows}, key__in={row.right for row in rows})
    return {(source, key): pk for source, key, pk in named.values_list("source__key", "key", "pk")}
