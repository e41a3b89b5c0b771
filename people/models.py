"""Who uses Certify, the programs that may, and the mail that was sent to people."""

from datetime import datetime, time

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from people.hours import Hours
from people.models_retention import Deletion as Deletion
from people.models_retention import HoldRelease as HoldRelease
from people.models_retention import LegalHold as LegalHold
from people.models_retention import RetentionRule as RetentionRule
from people.models_retention import RetentionRun as RetentionRun
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
    """A person who signs in. Never deleted, only deactivated: what they did must keep its actor. When they are erased (see
    `people.actions.erasing`), a mark takes the place of their name.
    """

    username = models.CharField("sign-in name", max_length=150, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    roles = ArrayField(models.CharField(max_length=20, choices=Role.choices), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    time_zone = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="IANA name; empty: the usual one."
    )
    language = models.CharField(
        max_length=10, blank=True, default="", db_default="", help_text="Code; empty: the browser's or the usual one."
    )
    works_from = models.TimeField(default=time(8), db_default=time(8))
    works_to = models.TimeField(default=time(18), db_default=time(18))
    working_days = ArrayField(models.PositiveSmallIntegerField(), db_default=[1, 2, 3, 4, 5], help_text="1 is Monday.")
    single_keys = models.BooleanField(default=True, db_default=True, help_text="Whether single letters act on pages.")

    #: Made by the database, of the name, address and sign-in name above.
    commitment = models.CharField(
        max_length=64, db_default="", editable=False, help_text="What entries hold in place of the name."
    )
    erased_at = models.DateTimeField(null=True, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"

    class Meta:
        ordering = ("name", "id")
        indexes = (models.Index(fields=("name", "id"), name="user_page"),)
        constraints = (
            models.CheckConstraint(condition=Q(roles__contained_by=[role.value for role in Role]), name="user_roles_known"),
            models.UniqueConstraint(models.functions.Lower("username"), name="user_username_any_case"),
            models.CheckConstraint(condition=Q(works_to__gt=F("works_from")), name="user_works_some_time"),
            models.CheckConstraint(
                condition=Q(working_days__contained_by=list(range(1, 8)), working_days__len__gte=1), name="user_works_some_day"
            ),
        )

    def __str__(self) -> str:
        return self.name or self.username

    def has_role(self, *roles: str) -> bool:
        """Whether this active user holds at least one of the roles."""
        return self.is_active and any(role in self.roles for role in roles)

    def role_names(self) -> list[str]:
        """The roles in words, in the order of `Role`."""
        return [str(role.label) for role in Role if role.value in self.roles]

    @property
    def hours(self) -> Hours:
        """When they work, by their own clock."""
        zone = self.time_zone or settings.CERTIFY_TIME_ZONE
        return Hours(zone, self.works_from, self.works_to, tuple(self.working_days))

    def actor_ref(self) -> dict[str, str]:
        """How the ledger names this person: by a commitment to what they are called now."""
        return {"id": f"people.user:{self.pk}", "person": self.commitment}

    @property
    def signed_as(self) -> str:
        """The name that tables keep with what they did."""
        return self.name


class ApiToken(models.Model):
    """What a program signs in with. Only its hash is kept; it is shown once, when it is made, ends by itself, and is never deleted.

    It is nobody's: what it did bears its own name. `scopes` are words that the apps above this one understand, `things` what they are
    limited to (keys of systems).
    """

    name = models.CharField(max_length=120, help_text="What it is for; stands with everything it did.")
    sha256 = models.CharField(max_length=64, unique=True, help_text="Of the token.")
    hint = models.CharField(max_length=12, help_text="Its first characters, to know it again.")
    scopes = ArrayField(models.CharField(max_length=40))
    things = ArrayField(models.CharField(max_length=80))
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by_name = models.CharField(max_length=200, blank=True)
    used_on = models.DateField(null=True, help_text="The last day on which it was used, UTC.")

    #: What frameworks ask of whoever signs in.
    is_authenticated = is_active = True
    is_anonymous = False

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                models.functions.Lower("name"), condition=Q(revoked_at__isnull=True), name="token_named_once"
            ),
            models.CheckConstraint(condition=Q(scopes__len__gte=1, things__len__gte=1), name="token_may_something"),
        )

    def __str__(self) -> str:
        return self.name

    def is_good(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and now < self.expires_at

    def allows(self, scope: str, thing: str) -> bool:
        """Whether it may do this with that."""
        return scope in self.scopes and thing in self.things

    def has_role(self, *roles: str) -> bool:
        """A program has no role: no page and no act of people is open to it."""
        return False

    def actor_ref(self) -> dict[str, str]:
        """How the ledger names this program."""
        return {"id": f"people.token:{self.pk}", "name": self.signed_as, "email": ""}

    @property
    def signed_as(self) -> str:
        """The name that tables keep with what it did."""
        return f"{self.name} (program)"


class SecondFactor(models.Model):
    """What a person has besides their password: an app that shows codes (RFC 6238), and recovery codes for when it is lost.

    There while it counts; its secret is forgotten with it. What became of it is in the ledger.
    """

    person = models.OneToOneField(User, on_delete=models.PROTECT, related_name="second_factor")
    secret = models.TextField(help_text="Encrypted under SECRET_KEY.")
    recovery = ArrayField(models.CharField(max_length=64), help_text="SHA-256 of each recovery code that was not used.")
    last_step = models.BigIntegerField(help_text="The half minute of the last code that was taken: none works twice.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failed_at = models.DateTimeField(null=True, help_text="The last of them.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(failures=0, failed_at__isnull=True) | Q(failures__gt=0, failed_at__isnull=False),
                name="factor_failures_have_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"second factor of {self.person_id}"


class MailQuerySet(models.QuerySet):
    """Mails by who may see them."""

    def visible_to(self, user):
        """All for administrators and control owners, who answer for mails arriving; none for others."""
        return self if user.has_role(Role.ADMINISTRATOR, Role.CONTROL_OWNER) else self.none()


class Mail(models.Model):
    """One mail to one person: written in the transaction that caused it, sent by the mail task, or found not to be needed then.

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

    @property
    def ref(self) -> str:
        """How the ledger and what is deleted of it name this mail."""
        return f"people.mail:{self.pk}"
