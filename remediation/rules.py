"""Facts about removals; pure."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from certify.lib.errors import InvalidInput
from remediation.states import (
    ARRIVED,
    EXCEPTION_TRANSITIONS,
    TASK_TRANSITIONS,
    DeliveryState,
    Effect,
    ExceptionState,
    TaskState,
    TicketState,
)

MIN_NOTE = 10
REMIND_DAYS_BEFORE = (2, 0)
REMIND_EVERY_DAYS_LATE = 7
#: So many days late, the owner of the review hears of it; then weekly.
ESCALATE_DAYS_LATE = 3
#: What a text that says too little is refused with.
SAY_WHY = gettext_lazy("Say why.")
SAY_WHY_IT_STAYS = gettext_lazy("Say why the access has to stay.")
SAY_WHAT_LIMITS = gettext_lazy("Say what limits or watches the risk meanwhile.")
SAY_WHY_NEEDED = gettext_lazy("Say why you need it.")
#: A system without a full reading for so many days is said to be silent.
QUIET_DAYS = 14
#: An exception holds at most so many days, and whoever asked for it hears of its end so many days before.
LONGEST_EXCEPTION = 366
EXCEPTION_ENDS_SOON = 14

#: A link by which somebody objects without a sign-in can be read for so many days after the last moment to object or to answer.
LINK_READ_DAYS = 30


def removal_days(days: int, privileged_days: int, privileged: str) -> int:
    """How many days a removal may take: those of its campaign, fewer for what is known to be privileged ("yes")."""
    return min(days, privileged_days) if privileged == "yes" else days


def link_ends(moments: Iterable[datetime]) -> datetime:
    """Until when a link to object can be read, from the last moments of objecting and of answering."""
    return max(moments) + timedelta(days=LINK_READ_DAYS)


def removal_due(asked_at: datetime, days: int) -> datetime:
    """When a removal that was asked for at `asked_at` must be done."""
    return asked_at + timedelta(days=days)


def check_transition(old: str, new: str) -> None:
    """Refuse a change of state that the life of a removal does not have."""
    if new not in TASK_TRANSITIONS[old]:
        raise InvalidInput(
            _("A removal that is “{old}” cannot become “{new}”.").format(old=TaskState(old).label, new=TaskState(new).label)
        )


def following(state: str) -> set[str]:
    """What a removal in this state can become."""
    return TASK_TRANSITIONS[TaskState(state)]


def is_quiet(last_full_at: datetime | None, now: datetime) -> bool:
    """Whether a system has given no full reading for so long that nobody may wait for one without asking."""
    return last_full_at is None or now - last_full_at > timedelta(days=QUIET_DAYS)


def may_wait(privileged: str) -> bool:
    """Whether a removal may wait until somebody has had time to object: not for what is known to be privileged ("yes")."""
    return privileged != "yes"


def check_link(link: str) -> str:
    """The address of a proof, trimmed. Refused unless a browser can open it: other schemes could run something."""
    link = link.strip()
    if link and not link.lower().startswith(("https://", "http://")):
        raise InvalidInput(_("The address of a proof begins with https:// or http://."), field="proof_link")
    return link


def check_note(note: str) -> str:
    """The note, trimmed. Refused when it says too little to be evidence."""
    note = note.strip()
    if len(note) < MIN_NOTE or len(set(note)) < 4:
        raise InvalidInput(_("Say what was done, in at least {n} characters.").format(n=MIN_NOTE), field="note")
    return note


def check_words(text: str, message: str, field: str) -> str:
    """The text, trimmed. Refused with the message when it says too little to be evidence."""
    text = text.strip()
    if len(text) < MIN_NOTE or len(set(text)) < 4:
        raise InvalidInput(f"{message} " + _("At least {n} characters.").format(n=MIN_NOTE), field=field)
    return text


def check_last_day(day: date, today: date) -> None:
    """Refuse a last day of an exception that is not ahead, or too far ahead."""
    if not today < day <= today + timedelta(days=LONGEST_EXCEPTION):
        raise InvalidInput(
            _("The last day is after today, and at most {n} days away.").format(n=LONGEST_EXCEPTION), field="expires_on"
        )


def check_exception_transition(old: str, new: str) -> None:
    """Refuse a step that the life of an exception does not have."""
    if new not in EXCEPTION_TRANSITIONS[old]:
        raise InvalidInput(
            _("An exception that is “{old}” cannot become “{new}”.").format(
                old=ExceptionState(old).label, new=ExceptionState(new).label
            )
        )


def is_reminder_day(due: date, today: date) -> bool:
    """Whether the owner of a removal due on `due` is reminded today: 2 days before, on the day, then weekly while late."""
    days_left = (due - today).days
    if days_left >= 0:
        return days_left in REMIND_DAYS_BEFORE
    return -days_left % REMIND_EVERY_DAYS_LATE == 0


def is_escalation_day(due: date, today: date) -> bool:
    """Whether the owner of the review hears today of a removal that was due on `due`."""
    days_late = (today - due).days
    return days_late >= ESCALATE_DAYS_LATE and (days_late - ESCALATE_DAYS_LATE) % REMIND_EVERY_DAYS_LATE == 0


#: A message is tried so many times before it is given up; the first pause in seconds, and the longest.
MOST_TRIES = 8
FIRST_PAUSE, LONGEST_PAUSE = 30, 6 * 3600
LONGEST_RETRY_AFTER = 24 * 3600
#: Answers that are worth another try, besides all from 500 on.
TRY_AGAIN = {408, 425, 429}


def pause(tries: int, jitter: float, retry_after: int | None) -> timedelta:
    """How long to wait after so many tries: twice as long each time, half to one and a half of it by `jitter` (0 to 1).

    What the other side asks for (Retry-After, seconds) is waited for, a day at most.
    """
    seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)) * (0.5 + jitter)
    return timedelta(seconds=max(seconds, min(retry_after or 0, LONGEST_RETRY_AFTER)))


def after_answer(status: int | None, tries: int, is_refused: bool) -> DeliveryState:
    """What becomes of a message after an answer: delivered, tried again, or given up.

    Redirects are not followed and count as given up, like every other answer that another try will not change.
    """
    if status is not None and 200 <= status < 300:
        return DeliveryState.DELIVERED
    return DeliveryState.QUEUED if may_change(status) and not is_refused and tries < MOST_TRIES else DeliveryState.DEAD


def may_change(status: int | None) -> bool:
    """Whether another try may get another answer than this one (None: no answer)."""
    return status is None or status in TRY_AGAIN or status >= 500


def effect_of(status: int | None, *, may_have_arrived: bool) -> Effect:
    """What a message did by the status of its answer. Without one, and after a failure of the server, nobody knows."""
    if status is not None and 200 <= status < 300:
        return Effect.TAKEN
    is_unknown = may_have_arrived if status is None else status >= 500 or status == 408
    return Effect.UNKNOWN if is_unknown else Effect.NONE


def after_effect(effect: str, tries: int, *, is_final: bool) -> DeliveryState:
    """What becomes of a message by what it did: delivered, tried again, or given up where another try changes nothing."""
    if effect in ARRIVED:
        return DeliveryState.DELIVERED
    return DeliveryState.DEAD if is_final or tries >= MOST_TRIES else DeliveryState.QUEUED


#: How often a ticket is looked at: on its first day, later, and after it was closed.
LOOK_SOON, LOOK_LATER, LOOK_CLOSED = timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6)


def look_pause(state: str, age: timedelta) -> timedelta:
    """How long to wait before a ticket is looked at again."""
    if state == TicketState.DONE:
        return LOOK_CLOSED
    return LOOK_SOON if age < timedelta(days=1) else LOOK_LATER
