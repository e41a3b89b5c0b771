"""Sweeps over the ledger."""

import time

from celery import shared_task
from django.conf import settings

from ledger import publishing, queries
from ledger.actions import anchors, configuration, publications, rotation, sequencing, verifying
from ledger.actors import SYSTEM
from ledger.anchoring import Channel, ChannelError, schedule
from ledger.buckets import Bucket, BucketError

#: How long one run of the continuous verification goes on, in seconds; it comes every minute.
VERIFYING_SECONDS = 15


@shared_task(name="ledger.sequence_entries", acks_late=True, ignore_result=True, soft_time_limit=3300, time_limit=3600)
def sequence_entries() -> None:
    """Enter what django-auditlog recorded, then give everything that is committed its place and sign a checkpoint."""
    while configuration.absorb(by=SYSTEM):
        pass
    sequencing.sequence(by=SYSTEM)
    rotation.finish(by=SYSTEM)


def rotate_key(why: str, by) -> str:
    """Hand over to a new key, from beginning to end; its public half. Killed at any point, the next sequencer finishes it.

    Raises `DomainError` when it is refused, `ImproperlyConfigured` when a key is not here or cannot be kept.
    """
    sequencing.sequence(by=by)
    rotation.finish(by=by)
    term = rotation.hand_over(why=why, by=by)
    sequencing.sequence(by=by)
    rotation.finish(by=by)
    return term.verifier


@shared_task(name="ledger.publish_log", acks_late=True, ignore_result=True, soft_time_limit=3300, time_limit=3600)
def publish_log() -> None:
    """Bring the published files up to the newest checkpoint. A contradiction fails the task; the health page shows that."""
    if place := publishing.directory():
        publishing.publish(place)


@shared_task(name="ledger.publish_to_bucket", acks_late=True, ignore_result=True, soft_time_limit=3300, time_limit=3600)
def publish_to_bucket() -> None:
    """Bring the bucket up to the newest checkpoint; what hinders that is remembered for the page, and tried again."""
    if target := settings.CERTIFY_LEDGER_LOG_S3:
        try:
            size = publishing.publish_to_bucket(Bucket.of(target))
        except (BucketError, publishing.ContradictionError, queries.MissingHashesError) as error:
            publications.note(target=target, size=None, failure=str(error), by=SYSTEM)
        else:
            publications.note(target=target, size=size, by=SYSTEM)


@shared_task(name="ledger.leave_anchors", acks_late=True, ignore_result=True, soft_time_limit=600, time_limit=660)
def leave_anchors() -> None:
    """Leave the newest checkpoint in every channel where one is due. One that fails does not hold up the others."""
    for standing in schedule.standings():
        if standing.due_since:
            leave_anchor(standing.channel)


def leave_anchor(channel: Channel) -> bool:
    """Leave the newest checkpoint in one channel now; whether that succeeded."""
    checkpoint = queries.latest_checkpoint()
    try:
        receipt = channel.send(checkpoint)
    except ChannelError as error:
        anchors.note_failure(channel=channel, reason=str(error), by=SYSTEM)
        return False
    anchors.keep(checkpoint=checkpoint, channel=channel, receipt=receipt, by=SYSTEM)
    return True


@shared_task(name="ledger.verify_slices", acks_late=True, ignore_result=True, soft_time_limit=3300, time_limit=3600)
def verify_slices() -> None:
    """Go on with the verification of the whole log for a quarter of a minute, at most to the end of this round."""
    until = time.monotonic() + VERIFYING_SECONDS
    try:
        # What waited while no worker was there has its place before anybody looks whether something was held back.
        sequence_entries()
    finally:
        # A log that cannot go on is what the verification is there to tell of.
        _verify(until)


def _verify(until: float) -> None:
    while queries.latest_checkpoint() and not verifying.verify_slice(by=SYSTEM) and time.monotonic() < until:
        pass
