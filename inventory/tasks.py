"""Celery: checks and loads that were asked for. Each is safe to run twice."""

from celery import shared_task
from django.core.cache import cache
from django.db import connection

from inventory import queries
from inventory.actions import loads
from inventory.models import LoadJob
from inventory.states import LoadState

PROGRESS_SECONDS = 3600
#: Tables whose statistics a load makes stale.
GROWN = ("inventory_grant", "inventory_account", "inventory_entitlement", "inventory_identity")


def progress_key(job_id: int) -> str:
    """Where the rows read so far are shown from; the job's row is the truth, this is only for the bar."""
    return f"load-progress:{job_id}"


def _run(action, job_id: int) -> LoadJob:
    job = LoadJob.objects.select_related("requested_by").get(pk=job_id)

    def show(rows: int) -> None:
        cache.set(progress_key(job_id), rows, PROGRESS_SECONDS)

    done = action(job_id=job_id, progress=show, by=job.requested_by)
    cache.delete(progress_key(job_id))
    return done


@shared_task(name="inventory.check_load")
def check_load(job_id: int) -> None:
    """Check one load."""
    _run(loads.run_check, job_id)


@shared_task(name="inventory.run_load")
def run_load(job_id: int) -> None:
    """Load one load, then let the planner know."""
    if _run(loads.run_load, job_id).state == LoadState.LOADED:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(GROWN)}")


@shared_task(name="inventory.run_queued_loads")
def run_queued_loads() -> None:
    """Check and load whatever waits."""
    for job_id, state in queries.waiting_loads():
        (check_load if state == LoadState.CHECK_QUEUED else run_load)(job_id)
