"""The reviewer's workspace: pages of rows in their views, who decides about one's own access, what changed meanwhile."""

from dataclasses import dataclass, field

from django.db.models import Case, F, Min, Q, QuerySet, When, Window

from campaigns import rules, worklist
from campaigns.models import Assignment, Campaign, Decision, ReviewItem, SavedFilter
from campaigns.worklist import Filters, Tail, filtered
from certify.lib.numbers import whole
from inventory.models import Entitlement, Identity
from inventory.states import Tristate

#: View → the columns that make a group of its rows. Groups come in the order of their riskiest row, rows riskiest first.
VIEWS = {
    "person": ("item__identity_name", "holder"),
    "system": ("item__source_name", "item__source_key"),
    "entitlement": ("item__entitlement_name", "item__source_key", "item__entitlement_key"),
    "risk": (),
}
#: Within a group, and in the flat view from the start; the last makes the order total.
RISK_FIRST = ("risk_rank", "item_number", "id")
#: Whose access a row is: the person, or the account where nobody is known to stand behind it.
HOLDER = Case(When(item__identity_key="", then=F("item__account_key")), default=F("item__identity_key"))


@dataclass
class Page:
    """One keyset page: its rows, and the cursor of the next page ("" at the end)."""

    rows: list[Assignment] = field(default_factory=list)
    next_cursor: str = ""


def review_page(
    mine: QuerySet, *, filters: Filters, view: str = "risk", after: str = "", limit: int = 100, tail: Tail | None = None
) -> Page:
    """One page of a user's rows in the order of the view. `after` is a page's cursor; an unknown one starts over."""
    group = VIEWS.get(view, ())
    rows = filtered(mine, filters, tail)
    if group:
        rows = rows.annotate(holder=HOLDER)
        rows = rows.annotate(group_rank=Window(Min("risk_rank"), partition_by=[F(column) for column in group]))
    columns = (("group_rank",) if group else ()) + group + RISK_FIRST
    if last := _cursor(mine, after):
        rows = rows.filter(_after(columns, last))
    found = list(rows.order_by(*columns).values_list("pk", *columns[:1])[: limit + 1])
    shown = mine.select_related("item__advice", "decided_by").in_bulk([pk for pk, _ in found[:limit]])
    end = f"{found[limit - 1][1]}.{found[limit - 1][0]}" if len(found) > limit else ""
    return Page([shown[pk] for pk, _ in found[:limit]], end)


def _cursor(mine: QuerySet, after: str) -> Assignment | None:
    """The last row of the page before, with the rank its group had; None where there is none."""
    rank, _, pk = after.partition(".")
    if whole(rank) is None or whole(pk) is None:
        return None
    last = mine.select_related("item").filter(pk=int(pk)).first()
    if last:
        last.group_rank, last.holder = int(rank), last.item.identity_key or last.item.account_key
    return last


def _after(columns: tuple[str, ...], last: Assignment) -> Q:
    """Rows after `last` in the order of the columns."""
    later, same = Q(), Q()
    for column in columns:
        value = getattr(last.item, column.removeprefix("item__")) if column.startswith("item__") else getattr(last, column)
        later |= same & Q(**{f"{column}__gt": value})
        same &= Q(**{column: value})
    return later


def first_view(status: dict) -> str:
    """The view somebody begins with: managers their people, owners their systems, others a flat list."""
    if status["as_manager"] * 2 > status["total"]:
        return "person"
    return "system" if status["as_owner"] * 2 > status["total"] else "risk"


def decides_for_me(user, campaign: Campaign) -> list[str]:
    """Who was asked about the user's own access in the stage that is open, by name; empty where it is in no item."""
    own = Identity.objects.filter(user=user).exclude(key="").values("key")
    asked = Assignment.objects.filter(
        item__campaign_id=campaign.pk, item__identity_key__in=own, stage=campaign.stage, is_active=True
    ).exclude(reviewer=user)
    return sorted(asked.order_by().values_list("reviewer_name", flat=True).distinct())


def saved_filters(user) -> QuerySet:
    """The user's own filters, by name."""
    return SavedFilter.objects.filter(user=user)


#: A decision is looked for so long after it was made: what is written at the same moment becomes visible in any order.
OVERLAP_SECONDS = 30
MOST_CHANGES = 200


def latest_change(campaign_id: int) -> int:
    """The number of the campaign's latest decision, 0 before the first."""
    return Decision.objects.filter(campaign_id=campaign_id).order_by("-id").values_list("id", flat=True).first() or 0


def changes(mine: QuerySet, campaign_id: int, since: int, now) -> tuple[int, dict[int, str]]:
    """(the number to ask from next time, row → the ledger entry of its decision, "" for none) of the user's rows that were decided
    or undone since. Recent ones come again for a while; the caller knows what it shows."""
    later = Decision.objects.filter(campaign_id=campaign_id, id__gt=since).order_by("id")
    found = list(later.values_list("id", "assignment_id", "decided_at")[:MOST_CHANGES])
    settled = [pk for pk, _, at in found if (now - at).total_seconds() > OVERLAP_SECONDS]
    rows = mine.filter(pk__in={row for _, row, _ in found if row})
    return max(settled, default=since), {pk: str(uid or "") for pk, uid in rows.values_list("pk", "decision_entry_uid")}


def statement_here(campaign: Campaign, user, status: dict) -> str:
    """What is signed on the desk itself: the statement of a review of one person, once nothing of it is left to decide; else ""."""
    if "events" not in campaign.terms or status["open"]:
        return ""
    count = worklist.my_drafts(user, campaign.pk).filter(stage=campaign.stage).count()
    return rules.statement(count, campaign.name) if count else ""


#: Rights that are offered to reduce to.
LESSER = 50


def lesser_rights(item: ReviewItem) -> QuerySet:
    """Other rights of the item's system that could be left of it: not privileged, still there, by their keys, fifty at most."""
    same = Entitlement.objects.filter(source=item.source_id, gone_in__isnull=True).exclude(key=item.entitlement_key)
    return same.exclude(privileged=Tristate.YES).order_by("key")[:LESSER]
