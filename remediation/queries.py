"""Reads of the remediation trail."""

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import BooleanField, Case, Count, F, Max, Min, Q, QuerySet, Value, When

from campaigns.models import Campaign, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Outcome
from inventory.models import Snapshot
from inventory.states import Completeness, FileKind
from people.models import User
from remediation.models import Attempt, RemediationTask
from remediation.states import TO_DO, UNPROVED, AttemptKind, TaskState, Verdict


def work_list(user, *, filters: dict, now: datetime) -> QuerySet:
    """Removals the user may see, earliest due first, with `is_overdue`.

    `filters` may hold `state` (a TaskState or "unproved" or "overdue"), `campaign`, `source` and `owner` (ids).
    """
    tasks = (
        RemediationTask.objects.visible_to(user)
        .select_related("item", "source", "owner", "campaign", "present_in", "verified_in")
        .annotate(is_overdue=_is_overdue(now))
        .order_by("due_at", "id")
    )
    state = filters.get("state")
    if state == "overdue":
        tasks = tasks.filter(is_overdue=True)
    elif state == "unproved":
        tasks = tasks.unproved()
    elif state:
        tasks = tasks.filter(state=state)
    for name in ("campaign", "source", "owner"):
        if filters.get(name):
            tasks = tasks.filter(**{f"{name}_id": filters[name]})
    return tasks


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
        overdue=Count("id", filter=unproved & Q(due_at__lt=now)),
        **by_state,
    )


def campaigns_to_sweep() -> QuerySet:
    """Closed campaigns with revoked items, or items whose removal was approved after silence, that have no removal yet."""
    decided = Campaign.objects.filter(items__outcome__in=TO_REMOVE, items__removal__isnull=True).values("pk")
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


def owners_with_unproved() -> QuerySet:
    """Active users who have removals not yet proved, nor reported done, with `earliest_due`."""
    waiting = Q(removals__state__in=TO_DO)
    return User.objects.filter(waiting, is_active=True).annotate(earliest_due=Min("removals__due_at", filter=waiting))


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
    return sorted(events, key=lambda event: event["at"])


def overdue_by_owner(*, now: datetime) -> QuerySet:
    """Owners with late removals: `late` and the most days by which one is late (`worst_due`)."""
    late = Q(removals__due_at__lt=now, removals__state__in=UNPROVED)
    return (
        User.objects.annotate(late=Count("removals", filter=late), worst_due=Min("removals__due_at", filter=late))
        .filter(late__gt=0)
        .order_by(F("worst_due").asc())
    )


def last_full_snapshot_at(source_id: int) -> datetime | None:
    """When the latest FULL snapshot of a source was loaded: how fresh a proof can be."""
    return speaking().filter(source_id=source_id).aggregate(at=Max("loaded_at"))["at"]
