"""Who is waited for in open campaigns: what reminders and escalation are made of."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Max, Min, Q

from campaigns import ladder, queries, stages, worklist
from campaigns.models import Assignment, Campaign, Delegation
from campaigns.second_look import ANSWERABLE
from certify.lib import clock
from certify.lib.times import rfc3339
from ledger.models import Entry
from people.hours import Hours
from people.models import User


@dataclass(frozen=True)
class Run:
    """An open campaign in its stage, with its ladder and its place in time."""

    campaign: Campaign
    ladder: dict
    span: ladder.Span


@dataclass(frozen=True)
class Reviewer:
    """Somebody with open answers: how many are asked and open, whether any is given, and since when they have been asked."""

    user_id: int
    name: str
    asked: int
    open: int
    is_silent: bool
    since: datetime


def subject(campaign_id: int) -> str:
    """How the ledger names a campaign."""
    return f"campaigns.campaign:{campaign_id}"


def hold(what: str) -> None:
    """Let sweeps of one kind come one after the other until this transaction ends, without a lock that a reviewer would meet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('campaigns.waiting'), hashtext(%s))", [what])


def runs(ids: Collection[int] | None = None) -> list[Run]:
    """Open campaigns (of these ids), the first due first."""
    found = queries.open_campaigns() if ids is None else queries.open_campaigns().filter(pk__in=ids)
    campaigns = list(found.select_related("owner").order_by("due_at", "pk"))
    promised = _first_due(campaigns)
    return [
        Run(
            campaign,
            ladder.of(campaign.terms),
            ladder.Span(
                campaign.stage_opened_at or campaign.opened_at, promised.get(campaign.pk, campaign.due_at), campaign.due_at
            ),
        )
        for campaign in campaigns
    ]


def _first_due(campaigns: list[Campaign]) -> dict[int, datetime]:
    """Campaign → when its stage was first meant to end, where it was given more time. The ledger knows."""
    by_subject = {subject(campaign.pk): campaign for campaign in campaigns}
    found: dict[int, datetime] = {}
    extended = Entry.objects.filter(kind="campaign:extended", subject__in=by_subject).order_by("id")
    for about, payload in extended.values_list("subject", "payload_json"):
        campaign, data = by_subject[about], payload["data"]
        if data["stage"] == str(campaign.stage):
            found.setdefault(campaign.pk, datetime.fromisoformat(data["old"]))
    return found


def by_hours() -> dict[Hours, list[int]]:
    """Working hours → the active people who have them: far fewer than there are people."""
    found: dict[Hours, list[int]] = {}
    columns = ("pk", "time_zone", "works_from", "works_to", "working_days")
    for person in User.objects.filter(is_active=True).only(*columns).order_by("pk").iterator(chunk_size=2_000):
        found.setdefault(person.hours, []).append(person.pk)
    return found


def _open(run: Run):
    return Assignment.objects.filter(
        ANSWERABLE,
        campaign=run.campaign,
        stage=run.campaign.stage,
        is_active=True,
        sign_off__isnull=True,
        reviewer__is_active=True,
    )


def lines(found: Iterable[Run], people: Collection[int]) -> dict[int, list[dict]]:
    """Person → what waits for them in these campaigns, as a mail says it: their own answers, and those they may give for others."""
    said: dict[int, list[dict]] = {}
    for run in found:
        own = dict(_open(run).filter(reviewer_id__in=people).values_list("reviewer_id").annotate(Count("id")).order_by())
        others = _for_others(run, people)
        for person in sorted(own.keys() | others.keys()):
            said.setdefault(person, []).append(_line(run, own.get(person, 0), others.get(person, [])))
    return said


def _for_others(run: Run, people: Collection[int]) -> dict[int, list[dict]]:
    """Deputy → {name, items} of those they act for today; never with the deputy's own access among the items."""
    today = clock.now().date()
    running = Delegation.objects.filter(delegate_id__in=people, delegate__is_active=True, ended_at__isnull=True)
    running = running.filter(begins_on__lte=today, ends_on__gte=today).filter(
        Q(campaigns=[]) | Q(campaigns__contains=[run.campaign.pk])
    )
    found: dict[int, list[dict]] = {}
    seen = set()
    for one in running.select_related("principal", "delegate").order_by("principal__name", "pk"):
        if (one.delegate_id, one.principal_id) in seen:
            continue
        seen.add((one.delegate_id, one.principal_id))
        theirs = worklist.my_rows(one.delegate, run.campaign.pk).filter(reviewer_id=one.principal_id, stage=run.campaign.stage)
        if items := theirs.filter(ANSWERABLE, sign_off__isnull=True).count():
            found.setdefault(one.delegate_id, []).append({"name": one.principal.name, "items": items})
    return found


def _line(run: Run, own: int, others: list[dict]) -> dict:
    return about(run) | {"items": own, "others": others, "total": own + sum(one["items"] for one in others)}


def about(run: Run) -> dict:
    """What every mail says of an open campaign."""
    campaign = run.campaign
    return {
        "campaign": campaign.pk,
        "name": named(campaign),
        "due_at": rfc3339(campaign.due_at),
        "is_extended": run.span.promised_at < run.span.due_at,
        "path": f"/reviews/{campaign.pk}/",
        "calendar": date_of(campaign),
    }


def named(campaign: Campaign) -> str:
    """The campaign's name in one line, with its stage where there are several."""
    every = stages.of(campaign.terms)
    stage = f" · {every[campaign.stage - 1]['name']}" if len(every) > 1 else ""
    return " ".join(f"{campaign.name}{stage}".split())


def date_of(campaign: Campaign) -> dict:
    """When the campaign's stage ends, for a calendar."""
    return {
        "uid": f"review-{campaign.pk}-{campaign.stage}",
        "summary": f"Review due: {named(campaign)}",
        "due_at": rfc3339(campaign.due_at),
        "path": f"/reviews/{campaign.pk}/",
    }


def late(run: Run) -> list[Reviewer]:
    """Reviewers with open answers in the campaign's stage."""
    columns = {
        "asked": Count("id"),
        "left": Count("id", filter=ANSWERABLE & Q(sign_off__isnull=True)),
        "last": Max("decided_at"),
        "since": Min("assigned_at"),
    }
    rows = Assignment.objects.filter(
        campaign=run.campaign, stage=run.campaign.stage, is_active=True, reviewer__is_active=True
    ).values("reviewer_id", "reviewer__name")
    return [
        Reviewer(
            row["reviewer_id"],
            " ".join(row["reviewer__name"].split()),
            row["asked"],
            row["left"],
            row["last"] is None,
            max(row["since"], run.span.opened_at),
        )
        for row in rows.annotate(**columns).filter(left__gt=0).order_by("reviewer__name", "reviewer_id")
    ]
