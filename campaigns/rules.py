"""Facts about reviews; pure."""

import re
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns.states import CAMPAIGN_TRANSITIONS, RED_SIGNALS, CampaignState, DecisionCode, Recommendation, Signal
from certify.lib.errors import InvalidInput
from certify.lib.language import within

#: Columns that a leaf hash covers and a pack prints, in this order. The leaf is the RFC 6962 hash of the RFC 8785 array of the
#: cells as strings; times are RFC 3339 in UTC with six decimals, signals are joined by a space, unknown is empty.
ITEM_COLUMNS = (
    "campaign", "item", "source", "snapshot", "account_id", "account_name", "identity_id", "identity_name", "identity_kind",
    "identity_status", "department", "title", "manager_id", "entitlement_id", "entitlement_name", "entitlement_kind",
    "description", "privileged", "path", "granted_at", "granted_by", "last_used_at", "expires_at", "first_seen_at", "signals",
    "reviewer", "reviewer_name", "reviewer_rule",
)  # fmt: skip
#: Since the terms of a launch say so, names of people are left out of leaves (their cell is empty there): the person's number stands in
#: them, and what they were called is what the entries commit to.
NAMES, APART = "names", "apart"
EXCLUSION_COLUMNS = (
    "campaign", "number", "source", "snapshot", "account_id", "identity_id", "entitlement_id", "path", "rule",
)  # fmt: skip
#: One row for each rule of duties and side that an item was part of a conflict of at its launch.
CONFLICT_COLUMNS = (
    "campaign", "number", "item", "rule", "name", "severity", "side", "duty", "other_duty", "held", "held_count", "control", "found_at",
    "excepted_until", "exception_control", "exception_by",
)  # fmt: skip
#: What was recommended for each item; its root is in the launch's entry.
ADVICE_COLUMNS = (
    "campaign", "item", "recommendation", "score", "peers_holding", "peers_total", "peers_label", "reasons",
)  # fmt: skip
#: Whose words describe the right, and the credential of the account, for each item of which either was known at its launch.
CONTEXT_COLUMNS = (
    "campaign", "number", "item", "described_by", "described_by_name", "described_at", "file_description", "credential_kind",
    "credential_at", "credential_limit",
)  # fmt: skip
OUTCOME_COLUMNS = (
    "campaign", "item", "outcome", "decision", "reviewer", "decided_at", "decision_entry", "sign_off_entry",
)  # fmt: skip
#: One row for each assignment there ever was, by item, stage and order of assignment; their root is recorded at the close.
ANSWER_COLUMNS = (
    "campaign", "item", "stage", "panel", "reviewer", "reviewer_name", "rule", "reason", "excused", "quorum", "active", "vote",
    "decision", "until", "reduce_to", "decided_by", "decided_at", "decision_entry", "sign_off_entry",
)  # fmt: skip
SUBMITTED_COLUMNS = ("campaign", "item", "decision", "decided_at", "decision_entry")

MIN_REASON = 10
#: Offered for removals, never preselected.
REMOVAL_REASONS = (
    gettext_noop("Left the team"), gettext_noop("No longer needed"), gettext_noop("Never needed"),
    gettext_noop("Duplicate of other access"),
)  # fmt: skip
STATEMENT = gettext_noop(
    "I have examined each of these {count} items of “{campaign}” and am entitled to decide on them. "
    "I understand that access I keep stays, and that access I remove becomes a task for the system's owner."
)


def statement(count: int, campaign: str) -> str:
    """The words a reviewer signs when submitting. Who signs stands with them, not in them: words cannot be erased."""
    return STATEMENT.format(count=count, campaign=campaign)


def statement_words(count: int, campaign: str) -> str:
    """The same in the language of the page, for reading: what is signed and kept is English."""
    return _(STATEMENT).format(count=count, campaign=campaign)


def check_transition(old: str, new: str) -> None:
    """Refuse a change of state that the life of a campaign does not have."""
    if new not in CAMPAIGN_TRANSITIONS[old]:
        raise InvalidInput(
            _("A campaign that is “{label}” cannot become “{label2}”.").format(
                label=CampaignState(old).label, label2=CampaignState(new).label
            )
        )


def is_red(signals: list[str]) -> bool:
    """Whether an item must be decided by itself and be kept only with a reason."""
    return any(signal in signals for signal in RED_SIGNALS)


#: What goes against a recommendation. To look closer is no recommendation that an answer could go against.
AGAINST = {
    DecisionCode.APPROVE: Recommendation.REMOVE,
    DecisionCode.REVOKE: Recommendation.KEEP,
    DecisionCode.REDUCE: Recommendation.KEEP,
}


def is_against(code: str, recommended: str) -> bool:
    """Whether an answer goes against what is recommended ("" where nothing is)."""
    return bool(recommended) and AGAINST.get(code) == recommended


def needs_reason(code: str, signals: list[str], terms: dict, recommended: str = "") -> str:
    """Why this decision needs a reason, in words; empty when it needs none."""
    if code == DecisionCode.DONT_KNOW:
        return _("Say what is missing to decide.")
    if code == DecisionCode.APPROVE and is_red(signals):
        words = ", ".join(within(Signal(signal).label) for signal in signals if signal in RED_SIGNALS)
        return _("Keeping this needs a reason: {words}.").format(words=words)
    if is_against(code, recommended):
        if recommended == Recommendation.KEEP:
            return _("Certify recommended to keep this. Say why you decide otherwise.")
        return _("Certify recommended to remove this. Say why you decide otherwise.")
    if code == DecisionCode.APPROVE and terms["reason_for_every_keep"]:
        return _("This review asks for a reason for everything that is kept.")
    if code == DecisionCode.REDUCE:
        return _("Say why less is enough.")
    if code == DecisionCode.REVOKE and terms["reason_for_every_removal"]:
        return _("This review asks for a reason for everything that is removed.")
    return ""


def check_reason(reason: str, why_needed: str) -> str:
    """The reason, trimmed. A given reason must say something; a needed one must be given."""
    reason = reason.strip()
    if not reason and not why_needed:
        return ""
    if len(reason) < MIN_REASON or len(set(re.sub(r"\W", "", reason.lower()))) < 4:
        raise InvalidInput(
            _("{why} Write at least {n} characters.").format(why=why_needed or _("A reason must say something."), n=MIN_REASON),
            field="rationale",
        )
    return reason


def check_answer(code: str, reduce_to: str, until: date | None, now: datetime) -> tuple[str, date | None]:
    """(what is left after a reduction, last day of a keep), as they may be recorded."""
    reduce_to = reduce_to.strip()
    if code == DecisionCode.REDUCE and not reduce_to:
        raise InvalidInput(_("Say what is left: a lesser right, or in words."), field="reduce_to")
    if until and code == DecisionCode.APPROVE and until <= now.date():
        raise InvalidInput(_("Keep until a day after today."), field="until")
    return reduce_to if code == DecisionCode.REDUCE else "", until if code == DecisionCode.APPROVE else None


def is_self_review(identity_user_id: int | None, reviewer_id: int) -> bool:
    """Whether the reviewer would decide on their own access."""
    return identity_user_id is not None and identity_user_id == reviewer_id


def is_bulk_eligible(*, signals: list[str], decision: str, is_bulk: bool, is_submitted: bool) -> bool:
    """Whether a bulk act may touch the item: not red, not submitted, and never over a decision made singly."""
    return not is_red(signals) and not is_submitted and (not decision or is_bulk)


def minutes_left(open_items: int, median_seconds: float | None) -> int:
    """About how long the rest takes, in minutes, at the reviewer's own median pace; 12 seconds an item before there is one."""
    return max(1, round(open_items * min(median_seconds or 12, 120) / 60)) if open_items else 0
