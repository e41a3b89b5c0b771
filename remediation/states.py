"""Vocabulary of remediation; pure."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class TaskState(TextChoices):
    """The life of a removal. CLAIMED_DONE is never shown as done: only later data proves a removal."""

    ANNOUNCED = "announced", _("Announced, may be objected to")
    OPEN = "open", _("To be removed")
    SENT = "sent", _("Handed on, no answer yet")
    CLAIMED_DONE = "claimed_done", _("Reported done, cannot be verified yet")
    VERIFIED_GONE = "verified_gone", _("Verified gone")
    STILL_THERE = "still_there", _("Still there")
    RETURNED = "returned", _("Came back")
    EXCEPTED = "excepted", _("Excepted")
    CLOSED = "closed", _("Closed on proof, never verified")
    KEPT = "kept", _("Kept after an objection")
    WITHDRAWN = "withdrawn", _("Withdrawn, not to be removed")


#: What may follow what. Data may prove or disprove everything but what it has proved already; even then it may show a return. What was
#: handed on, or reported by a ticket, is open again when the ticket is cancelled or opened again. What was withdrawn is open again
#: when it is decided again; what was done about it before may still take the access away.
TASK_TRANSITIONS = {
    TaskState.ANNOUNCED: {TaskState.OPEN, TaskState.VERIFIED_GONE, TaskState.KEPT, TaskState.WITHDRAWN},
    TaskState.OPEN: {
        TaskState.SENT,
        TaskState.CLAIMED_DONE,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
        TaskState.KEPT,
        TaskState.WITHDRAWN,
    },
    TaskState.SENT: {
        TaskState.OPEN,
        TaskState.SENT,
        TaskState.CLAIMED_DONE,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
        TaskState.KEPT,
        TaskState.WITHDRAWN,
    },
    TaskState.CLAIMED_DONE: {
        TaskState.OPEN,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
        TaskState.CLOSED,
        TaskState.KEPT,
        TaskState.WITHDRAWN,
    },
    TaskState.STILL_THERE: {
        TaskState.SENT,
        TaskState.CLAIMED_DONE,
        TaskState.VERIFIED_GONE,
        TaskState.EXCEPTED,
        TaskState.KEPT,
        TaskState.WITHDRAWN,
    },
    TaskState.RETURNED: {
        TaskState.SENT,
        TaskState.CLAIMED_DONE,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
        TaskState.KEPT,
        TaskState.WITHDRAWN,
    },
    TaskState.EXCEPTED: {TaskState.OPEN, TaskState.VERIFIED_GONE},
    TaskState.CLOSED: {TaskState.VERIFIED_GONE, TaskState.STILL_THERE},
    TaskState.VERIFIED_GONE: {TaskState.RETURNED},
    TaskState.KEPT: set(),
    TaskState.WITHDRAWN: {TaskState.OPEN, TaskState.VERIFIED_GONE},
}

#: Somebody has to act.
TO_DO = (TaskState.OPEN, TaskState.SENT, TaskState.STILL_THERE, TaskState.RETURNED)
#: Nobody has to act any more, as things stand.
SETTLED = (TaskState.VERIFIED_GONE, TaskState.EXCEPTED, TaskState.CLOSED, TaskState.KEPT, TaskState.WITHDRAWN)
#: Nothing proves it gone, and it is not settled otherwise.
UNPROVED = tuple(state for state in TaskState if state not in SETTLED)
#: A later reading that shows the access says something new in these.
DISPROVABLE = tuple(old for old, following in TASK_TRANSITIONS.items() if TaskState.STILL_THERE in following)


class Verdict(TextChoices):
    """What a FULL snapshot says of a removal."""

    GONE = "gone", _("Gone")
    STILL_THERE = "still_there", _("Still there")


class WithdrawalReason(TextChoices):
    """Why a removal that had begun at sign-off is not decided any more."""

    REOPENED = "reopened", _("The answers that decided it were opened again")
    CANCELLED = "cancelled", _("The review was cancelled")
    DECIDED_OTHERWISE = "decided_otherwise", _("The review came to something else")


class AttemptKind(TextChoices):
    """What people did about a removal. None of these proves it."""

    CLAIM = "claim", _("Reported done")
    PROOF = "proof", _("Proof added")
    LIST = "list", _("Handed on in a list")
    CLOSE = "close", _("Closed on proof")


#: The kind of ledger entry that each of them makes.
ATTEMPT_ENTRIES = {
    AttemptKind.CLAIM: "removal:claimed-done",
    AttemptKind.PROOF: "removal:proof-added",
    AttemptKind.LIST: "removal:sent",
    AttemptKind.CLOSE: "removal:closed",
}


class ReportedResult(TextChoices):
    """What a program says became of a removal. Only data proves any of it."""

    APPLIED = "applied", _("Applied")
    FAILED = "failed", _("Failed")
    NOT_SUPPORTED = "not_supported", _("Not supported")
    NOT_FOUND = "not_found", _("Not found")


class ObjectionState(TextChoices):
    """The life of an objection. Silence never restores access: without an answer the removal goes on."""

    OPEN = "open", _("Waits for an answer")
    CONFIRMED = "confirmed", _("The removal stands")
    KEPT = "kept", _("The access is kept")
    UNANSWERED = "unanswered", _("Nobody answered; the removal goes on")
    GONE = "gone", _("The access is gone")
    WITHDRAWN = "withdrawn", _("The removal was withdrawn")


class ExceptionState(TextChoices):
    """The life of an accepted risk. It holds until the end of its last day (UTC), and never longer."""

    REQUESTED = "requested", _("Waits for approval")
    APPROVED = "approved", _("In force")
    DECLINED = "declined", _("Declined")
    ENDED = "ended", _("Ended")


EXCEPTION_TRANSITIONS = {
    ExceptionState.REQUESTED: {ExceptionState.APPROVED, ExceptionState.DECLINED, ExceptionState.ENDED},
    ExceptionState.APPROVED: {ExceptionState.ENDED},
    ExceptionState.DECLINED: set(),
    ExceptionState.ENDED: set(),
}


class EndReason(TextChoices):
    """Why an exception ended."""

    EXPIRED = "expired", _("Its last day passed")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    GONE = "gone", _("The access is gone")
    REPLACED = "replaced", _("A new one took its place")


class DeliveryState(TextChoices):
    """The life of one message to a program."""

    DRY = "dry", _("Dry run, nothing was sent")
    HELD = "held", _("Waits for a second person")
    QUEUED = "queued", _("Waiting to be sent")
    DELIVERED = "delivered", _("Delivered")
    DEAD = "dead", _("Given up")
    CANCELLED = "cancelled", _("Not needed any more")


DELIVERY_TRANSITIONS = {
    DeliveryState.DRY: set(),
    DeliveryState.HELD: {DeliveryState.QUEUED, DeliveryState.CANCELLED},
    DeliveryState.QUEUED: {DeliveryState.QUEUED, DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.CANCELLED},
    DeliveryState.DEAD: {DeliveryState.QUEUED, DeliveryState.CANCELLED},
    DeliveryState.DELIVERED: set(),
    DeliveryState.CANCELLED: set(),
}


class Effect(TextChoices):
    """What a try did to the other system, as far as its answer says. None of it proves that access is gone."""

    TAKEN = "taken", _("Taken on")
    DONE = "done", _("Done, as the system says")
    ALREADY = "already", _("Was so already, nothing was changed")
    NONE = "none", _("No effect")
    UNKNOWN = "unknown", _("Unknown whether it took effect")


#: The other side has what it was sent.
ARRIVED = (Effect.TAKEN, Effect.DONE, Effect.ALREADY)


class TicketState(TextChoices):
    """What a status of a ticket system means here. Done is somebody's word, and never more."""

    OPEN = "open", _("Open")
    DONE = "done", _("Closed as done")
    CANCELLED = "cancelled", _("Closed without being done")
    MISSING = "missing", _("Cannot be found any more")
