"""Reads of what was recommended."""

from collections.abc import Iterable

from campaigns import rules
from campaigns.models import Assignment, ItemAdvice, ReviewItem


def recommended(item: ReviewItem) -> str:
    """What was recommended for the item; "" for items of campaigns that were launched before there was advice."""
    return item.advice.recommendation if hasattr(item, "advice") else ""


def opposed(assignments: Iterable[int], code: str) -> str:
    """What is recommended for some of the rows that the answer goes against; "" when it goes against nothing."""
    if (against := rules.AGAINST.get(code)) is None:
        return ""
    asked = Assignment.objects.filter(pk__in=list(assignments)).values("item_id")
    return against if ItemAdvice.objects.filter(pk__in=asked, recommendation=against).exists() else ""
