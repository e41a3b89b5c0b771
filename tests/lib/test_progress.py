"""Progress of long work is comfort: with Redis it is seen, without it nothing fails."""

from django.test import override_settings

from certify.lib.progress import Progress
from certify.stack.ports import free_port


def caches(port: int) -> dict:
    """Settings of a cache where nobody listens."""
    return {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{port}/0"}}


def test_it_is_seen_and_forgotten():
    progress = Progress("thing:1")
    progress.show({"percent": 5})
    assert Progress("thing:1").shown() == {"percent": 5}
    assert Progress("thing:2").shown() is None
    progress.forget()
    assert progress.shown() is None


def test_without_redis_there_is_no_figure_and_no_failure():
    with override_settings(CACHES=caches(free_port())):
        progress = Progress("thing:1")
        progress.show(1)
        assert progress.shown() is None
        progress.forget()
