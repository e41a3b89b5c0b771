"""Who has what: sources, snapshots, identities, accounts, entitlements and grants.

The wide tables (Account, Grant, RejectedRow) are written only by the set-based load, which joins their parents in the same
transaction, and parents can never be deleted (database triggers refuse it). Their references therefore carry no
foreign-key check: with a million rows those checks would cost more than the load itself.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from inventory.models_loads import LoadFile as LoadFile
from inventory.models_loads import LoadJob as LoadJob
from inventory.states import (
    Completeness,
    CredentialKind,
    DescribedHow,
    EntitlementKind,
    FileKind,
    IdentityKind,
    IdentityStatus,
    Tristate,
)
from people.states import Role


def unchecked(to: str, **options) -> models.ForeignKey:
    """A reference without a database constraint, for the wide tables (see the module's docstring)."""
    return models.ForeignKey(to, on_delete=models.PROTECT, db_constraint=False, **options)


class SourceQuerySet(models.QuerySet):
    """Sources by who may see them."""

    def visible_to(self, user):
        """All of them for administrators and control owners, one's own for a system owner, none for others."""
        if user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER):
            return self
        if user.has_role(Role.SYSTEM_OWNER):
            return self.filter(owner=user)
        return self.none()


class Source(models.Model):
    """A system under review, or the feed of people. `key` is what the `source` column of the files says."""

    key = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="owned_sources",
        help_text="The system owner, who removes access there.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Snapshot(models.Model):
    """One complete reading of a source. Inserted once, with its final counts, and never changed."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="snapshots")
    number = models.PositiveIntegerField(help_text="1, 2, 3 … within the source.")
    completeness = models.CharField(max_length=10, choices=Completeness.choices)
    extraction_note = models.TextField(help_text="How the files were extracted; the auditor reads it.")
    extracted_at = models.DateTimeField(null=True, blank=True)
    loaded_at = models.DateTimeField()
    loaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    loaded_by_name = models.CharField(max_length=200)
    rows_read = models.PositiveBigIntegerField()
    rows_loaded = models.PositiveBigIntegerField()
    rows_rejected = models.PositiveBigIntegerField()
    grants_open = models.PositiveBigIntegerField(help_text="Open grants of the source after this load.")
    grants_started = models.PositiveBigIntegerField()
    grants_changed = models.PositiveBigIntegerField()
    grants_ended = models.PositiveBigIntegerField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("source", "number"), name="snapshot_number_once"),
            models.CheckConstraint(condition=Q(rows_read=F("rows_loaded") + F("rows_rejected")), name="snapshot_rows_balance"),
            models.CheckConstraint(condition=Q(completeness="full") | Q(grants_ended=0), name="snapshot_only_full_ends_grants"),
        )

    def __str__(self) -> str:
        return f"{self.source.name} #{self.number}"


class SnapshotFile(models.Model):
    """One uploaded file of a snapshot, with the hash of its bytes as uploaded."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=15, choices=FileKind.choices)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="Bytes as uploaded.")
    rows_read = models.PositiveBigIntegerField()
    rows_loaded = models.PositiveBigIntegerField()
    rows_rejected = models.PositiveBigIntegerField()
    rows_unread = models.PositiveBigIntegerField(
        default=0,
        help_text="Rejected for what they say, not for standing there twice. A file with such rows ends and proves nothing.",
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("snapshot", "kind"), name="snapshot_file_kind_once"),
            models.CheckConstraint(
                condition=Q(rows_read=F("rows_loaded") + F("rows_rejected")), name="snapshot_file_rows_balance"
            ),
            models.CheckConstraint(condition=Q(rows_unread__lte=F("rows_rejected")), name="snapshot_file_unread_rejected"),
        )

    def __str__(self) -> str:
        return self.file_name


class RejectedRow(models.Model):
    """A row of a file that could not be loaded, kept whole with the reason."""

    file = unchecked("inventory.SnapshotFile", related_name="rejected_rows")
    line = models.PositiveBigIntegerField(help_text="Line of the file on which the row begins, 1 is the header.")
    field = models.CharField(max_length=60, blank=True)
    reason = models.TextField()
    raw = models.TextField()

    class Meta:
        ordering = ("file_id", "line", "id")

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class Identity(models.Model):
    """A person, supplier's worker, service account, workload or AI agent. `key` is the company-wide identity_id."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=300, blank=True)
    email = models.CharField(max_length=320, blank=True)
    kind = models.CharField(max_length=12, choices=IdentityKind.choices, default=IdentityKind.UNKNOWN)
    status = models.CharField(max_length=10, choices=IdentityStatus.choices, default=IdentityStatus.UNKNOWN)
    department = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200, blank=True)
    location = models.CharField(max_length=200, blank=True)
    manager_key = models.CharField(max_length=200, blank=True)
    manager = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="reports", db_constraint=False)
    owner_key = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="owned", db_constraint=False)
    supplier = models.CharField(max_length=200, blank=True)
    start_on = models.DateField(null=True)
    end_on = models.DateField(null=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="identity")
    linked_in = models.ForeignKey(
        Snapshot,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        help_text="The snapshot that tied it to its user; empty where that was not recorded yet.",
    )
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="identities")
    first_in = models.ForeignKey(
        Snapshot,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        help_text="The snapshot that first told of it; empty where that was not recorded yet.",
    )
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, related_name="+", db_constraint=False, help_text="Where it was last seen."
    )
    gone_in = models.ForeignKey(
        Snapshot,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        help_text="The FULL snapshot of its source that no longer had it.",
    )

    class Meta:
        verbose_name_plural = "identities"
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name or self.key


class Account(models.Model):
    """A login in a source; an orphan when no identity stands behind it."""

    source = unchecked("inventory.Source", related_name="accounts")
    key = models.CharField(max_length=300)
    name = models.CharField(max_length=300, blank=True)
    identity_key = models.CharField(max_length=200, blank=True, help_text="As the file says, known or not.")
    identity = unchecked("inventory.Identity", null=True, related_name="accounts")
    credential_kind = models.CharField(max_length=12, choices=CredentialKind.choices, default=CredentialKind.UNKNOWN)
    credential_created_at = models.DateTimeField(null=True)
    credential_rotated_at = models.DateTimeField(
        null=True, help_text="Its age counts from here; empty: from when it was created."
    )

    class Meta:
        ordering = ("source_id", "key")
        constraints = (models.UniqueConstraint(fields=("source", "key"), name="account_once"),)

    def __str__(self) -> str:
        return self.name or self.key


class Entitlement(models.Model):
    """A right in a source: role, group or permission."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="entitlements")
    key = models.CharField(max_length=300)
    name = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=12, choices=EntitlementKind.choices, default=EntitlementKind.UNKNOWN)
    description = models.TextField(
        blank=True, help_text="As its file says. What its owner wrote stands beside it, in `described`."
    )
    #: The words of its owner, which reviewers see instead of the file's.
    described = unchecked("inventory.EntitlementDescription", null=True, related_name="+", db_index=False)
    privileged = models.CharField(max_length=7, choices=Tristate.choices, default=Tristate.UNKNOWN)
    owner_key = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey(
        Identity, on_delete=models.PROTECT, null=True, related_name="owned_entitlements", db_constraint=False
    )
    tags = ArrayField(models.TextField(), default=list, help_text="Words its file gives it: lower case, sorted, each once.")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    gone_in = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False)

    class Meta:
        ordering = ("source_id", "key")
        constraints = (models.UniqueConstraint(fields=("source", "key"), name="entitlement_once"),)

    def __str__(self) -> str:
        return self.name or self.key


class EntitlementDescription(models.Model):
    """What somebody wrote about a right; empty takes back what was there. Append-only: each act adds a row."""

    entitlement = models.ForeignKey(Entitlement, on_delete=models.PROTECT, related_name="descriptions", db_constraint=False)
    text = models.TextField(blank=True)
    file_said = models.TextField(blank=True, help_text="What the file said of it then.")
    how = models.CharField(max_length=4, choices=DescribedHow.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("entitlement_id", "id")

    def __str__(self) -> str:
        return self.text


class FormerIdentity(models.Model):
    """What an identity's row said until a load changed it. Append-only."""

    identity = unchecked("inventory.Identity", related_name="former", db_index=False)
    until = unchecked("inventory.Snapshot", related_name="+", db_index=False)
    name = models.CharField(max_length=300, blank=True)
    email = models.CharField(max_length=320, blank=True)
    kind = models.CharField(max_length=12, choices=IdentityKind.choices)
    status = models.CharField(max_length=10, choices=IdentityStatus.choices)
    department = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200, blank=True)
    location = models.CharField(max_length=200, blank=True)
    manager_key = models.CharField(max_length=200, blank=True)
    owner_key = models.CharField(max_length=200, blank=True)
    supplier = models.CharField(max_length=200, blank=True)
    start_on = models.DateField(null=True)
    end_on = models.DateField(null=True)
    is_gone = models.BooleanField()

    class Meta:
        verbose_name_plural = "former identities"
        ordering = ("identity_id", "until_id")
        constraints = (models.UniqueConstraint(fields=("identity", "until"), name="former_identity_once"),)

    def __str__(self) -> str:
        return f"{self.name}, until {self.until_id}"


class FormerAccount(models.Model):
    """What an account's row said until a load changed it. Append-only."""

    account = unchecked("inventory.Account", related_name="former", db_index=False)
    until = unchecked("inventory.Snapshot", related_name="+", db_index=False)
    name = models.CharField(max_length=300, blank=True)
    identity_key = models.CharField(max_length=200, blank=True)
    credential_kind = models.CharField(max_length=12, choices=CredentialKind.choices, default=CredentialKind.UNKNOWN)
    credential_created_at = models.DateTimeField(null=True)
    credential_rotated_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("account_id", "until_id")
        constraints = (models.UniqueConstraint(fields=("account", "until"), name="former_account_once"),)

    def __str__(self) -> str:
        return f"{self.name}, until {self.until_id}"


class FormerEntitlement(models.Model):
    """What an entitlement's row said until a load changed it. Append-only."""

    entitlement = unchecked("inventory.Entitlement", related_name="former", db_index=False)
    until = unchecked("inventory.Snapshot", related_name="+", db_index=False)
    name = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=12, choices=EntitlementKind.choices)
    description = models.TextField(blank=True)
    privileged = models.CharField(max_length=7, choices=Tristate.choices)
    owner_key = models.CharField(max_length=200, blank=True)
    tags = ArrayField(models.TextField(), default=list)

    class Meta:
        ordering = ("entitlement_id", "until_id")
        constraints = (models.UniqueConstraint(fields=("entitlement", "until"), name="former_entitlement_once"),)

    def __str__(self) -> str:
        return f"{self.name}, until {self.until_id}"


#: What `as_of` tells of a grant besides its own columns → (former rows, their reference, path from the grant, column).
THEN = {
    **{f"{name}_then": (FormerEntitlement, "entitlement", "entitlement", name.removeprefix("entitlement_"))
       for name in ("entitlement_name", "entitlement_kind", "description", "privileged", "owner_key", "tags")},
    **{f"{name}_then": (FormerIdentity, "identity", "holder", name.removeprefix("identity_"))
       for name in ("identity_name", "identity_kind", "identity_status", "department", "title", "manager_key")},
}  # fmt: skip


def _then(former: type[models.Model], reference: str, of: str, column: str, snapshot_id: int) -> Subquery:
    """The value of the earliest former row that held beyond the snapshot."""
    rows = former.objects.filter(**{reference: OuterRef(of)}, until_id__gt=snapshot_id).order_by("until_id")
    return Subquery(rows.values(column)[:1])


#: The same of its account, whose times may be empty then and known now.
ACCOUNT_THEN = {
    "account_name_then": "name",
    "identity_key_then": "identity_key",
    **{f"{name}_then": name for name in ("credential_kind", "credential_created_at", "credential_rotated_at")},
}


def _account_then(snapshot_id: int) -> dict:
    rows = FormerAccount.objects.filter(account=OuterRef("account"), until_id__gt=snapshot_id).order_by("until_id")
    return {
        name: Case(When(Exists(rows), then=Subquery(rows.values(column)[:1])), default=F(f"account__{column}"))
        for name, column in ACCOUNT_THEN.items()
    }


class GrantQuerySet(models.QuerySet):
    """Grants by time."""

    def current(self):
        """Rows that hold now."""
        return self.filter(closed_in__isnull=True)

    def versions_of(self, grant: "Grant"):
        """Every version there ever was of the same access: the account's, to the same right, through the same path."""
        # Said of open and closed ones apart: each has its own index.
        either = Q(closed_in__isnull=True) | Q(closed_in__isnull=False)
        return self.filter(either, account_id=grant.account_id, entitlement_id=grant.entitlement_id, path=grant.path)

    def as_of(self, snapshot: Snapshot):
        """The population of the snapshot's source exactly as it stood after that snapshot.

        Each grant also has what was said of it then, whatever was loaded or written since: the names in `ACCOUNT_THEN`
        (identity_key_then is the holder, "" for none), holder (the id of their identity, None when nobody knew of it yet),
        is_gone_then (the holder was in no file any more), the names in `THEN` (those of the holder are None when there is none;
        description_then is the file's), and owner_description_then (what the right's owner had written by the time of the load).
        """
        held = self.filter(source_id=snapshot.source_id, opened_in_id__lte=snapshot.pk).filter(
            Q(closed_in__isnull=True) | Q(closed_in_id__gt=snapshot.pk)
        )
        known = Q(first_in_id__isnull=True) | Q(first_in_id__lte=snapshot.pk)
        held = held.annotate(**_account_then(snapshot.pk))
        held = held.annotate(
            holder=Subquery(Identity.objects.filter(known, key=OuterRef("identity_key_then")).values("pk")[:1])
        )
        written = EntitlementDescription.objects.filter(entitlement=OuterRef("entitlement"), at__lte=snapshot.loaded_at)
        current = {
            "entitlement": lambda column: F(f"entitlement__{column}"),
            "holder": lambda column: Subquery(Identity.objects.filter(pk=OuterRef("holder")).values(column)[:1]),
        }
        left = Identity.objects.filter(pk=OuterRef("holder")).values(is_gone=Coalesce(Q(gone_in_id__lte=snapshot.pk), False))
        return held.annotate(
            is_gone_then=Coalesce(_then(FormerIdentity, "identity", "holder", "is_gone", snapshot.pk), Subquery(left[:1])),
            owner_description_then=Coalesce(
                Subquery(written.order_by("-id").values("text")[:1]), Value("", models.TextField())
            ),
            **{
                name: Coalesce(_then(former, reference, of, column, snapshot.pk), current[of](column))
                for name, (former, reference, of, column) in THEN.items()
            },
        )


class Grant(models.Model):
    """An account has an entitlement, through a path. One row per *version*: a changed attribute closes the row and opens the next.

    Whose it is, is the account's to say. `first_seen` is the snapshot that first showed the grant and is carried over from
    version to version; `opened_in` and `closed_in` bound this version. A grant has ended when its last version is closed.
    Snapshot ids of one
    source grow with time (loads of a source are serialised), which is what `as_of` relies on.
    """

    source = unchecked("inventory.Source", related_name="grants", db_index=False)
    account = unchecked("inventory.Account", related_name="grants", db_index=False)
    entitlement = unchecked("inventory.Entitlement", related_name="grants", db_index=False)
    path = models.TextField(blank=True, help_text="How the account comes to have it; empty when direct or not known.")
    granted_at = models.DateTimeField(null=True)
    granted_by = models.CharField(max_length=200, blank=True)
    last_used_at = models.DateTimeField(null=True, help_text="Empty means unknown, not never.")
    expires_at = models.DateTimeField(null=True)
    first_seen = unchecked("inventory.Snapshot", related_name="+", db_index=False)
    opened_in = unchecked("inventory.Snapshot", related_name="+", db_index=False)
    closed_in = unchecked("inventory.Snapshot", null=True, related_name="+", db_index=False)

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("account", "entitlement", "path"), condition=Q(closed_in__isnull=True), name="grant_open_once"
            ),
            models.CheckConstraint(
                condition=Q(closed_in__isnull=True) | Q(closed_in__gt=F("opened_in")), name="grant_closed_after_opened"
            ),
            models.CheckConstraint(condition=Q(first_seen__lte=F("opened_in")), name="grant_first_seen_not_later"),
        )
        indexes = (
            models.Index(fields=("source", "opened_in", "closed_in"), name="grant_source_time"),
            models.Index(fields=("entitlement",), condition=Q(closed_in__isnull=True), name="grant_entitlement_open"),
            models.Index(fields=("account", "entitlement"), condition=Q(closed_in__isnull=False), name="grant_versions"),
        )

    def __str__(self) -> str:
        return f"grant {self.pk}"
