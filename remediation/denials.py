"""Reads for programs that carry removals out: what a review took away, and what has no result yet."""

from dataclasses import dataclass

from django.db.models import Case, Count, DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from campaigns.models import Campaign
from certify.lib.times import rfc3339
from remediation.models import ApplyResult, RemediationTask, Return, Verification
from remediation.states import TO_DO, TaskState

#: Since the last reading that said something of it, or since it was opened.
JUDGED_AT = Greatest(
    F("created_at"),
    Coalesce(Subquery(Verification.objects.filter(task=OuterRef("pk")).order_by("-id").values("at")[:1]), F("created_at")),
    Coalesce(Subquery(Return.objects.filter(task=OuterRef("pk")).order_by("-id").values("at")[:1]), F("created_at")),
    output_field=DateTimeField(),
)


def with_result(tasks: QuerySet) -> QuerySet:
    """The removals with `has_result`: somebody reported what became of it, or there is nothing to be done any more.

    What data contradicted, and what came back, needs another result.
    """
    reported = Exists(ApplyResult.objects.filter(task=OuterRef("pk"), at__gte=OuterRef("judged_at")))
    waiting = Q(state__in=(*TO_DO, TaskState.ANNOUNCED))
    return tasks.annotate(judged_at=JUDGED_AT).annotate(has_result=Case(When(waiting, then=reported), default=Value(True)))


def denials(reader, *, campaign: int | None = None, source: str = "", waiting: bool | None = None) -> QuerySet:
    """Removals that the reader may see, oldest first, with `has_result`; `waiting` keeps those without a result, or those with one."""
    found = with_result(RemediationTask.objects.visible_to(reader))
    found = found.select_related("item", "campaign", "source", "owner", "verified_in", "present_in").order_by("pk")
    if campaign:
        found = found.filter(campaign_id=campaign)
    if source:
        found = found.filter(source__key=source)
    return found if waiting is None else found.filter(has_result=not waiting)


COLUMNS = (
    "removal", "campaign", "system", "account_id", "entitlement_id", "path", "reduce_to", "due_at", "state", "has_result",
)  # fmt: skip


def cells(task: RemediationTask) -> tuple[str, ...]:
    """A row of `denials` as texts, in the order of `COLUMNS`."""
    item = task.item
    return (
        str(task.pk), str(task.campaign_id), item.source_key, item.account_key, item.entitlement_key, item.path, item.reduce_to,
        rfc3339(task.due_at), task.state, "yes" if task.has_result else "no",
    )  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """A review with its removals: how many, and how many have no result yet."""

    campaign: Campaign
    removals: int
    waiting: int

    @property
    def status(self) -> str:
        """For programs: more may come while the review is open; in remediation until every removal has a result."""
        if self.waiting:
            return "in_remediation"
        return "results_complete" if self.campaign.closed_at else "under_review"


def campaigns(reader, *, campaign: int | None = None) -> list[Standing]:
    """Reviews with removals that the reader may see, the latest first; or the one."""
    mine = with_result(RemediationTask.objects.visible_to(reader))
    if campaign:
        mine = mine.filter(campaign_id=campaign)
    counted = mine.order_by().values("campaign_id").annotate(count=Count("pk"), left=Count("pk", filter=Q(has_result=False)))
    values = {row["campaign_id"]: row for row in counted}
    found = Campaign.objects.filter(pk__in=values).order_by("-pk")
    return [Standing(one, values[one.pk]["count"], values[one.pk]["left"]) for one in found]
