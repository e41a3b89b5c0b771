"""A pack of one sample alone: its rows, the entries of their trails with a proof each, and nothing of anybody else.

Items are proved against the roots that the launch and the close of their review recorded, entries against the checkpoint. The population
is there as ids that tell nobody anything, so that the sample can be drawn again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from campaigns.models import Campaign, ReviewItem
from campaigns.results import OUTCOMES
from certify.lib import canonical
from evidence import trail
from evidence.models import Sample
from evidence.pack import audit, builder, people, tables
from evidence.pack.archive import Archive, add_manifest
from evidence.pack.scope import ERASED
from ledger import keychain, merkle, proofs
from ledger.models import Checkpoint, Entry

FORMAT = "certify-sample-pack/3"
README = Path(__file__).resolve().parent / "SAMPLE.md"
TRAIL_COLUMNS = ("row", "id", "kind", "subject", "by", "at", "entry")
ITEMS = "reviews/items.csv"

POPULATION = "SELECT number AS place, leaf FROM campaigns_reviewitem WHERE campaign_id = %s"
#: The entries of the sample itself that the checkpoint covers.
OWN = """
    SELECT entry.id FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
    WHERE entry.subject = %(subject)s AND entry.kind LIKE 'sample:%%' AND entry.kind <> 'sample:downloaded' AND leaf.index < %(size)s
"""
ASKED = """
    SELECT entry.id FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
    WHERE entry.kind = 'assignment:made' AND entry.subject = ANY(%(subjects)s) AND leaf.index < %(size)s
"""
#: Whose name the item's leaf covers is shown; names that stand apart are in the entries that asked, which are not all here.
CALLED = """
    CASE WHEN EXISTS (SELECT FROM campaigns_campaign AS asking WHERE asking.id = item.campaign_id AND asking.terms ->> 'names' = 'apart')
         THEN '' ELSE reviewer.name END
"""


@dataclass(frozen=True)
class Disclosed:
    """What was gathered for a sample under a checkpoint: (row number, entry) of the trails, and all entries in the order of the log."""

    sample: Sample
    checkpoint: Checkpoint
    steps: list[tuple[str, Entry]]
    entries: list[Entry]
    items: list[ReviewItem]


def gather(sample: Sample, checkpoint: Checkpoint) -> Disclosed:
    """The entries and items that belong to a sample."""
    rows = list(sample.rows.order_by("number").select_related("item"))
    steps = []
    for row in rows:
        found = trail.of(row, has_file=False).entries.values()
        covered = [one for one in found if hasattr(one, "leaf") and one.leaf.index < checkpoint.size]
        steps += [(str(row.number), one) for one in sorted(covered, key=lambda one: one.leaf.index)]
    with connection.cursor() as cursor:
        cursor.execute(OWN, {"subject": sample.subject, "size": checkpoint.size})
        own = [pk for (pk,) in cursor.fetchall()]
    entries = _in_order({*own, *(entry.pk for _row, entry in steps)})
    items = [row.item for row in rows if row.item]
    named = {one for entry in entries for one in people.named_in(entry.payload)} | _sealed(items)
    erased = Entry.objects.filter(kind=ERASED, subject__in=named, leaf__index__lt=checkpoint.size)
    entries = _in_order({*(one.pk for one in entries), *erased.values_list("pk", flat=True)})
    return Disclosed(sample, checkpoint, steps, entries, items)


def _sealed(items: list[ReviewItem]) -> set[str]:
    return people.sealed(ReviewItem.objects.filter(pk__in=[item.pk for item in items]))


def _in_order(ids: set[int]) -> list[Entry]:
    return list(Entry.objects.signed().filter(pk__in=ids).select_related("leaf").order_by("leaf__index"))


def write(found: Disclosed, target: Path) -> str:
    """Write the pack, in a transaction; returns its SHA-256. The same sample and checkpoint give the same bytes."""
    named = {one for entry in found.entries for one in people.named_in(entry.payload)}
    people.refuse_erased_since(named | _sealed(found.items), found.checkpoint.size)
    with Archive(target) as archive:
        values = _prepare(found)
        counts = {
            path: _table(archive, path, columns, audit.of_one(path), values) for path, (columns, _) in audit.OF_SAMPLES.items()
        }
        counts[people.PATH] = builder.write_rows(archive, people.PATH, people.COLUMNS, people.rows(named))
        items = tables.ITEMS_OF.format(asked="AND item_id = ANY(%(items)s)", only="AND item.id = ANY(%(items)s)", called=CALLED)
        counts[ITEMS] = _table(archive, ITEMS, tables.BY_PATH[ITEMS].columns, items, values)
        counts["trail.csv"] = builder.write_rows(archive, "trail.csv", TRAIL_COLUMNS, _steps(found))
        archive.add("ledger/entries.jsonl", b"".join(one.payload.encode() + b"\n" for one in found.entries))
        archive.add("ledger/checkpoint.txt", found.checkpoint.note.encode())
        archive.add("ledger/keys.json", canonical.dumps(keychain.listed()) + b"\n")
        for one in found.entries:
            archive.add(f"proofs/{one.uid}{proofs.SUFFIX}", proofs.text(one, found.checkpoint, found.checkpoint.note).encode())
        archive.add("ledger/trees.json", canonical.dumps(_trees(found)) + b"\n")
        archive.add("README.md", README.read_bytes())
        archive.add("verify.py", builder.VERIFIER.read_bytes())
        builder.add_page(archive)
        _manifest(archive, found, counts)
    with target.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _steps(found: Disclosed) -> list[list[str]]:
    ids = dict(found.sample.rows.values_list("number", "key"))
    return [
        [row, ids[int(row)], one.kind, one.subject, one.signed_as, one.payload_json["at"], str(one.uid)]
        for row, one in found.steps
    ]


def _prepare(found: Disclosed) -> dict:
    """The temporary tables that the queries read, of these entries alone; returns their values."""
    campaigns = sorted({one.campaign_id for one in found.items})
    values = {
        "sample": str(found.sample.pk),
        "campaigns": campaigns,
        "closed": campaigns,
        "items": [one.pk for one in found.items],
        "subjects": [f"campaigns.campaign:{pk}" for pk in campaigns],
        "size": found.checkpoint.size,
        "entries": [one.pk for one in found.entries],
    }
    assigned = next(query for name, query, _key in tables.PREPARED if name == "pack_assigned")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.pack_entry, pg_temp.pack_assigned")
        cursor.execute(
            "CREATE TEMP TABLE pack_entry ON COMMIT DROP AS SELECT leaf.index, entry.id, entry.uid, entry.kind FROM ledger_entry AS entry"
            f" JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id WHERE entry.id = ANY(%(entries)s) OR entry.id IN ({ASKED})",
            values,
        )
        cursor.execute(f"CREATE TEMP TABLE pack_assigned ON COMMIT DROP AS {assigned}", values)
    return values


def _table(archive: Archive, path: str, columns: Sequence[str], query: str, values: dict) -> int:
    return builder.copy_table(archive, tables.Table(path, tuple(columns), query), values, lambda rows: None).rows


class Levels:
    """A tree's complete nodes, level by level, to take audit paths from."""

    def __init__(self, leaves: bytes):
        self.size, self.levels = len(leaves) // 32, [leaves]
        while len(level := self.levels[-1]) >= 64:
            pairs = range(0, len(level) - 32, 64)
            self.levels.append(b"".join(merkle.sha256(b"\x01" + level[at : at + 64]).digest() for at in pairs))

    def subtree(self, start: int, size: int) -> bytes:
        """The hash of a complete subtree."""
        height = size.bit_length() - 1
        at = 32 * (start >> height)
        return self.levels[height][at : at + 32]

    def path(self, index: int) -> list[str]:
        """The audit path of a leaf, hex."""
        return [node.hex() for node in merkle.inclusion_proof(index, self.size, self.subtree)]


def _trees(found: Disclosed) -> dict:
    """Campaign → for each of its sampled items the audit paths in its population and in its outcomes."""
    trees = {}
    for campaign in Campaign.objects.filter(pk__in={one.campaign_id for one in found.items}).order_by("pk"):
        numbers = sorted({one.number for one in found.items if one.campaign_id == campaign.pk})
        trees[str(campaign.pk)] = {
            name: {str(number): levels.path(number - 1) for number in numbers}
            for name, levels in (("population", _levels(POPULATION, campaign.pk)), ("outcomes", _levels(OUTCOMES, campaign.pk)))
        }
    return trees


def _levels(query: str, campaign_id: int) -> Levels:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT string_agg(leaf, ''::bytea ORDER BY place) FROM ({query}) AS found", [campaign_id])
        return Levels(bytes(cursor.fetchone()[0]))


def _manifest(archive: Archive, found: Disclosed, counts: dict[str, int]) -> None:
    key, period = keychain.signing_key(), found.sample.period
    manifest = {
        "format": FORMAT,
        "period": {
            "name": period.name,
            "framework": period.framework,
            "from": period.from_on.isoformat(),
            "to": period.to_on.isoformat(),
        },
        "sample": str(found.sample.pk),
        "log": {"origin": key.origin, "key": key.verifier},
        "checkpoint": {"size": found.checkpoint.size, "root": bytes(found.checkpoint.root).hex()},
        "rows": counts,
        "files": dict(archive.files),
    }
    add_manifest(archive, manifest, key)
