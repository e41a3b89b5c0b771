"""How long things are kept, what was deleted, and legal holds; `people.models` has their names too.

They are this low so that every app can say of its own rows that a file was deleted, and ask whether somebody is held.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from people.states import RetentionKind

USER = settings.AUTH_USER_MODEL


class LegalHold(models.Model):
    """That what it covers is neither deleted nor erased until it is released. Append-only.

    It covers all that belongs to one of the things it names: campaigns, systems, people, a span of time; or everything.
    """

    name = models.CharField(max_length=120)
    reason = models.TextField()
    everything = models.BooleanField(default=False)
    campaigns = ArrayField(models.BigIntegerField(), default=list)
    systems = ArrayField(models.CharField(max_length=80), default=list, help_text="Keys of sources.")
    people = ArrayField(models.CharField(max_length=80), default=list, help_text="people.user:… and inventory.identity:…")
    from_on = models.DateField(null=True)
    to_on = models.DateField(null=True, help_text="The last day, included.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(from_on__isnull=True, to_on__isnull=True)
                | Q(from_on__isnull=False, to_on__isnull=False, to_on__gte=F("from_on")),
                name="hold_span_has_two_ends",
            ),
            models.CheckConstraint(
                condition=Q(everything=True)
                | Q(campaigns__len__gte=1)
                | Q(systems__len__gte=1)
                | Q(people__len__gte=1)
                | Q(from_on__isnull=False),
                name="hold_covers_something",
            ),
        )

    def __str__(self) -> str:
        return self.name


class HoldRelease(models.Model):
    """That a second person ended a hold. Append-only."""

    hold = models.OneToOneField(LegalHold, on_delete=models.PROTECT, related_name="release")
    reason = models.TextField()
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"release of {self.hold_id}"


class RetentionRule(models.Model):
    """How long a kind of thing is kept from a moment on, until the next rule of the kind. Append-only; without one, for good."""

    kind = models.CharField(max_length=12, choices=RetentionKind.choices)
    number = models.PositiveIntegerField(help_text="1, 2, 3 … of the kind.")
    days = models.PositiveIntegerField(null=True, help_text="Empty: for good.")
    reason = models.TextField()
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("kind", "number")
        constraints = (
            models.UniqueConstraint(fields=("kind", "number"), name="retention_rule_once"),
            models.CheckConstraint(condition=Q(days__isnull=True) | Q(days__gte=1), name="retention_rule_some_days"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


class RetentionRun(models.Model):
    """That things of a kind were deleted, at most so many at once: how many, of what age, under which rule. Append-only."""

    rule = models.ForeignKey(RetentionRule, on_delete=models.PROTECT, related_name="runs")
    at = models.DateTimeField()
    count = models.PositiveIntegerField()
    oldest_at = models.DateTimeField()
    newest_at = models.DateTimeField()
    digest = models.CharField(max_length=64, help_text="SHA-256 over the sorted lines “key sha256” of what went, hex.")
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("-id",)
        constraints = (models.CheckConstraint(condition=Q(count__gte=1), name="retention_run_deleted_something"),)

    def __str__(self) -> str:
        return f"run {self.pk}: {self.count}"


class Deletion(models.Model):
    """One thing that a rule deleted: its hash stays. Only `gone_at` is ever written, once, when its file is off the disk."""

    run = models.ForeignKey(RetentionRun, on_delete=models.PROTECT, related_name="deletions")
    key = models.CharField(max_length=255, unique=True, help_text="Where the file lay, or people.mail:…")
    sha256 = models.CharField(max_length=64)
    moment = models.DateTimeField(help_text="Its age was counted from here.")
    gone_at = models.DateTimeField(null=True, help_text="Empty: the file may still be on the disk; the next run takes it off.")

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("id",), condition=Q(gone_at__isnull=True), name="deletion_unfinished"),)

    def __str__(self) -> str:
        return self.key
