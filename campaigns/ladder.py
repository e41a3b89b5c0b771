"""When reviewers are reminded and who hears of their silence, as data inside a definition's terms; pure.

{"at_start": bool, "weekly": bool, "days_before": [days], "on_the_day": bool, "daily_after": bool, "tell_manager_after": days or
None, "tell_owner_after": days or None, "hand_over_after": days or None}. Days are days of the recipient's own calendar.

"After" is after the day the stage was first meant to end: a stage ends at its due date, so there is an after only where it was
given more time, or where it waits for somebody's act.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from people.hours import Hours

SWITCHES = ("at_start", "weekly", "on_the_day", "daily_after")
#: Acts upon silence → what the form calls them.
SILENCE = {
    "tell_manager_after": _("tell the reviewer’s manager"),
    "tell_owner_after": _("tell the control owner"),
    "hand_over_after": _("give the open items to the reviewer’s manager"),
}
MAX_DAYS, MAX_REMINDERS = 366, 10
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """A stage in time: when it opened, when it was first meant to end, and when it ends now; aware moments in this order."""

    opened_at: datetime
    promised_at: datetime
    due_at: datetime


def default() -> dict:
    """At the start, weekly, 3 days and 1 day before, on the day, then daily to the reviewer and the manager."""
    return {
        "at_start": True,
        "weekly": True,
        "days_before": [3, 1],
        "on_the_day": True,
        "daily_after": True,
        **dict.fromkeys(SILENCE),
    }


def of(terms: dict) -> dict:
    """The ladder of a campaign's terms. Terms frozen before there were ladders remind on their days, and on the last."""
    if "ladder" in terms:
        return default() | terms["ladder"]
    days = sorted({day for day in terms.get("reminder_days", []) if day}, reverse=True)
    return default() | {"weekly": False, "daily_after": False, "days_before": days}


def checked(ladder: dict) -> dict:
    """The ladder with every default filled in, days before in falling order. Refuses what cannot be climbed, naming the field."""
    found = default() | {name: value for name, value in ladder.items() if name in default()}
    for name in SWITCHES:
        found[name] = bool(found[name])
    days = sorted(set(found["days_before"]), reverse=True)
    if len(days) > MAX_REMINDERS or not all(_is_count(day) for day in days):
        raise InvalidInput(
            _("At most {max_reminders} reminders, each 1 to {max_days} whole days before the due date.").format(
                max_reminders=MAX_REMINDERS, max_days=MAX_DAYS
            ),
            field="days_before",
        )
    for name in SILENCE:
        if found[name] is not None and not _is_count(found[name]):
            raise InvalidInput(_("Write 1 to {max_days} whole days, or leave it empty.").format(max_days=MAX_DAYS), field=name)
    return found | {"days_before": days}


def _is_count(days: object) -> bool:
    return isinstance(days, int) and not isinstance(days, bool) and 1 <= days <= MAX_DAYS


def day_of(moment: datetime, zone: tzinfo) -> date:
    """The day that a moment falls on for somebody in the zone."""
    return moment.astimezone(zone).date()


def steps(ladder: dict, span: Span, day: date, zone: tzinfo) -> list[str]:
    """What reminds somebody in the zone on this day: some of "weekly", "before", "on_the_day" and "after", in this order.

    Never on the day on which the stage opened: the mail that asks is the reminder of that day.
    """
    opened, promised, due = (day_of(moment, zone) for moment in (span.opened_at, span.promised_at, span.due_at))
    age, left = (day - opened).days, (due - day).days
    if age <= 0:
        return []
    found = {
        "weekly": ladder["weekly"] and age % 7 == 0 and left > 0,
        "before": left in ladder["days_before"],
        "on_the_day": ladder["on_the_day"] and left == 0,
        "after": ladder["daily_after"] and day > promised,
    }
    return [name for name, is_due in found.items() if is_due]


def is_due(ladder: dict, span: Span, days: Iterable[date], zone: tzinfo) -> bool:
    """Whether any of these days has a step."""
    return any(steps(ladder, span, day, zone) for day in days)


@dataclass(frozen=True)
class Round:
    """One mail to somebody: the day that names it, when it goes out, and the places of the stages that it reminds of."""

    day: date
    due_at: datetime
    places: tuple[int, ...]


def missed(hours: Hours, since: datetime | None, now: datetime) -> list[date]:
    """The working days, with the days off before each, whose mail nobody planned: nothing ran in them until their hours were over.

    `since` is when the mails were planned last; None where they never were. A standstill is looked back at for a year at most.
    """
    if since is None:
        return []
    today = hours.day(now)
    is_over = hours.day(hours.next_moment(now)) != today
    first, days = max(hours.day(since) + DAY, today - MAX_DAYS * DAY), []
    for number in range((today - first).days + is_over):
        day = first + number * DAY
        if hours.is_working_day(day):
            days += hours.covered(day)
    return days


def plan(stages: Sequence[tuple[dict, Span]], hours: Hours, now: datetime, since: datetime | None = None) -> Round | None:
    """The mail that a person with these hours is owed now, of the stages (ladder, span) they have something open in.

    A working day's mail stands for the days off before it too, and waits for the hours of that day. Only where a stage would end
    before the next working moment it goes at once, whatever the hour. Each moment of a day plans the same mail or none. What was due
    on days on which nothing ran since `since` comes with it, or, where nothing is due now, in one mail on the next working day.
    """
    today, moment = hours.day(now), hours.next_moment(now)
    is_on_time = hours.day(moment) == today
    days = hours.covered(today) if is_on_time else [today]
    made_up = _due(stages, missed(hours, since, now), hours)
    due = _due(stages, days, hours)
    urgent = {place for place in due | made_up if now < stages[place][1].due_at <= moment}
    chosen = (due if is_on_time else urgent) | made_up
    if not chosen:
        return None
    return Round(today if urgent else hours.day(moment), now if urgent else moment, tuple(sorted(chosen)))


def _due(stages: Sequence[tuple[dict, Span]], days: list[date], hours: Hours) -> set[int]:
    """The places of the stages that have a step on any of these days."""
    return {place for place, (ladder, span) in enumerate(stages) if is_due(ladder, span, days, hours.zone)}


def is_late(ladder: dict, span: Span, day: date, zone: tzinfo) -> bool:
    """Whether the manager hears every day of those who are not done."""
    return ladder["daily_after"] and day > day_of(span.promised_at, zone)


def has_waited(days: int | None, since: datetime, day: date, zone: tzinfo) -> bool:
    """Whether somebody has been silent since `since` for so many days; never where the ladder does not say how many."""
    return days is not None and (day - day_of(since, zone)).days >= days


def in_words(ladder: dict) -> str:
    """The ladder in a sentence."""
    days = ladder["days_before"]
    parts = [
        gettext("at the start") if ladder["at_start"] else "",
        gettext("weekly") if ladder["weekly"] else "",
        ngettext("{days} day before", "{days} days before", 1 if days == [1] else 2).format(days=_list(days)) if days else "",
        gettext("on the day") if ladder["on_the_day"] else "",
        gettext("then daily, to the manager too") if ladder["daily_after"] else "",
    ]
    said = ", ".join(part for part in parts if part)
    acts = [
        ngettext("after {n} day of silence {what}", "after {n} days of silence {what}", ladder[name]).format(
            n=ladder[name], what=words
        )
        for name, words in SILENCE.items()
        if ladder[name]
    ]
    sentence = said[0].upper() + said[1:] if said else gettext("No reminders")
    return "; ".join([sentence, *acts]) + "."


def _list(days: list[int]) -> str:
    words = [str(day) for day in days]
    return gettext(" and ").join(filter(None, [", ".join(words[:-1]), words[-1]]))
