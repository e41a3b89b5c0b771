"""What the auditor gets: audit periods and the packs built for them."""

from datetime import date

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from evidence.states import Duty, PackState
from people.states import Role

USER = settings.AUTH_USER_MODEL


class AuditPeriodQuerySet(models.QuerySet):
    """Periods by who may read them."""

    def visible_to(self, user, today: date):
        """All of them for those who run audits; for an auditor those opened to them, until their last day."""
        if user.has_role(Role.CONTROL_OWNER, Role.ADMINISTRATOR):
            return self
        if user.has_role(Role.AUDITOR):
            return self.filter(auditors=user, open_until__gte=today)
        return self.none()


class AuditPeriod(models.Model):
    """A span of time under one framework that is opened, read-only, to named auditors until a day."""

    name = models.CharField(max_length=200, unique=True)
    framework = models.CharField(max_length=30, help_text="Code of a catalogue, such as soc2.")
    from_on = models.DateField()
    to_on = models.DateField(help_text="The last day of the period, included.")
    auditors: models.ManyToManyField = models.ManyToManyField(USER, blank=True, related_name="audit_periods")
    open_until = models.DateField(help_text="The last day on which the auditors may read.")
    systems = ArrayField(models.CharField(max_length=80), default=list, help_text="Keys of sources in scope; empty: all.")
    kinds = ArrayField(models.CharField(max_length=12), default=list, help_text="Identity kinds in scope; empty: all.")
    outside = models.TextField(blank=True, default="", help_text="What is outside the scope, and why.")
    created_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = AuditPeriodQuerySet.as_manager()

    class Meta:
        ordering = ("-from_on", "name")
        constraints = (models.CheckConstraint(condition=Q(to_on__gte=F("from_on")), name="period_ends_after_it_begins"),)

    def __str__(self) -> str:
        return self.name


class EvidencePack(models.Model):
    """One ZIP for one period, made against one checkpoint: the same period and checkpoint give the same bytes."""

    period = models.ForeignKey(AuditPeriod, on_delete=models.PROTECT, related_name="packs")
    state = models.CharField(max_length=10, choices=PackState.choices, default=PackState.REQUESTED)
    requested_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    checkpoint_size = models.PositiveBigIntegerField(null=True, help_text="Entries under the sealing checkpoint.")
    counts = models.JSONField(default=dict)
    stored_as = models.CharField(max_length=255, blank=True, help_text="Path below the pack directory.")
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(null=True)
    built_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(state="ready", built_at__isnull=False, size__isnull=False)
                | (~Q(state="ready") & Q(built_at__isnull=True, size__isnull=True)),
                name="pack_ready_facts_together",
            ),
        )

    def __str__(self) -> str:
        return f"pack {self.pk} of {self.period.name}"

    @property
    def is_waiting(self) -> bool:
        """Whether it is being built or waits for a worker."""
        return self.state == PackState.REQUESTED

    @property
    def file_name(self) -> str:
        """What the auditor's file is called."""
        period = self.period
        return f"certify-{period.framework}-{period.from_on}-{period.to_on}-{self.checkpoint_size}.zip"


class Seal(models.Model):
    """The control owner's signed statement that a closed campaign is done with, and what it stood at. Append-only."""

    campaign = models.OneToOneField("campaigns.Campaign", on_delete=models.PROTECT, related_name="seal")
    statement = models.TextField()
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    counts = models.JSONField(help_text="Items, removals and findings at that moment: see evidence.sealing.")
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"seal of {self.campaign_id}"


class FrameworkFile(models.Model):
    """A catalogue of controls that was loaded from a file. Append-only: the same code again is the next version."""

    code = models.CharField(max_length=30)
    version = models.PositiveIntegerField()
    document = models.TextField(help_text="docs/schemas/framework.json")
    sha256 = models.CharField(max_length=64)
    loaded_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    loaded_at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("code", "version")
        constraints = (models.UniqueConstraint(fields=("code", "version"), name="framework_version_once"),)

    def __str__(self) -> str:
        return f"{self.code} {self.version}"


class ControlDuty(models.Model):
    """Who answers for what at a control from a moment on, until the next row of the same control and duty. Append-only.

    Without a holder nobody does.
    """

    control = models.CharField(max_length=60, help_text="A reference such as soc2:CC6.3.")
    duty = models.CharField(max_length=20, choices=Duty.choices)
    holder = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="control_duties")
    holder_name = models.CharField(max_length=200, blank=True, help_text="As it was then.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(holder__isnull=True, holder_name="") | (Q(holder__isnull=False) & ~Q(holder_name="")),
                name="duty_holder_facts_together",
            ),
        )
        indexes = (models.Index(fields=("control", "duty", "id"), name="duty_of_control"),)

    def __str__(self) -> str:
        return f"{self.control} {self.duty}: {self.holder_name}"
