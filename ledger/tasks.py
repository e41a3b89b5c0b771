"""Sweeps over the ledger."""

from celery import shared_task

from ledger import publishing
from ledger.actions import configuration, sequencing
from ledger.actors import SYSTEM


@shared_task(name="ledger.sequence_entries", acks_late=True, ignore_result=True, soft_time_limit=3300, time_limit=3600)
def sequence_entries() -> None:
    """Enter what django-auditlog recorded, then give everything that is committed its place and sign a checkpoint."""
    while configuration.absorb(by=SYSTEM):
        pass
    sequencing.sequence(by=SYSTEM)


@shared_task(name="ledger.publish_log", acks_late=True, ignore_result=True, soft_time_limit=3300, time_limit=3600)
def publish_log() -> None:
    """Bring the published files up to the newest checkpoint. A contradiction fails the task; the health page shows that."""
    if place := publishing.directory():
        publishing.publish(place)
