"""Celery: packs that were asked for. Safe to run twice."""

from dataclasses import asdict

from celery import shared_task
from django.db import InterfaceError, OperationalError

from certify.lib.errors import DomainError
from certify.lib.progress import Progress
from evidence.actions import packs, requests, retention
from evidence.models import EvidencePack
from evidence.pack import journal
from evidence.retention.kinds import KINDS
from evidence.states import PackState
from ledger import placing
from ledger.actions import sequencing
from ledger.actors import SYSTEM


def build_progress(pack_id: int) -> Progress:
    """How far a build has come: percent and words."""
    return Progress(f"pack:{pack_id}")


@shared_task(name="evidence.build_pack")
def build_pack(pack_id: int) -> None:
    """Build one pack for the person who asked for it, over everything that is recorded by now."""

    start: dict = {}

    def begun(said: packs.Start) -> None:
        start.update(asdict(said))
        show(0, "")

    def show(percent: int, text: str) -> None:
        build_progress(pack_id).show({"percent": percent, "text": text, "start": start})

    pack = EvidencePack.objects.select_related("requested_by").get(pk=pack_id)
    try:
        sequencing.sequence(by=SYSTEM)
        if packs.build(pack_id=pack_id, by=pack.requested_by, progress=show, begun=begun) is None:
            return
    except DomainError as refusal:
        packs.fail(pack_id=pack_id, reason=refusal.message, by=SYSTEM)
    except placing.BrokenLedgerError as broken:
        packs.fail(pack_id=pack_id, reason=str(broken), by=SYSTEM)
    except OSError as error:
        packs.fail(pack_id=pack_id, reason=f"The pack could not be written: {error.strerror}.", by=SYSTEM)
    except (InterfaceError, OperationalError):
        # The database went away: it is tried again when it is back.
        raise
    except Exception as error:
        # Whatever is wrong with this pack, nobody waits for it, and those that are next in the sweep do not either.
        reason = f"Certify could not build it ({type(error).__name__}). Its administrators find the cause in the worker's log."
        packs.fail(pack_id=pack_id, reason=reason, by=SYSTEM)
        raise
    clear_unfinished()
    build_progress(pack_id).forget()


def clear_unfinished() -> None:
    """Take off the disk what was begun of packs that were given up."""
    of = EvidencePack.objects.values_list("pk", flat=True)
    journal.clear(waiting=of.filter(state=PackState.REQUESTED), ready=of.filter(state=PackState.READY))


@shared_task(name="evidence.build_requested_packs")
def build_requested_packs() -> None:
    """Build whatever waits, and go on with what a killed worker left: beat sends this soon, the broker may take hours to deliver anew."""
    clear_unfinished()
    for pack_id in EvidencePack.objects.filter(state=PackState.REQUESTED).order_by("pk").values_list("pk", flat=True):
        build_pack(pack_id)


@shared_task(name="evidence.send_request_digests")
def send_request_digests() -> None:
    """Tell people once a day what waits for them in the threads of audits."""
    requests.send_digests(by=SYSTEM)


#: Things of a kind that are deleted in one transaction, and files that are taken off the disk in one.
SLICE, FILES = 20_000, 500


@shared_task(name="evidence.apply_retention")
def apply_retention() -> int:
    """Delete what the rules let go, slice by slice; returns how many things. What an earlier run left is finished first."""
    deleted = 0
    for kind in KINDS.values():
        while kind.is_file and retention.take_off(kind=kind, limit=FILES, by=SYSTEM):
            continue
        while run := retention.delete_next(kind=kind, limit=SLICE, by=SYSTEM):
            deleted += run.count
            while kind.is_file and retention.take_off(kind=kind, limit=FILES, by=SYSTEM):
                continue
    return deleted
