"""Where the requests of auditors stand, and for whom they wait."""

from collections import defaultdict
from datetime import datetime

from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext_noop

from evidence.models import AuditPeriod, AuditRequest, RequestPost
from evidence.states import STANDS_AT, PostKind, RequestState
from people.states import Role

#: Kind of post → kind of ledger entry.
ENTRIES = {PostKind.ASK: "request:asked", PostKind.ANSWER: "request:answered", PostKind.CLOSE: "request:closed"}
#: Why somebody gets the mail; it stands at its end.
WHY = gettext_noop("you take part in an audit")
#: Requests that a mail names; the others are counted.
NAMED = 20


def state_of(request: AuditRequest) -> RequestState:
    """Where a request stands, by its last post."""
    return STANDS_AT[PostKind(request.posts.order_by("-id").values_list("kind", flat=True).first())]


def of(period: AuditPeriod) -> QuerySet:
    """The requests of a period, the latest first, with the kind of the `last` post, its id, when and by whom."""
    last = RequestPost.objects.filter(request=OuterRef("pk")).order_by("-id")
    return (
        AuditRequest.objects.filter(period=period)
        .select_related("sample", "row")
        .annotate(
            last=Subquery(last.values("kind")[:1], output_field=CharField()),
            last_post=Subquery(last.values("pk")[:1]),
            last_at=Subquery(last.values("at")[:1]),
            last_by=Subquery(last.values("by_name")[:1]),
        )
        .order_by("-id")
    )


def waiting(now: datetime) -> dict[int, list[dict]]:
    """Person → what waits for them: {title, period, state, post, path}.

    What was asked waits for the control owner who opened the period and those who answered in it, what was answered for its auditors,
    while they may read it.
    """
    found: dict[int, list[dict]] = defaultdict(list)
    periods = AuditPeriod.objects.filter(requests__isnull=False).distinct().select_related("created_by")
    for period in periods.order_by("pk").prefetch_related("auditors"):
        answering = {period.created_by}
        for post in RequestPost.objects.filter(request__period=period, kind=PostKind.ANSWER).select_related("by"):
            answering.add(post.by)
        auditors = [one for one in period.auditors.all() if period.open_until >= now.date()]
        for request in of(period):
            state = STANDS_AT[PostKind(request.last)]
            people = {RequestState.OPEN: answering, RequestState.ANSWERED: auditors}.get(state, ())
            role = Role.CONTROL_OWNER if state == RequestState.OPEN else Role.AUDITOR
            line = {"title": request.title, "period": period.name, "state": state.value, "post": request.last_post}
            line["path"] = f"/audit/{period.pk}/requests/{request.pk}/"
            for person in people:
                if person.is_active and person.has_role(role):
                    found[person.pk].append(line)
    return dict(found)
