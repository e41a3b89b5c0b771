"""The health page and the command that asks it."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from certify.lib import clock
from certify.management.commands.check_health import BEAT_PULSE
from certify.stack.ports import free_port
from ledger.actions import entries, sequencing
from ledger.actors import SYSTEM

WELL = {"database": "ok", "broker": "ok", "ledger": "ok"}


def health(client) -> tuple[int, dict]:
    """Status and words."""
    answer = client.get("/health/")
    return answer.status_code, answer.json()


@pytest.mark.django_db
def test_all_is_well(client):
    assert health(client) == (200, WELL)


@pytest.mark.django_db
def test_an_entry_that_waits_too_long_is_told_until_it_is_sequenced(client):
    entries.record(kind="thing:done", subject="things.thing:1", by=SYSTEM, data={}, at=clock.now() - timedelta(minutes=4))
    assert health(client) == (200, WELL)
    entries.record(kind="thing:done", subject="things.thing:1", by=SYSTEM, data={}, at=clock.now() - timedelta(minutes=6))
    assert health(client) == (503, WELL | {"ledger": "entries wait for the sequencer"})
    sequencing.sequence(by=SYSTEM)
    assert health(client) == (200, WELL)


@pytest.mark.django_db
def test_a_lost_broker_is_told(client, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert health(client) == (503, WELL | {"broker": "does not answer"})


@pytest.mark.django_db(transaction=True)
def test_a_lost_database_is_told(client):
    address = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = str(free_port())
    try:
        assert health(client) == (503, WELL | {"database": "does not answer"})
    finally:
        connection.close()
        connection.settings_dict["PORT"] = address


def checked(*arguments: str) -> str:
    """What the command says."""
    out = io.StringIO()
    call_command("check_health", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_asks_the_web_server(live_server):
    assert '"database": "ok"' in checked("--port", live_server.url.rsplit(":", 1)[1])


def test_the_command_fails_when_nothing_listens():
    with pytest.raises(CommandError, match="refused"):
        checked("--port", str(free_port()))


@pytest.mark.django_db
def test_the_command_notices_a_beat_that_stopped():
    with pytest.raises(CommandError, match="None"):
        checked("--beat")
    every = IntervalSchedule.objects.create(every=5, period="seconds")
    task = PeriodicTask.objects.create(name=BEAT_PULSE, task=BEAT_PULSE, interval=every, last_run_at=clock.now())
    assert checked("--beat").startswith(f"beat called {BEAT_PULSE} ")
    task.last_run_at = clock.now() - timedelta(seconds=100)
    task.save()
    with pytest.raises(CommandError, match="beat last called"):
        checked("--beat")
