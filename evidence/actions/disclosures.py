"""Packs of one sample alone, made when they are taken away. Each is recorded."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import permissions
from evidence.models import Sample
from evidence.pack import disclosure
from ledger import queries
from ledger.actions import entries


@dataclass(frozen=True)
class Made:
    """A pack that was made: its name, its bytes as a stream from the beginning, and their SHA-256."""

    name: str
    stream: BinaryIO
    sha256: str


@transaction.atomic
def disclose(*, sample_id: int, by) -> Made:
    """Make the pack of a sample against the newest checkpoint, and record that somebody takes it away.

    The caller sequences the ledger first. Refuses strangers, lapsed auditors, and a sample that no checkpoint covers yet.
    """
    sample = Sample.objects.select_related("period").get(pk=sample_id)
    if not (permissions.sees_every_period(by) or permissions.is_auditor_of(by, sample.period, clock.now().date())):
        raise NotAllowed(_("This sample is not open to you."))
    checkpoint = queries.latest_checkpoint()
    if checkpoint is None or not queries.entries_below(checkpoint.size).filter(uid=sample.entry_uid).exists():
        raise InvalidInput(_("No signed checkpoint covers this sample yet. Try again in some seconds."))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.zip"
        digest = disclosure.write(disclosure.gather(sample, checkpoint), path)
        stream = path.open("rb")
    data = {
        "period": str(sample.period_id),
        "sample": str(sample.pk),
        "sha256": digest,
        "checkpoint_size": str(checkpoint.size),
    }
    entries.record(kind="sample:downloaded", subject=sample.subject, by=by, data=data)
    return Made(f"certify-sample-{sample.pk}-{checkpoint.size}.zip", stream, digest)
