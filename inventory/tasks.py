"""Celery: checks and loads that were asked for. Each is safe to run twice."""

from celery import shared_task
from django.db import connection

from certify.lib.progress import Progress
from inventory import queries
from inventory.actions import loads
from inventory.models import LoadJob
from inventory.states import LoadState

#: Tables whose statistics a load makes stale.
GROWN = ("inventory_grant", "inventory_account", "inventory_entitlement", "inventory_identity")


def rows_read(job_id: int) -> Progress:
    """The rows that a check or load has read so far."""
    return Progress(f"load:{job_id}")


def _run(action, job_id: int) -> LoadJob:
    job = LoadJob.objects.select_related("requested_by").get(pk=job_id)
    done = action(job_id=job_id, progress=rows_read(job_id).show, by=job.requested_by)
    rows_read(job_id).forget()
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
