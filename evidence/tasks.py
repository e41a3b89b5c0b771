"""Celery: packs that were asked for. Safe to run twice."""

from celery import shared_task
from django.core.cache import cache

from certify.lib.errors import DomainError
from evidence.actions import packs
from evidence.models import EvidencePack
from evidence.states import PackState
from ledger.actions import sequencing
from ledger.actors import SYSTEM

PROGRESS_SECONDS = 3600


def progress_key(pack_id: int) -> str:
    """Where the progress of a build is shown from; the pack's row is the truth, this is only for the bar."""
    return f"pack-progress:{pack_id}"


@shared_task(name="evidence.build_pack")
def build_pack(pack_id: int) -> None:
    """Build one pack for the person who asked for it, over everything that is recorded by now."""

    def show(percent: int, text: str) -> None:
        cache.set(progress_key(pack_id), {"percent": percent, "text": text}, PROGRESS_SECONDS)

    pack = EvidencePack.objects.select_related("requested_by").get(pk=pack_id)
    try:
        sequencing.sequence(by=SYSTEM)
        if packs.build(pack_id=pack_id, by=pack.requested_by, progress=show) is None:
            return
    except DomainError as refusal:
        packs.fail(pack_id=pack_id, reason=refusal.message, by=SYSTEM)
    except sequencing.BrokenLedgerError as broken:
        packs.fail(pack_id=pack_id, reason=str(broken), by=SYSTEM)
    except OSError as error:
        packs.fail(pack_id=pack_id, reason=f"The pack could not be written: {error.strerror}.", by=SYSTEM)
    cache.delete(progress_key(pack_id))


@shared_task(name="evidence.build_requested_packs")
def build_requested_packs() -> None:
    """Build whatever waits."""
    for pack_id in EvidencePack.objects.filter(state=PackState.REQUESTED).order_by("pk").values_list("pk", flat=True):
        build_pack(pack_id)
