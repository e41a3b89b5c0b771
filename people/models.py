"""Who uses Certify, and the mail that was sent to them."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from people.rules import sign_in_name
from people.states import MailState, Role


class UserQuerySet(models.QuerySet):
    """Users by who may see them and by what they may do."""

    def visible_to(self, user):
        """Everybody for administrators, nobody for others: a name on a page comes with the thing it belongs to."""
        return self if user.has_role(Role.ADMINISTRATOR) else self.none()

    def with_role(self, *roles: str):
        """Active users who hold at least one of the roles."""
        return self.filter(is_active=True, roles__overlap=list(roles))


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    """Look-up of users by their sign-in name, which ignores case and the ways Unicode writes one letter."""

    def get_by_natural_key(self, username):
        return self.get(username__iexact=sign_in_name(username))


class User(AbstractBaseUser):
    """A person who signs in. Never deleted, only deactivated: what they did must keep their name."""

    username = models.CharField("sign-in name", max_length=150, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    roles = ArrayField(models.CharField(max_length=20, choices=Role.choices), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    class Meta:
        ordering = ("name", "id")
        indexes = (models.Index(fields=("name", "id"), name="user_page"),)
        constraints = (
            models.CheckConstraint(condition=Q(roles__contained_by=[role.value for role in Role]), name="user_roles_known"),
            models.UniqueConstraint(models.functions.Lower("username"), name="user_username_any_case"),
        )

    def __str__(self) -> str:
        return self.name or self.username

    def has_role(self, *roles: str) -> bool:
        """Whether this active user holds at least one of the roles."""
        return self.is_active and any(role in self.roles for role in roles)

    def role_names(self) -> list[str]:
        """The roles in words, in the order of `Role`."""
        return [role.label for role in Role if role.value in self.roles]

    def actor_ref(self) -> dict[str, str]:
        """How the ledger names this person."""
        return {"id": f"people.user:{self.pk}", "name": self.name, "email": self.email}


class MailQuerySet(models.QuerySet):
    """Mails by who may see them."""

    def visible_to(self, user):
        """All for administrators and control owners, who answer for mails arriving; none for others."""
        return self if user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER) else self.none()


class Mail(models.Model):
    """One mail to one person: written in the transaction that caused it, sent by the mail task.

    `template` names the files `emails/<template>.txt`; `context` holds only JSON values. `dedupe_key` makes a
    redelivered task harmless: the same mail is never written twice.
    """

    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="mails")
    template = models.CharField(max_length=60)
    context = models.JSONField(default=dict)
    subject_ref = models.CharField(max_length=80)
    dedupe_key = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=10, choices=MailState.choices, default=MailState.QUEUED)
    address = models.EmailField(blank=True, help_text="Where it was really sent to.")
    attempts = models.PositiveSmallIntegerField(default=0)
    subject = models.CharField(max_length=250, blank=True, help_text="As it was sent.")
    error = models.TextField(blank=True)
    queued_by_name = models.CharField(max_length=200)
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Not tried before this moment; moves on after a failed attempt.")
    sent_at = models.DateTimeField(null=True, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("due_at", "id"), condition=Q(state="queued"), name="mail_queued"),
            models.Index(fields=("subject_ref", "id"), name="mail_subject"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="mail_sent_at_only_when_sent",
            ),
        )

    def __str__(self) -> str:
        return f"{self.template} to {self.recipient_id}"
