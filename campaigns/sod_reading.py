"""Reads of duties: conflicts with both their sides, and the exceptions around them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from campaigns.models import (
    ItemConflict,
    ReviewItem,
    SodConflict,
    SodConflictGrant,
    SodException,
    SodExceptionStep,
    SodRule,
)
from campaigns.states import ExceptionStep, Severity, Side
from inventory.models import Source
from people.queries import called

#: Rights of one side that a line shows; the number says how many there are.
SHOWN = 10


@dataclass(frozen=True)
class SidePart:
    """One side of a conflict in words: the duty, and the rights that are held of it."""

    name: str
    rights: list[str]
    more: int


@dataclass
class Line:
    """A conflict as a page shows it."""

    conflict: SodConflict
    sides: list[SidePart] = field(default_factory=list)
    exception: SodException | None = None


def conflicts(
    today: date,
    *,
    rule: SodRule | None = None,
    source: Source | None = None,
    state: str | None = None,
    person: str | None = None,
) -> QuerySet:
    """Conflicts in the order of their ids; `state` is "open", "excepted", "ended", or None for all that stand."""
    found = SodConflict.objects.filter(ended_at__isnull=state != "ended").with_exception(today)
    if rule is not None:
        found = found.filter(rule=rule)
    if state in ("open", "excepted"):
        found = found.filter(is_excepted=state == "excepted")
    if source is not None:
        found = found.filter(Exists(SodConflictGrant.objects.filter(conflict=OuterRef("pk"), grant__source=source)))
    if person:
        words = ("identity__name__icontains", "identity__key__iexact", "account__key__icontains")
        found = found.filter(Q(*[(word, person) for word in words], _connector=Q.OR))
    return found.select_related("rule", "identity", "account__source").order_by("pk")


def lines(found: Iterable[SodConflict], today: date, shown: int = SHOWN) -> list[Line]:
    """Conflicts with both sides and the exception that covers each, in four queries whatever their number."""
    by_id = {one.pk: Line(one) for one in found}
    rights: dict[tuple[int, str], list[str]] = {}
    parts = SodConflictGrant.objects.filter(conflict__in=by_id).order_by("pk")
    names = ("grant__source__name", "grant__entitlement__name", "grant__entitlement__key", "grant__account__key")
    for conflict, side, *facts in parts.values_list("conflict_id", "side", *names):
        rights.setdefault((conflict, side), []).append(in_words(*facts))
    covering = _covering(list(by_id), today)
    for pk, line in by_id.items():
        rule = line.conflict.rule
        for side, name in ((Side.A, rule.side_a_name), (Side.B, rule.side_b_name)):
            held = sorted(set(rights.get((pk, side), ())))
            line.sides.append(SidePart(name, held[:shown], max(0, len(held) - shown)))
        line.exception = covering.get(pk)
    return list(by_id.values())


def in_words(system: str, name: str, key: str, account: str) -> str:
    """A held right, as pages and frozen items say it."""
    return f"{system}: {name or key} ({account})"


def _covering(ids: list[int], today: date) -> dict[int, SodException]:
    """Conflict → the exception that covers it, where one does."""
    pairs = SodConflict.objects.filter(pk__in=ids).with_exception(today).filter(is_excepted=True)
    covered = dict(pairs.values_list("pk", "covered_by"))
    exceptions_found = SodException.objects.in_bulk(list(covered.values()))
    return {conflict: exceptions_found[exception] for conflict, exception in covered.items()}


#: What a person holds now of both sides, and an exception that holds does not name.
BEYOND = """
    SELECT DISTINCT exception.id, conflict.id, held.side, entitlement.id,
        source.name || ': ' || COALESCE(NULLIF(entitlement.name, ''), entitlement.key) AS words
    FROM campaigns_sodexception AS exception
    JOIN campaigns_sodconflict AS conflict ON conflict.rule_id = exception.rule_id AND conflict.identity_id = exception.identity_id
        AND conflict.ended_at IS NULL
    JOIN campaigns_sodconflictgrant AS held ON held.conflict_id = conflict.id
    JOIN inventory_grant AS open ON open.id = held.grant_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = open.entitlement_id
    JOIN inventory_source AS source ON source.id = entitlement.source_id
    WHERE exception.id = ANY(%s) AND NOT EXISTS (
        SELECT FROM campaigns_sodexceptionright AS named WHERE named.exception_id = exception.id AND named.side = held.side
            AND named.entitlement_id = entitlement.id)
    ORDER BY exception.id, held.side, words, entitlement.id
"""


@dataclass(frozen=True)
class Beyond:
    """What somebody holds that their exception does not name: the conflict that stands again, and the rights in words."""

    conflict: int
    rights: list[str]
    entitlements: list[int]


def beyond(ids: Iterable[int]) -> dict[int, Beyond]:
    """Exception → the rights of the standing conflict that it does not name; only those that have some."""
    found: dict[int, Beyond] = {}
    with connection.cursor() as cursor:
        cursor.execute(BEYOND, [list(ids)])
        for exception, conflict, _side, entitlement, words in cursor.fetchall():
            one = found.setdefault(exception, Beyond(conflict, [], []))
            one.rights.append(words)
            one.entitlements.append(entitlement)
    return found


def history(conflict: SodConflict) -> QuerySet:
    """Every exception that was ever asked for this person and rule, the newest first, with its steps."""
    found = SodException.objects.filter(rule=conflict.rule_id, identity=conflict.identity_id)
    return found.prefetch_related("steps", "rights").select_related("rule", "identity", "asked_by").order_by("-pk")


def exceptions(today: date, state: str = "") -> QuerySet:
    """Exceptions with their steps, the newest first; `state` is "waiting", "holding", "ended" or "" for all."""
    found = SodException.objects.all()
    if state == "waiting":
        found = found.waiting(today)
    elif state == "holding":
        found = found.in_force(today).filter(rule_version=F("rule__version"))
    elif state == "ended":
        approved = SodExceptionStep.objects.filter(exception=OuterRef("pk"), code=ExceptionStep.APPROVED)
        holding = SodException.objects.in_force(today).filter(rule_version=F("rule__version")).values("pk")
        found = found.filter(Exists(approved)).exclude(pk__in=holding)
    return found.select_related("rule", "identity", "asked_by").prefetch_related("steps", "rights").order_by("-pk")


def state_of(exception: SodException, today: date) -> str:
    """What has become of an exception, in words."""
    codes = {step.code for step in exception.steps.all()}
    if ExceptionStep.DECLINED in codes:
        return "declined"
    if ExceptionStep.ENDED in codes:
        return "ended early"
    if exception.ends_on < today:
        return "ran out" if codes else "never judged"
    if exception.rule_version != exception.rule.version:
        return "of an earlier form of the rule"
    return "holds" if codes else "waits"


def conflicts_of(item: ReviewItem) -> list[ItemConflict]:
    """The conflicts an item was part of at its launch, the worst first: rule, severity, both sides, controls, exception (and who
    approved it, as `approver`).
    """
    found = sorted(item.conflicts.all(), key=lambda one: (-Severity.values.index(one.severity), one.number))
    names = called(one.exception_by for one in found)
    for one in found:
        one.approver = names[one.exception_by]
    return found


def rules() -> QuerySet:
    """Every rule with how many conflicts stand, those in use first."""
    standing = Count("conflicts", filter=Q(conflicts__ended_at__isnull=True))
    return SodRule.objects.select_related("owner").annotate(standing=standing).order_by("-is_active", "name", "pk")
