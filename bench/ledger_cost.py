"""What the ledger costs whoever decides: the same decisions with their entries and without, in turn, in the same run."""

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

from django.test import Client
from django.urls import reverse

from bench.desk import HX, small
from bench.ledger import measured
from bench.load import figure
from campaigns.actions import items
from campaigns.models import Assignment, Campaign
from ledger.actions import entries
from people.models import User

ITEMS, SINGLE, ROUNDS = 6_000, 100, 7
LIMIT = 1.3


@contextmanager
def without_entries() -> Iterator[None]:
    """Inside, nothing is recorded. What an entry would say is still computed: it is in the decision's own row as well."""
    kept = entries.record, entries.record_many
    entries.record, entries.record_many = lambda **_: SimpleNamespace(uid=uuid4()), lambda **_: []
    try:
        yield
    finally:
        entries.record, entries.record_many = kept


def compared(name: str, rounds: int, limit: float, work: Callable[[], object]) -> dict:
    """How many times as long the work takes with the ledger as without: medians of rounds in turn, after one of each."""
    spent: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds + 1):
        spent[True].append(measured(work))
        with without_entries():
            spent[False].append(measured(work))
    on, off = (1000 * statistics.median(spent[is_on][1:]) for is_on in (True, False))
    return figure(name, on / off, "times", limit, f"{on:.1f} ms with their entries", f"{off:.1f} ms without")


def single(campaign: Campaign, person: User) -> Callable[[], object]:
    """One decision after the other, as a reviewer's browser sends them."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    rows = Assignment.objects.filter(campaign=campaign, reviewer=person).exclude(item__signals__overlap=["left", "privileged"])
    waiting = iter(rows.order_by("item_number")[: 2 * (SINGLE + 1)])

    def decide() -> None:
        address = reverse("campaigns:item-decide", args=[campaign.pk, next(waiting).pk])
        answer = client.post(
            address,
            {"code": "revoke", "rationale": "No longer needed there.", "expected": "", "number": str(uuid4())},
            headers=HX,
        )
        assert answer.status_code == 200, answer.content  # noqa: S101 - a bench of refusals would be a lie

    return decide


def many(campaign: Campaign, person: User) -> tuple[int, Callable[[], object]]:
    """(how many, the same act on all of them): bulk answers may be given again."""
    rows = Assignment.objects.filter(campaign=campaign, reviewer=person, decision="")
    ids = list(rows.exclude(item__signals__overlap=["left", "privileged"]).values_list("pk", flat=True))

    def decide() -> None:
        answer = {"code": "approve", "rationale": "Needed for the monthly closing.", "by": person}
        found = items.decide_bulk(campaign_id=campaign.pk, selection=items.Selection(ids), **answer)
        assert found.decided, found  # noqa: S101

    return len(ids), decide


def run() -> list[dict]:
    """Single decisions, and an act on thousands."""
    campaign, person = small(ITEMS)
    one = compared("ledger_cost: a decision", SINGLE, LIMIT, single(campaign, person))
    count, act = many(campaign, person)
    return [one, compared(f"ledger_cost: {count:,} decisions in one act", ROUNDS, LIMIT, act)]
