"""What is asked, of whom and how often."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from campaigns import ladder, measures
from campaigns.models.references import USER
from campaigns.states import Cadence, CampaignKind, RemovalsBegin, ReviewerRule


class CampaignDefinition(models.Model):
    """What is asked, of whom, under which control. Its text is copied into every campaign it launches.

    `scope` is a document of `docs/schemas/scope.json`. `controls` are references such as "soc2:CC6.3".
    """

    name = models.CharField(max_length=200, unique=True)
    purpose = models.TextField(blank=True, help_text="Shown to reviewers.")
    controls = ArrayField(models.CharField(max_length=60), default=list)
    kind = models.CharField(max_length=12, choices=CampaignKind.choices, default=CampaignKind.OTHER)
    cadence = models.CharField(max_length=12, choices=Cadence.choices, default=Cadence.NONE, help_text="How often it is run.")
    scope = models.JSONField(default=dict)
    reviewer_chain = ArrayField(models.CharField(max_length=20, choices=ReviewerRule.choices), default=list)
    fallback_reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="owned_definitions")
    plan = models.JSONField(default=dict, help_text="Stages, strategies, independence: see campaigns.plans.")
    schedule = models.JSONField(
        default=dict, help_text="When it is due: see campaigns.recurrence. Empty: whenever it is launched."
    )
    watched = models.JSONField(default=dict, help_text="Events it asks about when they happen: {kinds, per_day}. Empty: none.")
    watched_since = models.DateField(null=True, help_text="When watching began; days that passed before are no events.")
    watched_snapshot = models.BigIntegerField(default=0, help_text="The last snapshot in which events were looked for.")
    watched_on = models.DateField(null=True, help_text="The last day on which events were looked for.")
    scheduled_at = models.DateTimeField(null=True, help_text="When the schedule was set; it expects nothing that opens before.")
    duration_days = models.PositiveSmallIntegerField(default=14)
    ladder = models.JSONField(default=dict, help_text="Who is reminded when: see campaigns.ladder.")
    removal_days = models.PositiveSmallIntegerField(default=7, help_text="Days a removal may take.")
    removal_limit = models.PositiveSmallIntegerField(
        null=True, help_text="Percent of a system above which removals wait for a second person; empty: no share waits."
    )
    last_holder_waits = models.BooleanField(
        default=True, help_text="Removals after which nobody holds a privileged right wait for a second person."
    )
    removals_begin = models.CharField(
        max_length=10, choices=RemovalsBegin.choices, default=RemovalsBegin.CLOSE, db_default="close"
    )
    objection_days = models.PositiveSmallIntegerField(
        null=True, help_text="Days in which whoever loses access may object beforehand; empty: they are not told."
    )
    reason_for_every_removal = models.BooleanField(default=False)
    reason_for_every_keep = models.BooleanField(default=False)
    quality = models.JSONField(default=dict, help_text="Thresholds of how people review: see campaigns.measures.")
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=Q(duration_days__gte=1, duration_days__lte=366), name="definition_duration"),
            models.CheckConstraint(condition=Q(removal_days__gte=1), name="definition_removal_days"),
        )

    def __str__(self) -> str:
        return self.name

    def terms(self) -> dict:
        """Everything it says, as data: what a campaign copies and the ledger records."""
        return {
            "name": self.name,
            "purpose": self.purpose,
            "controls": list(self.controls),
            "kind": self.kind,
            "cadence": self.cadence,
            "scope": self.scope,
            "reviewer_chain": list(self.reviewer_chain),
            "fallback_reviewer": self.fallback_reviewer_id,
            "owner": self.owner_id,
            "duration_days": self.duration_days,
            "ladder": ladder.of({"ladder": self.ladder}),
            "removal_days": self.removal_days,
            "reason_for_every_removal": self.reason_for_every_removal,
            "reason_for_every_keep": self.reason_for_every_keep,
            "quality": measures.checked(self.quality),
            **({} if self.removal_limit is None else {"removal_limit": self.removal_limit}),
            "last_holder_waits": self.last_holder_waits,
            **({"objection_days": self.objection_days} if self.objection_days else {}),
            **({"removals_begin": self.removals_begin} if self.removals_begin != RemovalsBegin.CLOSE else {}),
            **self.plan,
            **({"schedule": self.schedule} if self.schedule else {}),
            **({"watched": self.watched} if self.watched else {}),
        }


class ReviewerGroup(models.Model):
    """People of whom a quorum answers. A campaign freezes who was in it when its stage began."""

    name = models.CharField(max_length=120, unique=True)
    members = models.ManyToManyField(USER, related_name="reviewer_groups")
    is_archived = models.BooleanField(default=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Delegation(models.Model):
    """Somebody acts for somebody else, from a day to a day (both included, UTC), in all campaigns or in some. Ended, never deleted.

    `campaigns` are ids; empty means all.
    """

    principal = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="delegations_received")
    begins_on = models.DateField()
    ends_on = models.DateField()
    campaigns = ArrayField(models.BigIntegerField(), default=list, blank=True)
    reason = models.TextField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=Q(ends_on__gte=F("begins_on")), name="delegation_ends_after_it_begins"),
            models.CheckConstraint(condition=~Q(principal=F("delegate")), name="delegation_to_somebody_else"),
        )
        indexes = (models.Index(fields=("delegate", "ends_on"), condition=Q(ended_at__isnull=True), name="delegation_running"),)

    def __str__(self) -> str:
        return f"{self.principal_id} → {self.delegate_id}"
