"""Vocabulary of campaigns and their transitions; pure."""

from django.db.models import TextChoices


class CampaignState(TextChoices):
    """The life of a campaign."""

    DRAFT = "draft", "Draft"
    REQUESTED = "requested", "Waiting to be launched"
    STAGED = "staged", "Staged"
    OPEN = "open", "Open"
    PAUSED = "paused", "Paused"
    CLOSED = "closed", "Closed"
    FAILED = "failed", "Launch failed"
    CANCELLED = "cancelled", "Cancelled"


CAMPAIGN_TRANSITIONS = {
    CampaignState.DRAFT: {CampaignState.REQUESTED, CampaignState.CANCELLED},
    CampaignState.REQUESTED: {CampaignState.STAGED, CampaignState.OPEN, CampaignState.FAILED, CampaignState.CANCELLED},
    CampaignState.STAGED: {CampaignState.OPEN, CampaignState.CANCELLED},
    CampaignState.OPEN: {CampaignState.PAUSED, CampaignState.CLOSED, CampaignState.CANCELLED},
    CampaignState.PAUSED: {CampaignState.OPEN, CampaignState.CANCELLED},
    CampaignState.CLOSED: set(),
    CampaignState.FAILED: {CampaignState.REQUESTED, CampaignState.CANCELLED},
    CampaignState.CANCELLED: set(),
}

#: States in which items, assignments, decisions and sign-offs of the campaign can no longer change.
FINAL_STATES = (CampaignState.CLOSED, CampaignState.CANCELLED)


class OccurrenceState(TextChoices):
    """The life of one run that a schedule expects. What became of its campaign is said by the campaign."""

    EXPECTED = "expected", "Expected"
    DRAFTED = "drafted", "Draft made"
    LAUNCHED = "launched", "Launched"
    SKIPPED = "skipped", "Skipped"
    MISSED = "missed", "Missed"
    WITHDRAWN = "withdrawn", "No longer expected"


class RunStatus(TextChoices):
    """What the calendar says of a run: what was expected, against what was performed."""

    EXPECTED = "expected", "Expected"
    DRAFT = "draft", "Draft"
    HELD = "held", "Held"
    RUNNING = "running", "Running"
    OVERDUE = "overdue", "Overdue"
    PERFORMED = "performed", "Performed"
    LATE = "late", "Performed late"
    MISSED = "missed", "Missed"
    SKIPPED = "skipped", "Skipped"
    CANCELLED = "cancelled", "Cancelled"
    WITHDRAWN = "withdrawn", "No longer expected"


class EventKind(TextChoices):
    """What a definition may watch for between reviews."""

    MANAGER = "manager", "Manager changed"
    DEPARTMENT = "department", "Department changed"
    LEAVER = "leaver", "Somebody left and still has access"
    PRIVILEGED = "privileged", "New privileged access"
    ORPHAN = "orphan", "New account without a known person"
    RETURNED = "returned", "Access is back after a removal"
    ENDED = "ended", "End date passed"
    KEPT_UNTIL = "kept_until", "Kept until a day that has passed"


class EventState(TextChoices):
    """What became of an event."""

    WAITING = "waiting", "Waiting"
    ASKED = "asked", "Asked about"
    OVER = "over", "Nothing left to ask"


class DecisionCode(TextChoices):
    """What a reviewer can say of an item. UNDO withdraws the decision before it."""

    APPROVE = "approve", "Keep"
    REVOKE = "revoke", "Remove"
    REDUCE = "reduce", "Reduce"
    DONT_KNOW = "dont_know", "I don't know"
    UNDO = "undo", "Undo"


#: The decision of an act that has many: an applied spreadsheet.
SHEET_ACT = "sheet"

#: What a reviewer can answer; each has a consequence that the page states.
ANSWERS = (DecisionCode.APPROVE, DecisionCode.REVOKE, DecisionCode.REDUCE, DecisionCode.DONT_KNOW)


class Result(TextChoices):
    """What the answers of a stage come to; also what one reviewer's answer counts as."""

    ACCEPT = "accept", "Keep"
    REVOKE = "revoke", "Remove"
    REDUCE = "reduce", "Reduce"
    NOT_DECIDED = "not_decided", "Not decided"
    NO_RESPONSE = "no_response", "No response"


class Strategy(TextChoices):
    """How several answers become one result; `rules.PRECEDENCE` has their order."""

    ONE_ACCEPT_ACCEPTS = "one_accept_accepts", "One who keeps is enough to keep"
    ALL_MUST_ACCEPT = "all_must_accept", "All must keep"
    ONE_DENY_DENIES = "one_deny_denies", "One who removes is enough to remove"
    ACCEPTED_IF_NOT_DENIED = "accepted_if_not_denied", "Kept unless somebody removes"


#: The result of the last stage an item stood in is its outcome.
LAST_STAGE = "last_stage"


class Outcome(TextChoices):
    """What became of an item when its campaign closed. Don't know and silence are both NOT_REVIEWED."""

    APPROVED = "approved", "Kept"
    REVOKED = "revoked", "To be removed"
    REDUCED = "reduced", "To be reduced"
    NOT_REVIEWED = "not_reviewed", "Not reviewed"


#: Outcomes from which a removal follows.
TO_REMOVE = (Outcome.REVOKED, Outcome.REDUCED)


class ItemState(TextChoices):
    """Where an item stands for its reviewer; computed from its columns, never stored."""

    OPEN = "open", "To decide"
    DRAFT = "draft", "Decided, not yet submitted"
    SUBMITTED = "submitted", "Submitted"


class ReviewerRule(TextChoices):
    """Links of the reviewer chain, and why an assignment exists."""

    MANAGER = "manager", "Manager of the person"
    MANAGERS_MANAGER = "managers_manager", "Manager's manager"
    ENTITLEMENT_OWNER = "entitlement_owner", "Owner of the entitlement"
    SYSTEM_OWNER = "system_owner", "Owner of the system"
    IDENTITY_OWNER = "identity_owner", "Owner of the account or agent"
    PERSON = "person", "Named person"
    GROUP = "group", "Group of reviewers"
    ATTRIBUTE = "attribute", "By an attribute"
    FALLBACK = "fallback", "Named fallback reviewer"
    CONTROL_OWNER = "control_owner", "Owner of the control"
    REASSIGNED = "reassigned", "Reassigned"
    ASKED_NEXT = "asked_next", "Asked because somebody did not know"
    SECOND_LOOK = "second_look", "Second look"


#: Rules that need no further word; the others name a person, a group or cases.
PLAIN_RULES = (
    ReviewerRule.MANAGER,
    ReviewerRule.MANAGERS_MANAGER,
    ReviewerRule.ENTITLEMENT_OWNER,
    ReviewerRule.SYSTEM_OWNER,
    ReviewerRule.IDENTITY_OWNER,
    ReviewerRule.FALLBACK,
    ReviewerRule.CONTROL_OWNER,
)


DEFAULT_CHAIN = (
    ReviewerRule.MANAGER,
    ReviewerRule.ENTITLEMENT_OWNER,
    ReviewerRule.SYSTEM_OWNER,
    ReviewerRule.FALLBACK,
)


class CampaignKind(TextChoices):
    """What a definition is for; it fills the form, and pages and packs say it."""

    PEOPLE = "people", "By people"
    SYSTEM = "system", "By system"
    ENTITLEMENT = "entitlement", "By role or right"
    PRIVILEGED = "privileged", "Privileged access"
    NON_HUMAN = "non_human", "Service accounts and AI agents"
    EXTERNAL = "external", "External workers and suppliers"
    LEAVERS = "leavers", "Leavers check"
    DELTA = "delta", "What is new or changed"
    CONFLICTS = "conflicts", "Conflicts of duties only"
    PERSON = "person", "One person"
    OTHER = "other", "Something else"


class Cadence(TextChoices):
    """How often a definition is meant to be run."""

    NONE = "none", "Whenever it is needed"
    MONTHLY = "monthly", "Every month"
    QUARTERLY = "quarterly", "Every quarter"
    HALF_YEARLY = "half_yearly", "Every half-year"
    YEARLY = "yearly", "Every year"


class Signal(TextChoices):
    """What deserves care in an item; frozen at launch. Order is the order of risk; `signals` says when an item has each."""

    LEFT = "left", "Left or inactive"
    CONFLICT = "conflict", "Conflict of duties"
    EXPIRED = "expired", "End date passed"
    RETURNED = "returned", "Back after a removal"
    PRIVILEGED = "privileged", "Privileged"
    EXTERNAL = "external", "External"
    ORPHAN = "orphan", "No owner known"
    NON_HUMAN = "non_human", "Service account or AI agent"
    UNUSED = "unused", "Not used 90 days"
    NEW = "new", "New since last review"
    MOVED = "moved", "Changed job or manager"
    UNKNOWN_USE = "unknown_use", "Use not known"
    EXCEPTED = "excepted", "Kept until a day to come"


#: Signals that make an item "red": it is taken out of bulk acts and keeping it needs a reason.
RED_SIGNALS = (Signal.LEFT, Signal.CONFLICT, Signal.EXPIRED, Signal.RETURNED, Signal.PRIVILEGED, Signal.ORPHAN)

#: Signals that say something, but make nothing riskier.
CALM_SIGNALS = (Signal.UNKNOWN_USE, Signal.EXCEPTED)

#: Access that was not used for so long counts as unused.
UNUSED_DAYS = 90


class Measure(TextChoices):
    """What is measured of how somebody reviewed; `measures` has what each means."""

    MEDIAN_SECONDS = "median_seconds", "Median seconds"
    UNDER_3_SECONDS = "under_3_seconds", "Within 3 seconds, %"
    BULK = "bulk", "In bulk, %"
    STREAK = "streak", "Same in a row"
    PRIVILEGED_OPENED = "privileged_opened", "Privileged opened, %"


class Disposition(TextChoices):
    """What the owner makes of a finding."""

    ACCEPTED = "accepted", "Accepted"
    RE_ASK = "re_ask", "To be asked again"


class HoldKind(TextChoices):
    """Why removals wait for a second person."""

    SHARE = "share", "A large share of a system"
    LAST_HOLDER = "last_holder", "The last who hold a privileged right"


class SilenceVerdictCode(TextChoices):
    """What a second person says of removals that were approved for silence."""

    CONFIRMED = "confirmed", "Confirmed"
    DECLINED = "declined", "Declined"


class Severity(TextChoices):
    """How bad it is when one person holds both sides of a rule."""

    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class Side(TextChoices):
    """The two sides of a rule."""

    A = "a", "First side"
    B = "b", "Second side"


class ExceptionStep(TextChoices):
    """What can become of an exception that was asked for."""

    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    ENDED = "ended", "Ended early"
