"""When somebody works, by their own clock; pure but for the names of time zones."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from certify.lib.language import dated

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
#: Somebody who works on one day of the week works within so many days, even if a change of clocks swallows one of them.
HORIZON = 15


def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone that is known here."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return bool(name)


@dataclass(frozen=True)
class Hours:
    """The days of the week (1 is Monday) and the hours on which somebody works, in the time zone of this name."""

    zone_name: str
    works_from: time
    works_to: time
    days: tuple[int, ...]

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone; UTC where its name has become unknown, so that one person's setting holds nobody up."""
        return ZoneInfo(self.zone_name if is_zone(self.zone_name) else "UTC")

    def day(self, moment: datetime) -> date:
        """The day that a moment falls on for them."""
        return moment.astimezone(self.zone).date()

    def is_working_day(self, day: date) -> bool:
        """Whether they work on this day at all."""
        return day.isoweekday() in self.days

    def is_working(self, moment: datetime) -> bool:
        """Whether they are at work in this moment."""
        local = moment.astimezone(self.zone)
        return self.is_working_day(local.date()) and self.works_from <= local.time() < self.works_to

    def next_moment(self, moment: datetime) -> datetime:
        """The first moment from this one on in which they are at work, in UTC."""
        today = self.day(moment)
        for number in range(HORIZON):
            day = today + number * DAY
            if self.is_working_day(day) and (found := self._first_on(day, moment)):
                return found
        return moment.astimezone(UTC)

    def _first_on(self, day: date, moment: datetime) -> datetime | None:
        begin, end = self._instants(day, time()), self._instants(day + DAY, time())
        if begin[0].astimezone(self.zone).utcoffset() == end[0].astimezone(self.zone).utcoffset():
            found = max(self._instants(day, self.works_from)[0], moment.astimezone(UTC))
            return found if self.is_working(found) else None
        # The clocks change on this day: its hours may be missing, or come twice. That is rare enough to look at each minute.
        found = max(begin[0], moment.astimezone(UTC))
        while found < end[1]:
            if self.is_working(found):
                return found
            found = found.replace(second=0, microsecond=0) + MINUTE
        return None

    def _instants(self, day: date, at: time) -> tuple[datetime, datetime]:
        """The moments at which a clock shows this, the earlier first; around a change of clocks there are two."""
        shown = datetime.combine(day, at, self.zone)
        first, second = sorted((shown.astimezone(UTC), shown.replace(fold=1).astimezone(UTC)))
        return first, second

    def covered(self, day: date) -> list[date]:
        """The days that a mail of this working day stands for: it, and the days off right before it."""
        found = [day]
        while len(found) < HORIZON and not self.is_working_day(found[0] - DAY):
            found.insert(0, found[0] - DAY)
        return found

    def words(self, moment: datetime) -> str:
        """A moment as they would say it, with the zone."""
        return f"{dated(moment.astimezone(self.zone), 'l j F Y, H:i')} ({self.zone_name})"

    def date_words(self, moment: datetime) -> str:
        """The day of a moment as they would say it."""
        return dated(moment.astimezone(self.zone), "j F Y")


def mail_at(hours: Hours, now: datetime, deadline: datetime | None = None) -> datetime:
    """When a mail goes out: in their next working moment, but at once where that would be after the deadline."""
    moment = hours.next_moment(now)
    return now if deadline is not None and now < deadline <= moment else moment
