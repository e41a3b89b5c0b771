"""What there is of a kind, what of it is held, and what a rule would delete: one query for the page, the preview and the run."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from evidence.models import AuditPeriod
from evidence.retention.kinds import Kind
from people.holds import HELD, Cover
from people.models import RetentionRule

MOST_DAYS = 36_500
#: Before this nothing is.
NEVER = datetime(1, 1, 2, tzinfo=UTC)
#: Of the things of a kind those that were not deleted yet, and whether they are held.
PRESENT = """
    SELECT thing.*, {held} AS is_held FROM ({things}) AS thing
    WHERE NOT EXISTS (SELECT 1 FROM people_deletion AS deletion WHERE deletion.key = thing.key)"""
SUMMARY = """
    SELECT count(*), min(moment), count(*) FILTER (WHERE is_held), count(*) FILTER (WHERE due), min(moment) FILTER (WHERE due),
           max(moment) FILTER (WHERE due), count(*) FILTER (WHERE is_held AND moment < %(before)s)
    FROM (SELECT *, moment < %(before)s AND NOT is_held AS due FROM ({present}) AS present) AS judged"""
SLICE = """
    SELECT key, sha256, moment FROM ({present}) AS present WHERE moment < %(before)s AND NOT is_held
    ORDER BY moment, key LIMIT %(limit)s"""
#: Files that are deleted by the record and may still be on the disk, because something broke in between. A hold keeps them there.
UNFINISHED = """
    SELECT deletion.id, deletion.key FROM people_deletion AS deletion
    JOIN (SELECT thing.*, {held} AS is_held FROM ({things}) AS thing) AS thing ON thing.key = deletion.key
    WHERE deletion.gone_at IS NULL AND NOT thing.is_held ORDER BY deletion.id LIMIT %(limit)s FOR UPDATE OF deletion SKIP LOCKED"""


@dataclass(frozen=True)
class Summary:
    """Of a kind: how many things there are, the oldest, how many are held, what the next run deletes, what it would but for a hold."""

    total: int
    oldest_at: datetime | None
    held: int
    due: int
    due_from: datetime | None
    due_to: datetime | None
    stopped: int


@dataclass(frozen=True)
class Doomed:
    """One thing that is to go."""

    key: str
    sha256: str
    moment: datetime


def minimum_days(today: date) -> int:
    """How long evidence is kept at least: from the first day of the longest open audit period to its auditors' last, and a margin."""
    open_now = AuditPeriod.objects.filter(open_until__gte=today).values_list("from_on", "open_until")
    spans = [(until - begin).days + 1 for begin, until in open_now]
    return max(spans) + settings.CERTIFY_RETENTION_MARGIN_DAYS if spans else 0


def current(kind: Kind) -> RetentionRule | None:
    """The rule of a kind that counts now."""
    return RetentionRule.objects.filter(kind=kind.code).order_by("-number").first()


def before(kind: Kind, days: int | None, now: datetime) -> datetime | None:
    """What is older than this goes; None where it is kept for good. An open audit period keeps evidence longer than its rule."""
    if days is None:
        return None
    return now - timedelta(days=max(days, minimum_days(now.date())) if kind.is_evidence else days)


def check_days(kind: Kind, days: int | None, now: datetime) -> None:
    """Refuse a number of days that no rule of this kind may have now."""
    if days is None:
        return
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(_("Give 1 to {most} days, or none to keep it for good.").format(most=MOST_DAYS), field="days")
    least = minimum_days(now.date()) if kind.is_evidence else 0
    if days < least:
        raise InvalidInput(
            _(
                "Open audit periods need this for {least} days: from the first day of the longest one to its auditors’ last, and a margin."
            ).format(least=least),
            field="days",
        )


def summary(kind: Kind, moment: datetime | None, cover: Cover) -> Summary:
    """What there is of a kind, and what goes when everything before `moment` goes (None: nothing)."""
    query = SUMMARY.format(present=_present(kind))
    values = cover.values() | {"before": moment or NEVER}
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return Summary(*cursor.fetchone())


def doomed(kind: Kind, moment: datetime, cover: Cover, limit: int) -> list[Doomed]:
    """The oldest things of a kind that go, at most so many."""
    with connection.cursor() as cursor:
        cursor.execute(SLICE.format(present=_present(kind)), cover.values() | {"before": moment, "limit": limit})
        return [Doomed(*row) for row in cursor.fetchall()]


def unfinished(kind: Kind, cover: Cover, limit: int) -> list[tuple[int, str]]:
    """(id, key) of deletions whose file is to be taken off the disk, locked."""
    with connection.cursor() as cursor:
        cursor.execute(UNFINISHED.format(held=HELD, things=kind.things), cover.values() | {"limit": limit})
        return cursor.fetchall()


def digest(found: list[Doomed]) -> str:
    """SHA-256 over the sorted lines "key sha256" of what went; hex."""
    lines = sorted(f"{one.key} {one.sha256}\n" for one in found)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _present(kind: Kind) -> str:
    return PRESENT.format(held=HELD, things=kind.things)
