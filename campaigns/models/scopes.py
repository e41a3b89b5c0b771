"""Scopes that are kept by name, and what is left out of every review for a while."""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from campaigns.models.references import USER


class SavedScope(models.Model):
    """A scope under a name, to start a definition from. A definition copies it: later changes do not reach it."""

    name = models.CharField(max_length=120, unique=True)
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    scope = models.JSONField(help_text="docs/schemas/scope.json")
    is_archived = models.BooleanField(default=False)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class StandingExclusionQuerySet(models.QuerySet):
    """Standing exclusions by whether they apply."""

    def in_force(self, today: date):
        """Those that apply on that day."""
        return self.filter(ended_at__isnull=True, ends_on__gte=today)

    def expired(self, today: date):
        """Those whose last day has passed and that nobody ended."""
        return self.filter(ended_at__isnull=True, ends_on__lt=today)


class StandingExclusion(models.Model):
    """A list of what no review asks about until a day (included, UTC): break-glass accounts, a board under other review.

    What it covers never changes: ended and added again, so that a campaign's exclusions always say by which list. `accounts`
    and `entitlements` are written source key, slash, key.
    """

    name = models.CharField(max_length=120)
    reason = models.TextField()
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", help_text="Answers for this list.")
    ends_on = models.DateField(help_text="The last day on which it applies.")
    identities = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    accounts = ArrayField(models.CharField(max_length=400), default=list, blank=True)
    entitlements = ArrayField(models.CharField(max_length=400), default=list, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")

    objects = StandingExclusionQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("name",), condition=Q(ended_at__isnull=True), name="standing_exclusion_once"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True) | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="standing_exclusion_ended_facts_together",
            ),
            models.CheckConstraint(
                condition=~Q(identities=[], accounts=[], entitlements=[]), name="standing_exclusion_covers_something"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str:
        """The exclusion rule it becomes."""
        return f"s{self.pk}"

    @property
    def count(self) -> int:
        """How many keys it covers."""
        return len(self.identities) + len(self.accounts) + len(self.entitlements)
