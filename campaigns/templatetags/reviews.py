"""Words and colours of the review pages."""

from datetime import datetime

from django import template

from campaigns import second_look
from campaigns.models import Assignment, Campaign
from campaigns.states import RED_SIGNALS, Signal

register = template.Library()
AMBER = (Signal.EXTERNAL, Signal.UNUSED, Signal.NON_HUMAN, Signal.NEW)


@register.filter
def days_ago(moment: datetime | None, now: datetime) -> str:
    """A past time in days; an unknown one as such."""
    if moment is None:
        return "unknown"
    if moment.date() == now.date():
        return "today"
    days = (now - moment).days
    if days < 0:
        return "in the future"
    return "yesterday" if days <= 1 else f"{days:,} days ago"


@register.filter
def signal_label(signal: str) -> str:
    """A signal in words."""
    return Signal(signal).label


@register.filter
def signal_colour(signal: str) -> str:
    """The class of a signal's chip; the word says the same as the colour."""
    if signal in RED_SIGNALS:
        return "red"
    return "amber" if signal in AMBER else ""


EXCUSES = {
    "granter": "granted it; excused",
    "own_report": "reports to this person; excused",
    "earlier_stage": "answered in an earlier stage too",
}


@register.filter
def excuse_label(code: str) -> str:
    """What an assignment is excused from, in words."""
    return EXCUSES.get(code, code)


@register.filter
def can_answer(row: Assignment, campaign: Campaign) -> bool:
    """Whether an assignment can still be answered in its campaign's stage, when that is open."""
    return row.sign_off_id is None and row.stage == campaign.stage and second_look.takes(campaign, row)
