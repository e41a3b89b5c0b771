"""Cosignatures of witnesses: accepted when they fit a checkpoint of ours and a configured key, then kept."""

import hashlib
import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger import notes, permissions
from ledger.actions import entries
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Cosignature

LOCK = 0x6365727469667902
#: A witness's clock may be ahead of ours by this much.
MAX_AHEAD = timedelta(minutes=5)

logger = logging.getLogger(__name__)


@transaction.atomic
def accept(*, note: str, by) -> list[Cosignature]:
    """Keep the cosignatures in a checkpoint that came back from witnesses; returns those that were not known yet.

    Refuses strangers, a note that is not one of our checkpoints word for word, one without a cosignature by a configured
    witness, a cosignature that does not fit, and one from the future. Signatures of others are ignored.
    """
    if by is not SYSTEM and not permissions.can_keep_cosignatures(by):
        raise NotAllowed("Only an administrator may keep cosignatures.")
    try:
        checkpoint = _checkpoint(note)
        told = (one for key in settings.CERTIFY_LEDGER_WITNESSES for one in notes.cosignatures(note, key))
        found = list({one.line: one for one in told}.values())
    except notes.NoteError as error:
        raise InvalidInput(f"Nothing was kept: {error}.", field="note") from error
    if not found:
        raise InvalidInput(_("No configured witness has cosigned this checkpoint."), field="note")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    now = clock.now()
    if any(one.time > (now + MAX_AHEAD).timestamp() for one in found):
        raise InvalidInput(_("A cosignature is from the future. Compare the witness's clock with yours."), field="note")
    known = set(Cosignature.objects.filter(checkpoint=checkpoint).values_list("line", flat=True))
    return [_keep(checkpoint, one, by, now) for one in found if one.line not in known]


def _checkpoint(note: str) -> Checkpoint:
    """Our checkpoint that the note is of. One of the same size and another root is what witnesses are there to find."""
    text = note.rpartition("\n\n")[0] + "\n"
    head = notes.TreeHead.parse(text)
    checkpoint = Checkpoint.objects.filter(size=head.size).first()
    if checkpoint is None or not checkpoint.note.startswith(f"{text}\n"):
        logger.error("somebody showed a checkpoint of %s entries of %s that is not in the database", head.size, head.origin)
        raise InvalidInput(
            f"This log has no such checkpoint of {head.size} entries. If its own signature is on the note, two logs go under "
            "this name: keep the note, and run verify_ledger with it as --checkpoint.",
            field="note",
        )
    return checkpoint


def _keep(checkpoint: Checkpoint, one: notes.Cosigned, by, now: datetime) -> Cosignature:
    stated_at, digest = datetime.fromtimestamp(one.time, UTC), hashlib.sha256(one.line.encode()).hexdigest()
    entry = entries.record(
        kind="ledger:cosigned",
        subject=f"ledger.checkpoint:{checkpoint.size}",
        by=by,
        at=now,
        data={
            "size": str(checkpoint.size),
            "witness": one.witness,
            "stated_at": rfc3339(stated_at),
            "line_sha256": digest,
        },
    )
    return Cosignature.objects.create(
        checkpoint=checkpoint,
        witness=one.witness,
        line=one.line,
        line_sha256=digest,
        stated_at=stated_at,
        at=now,
        entry_uid=entry.uid,
    )
