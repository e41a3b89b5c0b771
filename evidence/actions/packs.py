"""Packs: asked for, built by a worker, downloaded. Each step is in the ledger."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import permissions, storage
from evidence.models import AuditPeriod, EvidencePack
from evidence.pack import builder, fingerprint, journal, scope
from evidence.states import PackState
from ledger import queries
from ledger.actions import entries
from ledger.models import Checkpoint

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """How a build began: so many of the pack's members were finished by one that was killed, or why it began anew: one of the reasons
    of `fingerprint` and `journal`, marked for translation.
    """

    kept: int = 0
    members: int = 0
    anew: str = ""


Progress = Callable[[int, str], None]
Begun = Callable[[Start], None]


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


def build(
    *,
    pack_id: int,
    checkpoint_size: int | None = None,
    by,
    progress: Progress = lambda percent, text: None,
    begun: Begun = lambda start: None,
) -> EvidencePack | None:
    """Build a pack against the newest checkpoint, or against an older one; returns None while another worker is at it.

    A pack that is ready or given up is left as it is. The caller sequences the ledger first, in a transaction of its own: a
    build may take long and must not hold the sequencer. Killed at any point it leaves the request and what is finished, and the next task
    goes on with that, against the same checkpoint; `begun` is told. Refuses a checkpoint that does not exist.

    The pack is written in one transaction and recorded in a second one: the first sees one state of the database throughout, the second
    sees whether somebody was erased meanwhile.
    """
    if not EvidencePack.objects.filter(pk=pack_id, state=PackState.REQUESTED).exists():
        return EvidencePack.objects.filter(pk=pack_id).first()
    with journal.held(pack_id) as unfinished:
        if unfinished is None:
            return None
        while built := _written(unfinished, checkpoint_size, progress, begun):
            stored_as = storage.keep(_stored_as(unfinished.pack, unfinished.size), built.sha256)
            if pack := _recorded(unfinished, built, stored_as, by):
                unfinished.forget()
                return pack
            storage.remove(stored_as)
            unfinished.discard()
            _tell_anew(pack_id, fingerprint.ERASURES, begun)
    return EvidencePack.objects.filter(pk=pack_id).exclude(state=PackState.REQUESTED).first()


@contextmanager
def _one_state() -> Iterator[None]:
    """A transaction whose queries all see the state in which it began. Inside another one that is the caller's to decide."""
    is_own = not connection.in_atomic_block
    with transaction.atomic():
        if is_own:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _written(unfinished: journal.Unfinished, size: int | None, progress: Progress, begun: Begun) -> builder.Built | None:
    """Write the file, going on with what is finished where that is possible; None when the pack is another worker's, or done."""
    waiting = EvidencePack.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    with _one_state():
        pack = waiting.select_related("period").filter(pk=unfinished.pack).first()
        if pack is None or pack.state != PackState.REQUESTED:
            return None
        try:
            return _gone_on_with(pack, unfinished, size, progress, begun)
        except journal.Stale as stale:
            unfinished.discard()
            _tell_anew(pack.pk, fingerprint.reason(stale.reason), begun)
            return _gone_on_with(pack, unfinished, size, progress, begun)


def _gone_on_with(
    pack: EvidencePack, unfinished: journal.Unfinished, size: int | None, progress: Progress, begun: Begun
) -> builder.Built:
    if size is None and unfinished.size and not Checkpoint.objects.filter(size=unfinished.size).exists():
        raise journal.Stale(journal.NOT_SEALED)
    checkpoint = _checkpoint(unfinished.size if size is None else size)

    def resumed(kept: int, members: int) -> None:
        logger.info("pack %s: resumed after %s of %s members", pack.pk, kept, members)
        begun(Start(kept, members))

    target = settings.CERTIFY_DATA_DIR / _stored_as(pack.pk, checkpoint.size)
    return builder.build(scope.of(pack.period, checkpoint), target, progress, unfinished, resumed)


def _stored_as(pack_id: int, size: int) -> str:
    return f"{journal.FOLDER}/{pack_id}-{size}.zip"


def _tell_anew(pack_id: int, reason: str, begun: Begun) -> None:
    logger.warning("pack %s: begun anew: %s", pack_id, reason)
    begun(Start(anew=reason))


@transaction.atomic
def _recorded(unfinished: journal.Unfinished, built: builder.Built, stored_as: str, by) -> EvidencePack | None:
    """Record that a pack is ready. None where somebody was erased since it was begun: their name must not be kept."""
    pack = EvidencePack.objects.select_for_update(of=("self",), no_key=True).get(pk=unfinished.pack)
    if pack.state == PackState.REQUESTED:
        if fingerprint.erasures() != unfinished.prints["erasures"]:
            return None
        pack.state, pack.built_at = PackState.READY, clock.now()
        pack.sha256, pack.size, pack.counts = built.sha256, built.size, built.counts
        pack.stored_as, pack.checkpoint_size = stored_as, unfinished.size
        pack.save()
        facts = {"sha256": pack.sha256, "checkpoint_size": str(pack.checkpoint_size), "counts": pack.counts}
        _record("pack:built", pack, by, **facts)
    elif stored_as != pack.stored_as:
        storage.remove(stored_as)  # a worker with a disk of its own was faster
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
