"""Vocabulary of evidence; pure."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class PackState(TextChoices):
    """The life of an evidence pack."""

    REQUESTED = "requested", _("Being built")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
