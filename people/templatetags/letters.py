"""Times in mails, as their reader would say them."""

from datetime import datetime

from django import template

register = template.Library()


@register.filter
def local(moment: str, person) -> str:
    """An RFC 3339 time in the person's zone, with the zone; nothing for nothing."""
    return person.hours.words(datetime.fromisoformat(moment)) if moment else ""


@register.filter
def local_date(moment: str, person) -> str:
    """The day of an RFC 3339 time in the person's zone; nothing for nothing."""
    return person.hours.date_words(datetime.fromisoformat(moment)) if moment else ""
