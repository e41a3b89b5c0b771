"""Vocabulary of campaigns and their transitions; pure."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class CampaignState(TextChoices):
    """The life of a campaign."""

    DRAFT = "draft", _("Draft")
    REQUESTED = "requested", _("Waiting to be launched")
    STAGED = "staged", _("Staged")
    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")
    FAILED = "failed", _("Launch failed")
    CANCELLED = "cancelled", _("Cancelled")


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

    EXPECTED = "expected", _("Expected")
    DRAFTED = "drafted", _("Draft made")
    LAUNCHED = "launched", _("Launched")
    SKIPPED = "skipped", _("Skipped")
    MISSED = "missed", _("Missed")
    WITHDRAWN = "withdrawn", _("No longer expected")


class RunStatus(TextChoices):
    """What the calendar says of a run: what was expected, against what was performed."""

    EXPECTED = "expected", _("Expected")
    DRAFT = "draft", _("Draft")
    HELD = "held", _("Held")
    RUNNING = "running", _("Running")
    OVERDUE = "overdue", _("Overdue")
    PERFORMED = "performed", _("Performed")
    LATE = "late", _("Performed late")
    MISSED = "missed", _("Missed")
    SKIPPED = "skipped", _("Skipped")
    CANCELLED = "cancelled", _("Cancelled")
    WITHDRAWN = "withdrawn", _("No longer expected")


class EventKind(TextChoices):
    """What a definition may watch for between reviews."""

    MANAGER = "manager", _("Manager changed")
    DEPARTMENT = "department", _("Department changed")
    LEAVER = "leaver", _("Somebody left and still has access")
    PRIVILEGED = "privileged", _("New privileged access")
    ORPHAN = "orphan", _("New account without a known person")
    RETURNED = "returned", _("Access is back after a removal")
    ENDED = "ended", _("End date passed")
    KEPT_UNTIL = "kept_until", _("Kept until a day that has passed")


class EventState(TextChoices):
    """What became of an event."""

    WAITING = "waiting", _("Waiting")
    ASKED = "asked", _("Asked about")
    OVER = "over", _("Nothing left to ask")


class DecisionCode(TextChoices):
    """What a reviewer can say of an item. UNDO withdraws the decision before it."""

    APPROVE = "approve", _("Keep")
    REVOKE = "revoke", _("Remove")
    REDUCE = "reduce", _("Reduce")
    DONT_KNOW = "dont_know", _("I don't know")
    UNDO = "undo", _("Undo")


#: The decision of an act that has many: an applied spreadsheet.
SHEET_ACT = "sheet"

#: What a reviewer can answer; each has a consequence that the page states.
ANSWERS = (DecisionCode.APPROVE, DecisionCode.REVOKE, DecisionCode.REDUCE, DecisionCode.DONT_KNOW)


class Result(TextChoices):
    """What the answers of a stage come to; also what one reviewer's answer counts as."""

    ACCEPT = "accept", _("Keep")
    REVOKE = "revoke", _("Remove")
    REDUCE = "reduce", _("Reduce")
    NOT_DECIDED = "not_decided", _("Not decided")
    NO_RESPONSE = "no_response", _("No response")


class Strategy(TextChoices):
    """How several answers become one result; `rules.PRECEDENCE` has their order."""

    ONE_ACCEPT_ACCEPTS = "one_accept_accepts", _("One who keeps is enough to keep")
    ALL_MUST_ACCEPT = "all_must_accept", _("All must keep")
    ONE_DENY_DENIES = "one_deny_denies", _("One who removes is enough to remove")
    ACCEPTED_IF_NOT_DENIED = "accepted_if_not_denied", _("Kept unless somebody removes")


#: The result of the last stage an item stood in is its outcome.
LAST_STAGE = "last_stage"


class Outcome(TextChoices):
    """What became of an item when its campaign closed. Don't know and silence are both NOT_REVIEWED."""

    APPROVED = "approved", _("Kept")
    REVOKED = "revoked", _("To be removed")
    REDUCED = "reduced", _("To be reduced")
    NOT_REVIEWED = "not_reviewed", _("Not reviewed")


#: Outcomes from which a removal follows.
TO_REMOVE = (Outcome.REVOKED, Outcome.REDUCED)


class RemovalsBegin(TextChoices):
    """When the removals of a campaign begin."""

    CLOSE = "close", _("When the campaign closes")
    SIGN_OFF = "sign_off", _("At sign-off, as soon as submitted answers settle an item")


class ItemState(TextChoices):
    """Where an item stands for its reviewer; computed from its columns, never stored."""

    OPEN = "open", _("To decide")
    DRAFT = "draft", _("Decided, not yet submitted")
    SUBMITTED = "submitted", _("Submitted")


class ReviewerRule(TextChoices):
    """Links of the reviewer chain, and why an assignment exists."""

    MANAGER = "manager", _("Manager of the person")
    MANAGERS_MANAGER = "managers_manager", _("Manager's manager")
    ENTITLEMENT_OWNER = "entitlement_owner", _("Owner of the entitlement")
    SYSTEM_OWNER = "system_owner", _("Owner of the system")
    IDENTITY_OWNER = "identity_owner", _("Owner of the account or agent")
    PERSON = "person", _("Named person")
    GROUP = "group", _("Group of reviewers")
    ATTRIBUTE = "attribute", _("By an attribute")
    FALLBACK = "fallback", _("Named fallback reviewer")
    CONTROL_OWNER = "control_owner", _("Owner of the control")
    REASSIGNED = "reassigned", _("Reassigned")
    ASKED_NEXT = "asked_next", _("Asked because somebody did not know")
    SECOND_LOOK = "second_look", _("Second look")


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

    PEOPLE = "people", _("By people")
    SYSTEM = "system", _("By system")
    ENTITLEMENT = "entitlement", _("By role or right")
    PRIVILEGED = "privileged", _("Privileged access")
    NON_HUMAN = "non_human", _("Service accounts and AI agents")
    EXTERNAL = "external", _("External workers and suppliers")
    LEAVERS = "leavers", _("Leavers check")
    DELTA = "delta", _("What is new or changed")
    CONFLICTS = "conflicts", _("Conflicts of duties only")
    PERSON = "person", _("One person")
    OTHER = "other", _("Something else")


class Cadence(TextChoices):
    """How often a definition is meant to be run."""

    NONE = "none", _("Whenever it is needed")
    MONTHLY = "monthly", _("Every month")
    QUARTERLY = "quarterly", _("Every quarter")
    HALF_YEARLY = "half_yearly", _("Every half-year")
    YEARLY = "yearly", _("Every year")


class Signal(TextChoices):
    """What deserves care in an item; frozen at launch. Order is the order of risk; `signals` says when an item has each."""

    LEFT = "left", _("Left or inactive")
    CONFLICT = "conflict", _("Conflict of duties")
    EXPIRED = "expired", _("End date passed")
    RETURNED = "returned", _("Back after a removal")
    PRIVILEGED = "privileged", _("Privileged")
    EXTERNAL = "external", _("External")
    ORPHAN = "orphan", _("No owner known")
    NON_HUMAN = "non_human", _("Service account or AI agent")
    STATIC = "static", _("Old static credential")
    UNUSED = "unused", _("Not used 90 days")
    NEW = "new", _("New since last review")
    MOVED = "moved", _("Changed job or manager")
    UNKNOWN_USE = "unknown_use", _("Use not known")
    EXCEPTED = "excepted", _("Kept until a day to come")


#: Signals that make an item "red": it is taken out of bulk acts and keeping it needs a reason.
RED_SIGNALS = (Signal.LEFT, Signal.CONFLICT, Signal.EXPIRED, Signal.RETURNED, Signal.PRIVILEGED, Signal.ORPHAN)

#: Signals that say something, but make nothing riskier.
CALM_SIGNALS = (Signal.UNKNOWN_USE, Signal.EXCEPTED)

#: Access that was not used for so long counts as unused.
UNUSED_DAYS = 90


class Recommendation(TextChoices):
    """What Certify recommends for an item; see `advice`."""

    KEEP = "keep", _("Keep")
    REMOVE = "remove", _("Remove")
    LOOK = "look", _("Look closer")


class Measure(TextChoices):
    """What is measured of how somebody reviewed; `measures` has what each means."""

    MEDIAN_SECONDS = "median_seconds", _("Median seconds")
    UNDER_3_SECONDS = "under_3_seconds", _("Within 3 seconds, %")
    BULK = "bulk", _("In bulk, %")
    STREAK = "streak", _("Same in a row")
    PRIVILEGED_OPENED = "privileged_opened", _("Privileged opened, %")
    AGAINST_ADVICE = "against_advice", _("Against recommendation, %")


class Disposition(TextChoices):
    """What the owner makes of a finding."""

    ACCEPTED = "accepted", _("Accepted")
    RE_ASK = "re_ask", _("To be asked again")


class HoldKind(TextChoices):
    """Why removals wait for a second person."""

    SHARE = "share", _("A large share of a system")
    LAST_HOLDER = "last_holder", _("The last who hold a privileged right")


class SilenceVerdictCode(TextChoices):
    """What a second person says of removals that were approved for silence."""

    CONFIRMED = "confirmed", _("Confirmed")
    DECLINED = "declined", _("Declined")


class Severity(TextChoices):
    """How bad it is when one person holds both sides of a rule."""

    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")
    CRITICAL = "critical", _("Critical")


class Side(TextChoices):
    """The two sides of a rule."""

    A = "a", _("First side")
    B = "b", _("Second side")


class ExceptionStep(TextChoices):
    """What can become of an exception that was asked for."""

    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined")
    ENDED = "ended", _("Ended early")


#: How pages say what has become of an exception, of which a reading gives the word.
EXCEPTION_WORDS = (
    gettext_noop("holds"), gettext_noop("waits"), gettext_noop("declined"), gettext_noop("ended early"), gettext_noop("ran out"),
    gettext_noop("never judged"), gettext_noop("of an earlier form of the rule"),
)  # fmt: skip
