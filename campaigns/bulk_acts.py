"""What a bulk act would touch: read for the preview, before anything is decided."""

import hashlib
from collections.abc import Iterable

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns import advice_reading, worklist
from campaigns.models import Assignment
from campaigns.second_look import ANSWERABLE
from campaigns.states import RED_SIGNALS, ItemState, Signal
from certify.lib import canonical
from certify.lib.language import within
from inventory.models import Identity

#: Facet → what its values are called in the preview.
TITLES = {"system": _("System"), "entitlement": _("Right"), "person": _("Person"), "department": _("Department")}
RED = Q(item__signals__overlap=worklist.RED)
SINGLE = ~Q(decision="") & Q(is_bulk=False)


def digest(item_numbers: Iterable[int]) -> str:
    """SHA-256, hex, of the RFC 8785 array of item numbers in the order of their entries: what a bulk act records."""
    return hashlib.sha256(canonical.dumps(list(item_numbers))).hexdigest()


def eligible(rows: QuerySet, user, stage: int) -> QuerySet:
    """Those of a user's rows that a bulk act may decide; the same that `actions.items` decides (`rules.is_bulk_eligible`).

    Not red, not submitted, never over a decision made singly, of the open stage, nobody's own, and no second look at one's own answer.
    """
    own = Identity.objects.filter(user=user).exclude(key="").values("key")
    answered = Assignment.objects.filter(
        worklist.SUBMITTED, item_id=OuterRef("item_id"), is_active=True, is_vote=True, decided_by=user
    )
    return rows.filter(
        Q(is_vote=True) | ~Exists(answered),
        ANSWERABLE,
        ~RED,
        ~SINGLE,
        ~Q(item__identity_key__in=own),
        ~worklist.SUBMITTED,
        stage=stage,
    )


def opposed(mine: QuerySet, ids: list[int], user, stage: int, code: str) -> str:
    """What is recommended for some of what a bulk act decides and goes against; "" when it goes against nothing."""
    found = eligible(mine.filter(pk__in=ids), user, stage)
    return advice_reading.opposed(found.values_list("pk", flat=True), code)


def preview(mine: QuerySet, ids: list[int], user, stage: int) -> dict:
    """What a bulk act on these of a user's rows would do, and what it leaves alone.

    {"selected", "eligible", "red", "red_signals": [(label, count)], "single", "submitted", "other": not the user's to answer now,
    "seen": `digest` of what it decides, "same": [(title, value)] of all it decides, "differs": [{"title", "values": [(value, label,
    count)], "more"}], "signals": [(label, count)] that not all of it has}
    """
    rows = mine.filter(pk__in=ids)
    red = RED & ~SINGLE & ~worklist.SUBMITTED
    counted = rows.aggregate(
        selected=Count("id"),
        red=Count("id", filter=red),
        single=Count("id", filter=SINGLE & ~worklist.SUBMITTED),
        submitted=Count("id", filter=worklist.SUBMITTED),
        **{signal.value: Count("id", filter=red & Q(item__signals__contains=[signal.value])) for signal in RED_SIGNALS},
    )
    found = eligible(rows, user, stage)
    numbers = list(found.order_by("pk").values_list("item_number", flat=True))
    left = counted["red"] + counted["single"] + counted["submitted"]
    return {
        **{name: counted[name] for name in ("selected", "red", "single", "submitted")},
        "red_signals": [(signal.label, counted[signal]) for signal in RED_SIGNALS if counted[signal]],
        "eligible": len(numbers),
        "other": counted["selected"] - left - len(numbers),
        "seen": digest(numbers),
        **_traits(worklist.facets(found, worklist.Filters()), len(numbers)),
    }


def _traits(found: dict, total: int) -> dict:
    """What all of it has in common, and how the rest differs."""
    same, differs = [], []
    for facet, title in TITLES.items():
        column = found["columns"][facet]
        if [count for *_rest, count in column["values"]] == [total]:
            same.append((title, column["values"][0][1]))
        elif column["values"]:
            differs.append({"title": title, **column})
    signals = [(label, count) for _code, label, count in found["signals"] if count]
    same += [(gettext("Look at"), label) for label, count in signals if count == total]
    return {"same": same, "differs": differs, "signals": [(label, count) for label, count in signals if count < total]}


STATES = {ItemState.OPEN: _("to decide"), ItemState.DRAFT: _("decided"), ItemState.SUBMITTED: _("submitted")}


def filter_words(filters: worklist.Filters) -> str:
    """A filter in words; empty when it leaves nothing out."""
    words = [str(STATES[filters.state])] if filters.state in STATES else []
    words += [gettext("unchanged since the last review")] if filters.unchanged else []
    words += [gettext("needs care")] if filters.care else []
    words += [within(Signal(signal).label) for signal in filters.signals]
    words += [f"{within(title)} “{value}”" for facet, title in TITLES.items() if (value := getattr(filters, facet))]
    words += [gettext("search “{words}”").format(words=filters.search)] if filters.search else []
    return ", ".join(words)
