"""Removals of what nobody answered for: proposed by silence, approved by people; append-only.

The campaign is closed when this happens, so its items stay `not_reviewed`: what is removed for silence stands here.
"""

from django.db import models
from django.db.models import F, Q

from campaigns.models.campaigns import Campaign
from campaigns.models.references import USER, unchecked
from campaigns.states import SilenceVerdictCode


class SilenceApproval(models.Model):
    """One act by which a control owner approves removals. When it `needs_second`, it counts once another person confirms it.

    `limits` says what it would take away: {"sources": [{"source", "removals", "open", "percent"}], "last_holders": [names]}.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="silence_approvals")
    approved_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    approved_by_name = models.CharField(max_length=200)
    reason = models.TextField()
    count = models.PositiveIntegerField()
    needs_second = models.BooleanField()
    limits = models.JSONField()
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.approved_by_name}: {self.count} removals"


class SilenceRemovalQuerySet(models.QuerySet):
    """Approved removals by whether they count."""

    def effective(self):
        """Those that are to be removed: approved, and confirmed where that was needed."""
        return self.filter(Q(approval__needs_second=False) | Q(approval__verdict__code=SilenceVerdictCode.CONFIRMED))

    def standing(self):
        """Those that are effective, or wait for the second person."""
        return self.exclude(approval__verdict__code=SilenceVerdictCode.DECLINED)


class SilenceRemoval(models.Model):
    """One item that an approval is about."""

    approval = models.ForeignKey(SilenceApproval, on_delete=models.PROTECT, related_name="removals")
    campaign = unchecked("campaigns.Campaign", related_name="+", db_index=True)
    item = unchecked("campaigns.ReviewItem", related_name="silence_removals")
    item_number = models.PositiveIntegerField()

    objects = SilenceRemovalQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("approval", "item"), name="silence_removal_once"),)

    def __str__(self) -> str:
        return f"{self.approval_id}: {self.item_number}"


class SilenceVerdict(models.Model):
    """What a second person said of an approval that needs one; whoever approved may only take it back."""

    approval = models.OneToOneField(SilenceApproval, on_delete=models.PROTECT, related_name="verdict")
    code = models.CharField(max_length=10, choices=SilenceVerdictCode.choices)
    approved_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", help_text="Copy of the approval's.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=~Q(code="confirmed") | ~Q(by=F("approved_by")), name="silence_confirmed_by_somebody_else"
            ),
        )

    def __str__(self) -> str:
        return f"{self.approval_id}: {self.code}"
