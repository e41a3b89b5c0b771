"""Reads of the inventory."""

from dataclasses import dataclass

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from inventory.models import (
    Account,
    Entitlement,
    FormerAccount,
    FormerIdentity,
    Grant,
    Identity,
    LoadJob,
    RejectedRow,
    Snapshot,
    Source,
)
from inventory.states import LoadState
from ledger import personal, persons


def sources(user) -> QuerySet:
    """Sources the user may see, with the age of their data and how much they hold."""
    last = Snapshot.objects.filter(source=OuterRef("pk")).order_by("-pk")
    return (
        Source.objects.visible_to(user)
        .select_related("owner")
        .annotate(
            loaded_at=Max("snapshots__loaded_at"),
            loads_count=Count("snapshots", distinct=True),
            grants_open=Subquery(last.values("grants_open")[:1]),
            completeness=Subquery(last.values("completeness")[:1]),
        )
    )


def orphans(source: Source) -> QuerySet:
    """Accounts with open grants and no identity behind them."""
    held = Grant.objects.current().filter(account_id=OuterRef("pk"))
    return Account.objects.filter(Exists(held), source=source, identity=None).order_by("key")


def grants(source: Source, snapshot: Snapshot | None, *, search: str = "", after: int = 0) -> QuerySet:
    """Grants of a source as of a snapshot (None: now), in the order of their ids, after an id."""
    found = Grant.objects.as_of(snapshot) if snapshot else Grant.objects.current().filter(source=source)
    for word in search.split()[:5]:
        found = found.filter(
            Q(account__key__icontains=word)
            | Q(account__identity__name__icontains=word)
            | Q(entitlement__key__icontains=word)
            | Q(entitlement__name__icontains=word)
            | Q(entitlement__tags__contains=[word.lower()])
        )
    return found.filter(pk__gt=after).select_related("account__identity", "entitlement", "first_seen").order_by("pk")


def with_holders(rights: QuerySet) -> QuerySet:
    """Rights with how many accounts hold them now."""
    held = Grant.objects.current().filter(entitlement_id=OuterRef("pk")).order_by().values("entitlement_id")
    return rights.annotate(
        holders=Coalesce(Subquery(held.annotate(number=Count("account_id", distinct=True)).values("number")), 0)
    )


def entitlements(user) -> QuerySet:
    """Rights of the systems the user may see, with how many accounts hold them now."""
    found = Entitlement.objects.filter(source__in=Source.objects.visible_to(user))
    return with_holders(found.select_related("source", "owner", "gone_in", "described"))


def rejected(snapshot: Snapshot, *, after: int = 0) -> QuerySet:
    """Rejected rows of a snapshot in the order they were stored."""
    return RejectedRow.objects.filter(file__snapshot=snapshot, pk__gt=after).select_related("file").order_by("pk")


def waiting_loads() -> list[tuple[int, str]]:
    """(id, state) of loads that wait for a worker, and of those whose worker has gone silent."""
    waiting = LoadJob.objects.filter(state__in=(LoadState.CHECK_QUEUED, LoadState.QUEUED)).order_by("pk")
    return list(waiting.values_list("pk", "state"))


def identities(search: str = "", *, after: str = "") -> QuerySet:
    """Identities by key, after a key; of those who fit every word of the search."""
    found = Identity.objects.select_related("source", "gone_in")
    for word in search.split()[:5]:
        found = found.filter(Q(name__icontains=word) | Q(key__icontains=word) | Q(email__icontains=word))
    return found.filter(key__gt=after).order_by("key")


def unheld_accounts(search: str) -> QuerySet:
    """Accounts that no known identity holds, with grants or without, of those that fit every word of the search."""
    found = Account.objects.filter(identity=None).select_related("source")
    for word in search.split()[:5]:
        found = found.filter(Q(name__icontains=word) | Q(key__icontains=word))
    return found.order_by("source__name", "key")


def reference(subject: Identity | Account) -> str:
    """How marks and items name whose names are meant: inventory.identity:12 or inventory.account:5."""
    return f"{subject._meta.label_lower}:{subject.pk}"


@dataclass(frozen=True)
class Named:
    """What erasing would take away: what they were ever called, what their accounts were, and in how many other rows that stands."""

    called: list[str]
    accounts: list[str]
    rows: int


def what_names(subject: Identity | Account) -> Named:
    """What erasing an identity, or an account that nobody is known to hold, would take away."""
    if isinstance(subject, Identity):
        former = FormerIdentity.objects.filter(identity=subject).values_list("name", "email")
        called = {subject.name, subject.email, *(text for row in former for text in row)}
        held = FormerAccount.objects.filter(identity_key=subject.key).values_list("name", flat=True)
        accounts = {*subject.accounts.values_list("name", flat=True), *held}
    else:
        held = FormerAccount.objects.filter(account=subject).exclude(identity_key__in=Identity.objects.values("key"))
        called, accounts = {subject.name, *held.values_list("name", flat=True)}, set()
    nothing = {"", persons.mark(reference(subject))}
    rows = sum(personal.count(reference(subject)).values()) if called - nothing else 0
    return Named(sorted(called - nothing), sorted(accounts - nothing - called), rows)
