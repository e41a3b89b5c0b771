"""Reads of the remediation trail."""

from datetime import datetime

from django.db.models import BooleanField, Case, Count, F, Max, Min, Q, QuerySet, Value, When

from campaigns.models import Campaign, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState
from inventory.models import Snapshot
from inventory.states import Completeness, FileKind
from people.models import User
from remediation.models import RemediationTask
from remediation.states import TaskState


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
        When(~Q(state=TaskState.VERIFIED_GONE) & Q(due_at__lt=now), then=Value(True)),
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
    unproved = ~Q(state=TaskState.VERIFIED_GONE)
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


def snapshots_to_verify() -> list[int]:
    """Ids, oldest first, of FULL snapshots with grants, later than the one that last showed some unproved removal of their source."""
    sources = dict(RemediationTask.objects.unproved().values_list("source_id").annotate(oldest=Min("present_in_id")).order_by())
    wanted = Q(pk__in=[])
    for source, oldest in sources.items():
        wanted |= Q(source_id=source, pk__gt=oldest)
    return list(speaking().filter(wanted).order_by("pk").values_list("pk", flat=True))


def owners_with_unproved() -> QuerySet:
    """Active users who have removals not yet proved, nor reported done, with `earliest_due`."""
    waiting = Q(removals__state__in=(TaskState.OPEN, TaskState.STILL_THERE))
    return User.objects.filter(waiting, is_active=True).annotate(earliest_due=Min("removals__due_at", filter=waiting))


def trail(task: RemediationTask) -> list[dict]:
    """Everything that happened to a removal, oldest first: {at, title, text, attempt or None, entry_uid}."""
    events = [{"at": task.created_at, "title": "Removal opened", "text": "", "attempt": None, "entry_uid": task.entry_uid}]
    events += [
        {"at": a.at, "title": f"Reported done by {a.by_name}", "text": a.note, "attempt": a, "entry_uid": a.entry_uid}
        for a in task.attempts.all()
    ]
    events += [
        {
            "at": v.at,
            "title": v.get_verdict_display(),
            "text": f"Present in snapshot #{v.present_in.number}; checked against full snapshot #{v.snapshot.number}.",
            "attempt": None,
            "entry_uid": v.entry_uid,
        }
        for v in task.verifications.select_related("snapshot", "present_in")
    ]
    return sorted(events, key=lambda event: event["at"])


def overdue_by_owner(*, now: datetime) -> QuerySet:
    """Owners with late removals: `late` and the most days by which one is late (`worst_due`)."""
    late = Q(removals__due_at__lt=now) & ~Q(removals__state=TaskState.VERIFIED_GONE)
    return (
        User.objects.annotate(late=Count("removals", filter=late), worst_due=Min("removals__due_at", filter=late))
        .filter(late__gt=0)
        .order_by(F("worst_due").asc())
    )


def last_full_snapshot_at(source_id: int) -> datetime | None:
    """When the latest FULL snapshot of a source was loaded: how fresh a proof can be."""
    return speaking().filter(source_id=source_id).aggregate(at=Max("loaded_at"))["at"]
