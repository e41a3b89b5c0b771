"""Spreadsheets of decisions that reviewers uploaded."""

from django.db import models

from campaigns.models.campaigns import Campaign
from campaigns.models.references import USER


class SheetUpload(models.Model):
    """A file somebody uploaded for their items of a campaign. It decides nothing by itself: `BulkAct.upload` is the act that applied it.

    `refused` is filled in when it is applied: [[row, column, whom it is about, why]].
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    stored_as = models.CharField(max_length=200)
    at = models.DateTimeField()
    refused = models.JSONField(default=list)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.file_name
