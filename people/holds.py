"""Legal holds in force, and what they cover together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from django.db import connection
from django.db.models import QuerySet

from people.models import LegalHold

#: Placing a hold and deleting wait for one another: what a hold covers when it is placed is there afterwards.
LOCK = 7_265_001


@dataclass(frozen=True)
class Cover:
    """What some holds cover together. `spans` are moments, the second one excluded."""

    everything: bool = False
    campaigns: set[int] = field(default_factory=set)
    systems: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)

    def values(self) -> dict:
        """What `HELD` is filled with."""
        return {
            "everything": self.everything,
            "campaigns": sorted(self.campaigns),
            "systems": sorted(self.systems),
            "people": sorted(self.people),
            "froms": [begin for begin, _ in self.spans],
            "tos": [end for _, end in self.spans],
        }


#: Whether a thing is held. It has `began` and `moment`, its span of time, and of what it belongs to `campaigns`, `systems` and `people`:
#: NULL where that cannot be told, and then it is held by whatever names any of them.
HELD = """(
    %(everything)s
    OR EXISTS (SELECT 1 FROM unnest(%(froms)s::timestamptz[], %(tos)s::timestamptz[]) AS span (a, b) WHERE began < b AND moment >= a)
    OR (cardinality(%(campaigns)s::bigint[]) > 0 AND COALESCE(campaigns && %(campaigns)s::bigint[], true))
    OR (cardinality(%(systems)s::text[]) > 0 AND COALESCE(systems && %(systems)s::text[], true))
    OR (cardinality(%(people)s::text[]) > 0 AND COALESCE(people && %(people)s::text[], true)))"""


def hold_still() -> None:
    """Wait for whoever deletes or places a hold, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def in_force() -> QuerySet:
    """The holds that nobody has released, the latest first."""
    return LegalHold.objects.filter(release__isnull=True)


def span_of(hold: LegalHold) -> tuple[datetime, datetime] | None:
    """From when until when a hold covers everything; None when it covers no span."""
    if hold.from_on is None:
        return None
    begin, end = (datetime.combine(day, time(), UTC) for day in (hold.from_on, hold.to_on))
    return begin, end + timedelta(days=1)


def cover_of(holds: Iterable[LegalHold]) -> Cover:
    """What these holds cover together."""
    found = list(holds)
    return Cover(
        everything=any(hold.everything for hold in found),
        campaigns={one for hold in found for one in hold.campaigns},
        systems={one for hold in found for one in hold.systems},
        people={one for hold in found for one in hold.people},
        spans=[span for hold in found if (span := span_of(hold))],
    )
