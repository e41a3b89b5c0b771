"""How far the log is published in a bucket: for the page and the health check, so that neither needs the network."""

import logging

from django.db import transaction

from certify.lib import clock
from ledger.models import Publication

logger = logging.getLogger(__name__)


@transaction.atomic
def note(*, target: str, size: int | None, failure: str = "", by) -> None:
    """Remember the size that was published, or why the last try failed; then what was published before still counts."""
    reached = {"size": size, "failure": "", "at": clock.now()} if size is not None else {"failure": failure, "at": clock.now()}
    Publication.objects.update_or_create(target=target[:500], defaults=reached, create_defaults={"size": 0} | reached)
    if failure:
        logger.error("%s could not publish the log: %s", by.actor_ref()["id"], failure)
