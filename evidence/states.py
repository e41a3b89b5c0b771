"""Vocabulary of evidence; pure."""

from django.db.models import TextChoices


class PackState(TextChoices):
    """The life of an evidence pack."""

    REQUESTED = "requested", "Waiting to be built"
    BUILDING = "building", "Building"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


PACK_TRANSITIONS = {
    PackState.REQUESTED: {PackState.BUILDING},
    PackState.BUILDING: {PackState.READY, PackState.FAILED, PackState.REQUESTED},
    PackState.READY: set(),
    PackState.FAILED: {PackState.REQUESTED},
}
