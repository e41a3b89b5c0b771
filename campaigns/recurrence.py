"""When a review is due, again and again; pure.

A schedule is data:

{"repeat": "months" | "weeks" | "rrule", "every": int, "on": "day" | "workday" | "weekday", "number": int, "month": int,
 "rrule": text, "starts_on": ISO date, "time_zone": IANA name, "holidays": "" | "DE" | "DE-BY", "opens_at": "HH:MM",
 "draft_days": int, "max_age_days": int, "max_drift": percent}

Everything is computed from the *due date*: a run that begins late moves nothing that comes after it. Due dates are days of the
schedule's time zone; a run is due when that day ends there and opens so many days earlier at `opens_at` there, whatever the
clocks do in between.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import holidays
from dateutil.rrule import rrulestr
from django.utils import dates
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from certify.lib.language import RECORDED

REPEATS = {
    "months": gettext_lazy("Every so many months"),
    "weeks": gettext_lazy("Every so many weeks"),
    "rrule": gettext_lazy("A rule of my own (RRULE)"),
}
MONTHS = {
    1: gettext_lazy("Every month"),
    2: gettext_lazy("Every two months"),
    3: gettext_lazy("Every quarter"),
    4: gettext_lazy("Every four months"),
    6: gettext_lazy("Every half-year"),
    12: gettext_lazy("Every year"),
}
WEEKDAYS = tuple(dates.WEEKDAYS.values())
DAYS_ON = {"day": gettext_lazy("On a day of a month"), "workday": gettext_lazy("On a working day of the period")}
MAX_WEEKS, MAX_WORKDAY, MAX_DRAFT_DAYS, MAX_AGE = 52, 20, 60, 366
#: RFC 5545, 3.3.10: the parts that name days. COUNT is left out: what is due must not depend on what was.
RRULE_PARTS = {"FREQ", "INTERVAL", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "BYWEEKNO", "BYYEARDAY", "WKST"}
RRULE_FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
FIRST_YEAR, LAST_YEAR = 2000, 2199
END_OF_DAY = time(23, 59, 59)


@dataclass(frozen=True)
class Moments:
    """Of one run, in UTC: when its draft is made, when it opens, and when it is due."""

    draft_at: datetime
    opens_at: datetime
    due_at: datetime


def checked(schedule: dict) -> dict:
    """The schedule with what does not apply left out. Refuses, naming the field, what cannot be run."""
    repeat = schedule.get("repeat")
    made = {"repeat": repeat, "starts_on": _date(schedule.get("starts_on")).isoformat()}
    if repeat == "months":
        made |= _months(schedule)
    elif repeat == "weeks":
        made |= {
            "every": _number(schedule, "every", 1, MAX_WEEKS, _("Say every how many weeks, 1 to 52.")),
            "number": _number(schedule, "number", 0, 6, _("Choose a day of the week.")),
        }
    elif repeat == "rrule":
        made["rrule"] = _rrule(schedule.get("rrule", ""), made["starts_on"])
    else:
        raise InvalidInput(_("Choose how it repeats."), field="repeat")
    zone = schedule.get("time_zone") or "UTC"
    if zone not in available_timezones():
        raise InvalidInput(
            _("“{zone}” is not a time zone; write one such as Europe/Berlin.").format(zone=zone), field="time_zone"
        )
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", opens_at := schedule.get("opens_at") or "08:00"):
        raise InvalidInput(_("Write the time as 08:00."), field="opens_at")
    return made | {
        "time_zone": zone,
        "holidays": _holidays(schedule.get("holidays") or ""),
        "opens_at": opens_at,
        "draft_days": _number(schedule, "draft_days", 0, MAX_DRAFT_DAYS, _("The draft is made 0 to 60 days ahead.")),
        "max_age_days": _number(schedule, "max_age_days", 1, MAX_AGE, _("Data may be 1 to 366 days old.")),
        "max_drift": _number(schedule, "max_drift", 1, 1000, _("Rows may drift by 1 to 1000 percent.")),
    }


def _months(schedule: dict) -> dict:
    every = schedule.get("every")
    if every not in MONTHS:
        raise InvalidInput(_("A period has 1, 2, 3, 4, 6 or 12 months."), field="every")
    if schedule.get("on") == "workday":
        number = _number(
            schedule, "number", -MAX_WORKDAY, MAX_WORKDAY, _("Choose the 1st to the 20th working day, or count back.")
        )
        if not number:
            raise InvalidInput(_("Working days are counted from 1, or back from -1."), field="number")
        return {"every": every, "on": "workday", "number": number}
    if schedule.get("on") != "day":
        raise InvalidInput(_("Choose a day of a month, or a working day."), field="on")
    return {
        "every": every,
        "on": "day",
        "number": _number(schedule, "number", 1, 31, _("Choose a day from 1 to 31; 31 is the last of every month.")),
        "month": _number(schedule, "month", 1, every, _("Choose a month of the period, 1 to {every}.").format(every=every)),
    }


def _number(schedule: dict, name: str, least: int, most: int, refusal: str) -> int:
    value = schedule.get(name)
    if not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(refusal, field=name)
    return value


def _date(text) -> date:
    try:
        found = date.fromisoformat(str(text))
    except ValueError:
        found = None
    if not found or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise InvalidInput(_("Give the day on which the first period begins."), field="starts_on")
    return found


def _rrule(text: str, starts_on: str) -> str:
    text = text.strip().upper().removeprefix("RRULE:")
    parts = [part.partition("=")[::2] for part in text.split(";")]
    if unknown := [name for name, value in parts if name not in RRULE_PARTS or not value]:
        raise InvalidInput(_("“{unknown}” cannot be used in a rule here.").format(unknown=unknown[0]), field="rrule")
    given = dict(parts)
    if given.get("FREQ") not in RRULE_FREQUENCIES:
        raise InvalidInput(_("Begin the rule with FREQ=YEARLY, MONTHLY, WEEKLY or DAILY."), field="rrule")
    if not re.fullmatch(r"[1-9]\d{0,2}", given.get("INTERVAL", "1")):
        raise InvalidInput(_("INTERVAL is a number from 1 to 999."), field="rrule")
    if not re.fullmatch(r"\d{8}", given.get("UNTIL", "20000101")):
        raise InvalidInput(_("Write UNTIL as a day, such as UNTIL=20301231."), field="rrule")
    try:
        first = _first_of_rule(text, date.fromisoformat(starts_on))
    except (ValueError, TypeError) as error:
        raise InvalidInput(_("This is not a rule that can be read: {error}.").format(error=error), field="rrule") from None
    if not first:
        raise InvalidInput(_("This rule names no day in its first ten years."), field="rrule")
    return text


def _first_of_rule(text: str, starts_on: date) -> date | None:
    return next(_of_rule(text, starts_on, date(starts_on.year + 10, 12, 31)), None)


def _holidays(code: str) -> str:
    country, _sep, part = code.strip().upper().partition("-")
    if not country:
        return ""
    known = holidays.list_supported_countries()
    if country not in known or (part and part not in known[country]):
        raise InvalidInput(
            _("Holidays of “{code}” are not known; write a country such as DE, or DE-BY.").format(code=code), field="holidays"
        )
    return f"{country}-{part}" if part else country


def due_dates(schedule: dict, first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included, on which a run is due; in order. Nothing is due before `starts_on`."""
    starts_on = date.fromisoformat(schedule["starts_on"])
    first = max(first, starts_on)
    if schedule["repeat"] == "rrule":
        days = _of_rule(schedule["rrule"], starts_on, last)
    elif schedule["repeat"] == "weeks":
        days = _of_weeks(schedule, starts_on)
    else:
        days = _of_months(schedule, starts_on)
    return [day for day in takewhile(lambda day: day <= last, days) if day >= first]


def _of_rule(text: str, starts_on: date, last: date) -> Iterator[date]:
    """RFC 5545 by dateutil, bounded: a rule that names no day would search for ever."""
    parts = [part for part in text.split(";") if not part.startswith("UNTIL=")]
    ends = [date.fromisoformat(part.removeprefix("UNTIL=")) for part in text.split(";") if part.startswith("UNTIL=")]
    bounded = ";".join([*parts, f"UNTIL={min([last, *ends]):%Y%m%d}"])
    for moment in rrulestr(bounded, dtstart=datetime.combine(starts_on, time())):
        yield moment.date()


def _of_weeks(schedule: dict, starts_on: date) -> Iterator[date]:
    day = starts_on + timedelta(days=(schedule["number"] - starts_on.weekday()) % 7)
    while day.year <= LAST_YEAR:
        yield day
        day += timedelta(weeks=schedule["every"])


def _of_months(schedule: dict, starts_on: date) -> Iterator[date]:
    begin = starts_on.replace(day=1)
    while begin.year <= LAST_YEAR:
        following = months_later(begin, schedule["every"])
        if schedule["on"] == "day":
            month = months_later(begin, schedule["month"] - 1)
            yield month.replace(day=min(schedule["number"], monthrange(month.year, month.month)[1]))
        else:
            yield working_day(begin, following - timedelta(days=1), schedule["number"], schedule["holidays"])
        begin = following


def months_later(begin: date, months: int) -> date:
    """The first day of the month so many months later."""
    years, month = divmod(begin.month - 1 + months, 12)
    return date(begin.year + years, month + 1, 1)


def working_day(first: date, last: date, number: int, holidays_of: str) -> date:
    """The n-th day from `first` to `last` that is neither a weekend nor a holiday; -1 is the last. The outermost when there are fewer."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    if number < 0:
        days = (last - timedelta(days=n) for n in range((last - first).days + 1))
    found = None
    for day in days:
        if day.weekday() < 5 and day not in holidays_in(holidays_of, day.year):
            found, number = day, number - (1 if number > 0 else -1)
            if not number:
                break
    return found or last


@lru_cache(maxsize=64)
def holidays_in(code: str, year: int) -> frozenset[date]:
    """The public holidays of a country, or of a part of it, in a year; none without a code."""
    if not code:
        return frozenset()
    country, _sep, part = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


def moments(schedule: dict, due_on: date, days: int) -> Moments:
    """When the run due on that day is drafted, opens and ends; `days` is how long all its stages take."""
    zone = ZoneInfo(schedule["time_zone"])
    opens_on = due_on - timedelta(days=days)

    def at(day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, zone).astimezone(UTC)

    opens_at = time.fromisoformat(schedule["opens_at"])
    drafted_on = opens_on - timedelta(days=schedule["draft_days"])
    return Moments(at(drafted_on, opens_at), at(opens_on, opens_at), at(due_on, END_OF_DAY))


def label(schedule: dict, due_on: date) -> str:
    """What people call the run: a quarter, half, month or year of the calendar; otherwise its due date."""
    every = schedule.get("every")
    first_month = date.fromisoformat(schedule["starts_on"]).month
    if schedule["repeat"] == "months" and every == 1:
        return f"{due_on:%B %Y}"
    if schedule["repeat"] == "months" and every in (3, 6, 12) and (first_month - 1) % every == 0:
        part = (due_on.month - 1) // every + 1
        return {3: f"Q{part} {due_on.year}", 6: f"H{part} {due_on.year}", 12: str(due_on.year)}[every]
    return due_on.isoformat()


def words(schedule: dict) -> str:
    """The schedule in a sentence."""
    if schedule["repeat"] == "rrule":
        when = _("by the rule {rule}").format(rule=schedule["rrule"])
    elif schedule["repeat"] == "weeks":
        weeks = ngettext("every week on {day}", "every {n} weeks on {day}", schedule["every"])
        when = weeks.format(n=schedule["every"], day=WEEKDAYS[schedule["number"]])
    else:
        when = f"{str(MONTHS[schedule['every']]).lower()}, {_day_words(schedule)}"
    where = schedule["time_zone"]
    if schedule["holidays"]:
        where += _(", holidays of {country} are no working days").format(country=schedule["holidays"])
    return _("Due {when} ({where}), from {day} on.").format(when=when, where=where, day=schedule["starts_on"])


def _day_words(schedule: dict) -> str:
    number, every = schedule["number"], schedule["every"]
    if schedule["on"] == "workday":
        if number == -1:
            return _("on the last working day")
        text = _("on the {nth} working day") if number > 0 else _("on the {nth} last working day")
        return text.format(nth=ordinal(abs(number)))
    said = _("on the last day") if number == 31 else _("on the {nth}").format(nth=ordinal(number))
    return said if every == 1 else said + _(" of its {nth} month").format(nth=ordinal(schedule["month"]))


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st …; 1. in languages that count with a point."""
    if get_language() != RECORDED:
        return f"{number}."
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
