"""What was done about a revocation: tasks, attempts and the snapshots that prove or disprove them.

`RemediationTask` carries the current state for work lists; `Attempt` and `Verification` are append-only and are what the
evidence pack reads.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from campaigns.states import Outcome
from people.states import Role
from remediation.states import TaskState, Verdict

USER = settings.AUTH_USER_MODEL


class RemediationTaskQuerySet(models.QuerySet):
    """Removals by who may see them and by what is left to do."""

    def visible_to(self, user):
        """All of them for control owners and administrators, one's own for a system owner, none for others."""
        if user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER):
            return self
        if user.has_role(Role.SYSTEM_OWNER):
            return self.filter(owner=user)
        return self.none()

    def unproved(self):
        """Removals that no later snapshot has proved."""
        return self.exclude(state=TaskState.VERIFIED_GONE)


class RemediationTask(models.Model):
    """One access to take away, because a submitted decision of a closed campaign revoked it."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="removals")
    item = models.OneToOneField("campaigns.ReviewItem", on_delete=models.PROTECT, related_name="removal", db_constraint=False)
    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="removals")
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="removals", help_text="Who must do it.")
    state = models.CharField(max_length=15, choices=TaskState.choices, default=TaskState.OPEN)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    present_in = models.ForeignKey(
        "inventory.Snapshot", on_delete=models.PROTECT, related_name="+", help_text="The latest FULL snapshot known to show it."
    )
    verified_in = models.ForeignKey(
        "inventory.Snapshot",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="The FULL snapshot in which it was gone.",
    )
    entry_uid = models.UUIDField()

    objects = RemediationTaskQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(state="verified_gone", verified_in__isnull=False)
                | (~Q(state="verified_gone") & Q(verified_in__isnull=True)),
                name="task_gone_has_its_snapshot",
            ),
        )
        indexes = (
            models.Index(fields=("owner", "due_at"), condition=~Q(state="verified_gone"), name="task_owner_open"),
            models.Index(fields=("source",), condition=~Q(state="verified_gone"), name="task_source_open"),
        )

    def __str__(self) -> str:
        return f"removal {self.pk}"

    @property
    def is_for_silence(self) -> bool:
        """Whether nobody decided it in the review: people approved it afterwards."""
        return self.item.outcome == Outcome.NOT_REVIEWED


class Attempt(models.Model):
    """What somebody says was done, with an optional hashed proof file. Append-only."""

    task = models.ForeignKey(RemediationTask, on_delete=models.PROTECT, related_name="attempts")
    note = models.TextField()
    proof_name = models.CharField(max_length=255, blank=True)
    proof_sha256 = models.CharField(max_length=64, blank=True)
    proof_size = models.PositiveBigIntegerField(null=True)
    stored_as = models.CharField(max_length=255, blank=True, help_text="Path below the proof directory.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(proof_name="", proof_sha256="", proof_size__isnull=True, stored_as="")
                | (~Q(proof_name="") & ~Q(proof_sha256="") & Q(proof_size__isnull=False) & ~Q(stored_as="")),
                name="attempt_proof_facts_together",
            ),
        )

    def __str__(self) -> str:
        return f"attempt on removal {self.task_id}"


class Verification(models.Model):
    """What one later FULL snapshot says of one removal. Append-only; at most one per task and snapshot."""

    task = models.ForeignKey(RemediationTask, on_delete=models.PROTECT, related_name="verifications")
    snapshot = models.ForeignKey("inventory.Snapshot", on_delete=models.PROTECT, related_name="+")
    present_in = models.ForeignKey(
        "inventory.Snapshot",
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The FULL snapshot before it that still showed the access: the other bound of the time of removal.",
    )
    verdict = models.CharField(max_length=12, choices=Verdict.choices)
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("task", "snapshot"), name="verification_once"),)

    def __str__(self) -> str:
        return f"removal {self.task_id}: {self.verdict}"
