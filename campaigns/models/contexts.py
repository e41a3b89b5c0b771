"""What else was known of an item at its launch, where anything was."""

from django.db import models

from campaigns.models.references import unchecked


class ItemContext(models.Model):
    """Whose words describe the right of an item, and the credential of its account, as they stood at launch. Append-only.

    Items of which neither is known have no row. `leaf` is the RFC 6962 leaf hash over the row in the pack
    (`campaigns.rules.CONTEXT_COLUMNS`); the launch's ledger entry has the root over them (`context_root`).
    """

    campaign = unchecked("campaigns.Campaign", related_name="item_contexts", db_index=False)
    number = models.PositiveIntegerField(help_text="1 … n within the campaign, in the order of the context root.")
    item = models.OneToOneField("campaigns.ReviewItem", on_delete=models.PROTECT, related_name="context", db_constraint=False)
    item_number = models.PositiveIntegerField()
    described_by = models.CharField(
        max_length=40, blank=True, help_text="Who wrote the item's description; empty: its file did."
    )
    described_by_name = models.CharField(max_length=200, blank=True)
    described_at = models.DateTimeField(null=True)
    file_description = models.TextField(blank=True, help_text="What the file says where somebody else's words are shown.")
    credential_kind = models.CharField(max_length=12, blank=True)
    credential_at = models.DateTimeField(null=True, help_text="When it was made or last rotated.")
    credential_limit = models.PositiveIntegerField(help_text="Days from which a static credential counted as old.")
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ("campaign_id", "number")
        constraints = (models.UniqueConstraint(fields=("campaign", "number"), name="item_context_number_once"),)

    def __str__(self) -> str:
        return f"{self.item_id}, context {self.number}"
