"""What was recommended for an item; frozen at launch."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from campaigns.states import Recommendation


class ItemAdvice(models.Model):
    """What Certify recommended for an item when it was launched, and why, as the reviewer is shown it. Never preselected. Append-only.

    `leaf` is the RFC 6962 leaf hash over its row in the pack (`campaigns.rules.ADVICE_COLUMNS`). Items of campaigns that were launched
    before there was advice have none.
    """

    item = models.OneToOneField(
        "campaigns.ReviewItem", on_delete=models.PROTECT, primary_key=True, db_constraint=False, related_name="advice"
    )
    recommendation = models.CharField(max_length=6, choices=Recommendation.choices)
    score = models.DecimalField(max_digits=5, decimal_places=4, help_text="How much speaks for removing, from 0 to 1.")
    reasons = ArrayField(models.TextField(), help_text="Sentences, the weightiest kind first.")
    peers_holding = models.PositiveIntegerField(null=True, help_text="Of the peers, so many hold it.")
    peers_total = models.PositiveIntegerField(null=True)
    peers_label = models.CharField(max_length=250, blank=True, help_text="Which peers: “in Finance”.")
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ("item_id",)
        verbose_name_plural = "item advice"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(peers_holding__isnull=True, peers_total__isnull=True)
                | models.Q(peers_holding__lte=models.F("peers_total")),
                name="advice_peers_together",
            ),
        )

    def __str__(self) -> str:
        return f"{self.item_id}: {self.recommendation}"
