"""Vocabulary of evidence; pure."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class PackState(TextChoices):
    """The life of an evidence pack."""

    REQUESTED = "requested", _("Being built")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class Duty(TextChoices):
    """What somebody answers for at a control."""

    PROCESS_OWNER = "process_owner", _("Process owner")
    APPROVER = "approver", _("Approver")
    EVIDENCE_HOLDER = "evidence_holder", _("Evidence holder")
    OPERATOR = "operator", _("Operator")
