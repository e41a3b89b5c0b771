"""Words and colours of the review pages."""

import re
from datetime import datetime

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext, gettext_lazy

from campaigns import advice_reading, rules, second_look
from campaigns.advice_words import in_words
from campaigns.models import Assignment, Campaign
from campaigns.states import RED_SIGNALS, DecisionCode, Severity, Signal
from certify.lib import language
from inventory.states import CredentialKind

register = template.Library()
AMBER = (Signal.EXTERNAL, Signal.STATIC, Signal.UNUSED, Signal.NON_HUMAN, Signal.NEW, Signal.MOVED)


@register.filter
def days_ago(moment: datetime | None, now: datetime) -> str:
    """A past time in days; an unknown one as such."""
    if moment is None:
        return gettext("unknown")
    if moment.date() == now.date():
        return gettext("today")
    days = (now - moment).days
    if days < 0:
        return gettext("in the future")
    return gettext("yesterday") if days <= 1 else gettext("{days} days ago").format(days=intcomma(days))


@register.filter
def signal_label(signal: str) -> str:
    """A signal in words."""
    return Signal(signal).label


#: Words for a narrow column, where the whole ones are longer; the chip's title and the drawer have those.
SHORT = {
    "left": gettext_lazy("Left"),
    "conflict": gettext_lazy("Conflict"),
    "orphan": gettext_lazy("No owner"),
    "non_human": gettext_lazy("Service"),
    "static": gettext_lazy("Old credential"),
    "unused": gettext_lazy("Unused"),
    "expired": gettext_lazy("Ended"),
    "new": gettext_lazy("New"),
    "returned": gettext_lazy("Came back"),
    "moved": gettext_lazy("Moved"),
    "excepted": gettext_lazy("Kept until"),
}


@register.filter
def signal_short(signal: str) -> str:
    """A signal in as few words as will do."""
    return SHORT.get(signal) or Signal(signal).label


@register.filter
def row_signals(signals: list[str]) -> list[str]:
    """The signals a row shows as chips: that its use is not known stands in its own column."""
    return [signal for signal in signals if signal != Signal.UNKNOWN_USE]


@register.filter
def signal_colour(signal: str) -> str:
    """The class of a signal's chip; the word says the same as the colour."""
    if signal in RED_SIGNALS:
        return "red"
    return "amber" if signal in AMBER else ""


@register.filter
def credential_label(kind: str) -> str:
    """What an account signs in with, in words."""
    return CredentialKind(kind or CredentialKind.UNKNOWN).label


@register.filter
def path_steps(path: str) -> list[str]:
    """The groups and roles on the way to a right, in order; sources write them with > or arrows between them."""
    return [step for step in (part.strip() for part in re.split(r"->|[>→»]", path)) if step]


EXCUSES = {
    "granter": gettext_lazy("granted it; excused"),
    "own_report": gettext_lazy("reports to this person; excused"),
    "earlier_stage": gettext_lazy("answered in an earlier stage too"),
}


@register.filter
def excuse_label(code: str) -> str:
    """What an assignment is excused from, in words."""
    return EXCUSES.get(code, code)


@register.filter
def severity_colour(severity: str) -> str:
    """The class of a severity's chip; the word says the same as the colour."""
    return {Severity.CRITICAL: "red", Severity.HIGH: "red", Severity.MEDIUM: "amber"}.get(severity, "")


@register.filter
def can_answer(row: Assignment, campaign: Campaign) -> bool:
    """Whether an assignment can still be answered in its campaign's stage, when that is open."""
    return row.sign_off_id is None and row.stage == campaign.stage and second_look.takes(campaign, row)


@register.filter
def asks_for(row: Assignment, campaign: Campaign) -> str:
    """The answers to this row that need a reason: the page asks for it before it sends them."""
    codes, recommended = (DecisionCode.APPROVE, DecisionCode.REVOKE), advice_reading.recommended(row.item)
    return " ".join(code for code in codes if rules.needs_reason(code, row.item.signals, campaign.terms, recommended))


@register.filter
def advice_words(reason: str) -> str:
    """A reason of what is recommended, in the reader's language."""
    return in_words(reason)


@register.filter
def within(label: str) -> str:
    """A label in the middle of a sentence."""
    return language.within(label)
