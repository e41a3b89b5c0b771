"""Reads of the remediation trail."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import BooleanField, Case, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign, HeldRemoval, ReviewItem, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Outcome
from certify.lib import clock
from certify.lib.language import dated, within
from inventory.models import Grant, Identity, Snapshot, Source
from inventory.states import Completeness, FileKind, IdentityStatus
from people.models import User
from people.rules import is_email
from remediation import early, rules, tries
from remediation.models import (
    Announcement,
    Attempt,
    Channel,
    Delivery,
    DeliveryTry,
    Objection,
    RemediationTask,
    Return,
    RiskException,
    Ticket,
    Verification,
)
from remediation.states import (
    TO_DO,
    UNPROVED,
    AttemptKind,
    DeliveryState,
    Effect,
    ExceptionState,
    ObjectionState,
    ReportedResult,
    TaskState,
    Verdict,
)

#: Lists that are more than one state, over `work_list`.
LISTS = {
    "overdue": Q(is_overdue=True),
    "unproved": Q(state__in=UNPROVED),
    "to_do": Q(state__in=TO_DO),
    "waiting": Q(state__in=(TaskState.ANNOUNCED, TaskState.OPEN, TaskState.SENT, TaskState.RETURNED)),
    "reported": Exists(Attempt.objects.filter(task=OuterRef("pk"), kind=AttemptKind.CLAIM)),
    "gone_in_vain": early.NAMED_GONE,
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
    if filters.get("until") and filters["until"] < date.max:
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
    """Campaigns with items to remove, or items whose removal was approved after silence, that have no removal yet.

    Open ones are among them where removals begin at sign-off: only what is settled has an outcome then.
    """
    blocked = HeldRemoval.objects.blocked().values("item_id")
    decided = (
        ReviewItem.objects.filter(outcome__in=TO_REMOVE, removal__isnull=True).exclude(pk__in=blocked).values("campaign_id")
    )
    approved = SilenceRemoval.objects.effective().filter(item__removal__isnull=True).values("campaign_id")
    under_way = (CampaignState.OPEN, CampaignState.PAUSED, CampaignState.CLOSED)
    return Campaign.objects.filter(Q(pk__in=decided) | Q(pk__in=approved), state__in=under_way).order_by("id")


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
    moment = dated(seen_at(snapshot).astimezone(UTC), "j F Y, H:i")
    return _("{moment} UTC (reading {number})").format(moment=moment, number=snapshot.number)


def _between(found: Verification) -> str:
    """What a verdict says of two readings."""
    text = (
        _("Present on {before}, gone on {after}.")
        if found.verdict == Verdict.GONE
        else _("Present on {before}, and still on {after}.")
    )
    return text.format(before=seen_words(found.present_in), after=seen_words(found.snapshot))


def removal_words(task: RemediationTask) -> str:
    """Between which two readings the access went away, and exactly when where a system said so; "" while nothing proves that it did."""
    proof = task.verifications.filter(verdict=Verdict.GONE).select_related("snapshot", "present_in").last()
    if task.state != TaskState.VERIFIED_GONE or proof is None:
        return ""
    return " ".join(filter(None, (_between(proof), _exactly(task, proof))))


def _exactly(task: RemediationTask, proof: Verification) -> str:
    """When a system answered that it took the access away, in a sentence; only what fits between the two readings is said."""
    between = (seen_at(proof.present_in), seen_at(proof.snapshot))
    done = DeliveryTry.objects.filter(delivery__task=task, effect=Effect.DONE, began_at__range=between)
    found = done.select_related("delivery__channel__source").last()
    if found is None:
        return ""
    moment = dated(found.began_at.astimezone(UTC), "j F Y, H:i:s")
    return _("{system} answered on {moment} UTC that it took it away.").format(
        system=found.delivery.channel.source.name, moment=moment
    )


def is_proved(task: RemediationTask) -> bool:
    """Whether somebody has shown anything, a file or an address, that a person can look at."""
    return task.attempts.exclude(stored_as="", proof_link="").exists()


ATTEMPT_TITLES = {
    AttemptKind.CLAIM: gettext_lazy("Reported done by {name}"),
    AttemptKind.PROOF: gettext_lazy("Proof added by {name}"),
    AttemptKind.LIST: gettext_lazy("Handed on by {name}"),
    AttemptKind.CLOSE: gettext_lazy("Closed on proof by {name}, never verified by data"),
}


def _event(at: datetime, title: str, text: str, entry_uid: UUID, attempt: Attempt | None = None) -> dict:
    return {"at": at, "title": title, "text": text, "attempt": attempt, "entry_uid": entry_uid}


def trail(task: RemediationTask) -> list[dict]:
    """Everything that happened to a removal, oldest first: {at, title, text, attempt or None, entry_uid}."""
    events = [_event(task.created_at, _("Removal opened"), "", task.entry_uid)]
    events += [
        _event(one.at, str(ATTEMPT_TITLES[one.kind]).format(name=one.by_name), one.note, one.entry_uid, one)
        for one in task.attempts.all()
    ]
    for one in task.verifications.select_related("snapshot", "present_in"):
        events.append(_event(one.at, one.get_verdict_display(), _between(one), one.entry_uid))
    for one in task.returns.select_related("gone_in", "seen_in"):
        text = _("Gone on {before}, there again on {after}.").format(
            before=seen_words(one.gone_in), after=seen_words(one.seen_in)
        )
        if one.granted_by:
            text += " " + _("Given by {name}, as the system says.").format(name=one.granted_by)
        if one.later_outcome:
            outcome = within(Outcome(one.later_outcome).label)
            text += " " + _("A later review of the same access: {outcome}.").format(outcome=outcome)
        events.append(_event(one.at, _("Came back"), text, one.entry_uid))
    events += _told_events(task)
    events += [_event(*one) for one in early.withdrawn(task)]
    for one in task.exceptions.all():
        events += _exception_events(one)
    for one in DeliveryTry.objects.filter(delivery__task=task).exclude(outcome=DeliveryState.DRY):
        events.append(_event(one.began_at, *tries.in_words(one), one.entry_uid))
    return sorted(events, key=lambda event: event["at"])


def tickets_of(task: RemediationTask) -> list[Ticket]:
    """The tickets that were opened for a removal, the latest first."""
    return list(Ticket.objects.filter(delivery__task=task).order_by("-id")[:20])


def _told_events(task: RemediationTask) -> list[dict]:
    """What programs reported, who was told, and what they said to it. What a program says it applied is among the attempts."""
    events = [
        _event(
            one.at,
            _("{result}, says {name}").format(result=one.get_result_display(), name=one.by_name),
            one.description,
            one.entry_uid,
        )
        for one in task.results.exclude(result=ReportedResult.APPLIED)
    ]
    for one in Announcement.objects.filter(task=task).select_related("person"):
        text = (
            _("Objections until {moment} UTC; the removal waits.")
            if one.is_waiting
            else _("Objections until {moment} UTC; the removal goes on meanwhile.")
        )
        text = text.format(moment=dated(one.until.astimezone(UTC), "j F Y, H:i"))
        events.append(_event(one.at, _("Told to {name}").format(name=one.person.name), text, one.entry_uid))
    for one in Objection.objects.filter(task=task).select_related("reviewer"):
        asked = _("{name} is asked to decide again.").format(name=one.reviewer.name)
        text = f"{one.reason} · {asked}"
        events.append(_event(one.at, _("{name} objected").format(name=one.person_name), text, one.entry_uid))
        if one.answered_at:
            title = _("{state}, decided {name}").format(state=one.get_state_display(), name=one.answered_by_name)
            events.append(_event(one.answered_at, title, one.answer, one.entry_uid))
        elif one.state != ObjectionState.OPEN:
            events.append(_event(one.answer_by, one.get_state_display(), "", one.entry_uid))
    return events


def _exception_events(one: RiskException) -> list[dict]:
    text = _("Until {day}. {reason} Meanwhile: {control}").format(
        day=dated(one.expires_on, "j F Y"), reason=one.reason, control=one.control
    )
    title = _("Exception asked for by {name}").format(name=one.requested_by_name)
    events = [_event(one.requested_at, title, text, one.entry_uid)]
    if one.decided_at:
        is_declined = one.state == ExceptionState.DECLINED
        title = _("Exception declined by {name}") if is_declined else _("Exception approved by {name}")
        events.append(_event(one.decided_at, title.format(name=one.decided_by_name), one.note, one.entry_uid))
    if one.ended_at:
        events.append(
            _event(
                one.ended_at, _("Exception ended: {why}").format(why=within(one.get_end_reason_display())), "", one.entry_uid
            )
        )
    return events


def last_full_snapshot_at(source_id: int) -> datetime | None:
    """When the latest FULL snapshot of a source was loaded: how fresh a proof can be."""
    return speaking().filter(source_id=source_id).aggregate(at=Max("loaded_at"))["at"]


@dataclass(frozen=True)
class Silence:
    """That a system gives no full reading any more: since when (None: it never gave one), and how many others came since."""

    since: datetime | None
    days: int
    others: int


def silence(source_id: int, *, now: datetime) -> Silence | None:
    """What is to be said of a system whose readings have ceased to prove anything; None while they come."""
    last = last_full_snapshot_at(source_id)
    if not rules.is_quiet(last, now):
        return None
    later = Snapshot.objects.filter(source_id=source_id, **({"loaded_at__gt": last} if last else {}))
    return Silence(last, (now - last).days if last else 0, later.count())


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
    other_ways = [path or _("given directly") for path in ways.values_list("path", flat=True)[:NAMED]]
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


#: Kinds of identities that can read a mail.
PEOPLE = ("employee", "contractor", "supplier")


def tellable(keys: Iterable[str]) -> dict[str, Identity]:
    """Of these identities, the people who are there, have not left and have a mail address, by key."""
    found = Identity.objects.filter(key__in=set(keys), kind__in=PEOPLE, status=IdentityStatus.ACTIVE, gone_in__isnull=True)
    found = found.exclude(end_on__lt=clock.now().date())
    return {person.key: person for person in found.select_related("user") if is_email(person.email)}
