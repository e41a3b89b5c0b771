"""The roles a person may hold in Certify and the life of a mail."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """What a person may do in Certify; one person may hold several."""

    ADMINISTRATOR = "administrator", _("Administrator")
    CONTROL_OWNER = "control_owner", _("Control owner")
    REVIEWER = "reviewer", _("Reviewer")
    SYSTEM_OWNER = "system_owner", _("System owner")
    AUDITOR = "auditor", _("Auditor")


ROLE_DESCRIPTIONS = {
    Role.ADMINISTRATOR: _("Connects sources, manages people and their roles, sees the ledger."),
    Role.CONTROL_OWNER: _("Defines, launches and closes campaigns and follows removals to the end."),
    Role.REVIEWER: _("Decides on the access that was assigned to them, and sees nothing else."),
    Role.SYSTEM_OWNER: _("Removes access in the systems they own and reports what was done."),
    Role.AUDITOR: _("Reads the audit periods that were opened to them, and nothing else."),
}


class ErasureBasis(TextChoices):
    """On what ground somebody is erased."""

    REQUEST = "request", _("They asked for it")
    KEPT_LONG_ENOUGH = "kept-long-enough", _("They left, and have been kept long enough")
    OTHER = "other", _("Another reason, given below")


class MailState(TextChoices):
    """A mail is queued by an action; the mail task sends it, gives it up, or finds that nobody needs it any more."""

    QUEUED = "queued", _("Queued")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Not needed")


MAIL_TRANSITIONS = {
    MailState.QUEUED: {MailState.QUEUED, MailState.SENT, MailState.FAILED, MailState.SKIPPED},
    MailState.FAILED: {MailState.QUEUED},
    MailState.SENT: set(),
    MailState.SKIPPED: set(),
}


class RetentionKind(TextChoices):
    """What has a rule of its own for how long it is kept. Ledger entries, decisions and items have none: they are never deleted."""

    MAILS = "mails", _("Texts of mails")
    PROOFS = "proofs", _("Files of proofs and answers")
    LOADS = "loads", _("Uploaded files of loads")
    SHEETS = "sheets", _("Spreadsheets of reviewers")
    PACKS = "packs", _("Evidence packs")
    SIGN_INS = "sign-ins", _("Counters of failed sign-ins")
    LEAVERS = "leavers", _("Particulars of people who left")


class SignInFailure(TextChoices):
    """Why a sign-in failed. The ledger says it; the page never does, so that nobody can ask it for names."""

    WRONG_PASSWORD = "wrong-password", _("Wrong password")
    NO_PASSWORD = "no-password-set", _("No password set yet")
    DEACTIVATED = "deactivated", _("Deactivated")
    UNKNOWN_NAME = "unknown-name", _("Unknown sign-in name")
    LOCKED_OUT = "locked-out", _("Locked out after repeated failures")
    ADDRESS_LOCKED_OUT = "address-locked-out", _("Many names failed at one address")
    NAME_LOCKED_OUT = "name-locked-out", _("One name failed at many addresses")


class Means(TextChoices):
    """What somebody signed in with. A password alone is not enough for those who have, or must have, a second factor."""

    PASSWORD = "password", _("Password")
    CODE = "password and code", _("Password and code")
    RECOVERY = "password and recovery code", _("Password and recovery code")


class CodeFailure(TextChoices):
    """Why a code of the second factor was refused."""

    WRONG = "wrong-code", _("Wrong code")
    USED = "used-code", _("A code that was used before")
    LOCKED_OUT = "locked-out", _("Locked out after repeated failures")
