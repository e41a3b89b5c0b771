"""What happened to somebody's access between two reviews, and the small review that asks about it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from campaigns.models.campaigns import Campaign
from campaigns.models.definitions import CampaignDefinition
from campaigns.states import EventKind, EventState


class AccessEvent(models.Model):
    """One thing that a definition watches for, found once.

    `subject` is what it happened to (`person:<key>` or `account:<source>/<key>`), `occasion` tells one time from the next: the snapshot
    that showed it, or the day that passed. `grants` are the ids of the open grants it is about, as they are versioned when its review is
    launched.
    """

    definition = models.ForeignKey(CampaignDefinition, on_delete=models.PROTECT, related_name="access_events")
    kind = models.CharField(max_length=20, choices=EventKind.choices)
    subject = models.CharField(max_length=400)
    subject_name = models.CharField(
        max_length=300, help_text="The key of the person or account; of events found long ago, their name."
    )
    occasion = models.CharField(max_length=80)
    words = models.TextField(help_text="What happened, in a sentence.")
    grants = ArrayField(models.BigIntegerField())
    found_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=EventState.choices, default=EventState.WAITING)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, related_name="access_events")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("definition", "kind", "subject", "occasion"), name="access_event_once"),
            models.CheckConstraint(
                condition=Q(state="asked", campaign__isnull=False) | (~Q(state="asked") & Q(campaign__isnull=True)),
                name="access_event_asked_has_campaign",
            ),
        )
        indexes = (models.Index(fields=("definition", "id"), condition=Q(state="waiting"), name="access_event_waiting"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject_name}"
