"""The web server's log of requests."""

from gunicorn.glogging import Logger

from certify.lib.secret_paths import hidden


class AccessLogger(Logger):
    """Gunicorn's, without the secrets of addresses."""

    def atoms(self, resp, req, environ, request_time) -> dict:
        """What a line can show: request, path and referrer are shown without what nobody else may have."""
        found = super().atoms(resp, req, environ, request_time)
        return found | {name: hidden(found[name]) for name in ("r", "U", "f") if isinstance(found.get(name), str)}
