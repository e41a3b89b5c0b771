"""Packs: asked for, built by a worker, downloaded. Each step is in the ledger."""

from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import permissions
from evidence.models import AuditPeriod, EvidencePack
from evidence.pack import builder, scope
from evidence.states import PackState
from ledger import queries
from ledger.actions import entries
from ledger.models import Checkpoint

Progress = Callable[[int, str], None]


@transaction.atomic
def request(*, period_id: int, by) -> EvidencePack:
    """Ask for a pack of a period. Refuses a second one while one is waiting."""
    if not permissions.can_manage_audit(by):
        raise NotAllowed("Only a control owner may have a pack built.")
    period = AuditPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=period_id)
    if period.packs.filter(state=PackState.REQUESTED).exists():
        raise InvalidInput("A pack of this period is already being built.")
    return EvidencePack.objects.create(period=period, requested_by=by, requested_at=clock.now())


@transaction.atomic
def build(
    *, pack_id: int, checkpoint_size: int | None = None, by, progress: Progress = lambda percent, text: None
) -> EvidencePack:
    """Build a pack against the newest checkpoint, or against an older one. A pack that is ready is left as it is.

    The caller sequences the ledger first, in a transaction of its own: the build may take long and must not hold the sequencer.
    Killed at any point it leaves the request, and the next task builds it anew.
    """
    pack = EvidencePack.objects.select_for_update(of=("self",), no_key=True).select_related("period").get(pk=pack_id)
    if pack.state != PackState.REQUESTED:
        return pack
    checkpoint = _checkpoint(checkpoint_size)
    pack.checkpoint_size = checkpoint.size
    pack.stored_as = f"packs/{pack.pk}-{checkpoint.size}.zip"
    built = builder.build(scope.of(pack.period, checkpoint), settings.CERTIFY_DATA_DIR / pack.stored_as, progress)
    pack.state, pack.built_at = PackState.READY, clock.now()
    pack.sha256, pack.size, pack.counts = built.sha256, built.size, built.counts
    pack.save()
    entries.record(
        kind="pack:built",
        subject=f"evidence.pack:{pack.pk}",
        by=by,
        data={
            "period": str(pack.period_id),
            "sha256": pack.sha256,
            "checkpoint_size": str(checkpoint.size),
            "counts": pack.counts,
        },
    )
    return pack


def _checkpoint(size: int | None) -> Checkpoint:
    found = queries.latest_checkpoint() if size is None else Checkpoint.objects.filter(size=size).first()
    if found is None:
        what = (
            "The ledger is empty: there is nothing to prove yet."
            if size is None
            else f"There is no checkpoint of {size:,} entries."
        )
        raise InvalidInput(what)
    return found


@transaction.atomic
def fail(*, pack_id: int, reason: str, by) -> None:
    """Record that a pack could not be built, and why."""
    pack = EvidencePack.objects.select_for_update(of=("self",), no_key=True).get(pk=pack_id)
    if pack.state == PackState.REQUESTED:
        pack.state, pack.error = PackState.FAILED, reason
        pack.save(update_fields=["state", "error"])
        entries.record(
            kind="pack:failed",
            subject=f"evidence.pack:{pack.pk}",
            by=by,
            data={"period": str(pack.period_id), "reason": reason},
        )


@transaction.atomic
def record_download(*, pack_id: int, by) -> EvidencePack:
    """Record that somebody takes the pack away. Refuses a pack that is not ready."""
    pack = EvidencePack.objects.select_related("period").get(pk=pack_id)
    if not permissions.can_download(by, pack, clock.now().date()):
        raise NotAllowed("This pack is not open to you.")
    if pack.state != PackState.READY:
        raise InvalidInput("This pack is not ready yet.")
    entries.record(
        kind="pack:downloaded",
        subject=f"evidence.pack:{pack.pk}",
        by=by,
        data={"period": str(pack.period_id), "sha256": pack.sha256},
    )
    return pack
