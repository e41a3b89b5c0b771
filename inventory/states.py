"""Vocabulary of the inventory; pure."""

from django.db.models import TextChoices


class Completeness(TextChoices):
    """Whether a snapshot shows everything its source holds. Only FULL may end a grant."""

    FULL = "full", "Full"
    PARTIAL = "partial", "Partial"
    UNKNOWN = "unknown", "Unknown"


class FileKind(TextChoices):
    """The three files of a load."""

    IDENTITIES = "identities", "Identities"
    ENTITLEMENTS = "entitlements", "Entitlements"
    GRANTS = "grants", "Grants"


class IdentityKind(TextChoices):
    """What stands behind an identity."""

    EMPLOYEE = "employee", "Employee"
    CONTRACTOR = "contractor", "Contractor"
    SUPPLIER = "supplier", "Supplier"
    SERVICE = "service", "Service account"
    WORKLOAD = "workload", "Workload"
    AGENT = "agent", "AI agent"
    UNKNOWN = "unknown", "Unknown"


class IdentityStatus(TextChoices):
    """Whether the identity is still active, as its feed says."""

    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"
    UNKNOWN = "unknown", "Unknown"


class EntitlementKind(TextChoices):
    """What sort of right it is."""

    ROLE = "role", "Role"
    GROUP = "group", "Group"
    PERMISSION = "permission", "Permission"
    UNKNOWN = "unknown", "Unknown"


class Tristate(TextChoices):
    """Unknown is not false."""

    YES = "yes", "Yes"
    NO = "no", "No"
    UNKNOWN = "unknown", "Unknown"


class LoadState(TextChoices):
    """The life of a load that was uploaded in the browser or started by the command."""

    UPLOADED = "uploaded", "Uploaded"
    CHECK_QUEUED = "check_queued", "Waiting to be checked"
    CHECKING = "checking", "Checking"
    CHECKED = "checked", "Checked"
    QUEUED = "queued", "Waiting to be loaded"
    LOADING = "loading", "Loading"
    LOADED = "loaded", "Loaded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


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
