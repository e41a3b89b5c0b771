"""The people who lose access: what they were told beforehand, and what they said to it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from people.states import Role
from remediation.states import ObjectionState

USER = settings.AUTH_USER_MODEL


class Announcement(models.Model):
    """That somebody was told of a removal, and until when they may object. While it `waits`, nobody is to remove anything."""

    task = models.OneToOneField("remediation.RemediationTask", on_delete=models.PROTECT, related_name="announcement")
    person = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="announcements")
    until = models.DateTimeField(help_text="The last moment at which they may object.")
    is_waiting = models.BooleanField(help_text="Whether the removal waits for that moment: not where the right is privileged.")
    at = models.DateTimeField()
    entry_uid = models.UUIDField()

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("until",), condition=Q(is_waiting=True), name="announcement_waiting"),)

    def __str__(self) -> str:
        return f"removal {self.task_id}, told to {self.person_id}"


class ObjectionQuerySet(models.QuerySet):
    """Objections by who may see them."""

    def visible_to(self, user):
        """All for control owners and administrators, else those that one has to answer."""
        if user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER):
            return self
        return self.filter(reviewer=user)

    def open(self):
        """Those that nobody has answered yet."""
        return self.filter(state=ObjectionState.OPEN)


class Objection(models.Model):
    """Why somebody says that they need the access, who must decide again, and what they decided. What was said never changes."""

    task = models.OneToOneField("remediation.RemediationTask", on_delete=models.PROTECT, related_name="objection")
    person = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="objections")
    person_name = models.CharField(max_length=200)
    reason = models.TextField()
    at = models.DateTimeField()
    reviewer = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="objections_to_answer")
    answer_by = models.DateTimeField(help_text="After this moment the removal goes on without an answer.")
    state = models.CharField(max_length=12, choices=ObjectionState.choices, default=ObjectionState.OPEN)
    answered_by = models.ForeignKey(USER, on_delete=models.PROTECT, null=True, related_name="+")
    answered_by_name = models.CharField(max_length=200, blank=True)
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, help_text="Why it was decided so.")
    entry_uid = models.UUIDField(unique=True)

    objects = ObjectionQuerySet.as_manager()

    class Meta:
        ordering = ("answer_by", "id")
        constraints = (
            models.CheckConstraint(
                condition=Q(answered_by__isnull=True, answered_at__isnull=True, answered_by_name="", answer="")
                | (Q(answered_by__isnull=False, answered_at__isnull=False) & ~Q(answered_by_name="") & ~Q(answer="")),
                name="objection_answered_facts_together",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("confirmed", "kept")) | Q(answered_by__isnull=False),
                name="objection_answered_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(answered_by__isnull=True) | ~Q(answered_by=models.F("person")),
                name="objection_not_judged_by_its_author",
            ),
        )
        indexes = (models.Index(fields=("answer_by",), condition=Q(state="open"), name="objection_open"),)

    def __str__(self) -> str:
        return f"objection to removal {self.task_id}"
