"""Duties that one person must not hold together: rules, the conflicts that the data shows, and the exceptions that people approved.

Rules are configuration: changed by their owners, each change in the ledger, never deleted. Conflicts are found by comparing rules with
what is open now; one that is over keeps its row. Exceptions and what became of them are append-only.
"""

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery

from campaigns.models.references import USER, unchecked
from campaigns.states import ExceptionStep, Severity, Side


class SodRule(models.Model):
    """Two sets of rights that nobody should hold a part of both of.

    A side lists rights as source key, slash, right's key, and tags as `tag:` with the tag; `version` counts how often what it
    compares was changed.
    """

    key = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    side_a_name = models.CharField(max_length=120)
    side_a = ArrayField(models.TextField())
    side_b_name = models.CharField(max_length=120)
    side_b = ArrayField(models.TextField())
    severity = models.CharField(max_length=10, choices=Severity.choices)
    control = models.TextField(blank=True, help_text="What limits the harm where somebody has both, in words.")
    owner = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("key",)
        constraints = (models.CheckConstraint(condition=~Q(side_a=[]) & ~Q(side_b=[]), name="sod_rule_has_two_sides"),)

    def __str__(self) -> str:
        return self.name


class SodEvaluation(models.Model):
    """One comparison of all rules with everything that is open. Append-only."""

    at = models.DateTimeField()
    snapshots = models.PositiveIntegerField(help_text="Snapshots there were.")
    rules = models.PositiveIntegerField(help_text="Active rules.")
    rules_digest = models.CharField(max_length=32, help_text="MD5 of what the active rules compared.")
    standing = models.PositiveIntegerField(help_text="Conflicts that stand after it.")
    begun = models.PositiveIntegerField()
    ended = models.PositiveIntegerField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.at}: {self.standing}"


class SodConflictQuerySet(models.QuerySet):
    """Conflicts by whether they stand, and whether an exception covers them."""

    def standing(self):
        """Those that the latest comparison found."""
        return self.filter(ended_at__isnull=True)

    def with_exception(self, today: date):
        """Each with `covered_by`, the exception in force on that day that names all that is held, and `is_excepted`."""
        named = SodExceptionRight.objects.filter(
            exception=OuterRef(OuterRef("pk")), side=OuterRef("side"), entitlement=OuterRef("grant__entitlement_id")
        )
        unnamed = SodConflictGrant.objects.filter(~Exists(named), conflict=OuterRef(OuterRef("pk")))
        covering = SodException.objects.in_force(today).filter(
            ~Exists(unnamed),
            rule_id=OuterRef("rule_id"),
            identity_id=OuterRef("identity_id"),
            rule_version=OuterRef("rule__version"),
        )
        latest = covering.order_by("-ends_on", "-pk").values("pk")[:1]
        return self.annotate(covered_by=Subquery(latest), is_excepted=Exists(covering))


class SodConflict(models.Model):
    """Somebody who holds a right of both sides of a rule: a person or, where nobody knows whose it is, an account by itself.

    `holder` is the identity's id, or the account's with a minus: one number to compare by.
    """

    rule = models.ForeignKey(SodRule, on_delete=models.PROTECT, related_name="conflicts")
    holder = models.BigIntegerField()
    identity = unchecked("inventory.Identity", null=True, related_name="+")
    account = unchecked("inventory.Account", null=True, related_name="+", db_index=False)
    found_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = SodConflictQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("rule", "holder"), condition=Q(ended_at__isnull=True), name="sod_conflict_once"),
            models.CheckConstraint(
                condition=Q(identity__isnull=False, account__isnull=True, holder=F("identity_id"))
                | Q(identity__isnull=True, account__isnull=False, holder__lt=0),
                name="sod_conflict_holder",
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule_id}: {self.holder}"


class SodConflictGrant(models.Model):
    """A grant that makes a conflict, and the side it is on. Those of a conflict that is over stay as they were."""

    conflict = unchecked("campaigns.SodConflict", related_name="parts", db_index=False)
    side = models.CharField(max_length=1, choices=Side.choices)
    grant = unchecked("inventory.Grant", related_name="+")

    class Meta:
        ordering = ("conflict_id", "side", "grant_id")
        constraints = (models.UniqueConstraint(fields=("conflict", "side", "grant"), name="sod_conflict_grant_once"),)

    def __str__(self) -> str:
        return f"{self.conflict_id}{self.side}: {self.grant_id}"


class SodExceptionQuerySet(models.QuerySet):
    """Exceptions by whether they hold."""

    def in_force(self, today: date):
        """Those that somebody approved, nobody ended, and whose last day has not passed."""
        approved = SodExceptionStep.objects.filter(exception=OuterRef("pk"), code=ExceptionStep.APPROVED)
        ended = SodExceptionStep.objects.filter(exception=OuterRef("pk"), code=ExceptionStep.ENDED)
        return self.filter(Exists(approved), ~Exists(ended), ends_on__gte=today)

    def waiting(self, today: date):
        """Those that nobody has judged, and that could still begin."""
        judged = SodExceptionStep.objects.filter(exception=OuterRef("pk"))
        return self.filter(~Exists(judged), ends_on__gte=today)


class SodException(models.Model):
    """Somebody asks that a person may hold these rights of both sides of a rule until a day.

    It counts once another person has approved it, and covers the rights it names (`SodExceptionRight`) and no others.
    """

    rule = models.ForeignKey(SodRule, on_delete=models.PROTECT, related_name="exceptions")
    rule_version = models.PositiveIntegerField(help_text="It covers the rule as it was then, and no later change of its sides.")
    identity = models.ForeignKey("inventory.Identity", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    identity_key = models.CharField(max_length=200)
    identity_name = models.CharField(max_length=300, blank=True)
    control = models.TextField(help_text="What limits the harm, in words.")
    reason = models.TextField()
    ends_on = models.DateField(help_text="The last day on which it covers the conflict, UTC.")
    asked_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    asked_by_name = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    objects = SodExceptionQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("rule", "identity"), name="sod_exception_of"),)

    def __str__(self) -> str:
        return f"{self.identity_name or self.identity_key}, until {self.ends_on}"


class SodExceptionRight(models.Model):
    """A right that an exception names, on its side: what the person held of the rule when it was asked for. Append-only."""

    exception = models.ForeignKey(SodException, on_delete=models.PROTECT, related_name="rights", db_index=False)
    side = models.CharField(max_length=1, choices=Side.choices)
    entitlement = unchecked("inventory.Entitlement", related_name="+", db_index=False)
    words = models.TextField(help_text="System and right, as they were called then.")

    class Meta:
        ordering = ("exception_id", "side", "id")
        constraints = (models.UniqueConstraint(fields=("exception", "side", "entitlement"), name="sod_exception_right_once"),)

    def __str__(self) -> str:
        return f"{self.exception_id}{self.side}: {self.words}"


class SodExceptionStep(models.Model):
    """What became of an exception: approved or declined by another person, ended before its day."""

    exception = models.ForeignKey(SodException, on_delete=models.PROTECT, related_name="steps")
    code = models.CharField(max_length=10, choices=ExceptionStep.choices)
    asked_by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+", help_text="Copy of the exception's.")
    by = models.ForeignKey(USER, on_delete=models.PROTECT, related_name="+")
    by_name = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    at = models.DateTimeField()
    entry_uid = models.UUIDField(unique=True)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("exception",), condition=Q(code__in=("approved", "declined")), name="sod_exception_judged_once"
            ),
            models.UniqueConstraint(fields=("exception",), condition=Q(code="ended"), name="sod_exception_ended_once"),
            models.CheckConstraint(
                condition=~Q(code="approved") | ~Q(by=F("asked_by")), name="sod_exception_approved_by_somebody_else"
            ),
        )

    def __str__(self) -> str:
        return f"{self.exception_id}: {self.code}"


class ItemConflict(models.Model):
    """A conflict that an item was part of at its launch: the rule, what is held of the other side, and the exception that covered it.

    Frozen: `leaf` is the RFC 6962 leaf hash over its row in the pack (`campaigns.rules.CONFLICT_COLUMNS`), and the launch commits to all
    of them. `held` are the first rights of the other side in words, `held_count` says how many there were.
    """

    campaign = unchecked("campaigns.Campaign", related_name="item_conflicts", db_index=False)
    number = models.PositiveIntegerField(help_text="1 … n within the campaign, in the order of the conflict root.")
    item = unchecked("campaigns.ReviewItem", related_name="conflicts")
    item_number = models.PositiveIntegerField()
    conflict = unchecked("campaigns.SodConflict", related_name="+", db_index=False)
    rule = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    side = models.CharField(max_length=1, choices=Side.choices)
    duty = models.CharField(max_length=120, help_text="What the item itself lets people do.")
    other_duty = models.CharField(max_length=120)
    held = ArrayField(models.TextField())
    held_count = models.PositiveIntegerField()
    control = models.TextField(blank=True)
    found_at = models.DateTimeField()
    excepted_until = models.DateField(null=True)
    exception_control = models.TextField(blank=True)
    exception_by = models.CharField(max_length=200, blank=True, help_text="Who approved it: people.user:7; before that a name.")
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ("campaign_id", "number")
        constraints = (models.UniqueConstraint(fields=("campaign", "number"), name="item_conflict_number_once"),)

    def __str__(self) -> str:
        return f"{self.item_number}: {self.name}"

    @property
    def more(self) -> int:
        """Rights of the other side that `held` does not name."""
        return self.held_count - len(self.held)
