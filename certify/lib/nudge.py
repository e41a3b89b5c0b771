"""Ask for a task to run soon. The row that needs the work is the truth; the broker is only speed."""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def nudge(task, *args) -> None:
    """Send the task after commit. Without a broker the beat's next sweep does the work instead."""

    def send() -> None:
        try:
            task.apply_async(args, retry=False)
        except OperationalError:
            logger.warning("broker not reachable; %s waits for the next sweep", task.name)

    transaction.on_commit(send)
