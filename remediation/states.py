"""Vocabulary of remediation; pure."""

from django.db.models import TextChoices


class TaskState(TextChoices):
    """The life of a removal. CLAIMED_DONE is never shown as done: only later data proves a removal."""

    OPEN = "open", "To be removed"
    CLAIMED_DONE = "claimed_done", "Reported done, not yet proved"
    VERIFIED_GONE = "verified_gone", "Verified gone"
    STILL_THERE = "still_there", "Still there"


TASK_TRANSITIONS = {
    TaskState.OPEN: {TaskState.CLAIMED_DONE, TaskState.VERIFIED_GONE, TaskState.STILL_THERE},
    TaskState.CLAIMED_DONE: {TaskState.VERIFIED_GONE, TaskState.STILL_THERE},
    TaskState.STILL_THERE: {TaskState.CLAIMED_DONE, TaskState.VERIFIED_GONE},
    TaskState.VERIFIED_GONE: set(),
}


class Verdict(TextChoices):
    """What a FULL snapshot says of a removal."""

    GONE = "gone", "Gone"
    STILL_THERE = "still_there", "Still there"
