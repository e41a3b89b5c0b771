"""The health page: whether the database and the broker answer, and whether the ledger keeps up."""

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import JsonResponse
from django.views.decorators.cache import never_cache

from certify.lib.access import public
from ledger import watch


@public
@never_cache
def health(request) -> JsonResponse:
    """200 when all is well, 503 otherwise, with one word per part. Says nothing that a stranger may not know.

    A notice is not a fault: it is what those who rely on the ledger should know.
    """
    parts, notice = {"database": "ok", "broker": "ok", "ledger": "ok"}, ""
    try:
        parts["ledger"] = watch.words()
        notice = watch.notice()
    except DatabaseError:
        parts["database"] = "does not answer"
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
            client.ping()
    except redis.exceptions.RedisError:
        parts["broker"] = "does not answer"
    return JsonResponse(parts | ({"notice": notice} if notice else {}), status=200 if set(parts.values()) == {"ok"} else 503)
