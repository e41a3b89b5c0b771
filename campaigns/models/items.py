"""The frozen grants that are asked about, and who is asked."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from campaigns.models.references import USER, unchecked
from campaigns.states import DecisionCode, Outcome, Result, ReviewerRule


class ReviewItem(models.Model):
    """One grant as it stood at launch, with the context the reviewer is shown, and what was decided of it.

    Everything above `decision` is frozen: `leaf` is the RFC 6962 leaf hash over its row in the pack (`campaigns.rules.ITEM_COLUMNS`) and
    a trigger refuses to change it. In the leaf a commitment stands for the names of account and holder (`campaigns.item_names`), so that
    the trigger can let erasing take them away. Below it stands, once the campaign is closed, its outcome and the answer that made it;
    before that the answers are on the assignments. Where the terms let removals begin at sign-off, an item whose removal nothing can
    avert any more has its outcome earlier, since `settled_at`.
    """

    campaign = unchecked("campaigns.Campaign", related_name="items", db_index=False)
    number = models.PositiveIntegerField(help_text="1 … n within the campaign, in the order of the population root.")
    grant = unchecked("inventory.Grant", related_name="+", db_index=False)
    source = unchecked("inventory.Source", related_name="+", db_index=False)
    source_key = models.CharField(max_length=80)
    source_name = models.CharField(max_length=200)
    account_key = models.CharField(max_length=300)
    account_name = models.CharField(max_length=300, blank=True)
    identity_key = models.CharField(max_length=200, blank=True)
    identity_name = models.CharField(max_length=300, blank=True)
    identity_kind = models.CharField(max_length=12, blank=True)
    identity_status = models.CharField(max_length=10, blank=True)
    department = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200, blank=True)
    manager_key = models.CharField(max_length=200, blank=True)
    entitlement_key = models.CharField(max_length=300)
    entitlement_name = models.CharField(max_length=300, blank=True)
    entitlement_kind = models.CharField(max_length=12, blank=True)
    description = models.TextField(blank=True)
    privileged = models.CharField(max_length=7)
    path = models.TextField(blank=True)
    granted_at = models.DateTimeField(null=True)
    granted_by = models.CharField(max_length=200, blank=True)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField(help_text="When the snapshot that first showed the grant was loaded.")
    signals = ArrayField(models.CharField(max_length=20), default=list)
    risk_rank = models.PositiveSmallIntegerField(help_text="0 is the riskiest.")
    leaf = models.BinaryField(max_length=32)
    name_ref = models.CharField(
        max_length=40,
        blank=True,
        db_default="",
        help_text="Whose names these are: inventory.identity:12, or inventory.account:5.",
    )
    name_salt = models.BinaryField(max_length=16, null=True, help_text="Opens what the leaf commits to.")
    name_commitment = models.BinaryField(max_length=32, null=True, help_text="What is left of names and salt after erasing.")

    decision = models.CharField(max_length=10, blank=True, choices=DecisionCode.choices)
    rationale = models.TextField(blank=True)
    reduce_to = models.TextField(blank=True, help_text="What is left of the access after a reduction.")
    until = models.DateField(null=True, help_text="The last day it is kept.")
    decided_by = unchecked(USER, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)
    decision_entry_uid = models.UUIDField(null=True, help_text="Ledger entry of that decision.")
    is_bulk = models.BooleanField(default=False)
    sign_off = unchecked("campaigns.SignOff", null=True, related_name="+", db_index=False)
    outcome = models.CharField(max_length=12, blank=True, choices=Outcome.choices)
    settled_at = models.DateTimeField(null=True, help_text="The sign-off that settled it before the campaign closed.")

    class Meta:
        ordering = ("campaign_id", "number")
        constraints = (
            models.UniqueConstraint(fields=("campaign", "number"), name="item_number_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="item_number_from_one"),
            models.CheckConstraint(
                condition=Q(
                    decision="",
                    decided_by__isnull=True,
                    decided_at__isnull=True,
                    decision_entry_uid__isnull=True,
                    sign_off__isnull=True,
                )
                | (~Q(decision="") & Q(decided_by__isnull=False, decided_at__isnull=False, decision_entry_uid__isnull=False)),
                name="item_decision_facts_together",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=("", "not_reviewed")) | Q(sign_off__isnull=False), name="item_silence_never_approves"
            ),
            models.CheckConstraint(
                condition=~Q(outcome="revoked") | Q(decision="revoke", sign_off__isnull=False),
                name="item_revoked_was_submitted",
            ),
            models.CheckConstraint(
                condition=Q(name_ref="", name_salt__isnull=True, name_commitment__isnull=True)
                | (~Q(name_ref="") & (Q(name_salt__isnull=True) ^ Q(name_commitment__isnull=True))),
                name="item_names_open_or_erased",
            ),
        )
        indexes = (
            models.Index(fields=("grant",), name="item_grant"),
            models.Index(fields=("until",), condition=Q(until__isnull=False), name="item_until"),
            models.Index(fields=("campaign", "identity_key"), name="item_person"),
            models.Index(fields=("grant",), condition=Q(outcome="revoked"), name="item_revoked"),
        )

    def __str__(self) -> str:
        return f"{self.identity_name or self.account_key} · {self.entitlement_name or self.entitlement_key}"


class Assignment(models.Model):
    """Who must answer for an item in a stage, why they were chosen, and their answer.

    A reassignment deactivates a row and adds the next. Below `assigned_at` stands the latest decision, a copy for speed of the
    append-only `Decision` rows; it counts once it is signed off.
    """

    campaign = unchecked("campaigns.Campaign", related_name="assignments", db_index=False)
    item = unchecked("campaigns.ReviewItem", related_name="assignments", db_index=False)
    stage = models.PositiveSmallIntegerField(default=1)
    panel = models.PositiveSmallIntegerField(default=1)
    group = unchecked("campaigns.ReviewerGroup", null=True, related_name="+", db_index=False)
    quorum = models.PositiveSmallIntegerField(
        null=True, help_text="So many of the group must answer; empty: the one who is asked."
    )
    reviewer = unchecked(USER, related_name="assignments", db_index=False)
    reviewer_name = models.CharField(max_length=200, help_text="As it was when assigned.")
    rule = models.CharField(max_length=20, choices=ReviewerRule.choices)
    reason = models.TextField(blank=True)
    excused = models.CharField(max_length=20, blank=True, help_text="The rule of independence this assignment is excused from.")
    is_active = models.BooleanField(default=True)
    is_vote = models.BooleanField(default=True, help_text="Counts for the result; a second look does not.")
    risk_rank = models.PositiveSmallIntegerField(help_text="Copy of the item's, so that one index gives risk-first pages.")
    item_number = models.PositiveIntegerField()
    assigned_at = models.DateTimeField()
    previous = unchecked(
        "campaigns.Assignment",
        null=True,
        related_name="+",
        db_index=False,
        help_text="The row that this one took the place of.",
    )

    reopened_at = models.DateTimeField(null=True, help_text="When the owner opened its submitted answer again.")

    decision = models.CharField(max_length=10, blank=True, choices=DecisionCode.choices)
    rationale = models.TextField(blank=True)
    reduce_to = models.TextField(blank=True, help_text="What is left of the access after a reduction.")
    until = models.DateField(null=True, help_text="The last day it is kept.")
    decided_by = unchecked(USER, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)
    decision_entry_uid = models.UUIDField(null=True, help_text="Ledger entry of that decision.")
    is_bulk = models.BooleanField(default=False)
    sign_off = unchecked("campaigns.SignOff", null=True, related_name="assignments", db_index=False)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("item", "stage", "reviewer"), condition=Q(is_active=True), name="assignment_active_once"
            ),
            models.CheckConstraint(
                condition=Q(
                    decision="",
                    reduce_to="",
                    until__isnull=True,
                    decided_by__isnull=True,
                    decided_at__isnull=True,
                    decision_entry_uid__isnull=True,
                    sign_off__isnull=True,
                )
                | (~Q(decision="") & Q(decided_by__isnull=False, decided_at__isnull=False, decision_entry_uid__isnull=False)),
                name="assignment_decision_facts_together",
            ),
            models.CheckConstraint(condition=Q(until__isnull=True) | Q(decision="approve"), name="assignment_until_is_kept"),
            models.CheckConstraint(condition=~Q(decision="reduce") | ~Q(reduce_to=""), name="assignment_reduced_to_something"),
        )
        indexes = (
            models.Index(
                fields=("reviewer", "campaign", "risk_rank", "item_number"), condition=Q(is_active=True), name="assignment_page"
            ),
            models.Index(fields=("campaign", "reviewer"), name="assignment_campaign"),
        )

    def __str__(self) -> str:
        return f"{self.item_id} → {self.reviewer_id}"


class StageResult(models.Model):
    """What the answers of a stage came to for an item. Append-only."""

    campaign = unchecked("campaigns.Campaign", related_name="results", db_index=False)
    item = unchecked("campaigns.ReviewItem", related_name="results", db_index=False)
    stage = models.PositiveSmallIntegerField()
    result = models.CharField(max_length=12, choices=Result.choices)

    class Meta:
        ordering = ("campaign_id", "stage", "item_id")
        constraints = (models.UniqueConstraint(fields=("campaign", "stage", "item"), name="stage_result_once"),)

    def __str__(self) -> str:
        return f"{self.item_id}, stage {self.stage}: {self.result}"


class SecondLook(models.Model):
    """A kept answer that was drawn for a second look, of one reviewer. Append-only.

    The second answer is the item's active assignment that is no vote; an item that two reviewers kept has a row for each whose sample
    it is in.
    """

    campaign = unchecked("campaigns.Campaign", related_name="+")
    item = unchecked("campaigns.ReviewItem", related_name="second_looks", db_index=False)
    item_number = models.PositiveIntegerField()
    first_reviewer = unchecked(USER, related_name="+", db_index=False)
    first_entry_uid = models.UUIDField(help_text="Ledger entry of the decision that is looked at.")

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("item", "first_reviewer"), name="second_look_once"),)

    def __str__(self) -> str:
        return f"{self.item_id}: {self.first_reviewer_id}"
