"""What was decided and signed; append-only."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from campaigns.models.campaigns import Campaign
from campaigns.models.references import USER, unchecked
from campaigns.models.spreadsheets import SheetUpload
from campaigns.states import SHEET_ACT, DecisionCode, ReviewerRule


class BulkAct(models.Model):
    """One act on many items: the filter as shown, the count and the exact item numbers. Append-only.

    An applied spreadsheet is one too, with `SHEET_ACT` for a decision, as each row has its own; `filter` then names the file and its hash.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="bulk_acts")
    reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=10, choices=[*DecisionCode.choices, (SHEET_ACT, "Spreadsheet")])
    upload = models.OneToOneField(SheetUpload, on_delete=models.PROTECT, null=True, related_name="act")
    rationale = models.TextField(blank=True)
    filter = models.JSONField(default=dict)
    count = models.PositiveIntegerField()
    item_numbers = ArrayField(models.PositiveIntegerField())
    left_out = models.PositiveIntegerField(help_text="Selected rows that were left for single decisions.")
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(decision=SHEET_ACT, upload__isnull=False)
                | (~models.Q(decision=SHEET_ACT) & models.Q(upload__isnull=True)),
                name="bulk_act_sheet_has_its_file",
            ),
        )

    def __str__(self) -> str:
        return f"{self.decision} × {self.count}"


class Decision(models.Model):
    """One decision, or its withdrawal, by one reviewer on one item. Append-only; the ledger entry holds the same facts."""

    campaign = unchecked("campaigns.Campaign", related_name="decisions", db_index=False)
    item = unchecked("campaigns.ReviewItem", related_name="decisions")
    reviewer = unchecked(USER, related_name="+", db_index=False)
    reviewer_name = models.CharField(max_length=200)
    reviewer_email = models.CharField(max_length=320, blank=True)
    assignment = unchecked("campaigns.Assignment", null=True, related_name="+", db_index=False)
    stage = models.PositiveSmallIntegerField(default=1)
    acting_for = unchecked(USER, null=True, related_name="+", db_index=False)
    assigned_by_rule = models.CharField(max_length=20, choices=ReviewerRule.choices)
    code = models.CharField(max_length=10, choices=DecisionCode.choices)
    rationale = models.TextField(blank=True)
    reduce_to = models.TextField(blank=True)
    until = models.DateField(null=True)
    evidence_name = models.CharField(max_length=200, blank=True)
    evidence_sha256 = models.CharField(max_length=64, blank=True)
    evidence_stored_as = models.CharField(max_length=200, blank=True)
    bulk_act = unchecked("campaigns.BulkAct", null=True, related_name="decisions", db_index=False)
    decided_at = models.DateTimeField()
    shown = models.CharField(max_length=64, help_text="Leaf hash, hex, of the item as it was shown.")
    entry_uid = models.UUIDField()
    number = models.UUIDField(
        null=True, help_text="Given by the browser; the same request sent again is known by it and does nothing."
    )

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("number", "assignment"), condition=models.Q(number__isnull=False), name="decision_number_once"
            ),
        )
        indexes = (
            models.Index(fields=("campaign", "id"), name="decision_campaign"),
            models.Index(fields=("campaign", "reviewer"), name="decision_reviewer"),
        )

    def __str__(self) -> str:
        return f"{self.item_id}: {self.code}"


class SignOff(models.Model):
    """A reviewer's signed statement over the decisions they submitted. Append-only.

    `decisions_root` is the RFC 6962 root over the submitted decisions (`campaigns.rules.SUBMITTED_COLUMNS`), ordered by item number.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="sign_offs")
    reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    reviewer_name = models.CharField(max_length=200)
    statement = models.TextField()
    approved = models.PositiveIntegerField()
    revoked = models.PositiveIntegerField()
    reduced = models.PositiveIntegerField(default=0)
    dont_know = models.PositiveIntegerField()
    open_left = models.PositiveIntegerField()
    decisions_root = models.CharField(max_length=64)
    submitted_at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.reviewer_name}: {self.approved} kept, {self.revoked} removed"


class SignedDecision(models.Model):
    """One decision that a sign-off covers. Append-only: a reopened decision keeps the row of its first sign-off."""

    sign_off = unchecked("campaigns.SignOff", related_name="signed", db_index=True)
    campaign = unchecked("campaigns.Campaign", related_name="+", db_index=False)
    assignment = unchecked("campaigns.Assignment", related_name="+", db_index=False)
    item_number = models.PositiveIntegerField()
    code = models.CharField(max_length=10, choices=DecisionCode.choices)
    decided_at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.sign_off_id}: {self.item_number}"
