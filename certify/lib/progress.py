"""How far long work has come, for the bar on its page. The row of the work is the truth: without Redis there is only no figure."""

import logging

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

KEPT_SECONDS = 3600


class Progress:
    """The progress of one piece of work, under a name such as `load:12`; any JSON value. Never fails for want of Redis."""

    def __init__(self, name: str):
        self.key = f"progress:{name}"

    def show(self, value) -> None:
        """Replace what is shown; it vanishes after an hour without news."""
        self._try(cache.set, value, KEPT_SECONDS)

    def shown(self):
        """What is shown now; None when nothing is, or when Redis does not answer."""
        return self._try(cache.get)

    def forget(self) -> None:
        """The work has ended."""
        self._try(cache.delete)

    def _try(self, act, *values):
        try:
            return act(self.key, *values)
        except RedisError as error:
            logger.warning("no progress of %s: %s", self.key, error)
            return None
