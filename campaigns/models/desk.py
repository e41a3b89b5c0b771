"""What reviewers keep for themselves on their desk."""

from django.db import models

from campaigns.models.references import USER


class SavedFilter(models.Model):
    """A filter of the review page under a name, of one reviewer, for all their reviews. Says nothing about any review."""

    user = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, help_text="The address of the list, after its question mark.")
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("user", "name"), name="saved_filter_once"),)

    def __str__(self) -> str:
        return self.name
