"""Reads of the remediation trail."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import BooleanField, Case, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from campaigns.models import Campaign, HeldRemoval, ReviewItem, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Outcome
from inventory.models import Grant, Snapshot, Source
from inventory.states import Completeness, FileKind
from people.models import User
from remediation.models import Attempt, Channel, Delivery, DeliveryTry, RemediationTask, Return, RiskException, Ticket
from remediation.states import TO_DO, UNPROVED, AttemptKind, DeliveryState, Effect, ExceptionState, TaskState, Verdict

#: Lists that are more than one state, over `work_list`.
LISTS = {
    "overdue": Q(is_overdue=True),
    "unproved": Q(state__in=UNPROVED),
    "to_do": Q(state__in=TO_DO),
    "waiting": Q(state__in=(TaskState.OPEN, TaskState.SENT, TaskState.RETURNED)),
    "reported": Exists(Attempt.objects.filter(task=OuterRef("pk"), kind=AttemptKind.CLAIM)),
    "came_back": Exists(Return.objects.filter(task=OuterRef("pk"))),
    "verified_late": Q(state=TaskState.VERIFIED_GONE)
    & Q(due_at__lt=Coalesce("verified_in__extracted_at", "verified_in__loaded_at")),
}


def outcomes(items: QuerySet) -> dict[str, int]:
    """How many of these items have each outcome."""
    return dict(items.exclude(outcome="").values_list("outcome").annotate(Count("id")).order_by())


def work_list(user, *, filters: dict, now: datetime) -> QuerySet:
    """Removals the user may see, earliest due first, with `is_overdue`.

    `filters` may hold `state` (a TaskState, or one of `LISTS`), `campaign`, `source` and `owner` (ids), `since` and `until` (days on which
    it was opened, UTC, both included), and `text`, which stands in a name or key of the person, account or right, or in the way it
    comes.
    """
    tasks = (
        RemediationTask.objects.visible_to(user)
        .select_related("item", "source", "owner", "campaign", "present_in", "verified_in")
        .annotate(is_overdue=_is_overdue(now))
        .order_by("due_at", "id")
    )
    if state := filters.get("state"):
        tasks = tasks.filter(LISTS.get(state, Q(state=state)))
    if filters.get("since"):
        tasks = tasks.filter(created_at__gte=datetime.combine(filters["since"], time(), UTC))
    if filters.get("until"):
        tasks = tasks.filter(created_at__lt=datetime.combine(filters["until"], time(), UTC) + timedelta(days=1))
    for name in ("campaign", "source", "owner"):
        if filters.get(name):
            tasks = tasks.filter(**{f"{name}_id": filters[name]})
    return tasks.filter(_says(filters["text"])) if filters.get("text") else tasks


SEARCHED = ("identity_name", "identity_key", "account_key", "account_name", "entitlement_name", "entitlement_key", "path")


def _says(text: str) -> Q:
    found = Q()
    for name in SEARCHED:
        found |= Q(**{f"item__{name}__icontains": text})
    return found


def choices(user) -> dict[str, list[tuple[int, str]]]:
    """What the list can be filtered by: the campaigns, sources and owners of removals that the user may see, by name."""
    tasks = RemediationTask.objects.visible_to(user)
    return {
        name: list(tasks.order_by(f"{name}__name").values_list(f"{name}_id", f"{name}__name").distinct())
        for name in ("source", "owner", "campaign")
    }


def _is_overdue(now: datetime) -> Case:
    return Case(
        When(Q(state__in=UNPROVED, due_at__lt=now), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )


def page_after(tasks: QuerySet, *, after: tuple[datetime, int] | None, limit: int) -> tuple[list, bool]:
    """One keyset page of `work_list` and whether more follow. `after` is the (due_at, id) of the last row shown."""
    if after:
        due_at, pk = after
        tasks = tasks.filter(Q(due_at__gt=due_at) | Q(due_at=due_at, id__gt=pk))
    rows = list(tasks[: limit + 1])
    return rows[:limit], len(rows) > limit


def counts(user, *, now: datetime, campaign: int | None = None) -> dict[str, int]:
    """How many removals the user may see, by state, with `total`, `overdue` and `unproved`."""
    tasks = RemediationTask.objects.visible_to(user)
    if campaign:
        tasks = tasks.filter(campaign_id=campaign)
    by_state = {state.value: Count("id", filter=Q(state=state)) for state in TaskState}
    unproved = Q(state__in=UNPROVED)
    return tasks.aggregate(
        total=Count("id"),
        unproved=Count("id", filter=unproved),
        to_do=Count("id", filter=Q(state__in=TO_DO)),
        overdue=Count("id", filter=unproved & Q(due_at__lt=now)),
        **by_state,
    )


def campaigns_to_sweep() -> QuerySet:
    """Closed campaigns with revoked items, or items whose removal was approved after silence, that have no removal yet."""
    blocked = HeldRemoval.objects.blocked().values("item_id")
    decided = (
        ReviewItem.objects.filter(outcome__in=TO_REMOVE, removal__isnull=True).exclude(pk__in=blocked).values("campaign_id")
    )
    approved = SilenceRemoval.objects.effective().filter(item__removal__isnull=True).values("campaign_id")
    return Campaign.objects.filter(Q(pk__in=decided) | Q(pk__in=approved), state=CampaignState.CLOSED).order_by("id")


def speaking() -> QuerySet:
    """Snapshots that can prove a removal: FULL, and from a file of grants of which every row could be read."""
    return Snapshot.objects.filter(completeness=Completeness.FULL, files__kind=FileKind.GRANTS, files__rows_unread=0)


def with_grants() -> QuerySet:
    """Snapshots with a file of grants, complete or not: what they show is there."""
    return Snapshot.objects.filter(files__kind=FileKind.GRANTS)


def seen_at(snapshot: Snapshot) -> datetime:
    """The moment that a snapshot speaks of: when it was extracted, or loaded where that is not known."""
    return snapshot.extracted_at or snapshot.loaded_at


def snapshots_to_verify() -> list[int]:
    """Ids, oldest first, of snapshots with grants that the removals of their source have not been held against yet."""
    found = with_grants().filter(source__watched_removals__up_to__lt=F("pk"))
    return list(found.order_by("pk").values_list("pk", flat=True))


#: Reported done, and nobody has shown anything.
UNSHOWN = Q(state=TaskState.CLAIMED_DONE) & ~Exists(
    Attempt.objects.filter(task=OuterRef("pk")).exclude(stored_as="", proof_link="")
)


def people_with_removals() -> QuerySet:
    """Active users who have something to remove, or something to prove."""
    found = RemediationTask.objects.filter(Q(state__in=TO_DO) | UNSHOWN)
    return User.objects.filter(pk__in=found.values("owner"), is_active=True).order_by("pk")


def dues(owner_id: int) -> list[datetime]:
    """When what a person has to remove, or to prove, is due; each moment once."""
    found = RemediationTask.objects.filter(Q(state__in=TO_DO) | UNSHOWN, owner_id=owner_id)
    return list(found.order_by("due_at").values_list("due_at", flat=True).distinct())


def owed(owner_id: int, *, now: datetime) -> dict:
    """What a person has to do: {waiting, late, unshown: reported without a proof, earliest_due, systems: the same for each}."""
    mine = RemediationTask.objects.filter(owner_id=owner_id)
    rows = (
        mine.filter(state__in=TO_DO)
        .values("source_id", name=F("source__name"))
        .annotate(waiting=Count("id"), late=Count("id", filter=Q(due_at__lt=now)), earliest_due=Min("due_at"))
        .order_by("earliest_due", "name")
    )
    systems = list(rows)
    return {
        "waiting": sum(row["waiting"] for row in systems),
        "late": sum(row["late"] for row in systems),
        "unshown": mine.filter(UNSHOWN).count(),
        "earliest_due": min((row["earliest_due"] for row in systems), default=None),
        "systems": systems,
    }


def _late(now: datetime) -> QuerySet:
    return RemediationTask.objects.filter(state__in=UNPROVED, due_at__lt=now)


def owners_of_late(*, now: datetime) -> QuerySet:
    """Active owners of reviews of which a removal is late."""
    return User.objects.filter(pk__in=_late(now).values("campaign__owner"), is_active=True).order_by("pk")


def late_dues(campaign_owner_id: int, *, now: datetime) -> list[datetime]:
    """When the late removals of somebody's reviews were due; each moment once."""
    found = _late(now).filter(campaign__owner_id=campaign_owner_id)
    return list(found.order_by("due_at").values_list("due_at", flat=True).distinct())


def late_lines(campaign_owner_id: int, *, now: datetime) -> list[dict]:
    """The late removals of somebody's reviews by who must do them and where: {owner, system, late, worst_due, campaigns}."""
    found = _late(now).filter(campaign__owner_id=campaign_owner_id).values(person=F("owner__name"), system=F("source__name"))
    rows = found.annotate(late=Count("id"), worst_due=Min("due_at"), campaigns=ArrayAgg("campaign_id", distinct=True))
    return [
        {"owner": row["person"], **{name: row[name] for name in ("system", "late", "worst_due", "campaigns")}}
        for row in rows.order_by("worst_due", "person", "system")
    ]


def overdue(user, *, now: datetime, by: str) -> list[dict]:
    """The late removals the user may see, by "owner" or "source": {pk, name, late, worst_due, unproved}, the worst first."""
    found = RemediationTask.objects.visible_to(user).filter(state__in=UNPROVED).values(pk=F(f"{by}_id"), name=F(f"{by}__name"))
    late = Q(due_at__lt=now)
    rows = found.annotate(unproved=Count("id"), late=Count("id", filter=late), worst_due=Min("due_at", filter=late))
    return list(rows.filter(late__gt=0).order_by("worst_due", "name"))


def seen_words(snapshot: Snapshot) -> str:
    """Which reading, and of when: "3 October 2026, 02:00 UTC (reading 12)"."""
    return f"{seen_at(snapshot).astimezone(UTC):%-d %B %Y, %H:%M} UTC (reading {snapshot.number})"


def removal_words(task: RemediationTask) -> str:
    """Between which two readings the access went away, in a sentence; "" while nothing proves that it did."""
    proof = task.verifications.filter(verdict=Verdict.GONE).select_related("snapshot", "present_in").last()
    if task.state != TaskState.VERIFIED_GONE or proof is None:
        return ""
    return f"Present on {seen_words(proof.present_in)}, gone on {seen_words(proof.snapshot)}."


def is_proved(task: RemediationTask) -> bool:
    """Whether somebody has shown anything, a file or an address, that a person can look at."""
    return task.attempts.exclude(stored_as="", proof_link="").exists()


ATTEMPT_TITLES = {
    AttemptKind.CLAIM: "Reported done by {}",
    AttemptKind.PROOF: "Proof added by {}",
    AttemptKind.LIST: "Handed on by {}",
    AttemptKind.CLOSE: "Closed on proof by {}, never verified by data",
}


def _event(at: datetime, title: str, text: str, entry_uid: UUID, attempt: Attempt | None = None) -> dict:
    return {"at": at, "title": title, "text": text, "attempt": attempt, "entry_uid": entry_uid}


def trail(task: RemediationTask) -> list[dict]:
    """Everything that happened to a removal, oldest first: {at, title, text, attempt or None, entry_uid}."""
    events = [_event(task.created_at, "Removal opened", "", task.entry_uid)]
    events += [
        _event(one.at, ATTEMPT_TITLES[one.kind].format(one.by_name), one.note, one.entry_uid, one)
        for one in task.attempts.all()
    ]
    for one in task.verifications.select_related("snapshot", "present_in"):
        is_gone = one.verdict == Verdict.GONE
        text = f"Present on {seen_words(one.present_in)}, {'gone' if is_gone else 'and still'} on {seen_words(one.snapshot)}."
        events.append(_event(one.at, one.get_verdict_display(), text, one.entry_uid))
    for one in task.returns.select_related("gone_in", "seen_in"):
        text = f"Gone on {seen_words(one.gone_in)}, there again on {seen_words(one.seen_in)}."
        if one.granted_by:
            text += f" Given by {one.granted_by}, as the system says."
        if one.later_outcome:
            text += f" A later review of the same access: {Outcome(one.later_outcome).label.lower()}."
        events.append(_event(one.at, "Came back", text, one.entry_uid))
    for one in task.exceptions.all():
        events += _exception_events(one)
    for one in DeliveryTry.objects.filter(delivery__task=task).exclude(outcome=DeliveryState.DRY):
        events.append(_event(one.began_at, f"Sent to {urlsplit(one.url).hostname}", _try_words(one), one.entry_uid))
    return sorted(events, key=lambda event: event["at"])


def _try_words(one: DeliveryTry) -> str:
    came = ", ".join(filter(None, (f"answer {one.status}" if one.status else "", one.error.rstrip(".")))) or "answered"
    effect = f" {Effect(one.effect).label}." if one.effect else ""
    return f"Try {one.number}: {came}.{effect} {DeliveryState(one.outcome).label}."


def tickets_of(task: RemediationTask) -> list[Ticket]:
    """The tickets that were opened for a removal, the latest first."""
    return list(Ticket.objects.filter(delivery__task=task).order_by("-id")[:20])


def _exception_events(one: RiskException) -> list[dict]:
    text = f"Until {one.expires_on:%-d %B %Y}. {one.reason} Meanwhile: {one.control}"
    events = [_event(one.requested_at, f"Exception asked for by {one.requested_by_name}", text, one.entry_uid)]
    if one.decided_at:
        word = "declined" if one.state == ExceptionState.DECLINED else "approved"
        events.append(_event(one.decided_at, f"Exception {word} by {one.decided_by_name}", one.note, one.entry_uid))
    if one.ended_at:
        events.append(_event(one.ended_at, f"Exception ended: {one.get_end_reason_display().lower()}", "", one.entry_uid))
    return events


def last_full_snapshot_at(source_id: int) -> datetime | None:
    """When the latest FULL snapshot of a source was loaded: how fresh a proof can be."""
    return speaking().filter(source_id=source_id).aggregate(at=Max("loaded_at"))["at"]


def exceptions(user, *, state: str = "", campaign: int | None = None) -> QuerySet:
    """Risk exceptions the user may see, those that end first at the top; `state` is an `ExceptionState` or empty."""
    found = RiskException.objects.visible_to(user).select_related("task__item", "task__campaign", "task__source")
    if state:
        found = found.filter(state=state)
    if campaign:
        found = found.filter(task__campaign_id=campaign)
    return found.order_by("expires_on", "id")


def exception_counts(user) -> dict[str, int]:
    """How many exceptions the user may see, by state, with `total`."""
    by_state = {state.value: Count("id", filter=Q(state=state)) for state in ExceptionState}
    return RiskException.objects.visible_to(user).aggregate(total=Count("id"), **by_state)


#: So many rows of what else goes, or stays, are named; the others are counted.
NAMED = 50


@dataclass(frozen=True)
class Reach:
    """What has to be removed, exactly, and what hangs on it.

    `through` is the membership to end ("" for a direct grant); `also` other access of the account that ends with it, of which
    `also_count` there are, and `kept` how many of them the same review kept; `other_ways` is how the account keeps the right all the
    same.
    """

    through: str
    also: list[dict]
    also_count: int
    kept: int
    other_ways: list[str]


def reach(task: RemediationTask) -> Reach:
    """What the removal of an item takes away besides, and what it leaves, as the latest data of its source shows it."""
    grant = task.item.grant
    same_account = Grant.objects.current().filter(account_id=grant.account_id).exclude(pk=grant.pk)
    ways = same_account.filter(entitlement_id=grant.entitlement_id).exclude(path=grant.path).order_by("path")
    other_ways = [path or "given directly" for path in ways.values_list("path", flat=True)[:NAMED]]
    if not grant.path:
        return Reach("", [], 0, 0, other_ways)
    along = same_account.filter(path=grant.path).exclude(entitlement_id=grant.entitlement_id)
    outcome = ReviewItem.objects.filter(
        campaign_id=task.campaign_id, account_key=task.item.account_key, source_id=task.source_id, path=grant.path
    ).exclude(pk=task.item_id)
    outcomes = dict(outcome.values_list("entitlement_key", "outcome"))
    rows = along.order_by("entitlement__key").values("entitlement__key", "entitlement__name", "entitlement__privileged")
    also = [
        {
            "name": row["entitlement__name"] or row["entitlement__key"],
            "privileged": row["entitlement__privileged"] == "yes",
            "outcome": Outcome(outcomes[row["entitlement__key"]]).label if outcomes.get(row["entitlement__key"]) else "",
        }
        for row in rows[:NAMED]
    ]
    kept = along.filter(entitlement__key__in=[key for key, value in outcomes.items() if value == Outcome.APPROVED]).count()
    return Reach(grant.path, also, along.count(), kept, other_ways)


def channels() -> QuerySet:
    """Every source that a system owner or a program removes access from, with what waits for its program."""
    waiting = {state: Count("removal_channel__deliveries", filter=Q(removal_channel__deliveries__state=state)) for state in
               (DeliveryState.QUEUED, DeliveryState.HELD, DeliveryState.DEAD, DeliveryState.DELIVERED)}  # fmt: skip
    counts = {f"messages_{state}": count for state, count in waiting.items()}
    return Source.objects.select_related("removal_channel").annotate(**counts).order_by("name")


def messages_of(channel: Channel, *, limit: int) -> list[Delivery]:
    """The messages of a channel: given up first, then what waits, then the rest, the latest first; at most `limit`."""
    order = Case(
        When(state=DeliveryState.DEAD, then=Value(0)),
        When(state__in=(DeliveryState.QUEUED, DeliveryState.HELD), then=Value(1)),
        default=Value(2),
    )
    found = channel.deliveries.select_related("task__item", "ticket").prefetch_related("attempts")
    return list(found.order_by(order, "-id")[:limit])
