"""Removals that began at sign-off and are not decided any more."""

from django.db import models
from django.db.models import Q

from remediation.states import WithdrawalReason


class Withdrawal(models.Model):
    """That a removal is not decided any more, and why. Append-only.

    `is_gone`: the access was gone before that, or was reported so on a proof. Nothing gives it back by itself: a finding.
    """

    task = models.ForeignKey("remediation.RemediationTask", on_delete=models.PROTECT, related_name="withdrawals")
    reason = models.CharField(max_length=20, choices=WithdrawalReason.choices)
    is_gone = models.BooleanField()
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("task",), condition=Q(is_gone=True), name="withdrawal_gone_once"),)

    def __str__(self) -> str:
        return f"removal {self.task_id}: {self.reason}"
