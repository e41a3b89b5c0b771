"""Vocabulary of the inventory; pure."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class Completeness(TextChoices):
    """Whether a snapshot shows everything its source holds. Only FULL may end a grant."""

    FULL = "full", _("Full")
    PARTIAL = "partial", _("Partial")
    UNKNOWN = "unknown", _("Unknown")


class FileKind(TextChoices):
    """The three files of a load."""

    IDENTITIES = "identities", _("Identities")
    ENTITLEMENTS = "entitlements", _("Entitlements")
    GRANTS = "grants", _("Grants")


class IdentityKind(TextChoices):
    """What stands behind an identity."""

    EMPLOYEE = "employee", _("Employee")
    CONTRACTOR = "contractor", _("Contractor")
    SUPPLIER = "supplier", _("Supplier")
    SERVICE = "service", _("Service account")
    WORKLOAD = "workload", _("Workload")
    AGENT = "agent", _("AI agent")
    UNKNOWN = "unknown", _("Unknown")


class IdentityStatus(TextChoices):
    """Whether the identity is still active, as its feed says."""

    ACTIVE = "active", _("Active")
    INACTIVE = "inactive", _("Inactive")
    UNKNOWN = "unknown", _("Unknown")


class EntitlementKind(TextChoices):
    """What sort of right it is."""

    ROLE = "role", _("Role")
    GROUP = "group", _("Group")
    PERMISSION = "permission", _("Permission")
    UNKNOWN = "unknown", _("Unknown")


class Tristate(TextChoices):
    """Unknown is not false."""

    YES = "yes", _("Yes")
    NO = "no", _("No")
    UNKNOWN = "unknown", _("Unknown")


class CredentialKind(TextChoices):
    """What an account signs in with."""

    PASSWORD = "password", _("Password")
    KEY = "key", _("Key")
    SECRET = "secret", _("Secret")
    TOKEN = "token", _("Token")
    CERTIFICATE = "certificate", _("Certificate")
    FEDERATED = "federated", _("Federated or short-lived")
    NONE = "none", _("None")
    UNKNOWN = "unknown", _("Unknown")


#: Credentials that stay the same until somebody changes them. A person's password is none: it is behind a sign-in of a person.
STATIC_CREDENTIALS = (CredentialKind.KEY, CredentialKind.SECRET, CredentialKind.TOKEN, CredentialKind.CERTIFICATE)


class DescribedHow(TextChoices):
    """How somebody described a right."""

    FORM = "form", _("On the page")
    FILE = "file", _("From a file")


class LoadState(TextChoices):
    """The life of a load that was uploaded in the browser or started by the command."""

    UPLOADED = "uploaded", _("Uploaded")
    CHECK_QUEUED = "check_queued", _("Waiting to be checked")
    CHECKING = "checking", _("Checking")
    CHECKED = "checked", _("Checked")
    QUEUED = "queued", _("Waiting to be loaded")
    LOADING = "loading", _("Loading")
    LOADED = "loaded", _("Loaded")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


LOAD_TRANSITIONS = {
    LoadState.UPLOADED: {LoadState.CHECK_QUEUED, LoadState.CANCELLED},
    LoadState.CHECK_QUEUED: {LoadState.CHECKING, LoadState.CANCELLED},
    LoadState.CHECKING: {LoadState.CHECKED, LoadState.CHECK_QUEUED, LoadState.FAILED},
    LoadState.CHECKED: {LoadState.CHECK_QUEUED, LoadState.QUEUED, LoadState.CANCELLED},
    LoadState.QUEUED: {LoadState.LOADING, LoadState.CANCELLED},
    LoadState.LOADING: {LoadState.LOADED, LoadState.QUEUED, LoadState.FAILED},
    LoadState.LOADED: set(),
    LoadState.FAILED: {LoadState.CHECK_QUEUED, LoadState.CANCELLED},
    LoadState.CANCELLED: set(),
}


#: How templates say a completeness where only its value is at hand.
COMPLETENESS_WORDS = (gettext_noop("full"), gettext_noop("partial"), gettext_noop("unknown"))
