"""What finished members of a pack were made of and may be different when its build goes on: one hash for each thing.

Everything else that a pack reads cannot change: triggers of the database keep those rows as they are, and the queries take only what is
recorded under the checkpoint. The one thing that such triggers let through is an erasure, which is compared here. A test reads which tables
a build asks, and holds that each is either kept by a trigger or among `COMPARED`.
"""

import hashlib
import json
import platform
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils.translation import get_language, gettext_noop

from certify import __version__
from evidence.pack import archive, reviewing, tables
from evidence.pack.recorded import UNDER
from evidence.pack.scope import Scope
from evidence.people_left import PEOPLE_COUNTED
from ledger import keychain

ROOT = Path(__file__).resolve().parents[2]
APPS = ("certify", "ledger", "people", "inventory", "campaigns", "remediation", "evidence")
CODE = {".py", ".typ", ".html", ".js", ".css", ".json", ".md", ".txt"}
#: Libraries that write bytes of a pack.
LIBRARIES = ("django", "psycopg2-binary", "xlsxwriter", "typst")
#: As many rows as there are, without an order: their number, and the sum of the hashes of each.
DIGEST = "SELECT count(*)::text || ' ' || COALESCE(sum(hashtextextended(found::text, 0)), 0)::text FROM ({query}) AS found"

#: Tables whose rows may change, with the columns and rows that a pack reads of them: table → query, filled with the values of the scope.
#: Of campaigns that were closed under the checkpoint, `xmin` tells of every change, which only an erasure may make; of others a pack shows
#: what was known when they began.
COMPARED = {
    "campaigns_assignment": f"""
        SELECT row.id, row.xmin::text AS version FROM campaigns_assignment AS row WHERE row.campaign_id = ANY(%(closed)s)
        UNION ALL
        SELECT row.id, concat_ws(' ', row.item_id, row.item_number, row.stage, row.panel, row.reviewer_id, row.rule, row.group_id)
        FROM campaigns_assignment AS row JOIN pack_stage AS reached ON reached.campaign_id = row.campaign_id
        WHERE row.campaign_id <> ALL(%(closed)s) AND (row.stage <= reached.stage AND row.rule NOT IN {tables.LATER}
            OR (reached.is_looked_at AND row.rule = 'second_look'))""",
    "campaigns_campaign": """
        SELECT id, name, definition_id, terms, opened_at, item_count, excluded_count, population_root, exclusion_root,
               CASE WHEN id = ANY(%(closed)s) THEN closed_at END, CASE WHEN id = ANY(%(closed)s) THEN outcome_root END
        FROM campaigns_campaign WHERE id = ANY(%(campaigns)s)""",
    "campaigns_delegation": """
        SELECT delegation.id FROM campaigns_delegation AS delegation
        WHERE 'campaigns.delegation:' || delegation.id = ANY(%(subjects)s)""",
    "campaigns_reviewergroup": """
        SELECT asked.id, asked.name FROM campaigns_reviewergroup AS asked WHERE asked.id IN (
            SELECT group_id FROM campaigns_assignment WHERE campaign_id = ANY(%(campaigns)s))""",
    "campaigns_reviewitem": """
        SELECT id, CASE WHEN campaign_id = ANY(%(closed)s) THEN xmin::text END FROM campaigns_reviewitem
        WHERE campaign_id = ANY(%(campaigns)s)""",
    "inventory_identity": reviewing.LINKED,
    "inventory_source": "SELECT id, key FROM inventory_source",
    "remediation_remediationtask": f"""
        SELECT task.id, task.item_id, task.campaign_id, task.source_id, task.owner_id, task.created_at, task.entry_uid
        FROM remediation_remediationtask AS task {UNDER.format(uid="task.entry_uid")}""",
    # What the pack says of people who left is all that it reads of accounts, rights and most of what is known of people.
    "pack_leaver": "SELECT * FROM pack_leaver",
    "people_counted": PEOPLE_COUNTED,
}  # fmt: skip
#: What differed, for people.
ERASURES = gettext_noop("somebody was erased")
SAID = {
    "format": gettext_noop("the format of packs is another one"),
    "code": gettext_noop("this is another version of Certify"),
    "options": gettext_noop("settings or programs are others"),
    "checkpoint": gettext_noop("it is to be sealed by another checkpoint"),
    "scope": gettext_noop("the period, or what belongs to it, was changed"),
    "keys": gettext_noop("the keys of the log were changed"),
    "erasures": ERASURES,
}
DATA = gettext_noop("data that the pack shows was changed")


def of(scope: Scope, pack_format: str) -> dict[str, str]:
    """Everything compared, each as a hash (hex), once the temporary tables of the scope are there.

    Two builds whose fingerprints agree read equal rows. That needs one state of the database on each side: the build runs in a
    transaction that is REPEATABLE READ, so the fingerprint is of the very state that its members were made of, and so is that of the build
    that goes on. What changes between two such transactions, even where it changes back later, is in no member.
    """
    checkpoint = [scope.checkpoint.size, bytes(scope.checkpoint.root).hex()]
    told = {"format": pack_format, "code": _code(), "options": _options(), "checkpoint": checkpoint, "scope": _scope(scope)}
    told["keys"] = _keys()
    found = {name: _hash(said) for name, said in told.items()} | {"erasures": erasures()}
    return found | {name: _hash(_digest(query, scope.values)) for name, query in COMPARED.items()}


def reason(name: str) -> str:
    """Why a build begins anew, given what differs or what `Stale` says already; in English, marked for translation."""
    return DATA if name in COMPARED else SAID.get(name, name)


def erasures() -> str:
    """Who was erased by now, as a hash (hex)."""
    return _hash(_digest("SELECT uid FROM ledger_entry WHERE kind = 'person:erased'", {}))


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _digest(query: str, values: dict) -> str:
    with connection.cursor() as cursor:
        cursor.execute(DIGEST.format(query=query), values)
        return cursor.fetchone()[0]


@cache
def _code() -> list[str]:
    """The version, and the hash of every file of the product: a pack shows some of them, and the others make it."""
    return [__version__, *_files(ROOT, lambda path: path.suffix in CODE and "migrations" not in path.parts, APPS)]


def _files(root: Path, wanted: Callable[[Path], bool], folders: tuple[str, ...] = ("",)) -> Iterator[str]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and wanted(path):
                yield f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _options() -> dict:
    """Settings, language and the programs that write bytes."""
    fonts = settings.CERTIFY_REPORT_FONTS
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_setting('TimeZone'), current_setting('DateStyle')")
        database = cursor.fetchone()
    return {
        "language": get_language(),
        "time zone": settings.TIME_ZONE,
        "fonts": [str(fonts), *(_files(Path(fonts), lambda path: True) if fonts else ())],
        "libraries": {name: version(name) for name in LIBRARIES},
        "python": [sys.version, platform.machine(), zlib.ZLIB_RUNTIME_VERSION, archive.LEVEL],
        "database": list(database),
    }


def _scope(scope: Scope) -> list:
    """The period, and everything that was found to belong to the pack."""
    period = {field.attname: getattr(scope.period, field.attname) for field in scope.period._meta.concrete_fields}
    guards = [[one.pk for one in found] for found in (scope.notes, scope.anchors, scope.cosignatures)]
    return [period, scope.first, guards, scope.values, scope.campaigns, scope.left_out, scope.expected]


def _keys() -> list:
    return [keychain.listed(), keychain.signing_key().verifier]
