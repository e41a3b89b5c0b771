"""What schedules expect: one row for each run that is due, made long before it is due and never deleted."""

from django.db import models
from django.db.models import Q

from campaigns.models.campaigns import Campaign
from campaigns.models.definitions import CampaignDefinition
from campaigns.states import OccurrenceState


class Occurrence(models.Model):
    """One run that is due on a day of its schedule's time zone.

    `held_for` says, in sentences, why the launch waits; empty when nothing holds it. `reason` is that of a skip, of a miss, of a
    change of the schedule, or of a launch in spite of what held it.
    """

    definition = models.ForeignKey(CampaignDefinition, on_delete=models.PROTECT, related_name="occurrences")
    due_on = models.DateField()
    label = models.CharField(max_length=80)
    draft_at = models.DateTimeField()
    opens_at = models.DateTimeField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=OccurrenceState.choices, default=OccurrenceState.EXPECTED)
    campaign = models.OneToOneField(Campaign, on_delete=models.PROTECT, null=True, related_name="occurrence")
    held_for = models.JSONField(default=list)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ("due_on", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("definition", "due_on"), condition=~Q(state="withdrawn"), name="occurrence_expected_once"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("drafted", "launched")) | Q(campaign__isnull=False), name="occurrence_has_campaign"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("skipped", "missed", "withdrawn")) | ~Q(reason=""), name="occurrence_has_reason"
            ),
        )
        indexes = (models.Index(fields=("due_on",), name="occurrence_due"),)

    def __str__(self) -> str:
        return f"{self.definition_id}: {self.label}"

    def ledger_subject(self) -> str:
        """How the ledger names this run."""
        return f"campaigns.occurrence:{self.pk}"

    def ledger_facts(self) -> dict:
        """What every entry about this run says."""
        return {
            "occurrence": str(self.pk),
            "definition": str(self.definition_id),
            "name": self.definition.name,
            "controls": list(self.definition.controls),
            "label": self.label,
            "due_on": self.due_on.isoformat(),
        }
