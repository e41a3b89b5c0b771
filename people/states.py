"""The roles a person may hold in Certify and the life of a mail."""

from django.db.models import TextChoices


class Role(TextChoices):
    """What a person may do in Certify; one person may hold several."""

    ADMINISTRATOR = "administrator", "Administrator"
    CONTROL_OWNER = "control_owner", "Control owner"
    REVIEWER = "reviewer", "Reviewer"
    SYSTEM_OWNER = "system_owner", "System owner"
    AUDITOR = "auditor", "Auditor"


ROLE_DESCRIPTIONS = {
    Role.ADMINISTRATOR: "Connects sources, manages people and their roles, sees the ledger.",
    Role.CONTROL_OWNER: "Defines, launches and closes campaigns and follows removals to the end.",
    Role.REVIEWER: "Decides on the access that was assigned to them, and sees nothing else.",
    Role.SYSTEM_OWNER: "Removes access in the systems they own and reports what was done.",
    Role.AUDITOR: "Reads the audit periods that were opened to them, and nothing else.",
}


class MailState(TextChoices):
    """A mail is queued by an action; the mail task sends it, gives it up, or finds that nobody needs it any more."""

    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Not needed"


MAIL_TRANSITIONS = {
    MailState.QUEUED: {MailState.QUEUED, MailState.SENT, MailState.FAILED, MailState.SKIPPED},
    MailState.FAILED: {MailState.QUEUED},
    MailState.SENT: set(),
    MailState.SKIPPED: set(),
}


class SignInFailure(TextChoices):
    """Why a sign-in failed. The ledger says it; the page never does, so that nobody can ask it for names."""

    WRONG_PASSWORD = "wrong-password", "Wrong password"
    NO_PASSWORD = "no-password-set", "No password set yet"
    DEACTIVATED = "deactivated", "Deactivated"
    UNKNOWN_NAME = "unknown-name", "Unknown sign-in name"
    LOCKED_OUT = "locked-out", "Locked out after repeated failures"
