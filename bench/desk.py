"""The reviewer's desk in campaigns of 100, 10,000 and 1,000,000 items: server time and queries of each page and act.

`DESK_SIZES=100,10000` measures fewer sizes. A reviewer has all items of a small campaign and 10,000 of the large one.
"""

import csv
import os
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.campaigns import OPEN_ITEMS, QUERIES, best, busy_reviewer, launch, population
from bench.load import HEADER, figure, load
from campaigns import tasks
from campaigns.actions import definitions, launching
from campaigns.models import Assignment, Campaign, Decision
from campaigns.states import CampaignState
from inventory.actions import sources
from ledger.actors import SYSTEM
from people.actions import users
from people.models import User

SIZES = tuple(int(size) for size in os.environ.get("DESK_SIZES", "100,10000,1000000").split(","))
LARGE = 1_000_000
#: What opens and ends a transaction asks the database nothing.
BRACKETS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
HX = {"HX-Request": "true"}


def small(size: int) -> tuple[Campaign, User]:
    """A campaign of so many items that one person is asked about, of all sorts, ten to a holder."""
    key = f"desk{size}"
    source = sources.create(key=key, name=f"Desk {size}", by=SYSTEM)
    with tempfile.TemporaryDirectory() as name:
        people, rights, grants = (Path(name) / f"{kind}.csv" for kind in ("identities", "entitlements", "grants"))
        with people.open("w") as out:
            write = csv.writer(out).writerow
            write("identity_id,name,email,kind,status,department,title,manager_id".split(","))
            for n in range(-(-size // 10)):
                kind, status = ("contractor" if n % 7 == 0 else "employee"), ("inactive" if n % 50 == 0 else "active")
                write(
                    [f"{key}-{n}", f"Person {n}", f"{key}{n}@bench.example", kind, status, f"Department {n % 12}", "Clerk", ""]
                )
        with rights.open("w") as out:
            write = csv.writer(out).writerow
            write("source,entitlement_id,name,kind,description,privileged,owner_id".split(","))
            for n in range(10):
                write([key, f"e{n}", f"Right {n}", "role", f"Lets them do {n}", "yes" if n == 0 else "no", ""])
        with grants.open("w") as out:
            out.write(HEADER)
            for n in range(size):
                holder, used = n // 10, "" if n % 9 == 0 else f"2026-{1 + n % 10:02}-03"
                out.write(f"{key},a{holder},Person {holder},{key}-{holder},e{n % 10},2026-01-05T08:00:00Z,desk,{used},,\n")
        load(source, identities=people, entitlements=rights, grants=grants)
    admin = User.objects.filter(roles__contains=["administrator"], is_active=True).first() or users.create(
        username="desk-admin", name="Admin", roles=["administrator"], by=SYSTEM
    )
    owner = users.create(username=f"{key}-owner", name="Owner", roles=["control_owner"], by=admin)
    reviewer = users.create(username=f"{key}-reviewer", name="Reviewer", roles=["reviewer"], by=admin)
    terms = definitions.Terms(name=key, sources=[source.pk], fallback_reviewer=reviewer, owner=owner)
    definition = definitions.create(terms=terms, by=owner)
    campaign = launching.request(definition_id=definition.pk, name=key, by=owner)
    campaign = launching.launch(campaign_id=campaign.pk, by=owner)
    tasks.analyze()
    return campaign, reviewer


def large() -> tuple[Campaign, User]:
    """The campaign of the bench of campaigns, launched when this bench runs alone."""
    campaign = Campaign.objects.filter(name="Bench", state=CampaignState.OPEN).first() or launch(population())[0]
    return campaign, busy_reviewer(campaign)


def acts(campaign: Campaign, person: User) -> dict[str, tuple[Callable[[], object], int]]:
    """What a reviewer does → (do it once, its limit in milliseconds)."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    desk = reverse("campaigns:review", args=[campaign.pk])
    waiting = Assignment.objects.filter(campaign=campaign, reviewer=person, decision="", is_active=True)
    rows = iter(waiting.exclude(item__signals__overlap=["left", "privileged"]).order_by("item_number")[:60])
    since = Decision.objects.filter(campaign=campaign).count()
    decided: list[Assignment] = []

    def get(query: str) -> None:
        answer = client.get(f"{desk}{query}")
        assert answer.status_code == 200, answer.status_code  # noqa: S101 - a bench of refusals would be a lie

    def decide() -> None:
        row = next(rows)
        address = reverse("campaigns:item-decide", args=[campaign.pk, row.pk])
        given = {"code": "revoke", "expected": "", "number": str(uuid4()), "rationale": "Nobody needs it any more"}
        answer = client.post(address, given, headers=HX)
        assert answer.status_code == 200, answer.content  # noqa: S101
        decided.append(row)

    def undo() -> None:
        address = reverse("campaigns:item-decide", args=[campaign.pk, decided.pop().pk])
        answer = client.post(address, {"code": "undo", "number": str(uuid4())}, headers=HX)
        assert answer.status_code == 200, answer.content  # noqa: S101

    some = waiting.values_list("pk", flat=True).first()
    drawer = reverse("campaigns:item-detail", args=[campaign.pk, some])
    numbers = count(since)
    return {
        "first page": (lambda: get(""), 300),
        "facet": (lambda: get("?care=on&state=open"), 300),
        "view by system": (lambda: get("?view=system&state=open"), 300),
        "view by person": (lambda: get("?view=person&state=open"), 300),
        "flat view": (lambda: get("?view=risk&state=open"), 300),
        "search": (lambda: get("?search=Person&state=open"), 300),
        "counts beside": (lambda: get("?part=facets&state=open"), 300),
        "decision": (decide, 100),
        "undo": (undo, 100),
        "drawer": (lambda: client.get(drawer, headers=HX), 150),
        "look for changes": (lambda: get(f"changes/?since={next(numbers)}"), 100),
    }


def measured(size: int, campaign: Campaign, person: User) -> list[dict]:
    """A figure for each act, and the most queries that any of them takes."""
    found, most = [], {}
    told = f"one reviewer with {min(size, OPEN_ITEMS):,} items in a campaign of {campaign.item_count:,}"
    for act, (work, limit) in acts(campaign, person).items():
        work()
        with CaptureQueriesContext(connection) as captured:
            work()
        most[act] = sum(not query["sql"].startswith(BRACKETS) for query in captured.captured_queries)
        found.append(figure(f"desk: {act}, {size:,} items", best(work), "ms", limit, told, f"{most[act]} queries"))
    widest = max(most, key=most.get)
    told = ", ".join(f"{act} {number}" for act, number in most.items())
    found.append(figure(f"desk: most queries, {size:,} items", most[widest], "queries", QUERIES, told, f"of all acts {widest}"))
    return found


def run() -> list[dict]:
    """The figures of the desk."""
    found = []
    for size in SIZES:
        found += measured(size, *(large() if size == LARGE else small(size)))
    return found
