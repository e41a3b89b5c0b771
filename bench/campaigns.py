"""A campaign of 1,000,000 items: its launch, and the pages and acts of a reviewer who has 10,000 of them."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from auditlog.registry import auditlog
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench.load import KEY, figure, load, write
from campaigns import advising, tasks
from campaigns.actions import definitions, items, launching
from campaigns.actions.items import Selection
from campaigns.models import Assignment, Campaign
from certify.lib import clock
from inventory.actions import sources
from inventory.models import Source
from ledger.actors import SYSTEM
from people.actions import users
from people.models import User

OPEN_ITEMS, BULK = 10_000, 1_000
QUERIES = 15


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def best(work: Callable[[], object], times: int = 5) -> float:
    """The shortest of some runs, in milliseconds: what the machine's other work did not disturb."""
    return 1000 * min(seconds(work) for _ in range(times))


def population() -> Source:
    """The source of the load bench, loaded when this bench runs alone."""
    if found := Source.objects.filter(key=KEY).first():
        return found
    with tempfile.TemporaryDirectory() as name:
        files = write(Path(name))
        source = sources.create(key=KEY, name="Bench", by=SYSTEM)
        load(source, identities=files["identities"], grants=files["first"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return source


@contextmanager
def timed(module) -> Iterator[list[float]]:
    """How long the launches in this block take to work out what they recommend."""
    work, taken = module.advise, []
    module.advise = lambda *args, **options: taken.append(seconds(lambda: work(*args, **options)))
    try:
        yield taken
    finally:
        module.advise = work


def launch(source: Source) -> tuple[Campaign, float]:
    """The campaign and the seconds of its launch."""
    admin = users.create(username="bench-admin", name="Admin", roles=["administrator"], by=SYSTEM)
    owner = users.create(username="bench-owner", name="Owner", roles=["control_owner"], by=admin)
    helper = users.create(username="bench-fallback", name="Fallback", roles=["reviewer"], by=admin)
    terms = definitions.Terms(name="Bench", sources=[source.pk], fallback_reviewer=helper, owner=owner)
    definition = definitions.create(terms=terms, by=owner)
    campaign = launching.request(definition_id=definition.pk, name="Bench", by=owner)
    taken = seconds(lambda: launching.launch(campaign_id=campaign.pk, by=owner))
    tasks.analyze()
    campaign.refresh_from_db()
    return campaign, taken


def bare_insert(campaign: Campaign) -> tuple[float, float]:
    """Seconds of a bare INSERT … SELECT of the same items, assignments and advice into tables with the same indexes, and of the advice
    alone."""
    total = taken = 0.0
    with connection.cursor() as cursor:
        for table in ("campaigns_reviewitem", "campaigns_assignment", "campaigns_itemadvice"):
            cursor.execute("SELECT COALESCE(array_to_string(reloptions, ', '), '') FROM pg_class WHERE relname = %s", [table])
            options = cursor.fetchone()[0]
            cursor.execute(f"CREATE TABLE bench_rows (LIKE {table} INCLUDING INDEXES){f' WITH ({options})' if options else ''}")
            mine = f"SELECT * FROM {table} WHERE campaign_id = {campaign.pk}"
            if table == "campaigns_itemadvice":
                items = f"SELECT id FROM campaigns_reviewitem WHERE campaign_id = {campaign.pk}"
                mine = f"SELECT told.* FROM {table} AS told JOIN ({items}) AS item ON item.id = told.item_id"
            taken = seconds(lambda mine=mine: cursor.execute(f"INSERT INTO bench_rows {mine}"))
            total += taken
            cursor.execute("DROP TABLE bench_rows")
    return total, taken


def busy_reviewer(campaign: Campaign) -> User:
    """A reviewer with 10,000 open items of all sorts."""
    person = User.objects.get(username="bench-fallback")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_assignment SET reviewer_id = %s WHERE campaign_id = %s AND item_number %% 100 = 0 AND is_active",
            [person.pk, campaign.pk],
        )
        cursor.execute("ANALYZE campaigns_assignment")
    return person


def one_by_one(rows: list[Assignment]) -> float:
    """Seconds of saving decisions one by one with django-auditlog registered on the model; undone afterwards."""
    now, by = clock.now(), User.objects.get(username="bench-fallback")
    auditlog.register(Assignment)
    try:
        with transaction.atomic():

            def save() -> None:
                for item in rows:
                    item.decision, item.decided_by, item.decided_at = "approve", by, now
                    item.decision_entry_uid = "00000000-0000-4000-8000-000000000000"
                    item.save()

            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE campaigns_assignment DISABLE TRIGGER USER")
            taken = seconds(save)
            transaction.set_rollback(True)
    finally:
        auditlog.unregister(Assignment)
    return taken


def acts(campaign: Campaign, person: User) -> list[dict]:
    """Server times of the reviewer's page and acts, through the real views."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("campaigns:review", args=[campaign.pk])
    mine = list(Assignment.objects.filter(reviewer=person, campaign=campaign).select_related("item").order_by("item_number"))
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
        queries = len(captured)
    page = best(lambda: client.get(address))
    filtered = best(lambda: client.get(f"{address}?view=person&signal=unused&search=Person"))
    rows = iter(mine[-20:])

    def decide() -> None:
        item = next(rows)
        answer = client.post(
            reverse("campaigns:item-decide", args=[campaign.pk, item.pk]),
            {"code": "revoke"},
            headers={"HX-Request": "true"},
        )
        assert answer.status_code == 200, answer.content  # noqa: S101 - a bench of refusals would be a lie

    decision = best(decide, times=10)
    drawer = best(
        lambda: client.get(reverse("campaigns:item-detail", args=[campaign.pk, mine[0].pk]), headers={"HX-Request": "true"})
    )
    sets = [mine[start : start + BULK] for start in range(0, 3 * BULK, BULK)]
    single = min(map(one_by_one, sets))
    bulk = min(
        seconds(
            lambda rows=rows: items.decide_bulk(
                campaign_id=campaign.pk, selection=Selection([row.pk for row in rows]), code="revoke", by=person
            )
        )
        for rows in sets
    )
    size = f"a reviewer with {OPEN_ITEMS:,} open items in a campaign of {campaign.item_count:,}"
    return [
        figure("review: first page", page, "ms", 300, size, "server time of the page, template included"),
        figure("review: filtered page by person", filtered, "ms", 300, size, "server time with a search and a signal"),
        figure("review: queries of the page", queries, "queries", QUERIES, size, "whatever the size"),
        figure("review: one decision", decision, "ms", 100, size, "server time of keeping or removing one row"),
        figure("review: drawer", drawer, "ms", 150, size, "server time of the details of one row"),
        figure(
            "review: bulk of 1,000 against one by one",
            single / bulk,
            "times",
            20,
            f"one by one with auditlog: {single:.1f} s",
            f"the bulk act took {bulk:.2f} s",
        )
        | {"sense": "min"},
    ]


def run() -> list[dict]:
    """The figures of campaigns."""
    with timed(advising) as advised:
        campaign, taken = launch(population())
    bare, bare_advice = bare_insert(campaign)
    baseline = f"bare INSERT … SELECT of the same rows with the same indexes: {bare:.1f} s"
    ratio = figure(
        f"launch: {campaign.item_count:,} items", taken / bare, "times", 2.5, baseline, f"the launch took {taken:.1f} s"
    )
    advice = figure(
        "launch: what is recommended",
        advised[0] / bare_advice,
        "times",
        7,
        f"bare INSERT … SELECT of its rows alone: {bare_advice:.1f} s",
        f"a part of the launch: {advised[0]:.1f} s",
    )
    return [ratio, advice, *acts(campaign, busy_reviewer(campaign))]
