"""Vocabulary of evidence; pure."""

from django.db.models import TextChoices


class PackState(TextChoices):
    """The life of an evidence pack."""

    REQUESTED = "requested", "Being built"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
