"""One run of a definition, the snapshots it froze, and what it left out."""

from django.db import models
from django.db.models import F, Q

from campaigns.models.definitions import CampaignDefinition
from campaigns.models.references import USER, unchecked
from campaigns.states import CampaignState
from people.states import Role


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
    stage = models.PositiveSmallIntegerField(default=1, help_text="The stage that is open; the last one once it is closed.")
    follows = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="followed_by",
        help_text="Whose silence this one asks about again.",
    )
    settled_to = models.CharField(
        max_length=30, blank=True, db_default="", help_text="Stage and sign-offs up to which early removals were looked for."
    )
    escalated_stage = models.PositiveSmallIntegerField(default=0, help_text="The last stage whose silence went on to others.")
    second_look_at = models.DateTimeField(null=True, help_text="When the second look was asked for.")
    stage_opened_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="When the present stage ends.")
    ends_at = models.DateTimeField(null=True, help_text="When a schedule wants the last stage to end.")
    is_staged_first = models.BooleanField(default=False, help_text="Wait for the owner between freezing and opening.")
    paused_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by_name = models.CharField(max_length=200, blank=True)
    item_count = models.PositiveBigIntegerField(default=0)
    excluded_count = models.PositiveBigIntegerField(default=0)
    population_root = models.CharField(max_length=64, blank=True, help_text="RFC 6962 root over the items, hex.")
    exclusion_root = models.CharField(max_length=64, blank=True)
    conflict_count = models.PositiveBigIntegerField(default=0, help_text="Rows of item conflicts.")
    conflict_root = models.CharField(max_length=64, blank=True, help_text="RFC 6962 root over them, hex.")
    advice_root = models.CharField(
        max_length=64, blank=True, help_text="RFC 6962 root over what is recommended for the items, hex."
    )
    context_root = models.CharField(
        max_length=64, blank=True, help_text="RFC 6962 root over what else was known of the items, hex."
    )
    outcome_root = models.CharField(max_length=64, blank=True)
    launch_entry_uid = models.UUIDField(null=True)
    close_entry_uid = models.UUIDField(null=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("follows",), condition=Q(follows__isnull=False) & ~Q(state="cancelled"), name="campaign_followed_once"
            ),
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
            models.CheckConstraint(
                condition=Q(state="paused", paused_at__isnull=False) | ~Q(state="paused"), name="campaign_paused_has_time"
            ),
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
