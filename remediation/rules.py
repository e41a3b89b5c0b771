"""Facts about removals; pure."""

from datetime import date, datetime, timedelta

from certify.lib.errors import InvalidInput
from remediation.states import TASK_TRANSITIONS, TaskState

MIN_NOTE = 10
REMIND_DAYS_BEFORE = (2, 0)
REMIND_EVERY_DAYS_LATE = 7


def removal_due(closed_at: datetime, removal_days: int) -> datetime:
    """When a removal decided in a campaign that closed at `closed_at` must be done."""
    return closed_at + timedelta(days=removal_days)


def check_transition(old: str, new: str) -> None:
    """Refuse a change of state that the life of a removal does not have."""
    if new not in TASK_TRANSITIONS[old]:
        raise InvalidInput(f"A removal that is “{TaskState(old).label}” cannot become “{TaskState(new).label}”.")


def check_note(note: str) -> str:
    """The note, trimmed. Refused when it says too little to be evidence."""
    note = note.strip()
    if len(note) < MIN_NOTE or len(set(note)) < 4:
        raise InvalidInput(f"Say what was done, in at least {MIN_NOTE} characters.", field="note")
    return note


def is_reminder_day(due: date, today: date) -> bool:
    """Whether the owner of a removal due on `due` is reminded today: 2 days before, on the day, then weekly while late."""
    days_left = (due - today).days
    if days_left >= 0:
        return days_left in REMIND_DAYS_BEFORE
    return -days_left % REMIND_EVERY_DAYS_LATE == 0
