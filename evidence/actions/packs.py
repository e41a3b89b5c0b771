"""Packs: asked for, built by a worker, downloaded. Each step is in the ledger."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import permissions, storage
from evidence.models import AuditPeriod, EvidencePack
from evidence.pack import builder, scope
from evidence.states import PackState
from ledger import queries
from ledger.actions import entries
from ledger.models import Checkpoint

Progress = Callable[[int, str], None]


def _record(kind: str, pack: EvidencePack, by, **facts) -> None:
    entries.record(kind=kind, subject=f"evidence.pack:{pack.pk}", by=by, data={"period": str(pack.period_id), **facts})


@transaction.atomic
def request(*, period_id: int, by) -> EvidencePack:
    """Ask for a pack of a period. Refuses strangers, and a second one while one is waiting."""
    if not permissions.can_manage_audit(by):
        raise NotAllowed(_("Only a control owner may have a pack built."))
    period = AuditPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=period_id)
    if period.packs.filter(state=PackState.REQUESTED).exists():
        raise InvalidInput(_("A pack of this period is already being built."))
    pack = EvidencePack.objects.create(period=period, requested_by=by, requested_at=clock.now())
    _record("pack:requested", pack, by)
    return pack


@transaction.atomic
def build(
    *, pack_id: int, checkpoint_size: int | None = None, by, progress: Progress = lambda percent, text: None
) -> EvidencePack | None:
    """Build a pack against the newest checkpoint, or against an older one; returns None while another worker is at it.

    A pack that is ready or given up is left as it is. The caller sequences the ledger first, in a transaction of its own: a
    build may take long and must not hold the sequencer. Killed at any point it leaves the request, and the next task builds it
    anew. Refuses a checkpoint that does not exist.
    """
    waiting = EvidencePack.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    pack = waiting.select_related("period").filter(pk=pack_id).first()
    if pack is None or pack.state != PackState.REQUESTED:
        return pack
    checkpoint = _checkpoint(checkpoint_size)
    pack.checkpoint_size = checkpoint.size
    pack.stored_as = f"packs/{pack.pk}-{checkpoint.size}.zip"
    built = builder.build(scope.of(pack.period, checkpoint), settings.CERTIFY_DATA_DIR / pack.stored_as, progress)
    pack.state, pack.built_at = PackState.READY, clock.now()
    pack.sha256, pack.size, pack.counts = built.sha256, built.size, built.counts
    pack.stored_as = storage.keep(pack.stored_as, built.sha256)
    pack.save()
    _record("pack:built", pack, by, sha256=pack.sha256, checkpoint_size=str(checkpoint.size), counts=pack.counts)
    return pack


def _checkpoint(size: int | None) -> Checkpoint:
    found = queries.latest_checkpoint() if size is None else Checkpoint.objects.filter(size=size).first()
    if found is None:
        empty = "The ledger is empty: there is nothing to prove yet."
        raise InvalidInput(
            empty if size is None else _("There is no checkpoint of {size} entries.").format(size=intcomma(size))
        )
    return found


@transaction.atomic
def fail(*, pack_id: int, reason: str, by) -> None:
    """Record that a pack could not be built, and why; it can be asked for again."""
    pack = EvidencePack.objects.select_for_update(of=("self",), no_key=True).get(pk=pack_id)
    if pack.state == PackState.REQUESTED:
        pack.state, pack.error = PackState.FAILED, reason
        pack.save(update_fields=["state", "error"])
        _record("pack:failed", pack, by, reason=reason)


@transaction.atomic
def record_download(*, pack_id: int, by) -> EvidencePack:
    """Record that somebody takes the pack away. Refuses strangers and a pack that is not ready."""
    pack = EvidencePack.objects.select_related("period").get(pk=pack_id)
    if not permissions.can_download(by, pack, clock.now().date()):
        raise NotAllowed(_("This pack is not open to you."))
    if pack.state != PackState.READY:
        raise InvalidInput(_("This pack is not ready yet."))
    _record("pack:downloaded", pack, by, sha256=pack.sha256)
    return pack
