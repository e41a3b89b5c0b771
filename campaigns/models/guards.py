"""Safety nets: very quick decisions are remembered, and removals that take much away wait for a second person; append-only."""

from django.db import models
from django.db.models import Q

from campaigns.models.campaigns import Campaign
from campaigns.models.references import USER, unchecked
from campaigns.states import HoldKind, SilenceVerdictCode


class PaceNotice(models.Model):
    """Somebody decided very many items one by one within seconds, and was asked to look again. Append-only."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="pace_notices")
    reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    decisions = models.PositiveSmallIntegerField()
    milliseconds = models.PositiveIntegerField(help_text="From the first of them to the last.")
    privileged = models.PositiveSmallIntegerField(help_text="How many of them are privileged.")
    last_decision = models.BigIntegerField(help_text="Counting begins anew after it.")
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.reviewer_id}: {self.decisions} in {self.milliseconds} ms"


class RemovalHold(models.Model):
    """Removals of a closed campaign that wait for a second person, and why. Append-only.

    `removals` of `held` open grants go: of the system's at the launch, or of all who hold a privileged right now.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="holds")
    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=HoldKind.choices)
    label = models.CharField(max_length=700, help_text="The system, or the right and its system.")
    removals = models.PositiveIntegerField()
    held = models.PositiveIntegerField()
    limit = models.PositiveSmallIntegerField(
        null=True, help_text="Percent of the system; of the campaign's terms, where they say it."
    )
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.label}: {self.removals}"

    @property
    def percent(self) -> int:
        """The share that goes, rounded up."""
        return -(-100 * self.removals // self.held) if self.held else 100


class HeldRemovalQuerySet(models.QuerySet):
    """Held removals by whether they may go on."""

    def blocked(self):
        """Those that nobody has confirmed: waiting or declined. An item in two holds needs both."""
        return self.exclude(hold__verdict__code=SilenceVerdictCode.CONFIRMED)


class HeldRemoval(models.Model):
    """An item whose removal a hold is about. Append-only."""

    hold = models.ForeignKey(RemovalHold, on_delete=models.PROTECT, related_name="items", db_index=False)
    item = unchecked("campaigns.ReviewItem", related_name="+")
    item_number = models.PositiveIntegerField()

    objects = HeldRemovalQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("hold", "item"), name="held_removal_once"),)

    def __str__(self) -> str:
        return f"{self.hold_id}: {self.item_number}"


class HoldVerdict(models.Model):
    """What the second person said of a hold. Append-only."""

    hold = models.OneToOneField(RemovalHold, on_delete=models.PROTECT, related_name="verdict")
    code = models.CharField(max_length=10, choices=SilenceVerdictCode.choices)
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.CheckConstraint(condition=~Q(code="declined") | ~Q(reason=""), name="hold_declined_with_reason"),)

    def __str__(self) -> str:
        return f"{self.hold_id}: {self.code}"
