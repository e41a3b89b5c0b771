"""What programs report about removals that they were to carry out."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from remediation.states import ReportedResult


class ApplyResult(models.Model):
    """What a program (or a person, with a file) says became of one removal. Append-only. Never a proof.

    `applied` is a claim and has its `Attempt` besides; the others leave the removal where it stands. `key` makes a report that comes
    twice one report.
    """

    task = models.ForeignKey("remediation.RemediationTask", on_delete=models.PROTECT, related_name="results")
    result = models.CharField(max_length=15, choices=ReportedResult.choices)
    description = models.TextField()
    key = models.CharField(max_length=100, blank=True)
    token = models.ForeignKey("people.ApiToken", on_delete=models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("token", "key"), condition=~Q(key=""), name="result_key_once"),
            models.CheckConstraint(
                condition=Q(token__isnull=True, by__isnull=False) | Q(token__isnull=False, by__isnull=True),
                name="result_by_one",
            ),
        )

    def __str__(self) -> str:
        return f"removal {self.task_id}: {self.result}"
