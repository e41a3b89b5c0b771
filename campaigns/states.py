"""Vocabulary of campaigns and their transitions; pure."""

from django.db.models import TextChoices


class CampaignState(TextChoices):
    """The life of a campaign."""

    REQUESTED = "requested", "Waiting to be launched"
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"
    FAILED = "failed", "Launch failed"
    CANCELLED = "cancelled", "Cancelled"


CAMPAIGN_TRANSITIONS = {
    CampaignState.REQUESTED: {CampaignState.OPEN, CampaignState.FAILED, CampaignState.CANCELLED},
    CampaignState.OPEN: {CampaignState.CLOSED, CampaignState.CANCELLED},
    CampaignState.CLOSED: set(),
    CampaignState.FAILED: {CampaignState.REQUESTED, CampaignState.CANCELLED},
    CampaignState.CANCELLED: set(),
}

#: States in which items, assignments, decisions and sign-offs of the campaign can no longer change.
FINAL_STATES = (CampaignState.CLOSED, CampaignState.CANCELLED)


class DecisionCode(TextChoices):
    """What a reviewer can say of an item. UNDO withdraws the decision before it."""

    APPROVE = "approve", "Keep"
    REVOKE = "revoke", "Remove"
    DONT_KNOW = "dont_know", "I don't know"
    UNDO = "undo", "Undo"


class Outcome(TextChoices):
    """What became of an item when its campaign closed. Don't know and silence are both NOT_REVIEWED."""

    APPROVED = "approved", "Kept"
    REVOKED = "revoked", "To be removed"
    NOT_REVIEWED = "not_reviewed", "Not reviewed"


class ItemState(TextChoices):
    """Where an item stands for its reviewer; computed from its columns, never stored."""

    OPEN = "open", "To decide"
    DRAFT = "draft", "Decided, not yet submitted"
    SUBMITTED = "submitted", "Submitted"


class ReviewerRule(TextChoices):
    """Links of the reviewer chain, and why an assignment exists."""

    MANAGER = "manager", "Manager of the person"
    ENTITLEMENT_OWNER = "entitlement_owner", "Owner of the entitlement"
    SYSTEM_OWNER = "system_owner", "Owner of the system"
    FALLBACK = "fallback", "Named fallback reviewer"
    REASSIGNED = "reassigned", "Reassigned"


DEFAULT_CHAIN = (
    ReviewerRule.MANAGER,
    ReviewerRule.ENTITLEMENT_OWNER,
    ReviewerRule.SYSTEM_OWNER,
    ReviewerRule.FALLBACK,
)


class ExclusionRule(TextChoices):
    """Why a grant of a snapshot in scope is not an item; the first rule that fits, in this order."""

    ORPHAN = "orphan", "Account without an identity (the scope leaves orphans out)"
    KIND = "kind", "Identity kind not in scope"
    DEPARTMENT = "department", "Department not in scope"
    NOT_PRIVILEGED = "not_privileged", "Entitlement not privileged (the scope asks for privileged ones)"


class Signal(TextChoices):
    """What deserves care in an item; frozen at launch. Order is the order of risk."""

    LEFT = "left", "Left or inactive"
    PRIVILEGED = "privileged", "Privileged"
    EXTERNAL = "external", "External"
    ORPHAN = "orphan", "No owner known"
    NON_HUMAN = "non_human", "Service account"
    UNUSED = "unused", "Not used 90 days"
    EXPIRED = "expired", "End date passed"
    NEW = "new", "New since last review"
    UNKNOWN_USE = "unknown_use", "Use not known"


#: Signals that make an item "red": it is taken out of bulk acts and keeping it needs a reason.
RED_SIGNALS = (Signal.LEFT, Signal.PRIVILEGED, Signal.ORPHAN, Signal.EXPIRED)

UNUSED_DAYS = 90
