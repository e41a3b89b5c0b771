"""How people reviewed: what they opened, where that passed a threshold, and what the owner made of it; append-only."""

from django.db import models

from campaigns.models.campaigns import Campaign
from campaigns.models.references import USER, unchecked
from campaigns.states import Disposition, Measure


class ItemOpened(models.Model):
    """When somebody first opened the page or the drawer of an item they were asked about. Append-only."""

    assignment = unchecked("campaigns.Assignment", related_name="openings", db_index=False)
    user = unchecked(USER, related_name="+", db_index=False)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("assignment", "user"), name="item_opened_once"),)

    def __str__(self) -> str:
        return f"{self.user_id} opened {self.assignment_id}"


class Finding(models.Model):
    """A measure of one reviewer on the wrong side of the campaign's threshold, as it was when it was found. Append-only.

    Who was asked again is measured anew, over what they decided since: that is another round.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="findings", db_index=False)
    reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    reviewer_name = models.CharField(max_length=200)
    measure = models.CharField(max_length=20, choices=Measure.choices)
    value = models.DecimalField(max_digits=9, decimal_places=1)
    threshold = models.PositiveIntegerField()
    decided = models.PositiveIntegerField(help_text="Decisions the value was measured over.")
    round = models.PositiveSmallIntegerField(
        default=1, help_text="1, and one more each time the reviewer was asked again before it was found."
    )
    found_at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("campaign", "reviewer", "measure", "round"), name="finding_once"),)

    def __str__(self) -> str:
        return f"{self.reviewer_name}: {self.measure} {self.value}"


class FindingDisposition(models.Model):
    """What a control owner made of a finding, once. Append-only.

    `reopened` counts the submitted answers that were opened again; it is empty where the finding was accepted, and where the
    reviewer's time was over, so that the next run has to ask.
    """

    finding = models.OneToOneField(Finding, on_delete=models.PROTECT, related_name="disposition")
    choice = models.CharField(max_length=10, choices=Disposition.choices)
    reason = models.TextField()
    reopened = models.PositiveIntegerField(null=True)
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(choice="re_ask") | models.Q(reopened__isnull=True), name="disposition_accepted_opens_nothing"
            ),
        )

    def __str__(self) -> str:
        return f"{self.finding_id}: {self.choice}"
