"""Sweeps killed by SIGKILL at several moments, and done again: what an undisturbed sweep does, once."""

from collections import Counter
from datetime import UTC, datetime
from threading import Barrier, Thread

import pytest
from django.db import connection

from campaigns import tasks
from campaigns.actions import events, schedules
from campaigns.models import AccessEvent, Campaign
from certify.lib import clock
from ledger.models import Entry
from people.models import Mail
from tests.killing import kill_after, run
from tests.story import GRANTS, IDENTITIES, QUARTERLY, tell

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
#: Every write of these waits a moment, so that a sweep of a few rows can be met anywhere in the middle.
SLOWED = (
    "people_mail",
    "ledger_entry",
    "campaigns_campaign",
    "campaigns_occurrence",
    "campaigns_accessevent",
    "campaigns_reviewitem",
)
PAUSE = 0.1
MONDAY = datetime(2026, 6, 1, 10, tzinfo=UTC)
A_WEEK_LATER = datetime(2026, 6, 8, 9, tzinfo=UTC)
OPENS = datetime(2027, 3, 17, 7, tzinfo=UTC)


@pytest.fixture
def slow(transactional_db):
    """The database takes its time with what sweeps write."""

    def tell_database(text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(text)

    tell_database(
        "CREATE FUNCTION pause_here() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$BEGIN PERFORM pg_sleep({PAUSE}); RETURN NULL; END$$"
    )
    for table in SLOWED:
        tell_database(
            f"CREATE TRIGGER pause_here AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION pause_here()"
        )
    yield
    tell_database("DROP FUNCTION pause_here() CASCADE")


def sweep(moment: datetime, *names: str) -> str:
    """A program that runs these tasks at this moment."""
    calls = "".join(f"    tasks.{name}()\n" for name in names)
    return (
        "from datetime import datetime\nfrom campaigns import tasks\nfrom certify.lib import clock\n"
        f"with clock.freeze(datetime.fromisoformat({moment.isoformat()!r})):\n{calls}"
    )


def killed_until_done(program: str) -> int:
    """Kill it later and later, always in a new process, until it comes to its end; how often it was killed.

    Then it is run once more, as a message that is delivered twice, and may change nothing.
    """
    kills, seconds = 0, 0.1
    while kill_after(program, seconds):
        kills, seconds = kills + 1, seconds + 0.3
    done = state()
    assert run(program).wait() == 0
    assert state() == done
    return kills


def state() -> tuple:
    return (
        Counter(Entry.objects.values_list("kind", "subject")),
        sorted(Mail.objects.values_list("template", "dedupe_key")),
        sorted(Campaign.objects.values_list("name", "state", "item_count")),
        sorted(AccessEvent.objects.values_list("kind", "subject", "state")),
    )


def test_killed_reminders_reach_everybody_once(tmp_path, transactional_db, request):
    with clock.freeze(MONDAY):
        story = tell(tmp_path)
        story.launch()
    request.getfixturevalue("slow")
    kills = killed_until_done(sweep(A_WEEK_LATER, "send_due_reminders"))
    assert kills
    keys = Mail.objects.filter(template="campaign_digest").values_list("dedupe_key", flat=True)
    people = [story.user("ana@x.example").pk, story.system_owner.pk]
    assert sorted(keys) == sorted(f"digest:{person}:2026-06-08" for person in people)


def test_killed_schedules_draft_and_launch_once(tmp_path, transactional_db, request):
    story = tell(tmp_path)
    definition = story.define()
    with clock.freeze(datetime(2027, 1, 1, 9, tzinfo=UTC)):
        schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY, by=story.owner)
    with clock.freeze(OPENS):
        story.load()
    request.getfixturevalue("slow")
    kills = killed_until_done(sweep(OPENS, "run_schedules", "run_requested_launches"))
    assert kills > 2
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.item_count) == ("open", 7)
    kinds = Counter(Entry.objects.values_list("kind", flat=True))
    assert [kinds[kind] for kind in ("occurrence:drafted", "occurrence:launched", "campaign:launched")] == [1, 1, 1]
    mails = Counter(Mail.objects.values_list("template", flat=True))
    assert (mails["occurrence_drafted"], mails["campaign_opened"]) == (1, 2)


@pytest.fixture
def happened(tmp_path, transactional_db):
    """Two things have happened to access since a definition began to watch: a leaver, and new privileged access."""
    story = tell(tmp_path)
    definition = story.define("Movers and leavers", duration_days=5)
    events.watch(definition_id=definition.pk, kinds=["leaver", "privileged"], per_day=20, by=story.owner)
    leaver = IDENTITIES.replace("bruno@x.example,employee,active", "bruno@x.example,employee,inactive")
    story.load(identities=leaver, grants=GRANTS + "crm,david,David Ekman,p4,admin,2026-11-20,,\n")


def asked_once() -> None:
    assert sorted(AccessEvent.objects.values_list("kind", "subject", "state")) == [
        ("leaver", "person:p2", "asked"),
        ("privileged", "person:p4", "asked"),
    ]
    assert sorted(Campaign.objects.values_list("state", "item_count")) == [("open", 1), ("open", 2)]
    kinds = Counter(Entry.objects.values_list("kind", flat=True))
    assert [kinds[kind] for kind in ("event:found", "campaign:requested", "campaign:launched")] == [2, 2, 2]


def test_killed_looks_at_events_ask_once(happened, slow):
    kills = killed_until_done(sweep(clock.now(), "watch_events", "run_requested_launches"))
    assert kills > 2
    asked_once()


def test_two_beats_at_once_ask_about_an_event_once(happened):
    barrier, failures = Barrier(4), []

    def beat():
        try:
            barrier.wait()
            tasks.watch_events()
            tasks.run_requested_launches()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [Thread(target=beat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    asked_once()
