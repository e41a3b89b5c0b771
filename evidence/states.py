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


class StatementKind(TextChoices):
    """What only people know about the controls of a framework."""

    APPLICABILITY = "applicability", _("Applicability")
    RISK = "risk", _("Risk and its treatment")
    USER_CONTROL = "user_control", _("Complementary user-entity control")
    SUBSERVICE = "subservice", _("Subservice organisation")
    INTERNAL_AUDIT = "internal_audit", _("Internal audit")
    NONCONFORMITY = "nonconformity", _("Nonconformity")
    MANAGEMENT_REVIEW = "management_review", _("Management review")


class Standing(TextChoices):
    """Where a nonconformity stands; it follows from what is stated of it."""

    OPEN = "open", _("Open")
    OVERDUE = "overdue", _("Overdue")
    DONE = "done", _("Done, effectiveness not checked")
    FAILED = "failed", _("Not effective")
    CLOSED = "closed", _("Effective")


class PopulationKind(TextChoices):
    """What a sample is drawn from."""

    ITEMS = "items", _("Items of closed reviews")
    PRIVILEGED = "privileged", _("Privileged grants of closed reviews")
    REVOCATIONS = "revocations", _("Revocations: items to be removed or reduced")
    LEAVERS = "leavers", _("Leavers: people who left in the period")


class Stratum(TextChoices):
    """By what a population is divided before it is drawn from, so that each part has its share of the sample."""

    NONE = "", _("Not divided")
    SYSTEM = "system", _("System")
    CAMPAIGN = "campaign", _("Review")
    OUTCOME = "outcome", _("Outcome")
    KIND = "kind", _("Kind of identity")


class Conclusion(TextChoices):
    """What an auditor concludes of one sampled row."""

    NO_EXCEPTION = "no_exception", _("No exception")
    EXCEPTION = "exception", _("Exception")


class PostKind(TextChoices):
    """What somebody does in the thread of an auditor's request."""

    ASK = "ask", _("Asked")
    ANSWER = "answer", _("Answered")
    CLOSE = "close", _("Closed")


class RequestState(TextChoices):
    """Where an auditor's request stands, by its last post."""

    OPEN = "open", _("Open")
    ANSWERED = "answered", _("Answered")
    CLOSED = "closed", _("Closed")


#: The last post of a request → where the request stands.
STANDS_AT = {PostKind.ASK: RequestState.OPEN, PostKind.ANSWER: RequestState.ANSWERED, PostKind.CLOSE: RequestState.CLOSED}
