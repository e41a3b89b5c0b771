"""How long things are kept: rules, and what is deleted under them. What is deleted leaves its hash and an entry in the ledger."""

import logging
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from evidence import storage
from evidence.retention import due
from evidence.retention.kinds import Kind
from ledger.actions import entries
from ledger.actors import SYSTEM
from people import holds, permissions
from people.models import Deletion, RetentionRule, RetentionRun

logger = logging.getLogger(__name__)

MIN_REASON = 10
WRITE_DOWN = """
    INSERT INTO people_deletion (run_id, key, sha256, moment, gone_at)
    SELECT %(run)s, key, sha256, moment, %(gone)s
    FROM unnest(%(keys)s::text[], %(hashes)s::text[], %(moments)s::timestamptz[]) AS gone (key, sha256, moment)"""


@transaction.atomic
def set_rule(*, kind: Kind, days: int | None, reason: str, by) -> RetentionRule:
    """Say how long things of a kind are kept from now on (None: for good), and why.

    Refuses everybody but administrators, a rule that says what the last one says, no reason, and for evidence fewer days than open audit
    periods need.
    """
    if not permissions.can_set_retention(by):
        raise NotAllowed(_("Only an administrator may set how long things are kept."))
    holds.hold_still()
    now, former = clock.now(), due.current(kind)
    due.check_days(kind, days, now)
    if days == (former.days if former else None):
        raise InvalidInput(_("That is the rule already."), field="days")
    if len(reason.strip()) < MIN_REASON:
        raise InvalidInput(_("Say why, in at least {least} characters.").format(least=MIN_REASON), field="reason")
    found = due.summary(kind, due.before(kind, days, now), holds.cover_of(holds.in_force()))
    facts = {
        "kind": kind.code.value,
        "number": former.number + 1 if former else 1,
        "days": _days(days),
        "former": _days(former.days if former else None),
        "reason": reason.strip(),
        "would_delete": found.due,
    }
    entry = entries.record(kind="retention:rule-set", subject=_subject(kind), by=by, data=facts, at=now)
    return RetentionRule.objects.create(
        kind=kind.code,
        number=facts["number"],
        days=days,
        reason=reason.strip(),
        by=by,
        by_name=by.name,
        at=now,
        entry_uid=entry.uid,
    )


def _days(days: int | None) -> str:
    return "" if days is None else str(days)


def _subject(kind: Kind) -> str:
    return f"people.retention:{kind.code.value}"


@transaction.atomic
def delete_next(*, kind: Kind, limit: int, by) -> RetentionRun | None:
    """Delete the oldest things of a kind that its rule lets go and no hold covers, at most so many; None when there are none.

    A file is deleted by the record first and taken off the disk by `take_off`, so that a worker may die at any moment. Refuses everybody
    but Certify itself.
    """
    if by is not SYSTEM:
        raise NotAllowed(_("Only Certify itself deletes, under a rule."))
    holds.hold_still()
    now, rule = clock.now(), due.current(kind)
    moment = due.before(kind, rule.days if rule else None, now)
    if moment is None or not kind.is_automatic:
        return None
    found = _gone(kind, due.doomed(kind, moment, holds.cover_of(holds.in_force()), limit))
    return _record(kind, rule, found, now, by) if found else None


def _gone(kind: Kind, found: list[due.Doomed]) -> list[due.Doomed]:
    """Those of the things that are gone now: of rows what was really deleted, of files all."""
    if not kind.delete:
        return found
    with connection.cursor() as cursor:
        cursor.execute(kind.delete, {"keys": [one.key for one in found]})
        done = {row[0] for row in cursor.fetchall()}
    return [one for one in found if one.key in done]


def _record(kind: Kind, rule: RetentionRule, found: list[due.Doomed], now: datetime, by) -> RetentionRun:
    moments = [one.moment for one in found]
    facts = {"count": len(found), "oldest_at": min(moments), "newest_at": max(moments), "digest": due.digest(found)}
    told = {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in facts.items()}
    data = {"kind": kind.code.value, "rule": rule.number, "days": _days(rule.days), **told}
    entry = entries.record(kind="retention:deleted", subject=_subject(kind), by=by, data=data, at=now)
    run = RetentionRun.objects.create(rule=rule, at=now, entry_uid=entry.uid, **facts)
    if kind.leaves_trace:
        with connection.cursor() as cursor:
            values = {"run": run.pk, "gone": None if kind.is_file else now, "moments": moments}
            values |= {"keys": [one.key for one in found], "hashes": [one.sha256 for one in found]}
            cursor.execute(WRITE_DOWN, values)
    return run


@transaction.atomic
def take_off(*, kind: Kind, limit: int, by) -> int:
    """Delete files, on the disk or in a bucket, that are deleted by the record, at most so many; returns how many. Safe to run twice.

    What a store does not delete now is tried again by the next run.
    """
    if by is not SYSTEM:
        raise NotAllowed(_("Only Certify itself deletes, under a rule."))
    holds.hold_still()
    waiting = due.unfinished(kind, holds.cover_of(holds.in_force()), limit)
    gone = [pk for pk, key in waiting if _is_removed(key)]
    Deletion.objects.filter(pk__in=gone).update(gone_at=clock.now())
    return len(gone)


def _is_removed(key: str) -> bool:
    try:
        storage.remove(key)
    except storage.StorageError as error:
        logger.warning("%s is not deleted yet: %s", key, error.message)
        return False
    return True
