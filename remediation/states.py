"""Vocabulary of remediation; pure."""

from django.db.models import TextChoices


class TaskState(TextChoices):
    """The life of a removal. CLAIMED_DONE is never shown as done: only later data proves a removal."""

    OPEN = "open", "To be removed"
    SENT = "sent", "Handed on, no answer yet"
    CLAIMED_DONE = "claimed_done", "Reported done, cannot be verified yet"
    VERIFIED_GONE = "verified_gone", "Verified gone"
    STILL_THERE = "still_there", "Still there"
    RETURNED = "returned", "Came back"
    EXCEPTED = "excepted", "Excepted"
    CLOSED = "closed", "Closed on proof, never verified"


#: What may follow what. Data may prove or disprove everything but what it has proved already; even then it may show a return. What was
#: handed on, or reported by a ticket, is open again when the ticket is cancelled or opened again.
TASK_TRANSITIONS = {
    TaskState.OPEN: {
        TaskState.SENT,
        TaskState.CLAIMED_DONE,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
    },
    TaskState.SENT: {
        TaskState.OPEN,
        TaskState.SENT,
        TaskState.CLAIMED_DONE,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
    },
    TaskState.CLAIMED_DONE: {
        TaskState.OPEN,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
        TaskState.CLOSED,
    },
    TaskState.STILL_THERE: {TaskState.SENT, TaskState.CLAIMED_DONE, TaskState.VERIFIED_GONE, TaskState.EXCEPTED},
    TaskState.RETURNED: {
        TaskState.SENT,
        TaskState.CLAIMED_DONE,
        TaskState.VERIFIED_GONE,
        TaskState.STILL_THERE,
        TaskState.EXCEPTED,
    },
    TaskState.EXCEPTED: {TaskState.OPEN, TaskState.VERIFIED_GONE},
    TaskState.CLOSED: {TaskState.VERIFIED_GONE, TaskState.STILL_THERE},
    TaskState.VERIFIED_GONE: {TaskState.RETURNED},
}

#: Somebody has to act.
TO_DO = (TaskState.OPEN, TaskState.SENT, TaskState.STILL_THERE, TaskState.RETURNED)
#: Nobody has to act any more, as things stand.
SETTLED = (TaskState.VERIFIED_GONE, TaskState.EXCEPTED, TaskState.CLOSED)
#: Nothing proves it gone, and it is not settled otherwise.
UNPROVED = tuple(state for state in TaskState if state not in SETTLED)
#: A later reading that shows the access says something new in these.
DISPROVABLE = tuple(old for old, following in TASK_TRANSITIONS.items() if TaskState.STILL_THERE in following)


class Verdict(TextChoices):
    """What a FULL snapshot says of a removal."""

    GONE = "gone", "Gone"
    STILL_THERE = "still_there", "Still there"


class AttemptKind(TextChoices):
    """What people did about a removal. None of these proves it."""

    CLAIM = "claim", "Reported done"
    PROOF = "proof", "Proof added"
    LIST = "list", "Handed on in a list"
    CLOSE = "close", "Closed on proof"


#: The kind of ledger entry that each of them makes.
ATTEMPT_ENTRIES = {
    AttemptKind.CLAIM: "removal:claimed-done",
    AttemptKind.PROOF: "removal:proof-added",
    AttemptKind.LIST: "removal:sent",
    AttemptKind.CLOSE: "removal:closed",
}


class ExceptionState(TextChoices):
    """The life of an accepted risk. It holds until the end of its last day (UTC), and never longer."""

    REQUESTED = "requested", "Waits for approval"
    APPROVED = "approved", "In force"
    DECLINED = "declined", "Declined"
    ENDED = "ended", "Ended"


EXCEPTION_TRANSITIONS = {
    ExceptionState.REQUESTED: {ExceptionState.APPROVED, ExceptionState.DECLINED, ExceptionState.ENDED},
    ExceptionState.APPROVED: {ExceptionState.ENDED},
    ExceptionState.DECLINED: set(),
    ExceptionState.ENDED: set(),
}


class EndReason(TextChoices):
    """Why an exception ended."""

    EXPIRED = "expired", "Its last day passed"
    WITHDRAWN = "withdrawn", "Withdrawn"
    GONE = "gone", "The access is gone"
    REPLACED = "replaced", "A new one took its place"


class DeliveryState(TextChoices):
    """The life of one message to a program."""

    DRY = "dry", "Dry run, nothing was sent"
    HELD = "held", "Waits for a second person"
    QUEUED = "queued", "Waiting to be sent"
    DELIVERED = "delivered", "Delivered"
    DEAD = "dead", "Given up"
    CANCELLED = "cancelled", "Not needed any more"


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

    TAKEN = "taken", "Taken on"
    DONE = "done", "Done, as the system says"
    ALREADY = "already", "Was so already, nothing was changed"
    NONE = "none", "No effect"
    UNKNOWN = "unknown", "Unknown whether it took effect"


#: The other side has what it was sent.
ARRIVED = (Effect.TAKEN, Effect.DONE, Effect.ALREADY)


class TicketState(TextChoices):
    """What a status of a ticket system means here. Done is somebody's word, and never more."""

    OPEN = "open", "Open"
    DONE = "done", "Closed as done"
    CANCELLED = "cancelled", "Closed without being done"
    MISSING = "missing", "Cannot be found any more"
