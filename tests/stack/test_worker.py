"""Tasks through a real broker and a real worker, and the schedule that calls them."""

import json
import time

import redis
from celery import Celery
from django.conf import settings
from django.db import transaction

from certify.celery import SWEEPS, app
from certify.lib.nudge import nudge
from ledger.actions import entries
from ledger.actors import SYSTEM
from ledger.models import Checkpoint
from ledger.tasks import sequence_entries
from tests.conftest import eventually


def record() -> None:
    """One committed entry that waits for its place in the log."""
    entries.record(kind="thing:done", subject="things.thing:1", by=SYSTEM, data={})


def queued() -> list[str]:
    """The names of the tasks that wait in the broker."""
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        return [json.loads(message)["headers"]["task"] for message in broker.lrange("celery", 0, -1)]


def test_a_nudged_task_runs_in_the_worker_after_commit(worker):
    with transaction.atomic():
        record()
        nudge(sequence_entries)
        assert Checkpoint.objects.count() == 0
    found = eventually(lambda: Checkpoint.objects.first(), otherwise=worker.log.read_text)
    assert found.size == 1


def test_a_nudge_of_a_failed_transaction_is_never_sent(transactional_db):
    before = queued()
    try:
        with transaction.atomic():
            nudge(sequence_entries)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert queued() == before


def test_a_nudge_without_a_broker_is_quickly_left_to_the_next_sweep(transactional_db, caplog):
    def do_thing():
        """Never runs: nothing can be sent."""

    cut_off = Celery("cut off", broker="redis://127.0.0.1:1/0", set_as_current=False)
    cut_off.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    start = time.monotonic()
    nudge(cut_off.task(do_thing, name="things.do_thing"))
    assert "things.do_thing waits for the next sweep" in caplog.text
    assert time.monotonic() - start < 1


def test_work_of_a_killed_worker_is_done_by_the_next_one(worker):
    worker.kill()
    record()
    sequence_entries.delay()
    worker.start()
    assert eventually(lambda: Checkpoint.objects.first(), otherwise=worker.log.read_text).size == 1


def test_every_line_of_the_schedule_names_a_task_and_expires():
    app.loader.import_default_modules()
    unknown = set(SWEEPS) - set(app.tasks)
    assert not unknown
    assert all(line["options"]["expires"] <= line["schedule"] for line in app.conf.beat_schedule.values())
