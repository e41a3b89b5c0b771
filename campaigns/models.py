"""Who decided what: definitions, campaigns, review items, assignments, decisions and sign-offs.

Items, assignments, exclusions and decisions are written set-based and reference parents that can never be deleted, so their
references carry no foreign-key check (see `inventory.models`). Decisions, bulk acts and sign-offs are append-only; once a
campaign is closed the database refuses every change of its items and assignments.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from campaigns.states import CampaignState, DecisionCode, Outcome, ReviewerRule
from people.states import Role

USER = settings.AUTH_USER_MODEL


def unchecked(to: str, **options) -> models.ForeignKey:
    """A reference without a database constraint, for the wide tables (see the module's docstring)."""
    return models.ForeignKey(to, on_delete=models.PROTECT, db_constraint=False, **options)


class CampaignDefinition(models.Model):
    """What is asked, of whom, under which control. Its text is copied into every campaign it launches.

    `scope` is data: {"sources": [source ids], "privileged": "any" | "yes" | "yes_or_unknown", "departments": [names, empty =
    all], "kinds": [identity kinds, empty = all], "orphans": true | false}. `controls` are references such as "soc2:CC6.3".
    """

    name = models.CharField(max_length=200, unique=True)
    purpose = models.TextField(blank=True, help_text="Shown to reviewers.")
    controls = ArrayField(models.CharField(max_length=60), default=list)
    scope = models.JSONField(default=dict)
    reviewer_chain = ArrayField(models.CharField(max_length=20, choices=ReviewerRule.choices), default=list)
    fallback_reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="owned_definitions")
    duration_days = models.PositiveSmallIntegerField(default=14)
    reminder_days = ArrayField(models.PositiveSmallIntegerField(), default=list, help_text="Days before the due date.")
    removal_days = models.PositiveSmallIntegerField(default=7, help_text="Days a removal may take.")
    reason_for_every_removal = models.BooleanField(default=False)
    reason_for_every_keep = models.BooleanField(default=False)
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
            "scope": self.scope,
            "reviewer_chain": list(self.reviewer_chain),
            "fallback_reviewer": self.fallback_reviewer_id,
            "owner": self.owner_id,
            "duration_days": self.duration_days,
            "reminder_days": list(self.reminder_days),
            "removal_days": self.removal_days,
            "reason_for_every_removal": self.reason_for_every_removal,
            "reason_for_every_keep": self.reason_for_every_keep,
        }


class CampaignQuerySet(models.QuerySet):
    """Campaigns by who may see them."""

    def visible_to(self, user):
        """All of them for those who run or watch campaigns, none for others: reviewers see their items, not campaigns."""
        return self if user.has_role(Role.CONTROL_OWNER, Role.ADMINISTRATOR) else self.none()


class Campaign(models.Model):
    """One run of a definition over a frozen population. `terms` is the definition as it stood at the request."""

    definition = models.ForeignKey(CampaignDefinition, on_delete=models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=200, unique=True)
    terms = models.JSONField()
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="owned_campaigns")
    state = models.CharField(max_length=10, choices=CampaignState.choices, default=CampaignState.REQUESTED)
    requested_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent of the launch.")
    progress_text = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    opened_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by_name = models.CharField(max_length=200, blank=True)
    item_count = models.PositiveBigIntegerField(default=0)
    excluded_count = models.PositiveBigIntegerField(default=0)
    population_root = models.CharField(max_length=64, blank=True, help_text="RFC 6962 root over the items, hex.")
    exclusion_root = models.CharField(max_length=64, blank=True)
    outcome_root = models.CharField(max_length=64, blank=True)
    launch_entry_uid = models.UUIDField(null=True)
    close_entry_uid = models.UUIDField(null=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, close_entry_uid__isnull=True)
                | Q(closed_at__isnull=False, close_entry_uid__isnull=False),
                name="campaign_closed_facts_together",
            ),
            models.CheckConstraint(
                condition=Q(opened_at__isnull=True, launch_entry_uid__isnull=True, due_at__isnull=True)
                | Q(opened_at__isnull=False, launch_entry_uid__isnull=False, due_at__isnull=False),
                name="campaign_opened_facts_together",
            ),
            models.CheckConstraint(condition=~Q(state="closed") | Q(closed_at__isnull=False), name="campaign_closed_has_time"),
            models.CheckConstraint(condition=~Q(state="open") | Q(opened_at__isnull=False), name="campaign_open_has_time"),
        )
        indexes = (models.Index(fields=("due_at",), condition=Q(state="open"), name="campaign_open_due"),)

    def __str__(self) -> str:
        return self.name


class CampaignSource(models.Model):
    """The snapshot a campaign froze of one source, and the balance: open grants = items + excluded."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="sources")
    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="+")
    snapshot = models.ForeignKey("inventory.Snapshot", on_delete=models.PROTECT, related_name="+")
    grants_open = models.PositiveBigIntegerField()
    items = models.PositiveBigIntegerField()
    excluded = models.PositiveBigIntegerField()

    class Meta:
        ordering = ("source_id",)
        constraints = (
            models.UniqueConstraint(fields=("campaign", "source"), name="campaign_source_once"),
            models.CheckConstraint(condition=Q(grants_open=F("items") + F("excluded")), name="campaign_source_balances"),
        )

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.source_id}"


class Exclusion(models.Model):
    """A grant of a snapshot in scope that is not an item, with the rule that left it out. Frozen at launch.

    `leaf` is the RFC 6962 leaf hash over its row in the pack (`campaigns.rules.EXCLUSION_COLUMNS`).
    """

    campaign = unchecked("campaigns.Campaign", related_name="exclusions", db_index=False)
    number = models.PositiveIntegerField()
    grant = unchecked("inventory.Grant", related_name="+", db_index=False)
    source_key = models.CharField(max_length=80)
    account_key = models.CharField(max_length=300)
    identity_key = models.CharField(max_length=200, blank=True)
    entitlement_key = models.CharField(max_length=300)
    path = models.TextField(blank=True)
    rule = models.CharField(max_length=20)
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ("campaign_id", "number")
        constraints = (models.UniqueConstraint(fields=("campaign", "number"), name="exclusion_number_once"),)

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.number}: {self.rule}"


class ReviewItem(models.Model):
    """One grant as it stood at launch, with the context the reviewer is shown, and what was decided of it.

    Everything above `leaf` is frozen: `leaf` is the RFC 6962 leaf hash over its row in the pack
    (`campaigns.rules.ITEM_COLUMNS`) and a trigger refuses to change it. Below it stands the latest decision, a copy for speed of
    the append-only `Decision` rows, and, after close, the outcome.
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

    decision = models.CharField(max_length=10, blank=True, choices=DecisionCode.choices)
    rationale = models.TextField(blank=True)
    decided_by = unchecked(USER, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)
    decision_entry_uid = models.UUIDField(null=True, help_text="Ledger entry of that decision.")
    is_bulk = models.BooleanField(default=False)
    sign_off = unchecked("campaigns.SignOff", null=True, related_name="items", db_index=False)
    outcome = models.CharField(max_length=12, blank=True, choices=Outcome.choices)

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
                condition=~Q(outcome="approved") | Q(decision="approve", sign_off__isnull=False),
                name="item_silence_never_approves",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="revoked") | Q(decision="revoke", sign_off__isnull=False),
                name="item_revoked_was_submitted",
            ),
        )

    def __str__(self) -> str:
        return f"{self.identity_name or self.account_key} · {self.entitlement_name or self.entitlement_key}"


class Assignment(models.Model):
    """Who must decide an item and why they were chosen. A reassignment deactivates a row and adds the next."""

    campaign = unchecked("campaigns.Campaign", related_name="assignments", db_index=False)
    item = unchecked("campaigns.ReviewItem", related_name="assignments", db_index=False)
    stage = models.PositiveSmallIntegerField(default=1)
    reviewer = unchecked(USER, related_name="assignments", db_index=False)
    reviewer_name = models.CharField(max_length=200, help_text="As it was when assigned.")
    rule = models.CharField(max_length=20, choices=ReviewerRule.choices)
    reason = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)
    risk_rank = models.PositiveSmallIntegerField(help_text="Copy of the item's, so that one index gives risk-first pages.")
    item_number = models.PositiveIntegerField()
    assigned_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("item", "stage"), condition=Q(is_active=True), name="assignment_active_once"),
        )
        indexes = (
            models.Index(
                fields=("reviewer", "campaign", "risk_rank", "item_number"), condition=Q(is_active=True), name="assignment_page"
            ),
            models.Index(fields=("campaign", "reviewer"), name="assignment_campaign"),
        )

    def __str__(self) -> str:
        return f"{self.item_id} → {self.reviewer_id}"


class BulkAct(models.Model):
    """One act on many items: the filter as shown, the count and the exact item numbers. Append-only."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="bulk_acts")
    reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=10, choices=DecisionCode.choices)
    rationale = models.TextField(blank=True)
    filter = models.JSONField(default=dict)
    count = models.PositiveIntegerField()
    item_numbers = ArrayField(models.PositiveIntegerField())
    left_out = models.PositiveIntegerField(help_text="Selected rows that were left for single decisions.")
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.decision} × {self.count}"


class Decision(models.Model):
    """One decision, or its withdrawal, by one reviewer on one item. Append-only; the ledger entry holds the same facts."""

    campaign = unchecked("campaigns.Campaign", related_name="decisions", db_index=False)
    item = unchecked("campaigns.ReviewItem", related_name="decisions")
    reviewer = unchecked(USER, related_name="+", db_index=False)
    reviewer_name = models.CharField(max_length=200)
    reviewer_email = models.CharField(max_length=320, blank=True)
    assigned_by_rule = models.CharField(max_length=20, choices=ReviewerRule.choices)
    code = models.CharField(max_length=10, choices=DecisionCode.choices)
    rationale = models.TextField(blank=True)
    bulk_act = unchecked("campaigns.BulkAct", null=True, related_name="decisions", db_index=False)
    decided_at = models.DateTimeField()
    shown = models.CharField(max_length=64, help_text="Leaf hash, hex, of the item as it was shown.")
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("campaign", "id"), name="decision_campaign"),)

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
    dont_know = models.PositiveIntegerField()
    open_left = models.PositiveIntegerField()
    decisions_root = models.CharField(max_length=64)
    submitted_at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.reviewer_name}: {self.approved} kept, {self.revoked} removed"
