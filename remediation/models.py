"""What was done about a revocation: tasks, attempts and the snapshots that prove or disprove them.

`RemediationTask` carries the current state for work lists; `Attempt` and `Verification` are append-only and are what the
evidence pack reads.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from campaigns.states import Outcome
from people.models import ApiToken
from people.states import Role
from remediation.models_early import Withdrawal as Withdrawal
from remediation.models_objections import Announcement as Announcement
from remediation.models_objections import Objection as Objection
from remediation.models_results import ApplyResult as ApplyResult
from remediation.states import (
    SETTLED,
    AttemptKind,
    DeliveryState,
    Effect,
    EndReason,
    ExceptionState,
    TaskState,
    TicketState,
    Verdict,
)

USER = settings.AUTH_USER_MODEL


class RemediationTaskQuerySet(models.QuerySet):
    """Removals by who may see them and by what is left to do."""

    def visible_to(self, user):
        """All of them for control owners and administrators, one's own for a system owner, those of its systems for a program."""
        if isinstance(user, ApiToken):
            return self.filter(source__key__in=user.things)
        if user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER):
            return self
        if user.has_role(Role.SYSTEM_OWNER):
            return self.filter(owner=user)
        return self.none()

    def unproved(self):
        """Removals that no later snapshot has proved, and that are not settled in another way."""
        return self.exclude(state__in=SETTLED)


class RemediationTask(models.Model):
    """One access to take away, because submitted decisions revoked it: of a closed campaign, or (`is_early`) of one that is open."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="removals")
    item = models.OneToOneField("campaigns.ReviewItem", on_delete=models.PROTECT, related_name="removal", db_constraint=False)
    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="removals")
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="removals", help_text="Who must do it.")
    state = models.CharField(max_length=15, choices=TaskState.choices, default=TaskState.OPEN)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    present_in = models.ForeignKey(
        "inventory.Snapshot",
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="A snapshot that shows it: that of its campaign, or the one that last said something new.",
    )
    verified_in = models.ForeignKey(
        "inventory.Snapshot",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The FULL snapshot in which it was gone.",
    )
    is_early = models.BooleanField(default=False, db_default=False, help_text="Began at sign-off, before its campaign closed.")
    entry_uid = models.UUIDField()

    objects = RemediationTaskQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(state="verified_gone", verified_in__isnull=False)
                | (~Q(state="verified_gone") & Q(verified_in__isnull=True)),
                name="task_gone_has_its_snapshot",
            ),
        )
        indexes = (
            models.Index(fields=("owner", "due_at"), condition=~Q(state="verified_gone"), name="task_owner_open"),
            models.Index(fields=("source",), condition=~Q(state="verified_gone"), name="task_source_open"),
            models.Index(fields=("campaign",), condition=Q(is_early=True), name="task_early"),
        )

    def __str__(self) -> str:
        return f"removal {self.pk}"

    @property
    def is_for_silence(self) -> bool:
        """Whether nobody decided it in the review: people approved it afterwards."""
        return self.item.outcome == Outcome.NOT_REVIEWED


class Attempt(models.Model):
    """What somebody did about a removal, or says was done, with an optional proof: a hashed file, or an address. Append-only."""

    task = models.ForeignKey(RemediationTask, on_delete=models.PROTECT, related_name="attempts")
    kind = models.CharField(max_length=10, choices=AttemptKind.choices, default=AttemptKind.CLAIM, db_default="claim")
    note = models.TextField()
    proof_link = models.URLField(max_length=1000, blank=True, db_default="", help_text="Where the proof can be seen.")
    proof_name = models.CharField(max_length=255, blank=True)
    proof_sha256 = models.CharField(max_length=64, blank=True)
    proof_size = models.PositiveBigIntegerField(null=True)
    stored_as = models.CharField(max_length=255, blank=True, help_text="Path below the proof directory.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+", help_text="Empty: a program.")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(proof_name="", proof_sha256="", proof_size__isnull=True, stored_as="")
                | (~Q(proof_name="") & ~Q(proof_sha256="") & Q(proof_size__isnull=False) & ~Q(stored_as="")),
                name="attempt_proof_facts_together",
            ),
        )

    def __str__(self) -> str:
        return f"attempt on removal {self.task_id}"


class Verification(models.Model):
    """What one later FULL snapshot says of one removal. Append-only; at most one per task and snapshot.

    Written by one set-based statement that joins what it refers to, none of which can be deleted: a million references would cost
    more to check than the verdicts themselves.
    """

    task = models.ForeignKey(RemediationTask, on_delete=models.PROTECT, related_name="verifications", db_constraint=False)
    snapshot = models.ForeignKey(
        "inventory.Snapshot", on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    present_in = models.ForeignKey(
        "inventory.Snapshot",
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The FULL snapshot before it that still showed the access: the other bound of the time of removal.",
    )
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("task", "snapshot"), name="verification_once"),)

    def __str__(self) -> str:
        return f"removal {self.task_id}: {self.verdict}"


class Return(models.Model):
    """Access that was proved gone and was seen again: a finding. Append-only.

    `decision_entry_uid` is the decision that took it away (empty where it was removed for silence), `later_entry_uid` the last
    decision about the same access since, if any.
    """

    task = models.ForeignKey(RemediationTask, on_delete=models.PROTECT, related_name="returns")
    gone_in = models.ForeignKey("inventory.Snapshot", on_delete=models.PROTECT, related_name="+")
    seen_in = models.ForeignKey("inventory.Snapshot", on_delete=models.PROTECT, related_name="+")
    decision_entry_uid = models.UUIDField(null=True)
    later_entry_uid = models.UUIDField(null=True)
    later_outcome = models.CharField(max_length=12, blank=True)
    granted_by = models.CharField(max_length=200, blank=True, help_text="Who gave it again, as the file says.")
    due_at = models.DateTimeField()
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("task", "seen_in"), name="return_once"),)

    def __str__(self) -> str:
        return f"removal {self.task_id} came back"


class Watched(models.Model):
    """Up to which snapshot the removals of a source have been held against its readings. Goes back when older ones are opened."""

    source = models.OneToOneField("inventory.Source", on_delete=models.PROTECT, related_name="watched_removals")
    up_to = models.BigIntegerField(help_text="Id of a snapshot: it and all before it have been looked at.")

    class Meta:
        ordering = ("source_id",)

    def __str__(self) -> str:
        return f"{self.source_id}: {self.up_to}"


class RiskExceptionQuerySet(models.QuerySet):
    """Exceptions by who may see them and by what counts."""

    def visible_to(self, user):
        """Those of the removals that the user may see."""
        if user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER):
            return self
        if user.has_role(Role.SYSTEM_OWNER):
            return self.filter(task__owner=user)
        return self.none()

    def in_force(self, today):
        """Approved, and not past their last day."""
        return self.filter(state=ExceptionState.APPROVED, expires_on__gte=today)


class RiskException(models.Model):
    """Access that stays although it was to be removed: why, what watches it instead, who approved that, until when.

    What was asked never changes; its state goes forward only, and each step is an entry in the ledger.
    """

    task = models.ForeignKey(RemediationTask, on_delete=models.PROTECT, related_name="exceptions")
    reason = models.TextField()
    control = models.TextField(help_text="The compensating control: what limits or watches the risk meanwhile.")
    expires_on = models.DateField(help_text="The last day on which it holds, UTC.")
    state = models.CharField(max_length=10, choices=ExceptionState.choices, default=ExceptionState.REQUESTED)
    requested_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    requested_by_name = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    decided_by_name = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True, help_text="What whoever decided said.")
    ended_at = models.DateTimeField(null=True)
    ended_by_name = models.CharField(max_length=200, blank=True)
    ended_by_ref = models.CharField(max_length=80, blank=True, default="", db_default="", help_text="As in the ledger.")
    end_reason = models.CharField(max_length=10, choices=EndReason.choices, blank=True)
    entry_uid = models.UUIDField(unique=True, help_text="Ledger entry of the request.")

    objects = RiskExceptionQuerySet.as_manager()

    class Meta:
        ordering = ("expires_on", "id")
        constraints = (
            models.UniqueConstraint(fields=("task",), condition=Q(state="requested"), name="exception_requested_once"),
            models.UniqueConstraint(fields=("task",), condition=Q(state="approved"), name="exception_in_force_once"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_at__isnull=True, decided_by_name="")
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decided_by_name="")),
                name="exception_decided_facts_together",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("approved", "declined")) | Q(decided_by__isnull=False),
                name="exception_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("requested_by")),
                name="exception_decided_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) & ~Q(end_reason="")
                | ~Q(state="ended") & Q(ended_at__isnull=True, end_reason=""),
                name="exception_ended_facts_together",
            ),
        )
        indexes = (models.Index(fields=("expires_on",), condition=Q(state="approved"), name="exception_running"),)

    def __str__(self) -> str:
        return f"exception {self.pk} of removal {self.task_id}"


class Channel(models.Model):
    """How removals of a source are sent to another system: its kind, address and secrets, and the switch that stops it all.

    `kind` is a key of `remediation.connectors.KINDS`, and `settings` what that kind asks for.
    """

    source = models.OneToOneField("inventory.Source", on_delete=models.PROTECT, related_name="removal_channel")
    kind = models.CharField(max_length=20, default="webhook", db_default="webhook")
    settings = models.JSONField(default=dict, db_default={})
    waits_until = models.DateTimeField(null=True, help_text="The other side asked for a pause; nothing is sent before.")
    url = models.URLField(max_length=1000)
    secret = models.TextField(help_text="Encrypted under SECRET_KEY.")
    former_secret = models.TextField(blank=True, help_text="Signs too, until `former_until`.")
    former_until = models.DateTimeField(null=True)
    is_on = models.BooleanField(default=False, help_text="Off: nothing is sent, what waits goes on waiting.")
    is_dry = models.BooleanField(default=True, help_text="Sendings are shown and not sent.")
    dried_at = models.DateTimeField(null=True, help_text="The last dry run under this address.")
    most = models.PositiveIntegerField(default=20, help_text="More than this at once need a second person.")
    percent = models.PositiveSmallIntegerField(default=5, help_text="So does more than this share of the open grants.")

    class Meta:
        ordering = ("source__name",)
        constraints = (
            models.CheckConstraint(condition=Q(percent__gte=1, percent__lte=100), name="channel_percent"),
            models.CheckConstraint(condition=Q(is_dry=True) | Q(dried_at__isnull=False), name="channel_dry_first"),
        )

    def __str__(self) -> str:
        return f"channel of {self.source_id}"


class Sending(models.Model):
    """One act by which removals are sent, and what they would take away. When it `needs_second`, another person confirms it."""

    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="sendings")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    is_dry = models.BooleanField()
    count = models.PositiveIntegerField()
    limits = models.JSONField(help_text="{open, percent, most, needs_second, last_holders: [names that were left out]}")
    needs_second = models.BooleanField()
    decided_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    decided_by_name = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    is_confirmed = models.BooleanField(null=True)
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(is_confirmed__isnull=True) | ~Q(is_confirmed=True) | ~Q(decided_by=F("by")),
                name="sending_confirmed_by_somebody_else",
            ),
        )

    def __str__(self) -> str:
        return f"{self.by_name}: {self.count} removals"


class Delivery(models.Model):
    """One message about one removal. `key` is its webhook-id: the same for every try, so that a receiver acts on it once."""

    sending = models.ForeignKey(Sending, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    task = models.ForeignKey(RemediationTask, on_delete=models.PROTECT, related_name="deliveries")
    kind = models.CharField(
        max_length=20, default="webhook", db_default="webhook", help_text="For which kind of channel it was made."
    )
    key = models.UUIDField(unique=True)
    body = models.TextField(help_text="Exactly what is sent, each time.")
    state = models.CharField(max_length=10, choices=DeliveryState.choices)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(help_text="Not tried before; while it is being tried, when the worker counts as lost.")
    trying_since = models.DateTimeField(null=True, help_text="A worker is at it.")
    note = models.TextField(blank=True, help_text="What the last answer came to, in words.")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("task",), condition=Q(state__in=("held", "queued")), name="delivery_waiting_once"),
        )
        indexes = (models.Index(fields=("next_at", "id"), condition=Q(state="queued"), name="delivery_queued"),)

    def __str__(self) -> str:
        return f"message {self.key}"


class DeliveryTry(models.Model):
    """One try: what was sent where, and what came back. Append-only."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    url = models.TextField()
    began_at = models.DateTimeField()
    took_ms = models.PositiveIntegerField(null=True)
    request_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    response = models.TextField(blank=True)
    error = models.TextField(blank=True)
    outcome = models.CharField(max_length=10, choices=DeliveryState.choices)
    effect = models.CharField(max_length=10, choices=Effect.choices, blank=True, db_default="")
    requests = models.TextField(
        blank=True, db_default="", help_text="What was asked for, a line each, where it is more than the message."
    )
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("delivery", "number"), name="delivery_try_once"),)

    def __str__(self) -> str:
        return f"try {self.number} of {self.delivery_id}"


class Ticket(models.Model):
    """The ticket that a message opened in another system, as it was last seen there. What follows from a change is in the ledger."""

    delivery = models.OneToOneField(Delivery, on_delete=models.PROTECT, related_name="ticket")
    ident = models.CharField(max_length=200, help_text="Its id over there.")
    name = models.CharField(max_length=200, help_text="What people call it.")
    url = models.URLField(max_length=1000, blank=True)
    state = models.CharField(max_length=10, choices=TicketState.choices, default=TicketState.OPEN)
    status = models.CharField(max_length=200, blank=True, help_text="In the words of its system.")
    opened_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True, help_text="Looked at again not before; None: not any more.")
    error = models.TextField(blank=True, help_text="Why the last look showed nothing.")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("next_at", "id"), condition=Q(next_at__isnull=False), name="ticket_due"),)

    def __str__(self) -> str:
        return self.name
