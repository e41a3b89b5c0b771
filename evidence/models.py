"""What the auditor gets: audit periods and the packs built for them."""

from datetime import date

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from evidence.states import Conclusion, Duty, PackState, PopulationKind, PostKind, StatementKind, Stratum
from people.states import Role

USER = settings.AUTH_USER_MODEL
#: So many days after the last day of somebody their access must be gone, where a period says nothing else.
LEAVER_DAYS = 1


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
    leaver_days = models.PositiveSmallIntegerField(
        default=LEAVER_DAYS, help_text="So many days after somebody's last day their access must be gone."
    )
    created_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = AuditPeriodQuerySet.as_manager()

    class Meta:
        ordering = ("-from_on", "name")
        constraints = (models.CheckConstraint(condition=Q(to_on__gte=F("from_on")), name="period_ends_after_it_begins"),)

    def __str__(self) -> str:
        return self.name


class Invitation(models.Model):
    """That somebody was invited to read a period, and how often the mail went out. Whether they still may is the period's to say."""

    period = models.ForeignKey(AuditPeriod, on_delete=models.PROTECT, related_name="invitations")
    auditor = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="audit_invitations")
    sent = models.PositiveIntegerField()
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", help_text="Who invited last.")
    at = models.DateTimeField(help_text="When.")

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("period", "auditor"), name="invitation_once"),)

    def __str__(self) -> str:
        return f"invitation of {self.auditor_id} to {self.period_id}"


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


class StatementQuerySet(models.QuerySet):
    """Statements by their latest versions."""

    def newest(self):
        """The latest version of each, in the order in which they were first made."""
        last = self.order_by("framework", "kind", "number", "-version").distinct("framework", "kind", "number")
        return self.filter(pk__in=last.values("pk")).order_by("framework", "kind", "number")


class Statement(models.Model):
    """What somebody stated about the controls of a framework: see evidence.statements. Append-only.

    Statements of a kind are numbered; a change is the next version of the same number, and `withdrawn` says why it holds no more.
    """

    framework = models.CharField(max_length=30, help_text="Code of a catalogue, such as soc2.")
    kind = models.CharField(max_length=20, choices=StatementKind.choices)
    number = models.PositiveIntegerField(help_text="1, 2, 3 … of its framework and kind.")
    version = models.PositiveIntegerField()
    control = models.CharField(max_length=60, blank=True, help_text="The control that it is about, if it is about one.")
    facts = models.JSONField(help_text="What is stated: the fields of its kind.")
    withdrawn = models.TextField(blank=True, help_text="Why it holds no more; empty: it holds.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    objects = StatementQuerySet.as_manager()

    class Meta:
        ordering = ("framework", "kind", "number", "version")
        constraints = (
            models.UniqueConstraint(fields=("framework", "kind", "number", "version"), name="statement_version_once"),
            models.CheckConstraint(
                condition=Q(kind="applicability") & ~Q(control="") | ~Q(kind="applicability") & Q(control=""),
                name="statement_applicability_has_its_control",
            ),
        )

    def __str__(self) -> str:
        return f"{self.framework} {self.kind} {self.number}.{self.version}"

    @property
    def called(self) -> str:
        """What it is about, in a line."""
        return self.control or self.facts.get("title") or self.facts.get("held_on", "")


class Sample(models.Model):
    """Rows drawn from a population of a period, with all that is needed to draw them again. Append-only."""

    period = models.ForeignKey(AuditPeriod, on_delete=models.PROTECT, related_name="samples")
    population = models.CharField(max_length=12, choices=PopulationKind.choices)
    campaigns = ArrayField(models.BigIntegerField(), default=list, help_text="The closed campaigns it is drawn from.")
    strata_by = models.CharField(max_length=10, choices=Stratum.choices, blank=True)
    seed = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    population_count = models.PositiveBigIntegerField()
    population_root = models.CharField(max_length=64, help_text="RFC 6962 root over the population's rows, hex.")
    rows_root = models.CharField(max_length=64, help_text="RFC 6962 root over the drawn rows, hex.")
    strata = models.JSONField(help_text="[{stratum, population, drawn}], by name.")
    statement = models.JSONField(help_text="The population's completeness: counts that balance. See evidence.populations.")
    drawn_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    drawn_by_name = models.CharField(max_length=200)
    drawn_at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=Q(size__gte=1, size__lte=F("population_count")), name="sample_within_population"),
        )

    def __str__(self) -> str:
        return f"sample {self.pk} of {self.period_id}"

    @property
    def subject(self) -> str:
        """How its ledger entries name it; they belong to the period."""
        return f"evidence.period:{self.period_id}/sample:{self.pk}"


class PopulationRow(models.Model):
    """One row of the population that a sample was drawn from, as it stood then. Append-only."""

    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="population_rows", db_constraint=False)
    place = models.PositiveIntegerField(help_text="1, 2, 3 … in the order of the root.")
    key = models.CharField(max_length=60, help_text="Its id, which never changes: item/CAMPAIGN/NUMBER or identity/NUMBER.")
    stratum = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ("sample_id", "place")
        constraints = (models.UniqueConstraint(fields=("sample", "place"), name="population_place_once"),)

    def __str__(self) -> str:
        return self.key


class SampleRow(models.Model):
    """One drawn row. Append-only; the latest of its conclusions counts."""

    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="rows")
    number = models.PositiveIntegerField(help_text="1 … size.")
    key = models.CharField(max_length=60)
    stratum = models.CharField(max_length=80, blank=True)
    label = models.CharField(max_length=700, help_text="What it is called on pages.")
    item = models.ForeignKey("campaigns.ReviewItem", on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False)
    identity = models.ForeignKey("inventory.Identity", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("sample_id", "number")
        constraints = (
            models.UniqueConstraint(fields=("sample", "number"), name="sample_row_once"),
            models.CheckConstraint(
                condition=Q(item__isnull=True, identity__isnull=False) | Q(item__isnull=False, identity__isnull=True),
                name="sample_row_is_one_thing",
            ),
        )

    def __str__(self) -> str:
        return f"{self.sample_id}/{self.number}: {self.label}"


class RowConclusion(models.Model):
    """What an auditor concluded of a drawn row. Append-only: a later one takes the place of it until the sample is signed off."""

    row = models.ForeignKey(SampleRow, on_delete=models.PROTECT, related_name="conclusions")
    conclusion = models.CharField(max_length=12, choices=Conclusion.choices)
    note = models.TextField(blank=True)
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=~Q(conclusion="exception") | ~Q(note=""), name="conclusion_exception_says_why"),
        )

    def __str__(self) -> str:
        return f"{self.row_id}: {self.conclusion}"


class SampleSignOff(models.Model):
    """The auditor's signed statement over a sample's conclusions; nothing is concluded after it. Append-only."""

    sample = models.OneToOneField(Sample, on_delete=models.PROTECT, related_name="sign_off")
    statement = models.TextField()
    no_exception = models.PositiveIntegerField()
    exception = models.PositiveIntegerField()
    conclusions_root = models.CharField(max_length=64, help_text="RFC 6962 root over the conclusions that count, hex.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"sign-off of sample {self.sample_id}"


class AuditRequest(models.Model):
    """A question of an auditor about a period, or about a sample of it. Append-only: where it stands follows from its posts."""

    period = models.ForeignKey(AuditPeriod, on_delete=models.PROTECT, related_name="requests")
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, null=True, related_name="requests")
    row = models.ForeignKey(SampleRow, on_delete=models.PROTECT, null=True, related_name="requests")
    title = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=Q(row__isnull=True) | Q(sample__isnull=False), name="request_row_has_its_sample"),
        )

    def __str__(self) -> str:
        return self.title


class RequestPost(models.Model):
    """What somebody said in the thread of a request, with an optional file. Append-only."""

    request = models.ForeignKey(AuditRequest, on_delete=models.PROTECT, related_name="posts")
    kind = models.CharField(max_length=10, choices=PostKind.choices)
    text = models.TextField()
    file_name = models.CharField(max_length=255, blank=True)
    file_sha256 = models.CharField(max_length=64, blank=True)
    file_size = models.PositiveBigIntegerField(null=True)
    stored_as = models.CharField(max_length=255, blank=True, help_text="Path below the data directory.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(file_name="", file_sha256="", file_size__isnull=True, stored_as="")
                | (~Q(file_name="") & ~Q(file_sha256="") & Q(file_size__isnull=False) & ~Q(stored_as="")),
                name="post_file_facts_together",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} in {self.request_id}"
