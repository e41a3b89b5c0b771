"""scim2-server, a real SCIM server, on the loopback address; what stands before it can make it slow, busy or false."""

import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from wsgiref.simple_server import WSGIRequestHandler, make_server

from scim2_server.memory import InMemoryStorage
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.testserver.cli import ThreadingWSGIServer
from scim2_server.utils import load_default_provider

TOKEN = "t0ken-of-the-scim-server"
USER, GROUP = ("urn:ietf:params:scim:schemas:core:2.0:" + name for name in ("User", "Group"))


@dataclass
class ScimServer:
    """Where it is, what it was asked, and what is done instead with requests that change something."""

    url: str = ""
    app: object = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    #: (status, headers, body) that are answered instead, without doing anything.
    instead: list[tuple[int, dict, bytes]] = field(default_factory=list)
    #: Do it, and answer so many seconds later.
    late: float = 0

    def call(self, method: str, path: str, data: dict | None = None) -> dict:
        """Ask it as its administrator, past what stands before it."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json", "X-Test": "yes"}
        body = json.dumps(data).encode() if data is not None else None
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers, method=method)) as answer:
            return json.loads(answer.read() or b"{}")

    def user(self, name: str, **more) -> str:
        """Make a user; returns the id."""
        return self.call("POST", "/Users", {"schemas": [USER], "userName": name, "active": True, **more})["id"]

    def group(self, name: str, *members: str) -> str:
        """Make a group; returns the id."""
        found = [{"value": one} for one in members]
        return self.call("POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": found})["id"]

    def members(self, group: str) -> set[str]:
        """Ids of a group's members."""
        return {one["value"] for one in self.call("GET", f"/Groups/{group}").get("members", [])}

    def has(self, path: str) -> bool:
        """Whether it is there."""
        try:
            self.call("GET", path)
        except urllib.error.HTTPError as error:
            return error.code != 404
        return True

    def changes(self) -> list[str]:
        """Methods of the requests that change something, in order."""
        return [method for method, _ in self.asked if method != "GET"]


class Quiet(WSGIRequestHandler):
    """Says nothing."""

    def log_message(self, *arguments):
        """Nothing."""


@cache
def provider():
    """The default schemas; reading them takes a while."""
    return load_default_provider()


@contextmanager
def scim():
    """A server that runs until the block ends."""
    known = ScimServer(app=BearerTokenApplication(InMemoryStorage(), provider(), bearer_tokens=[TOKEN]))

    def before(environ, start):
        if environ.get("HTTP_X_TEST"):
            return known.app(environ, start)
        method = environ["REQUEST_METHOD"]
        known.asked.append((method, environ["PATH_INFO"] + "?" + environ.get("QUERY_STRING", "")))
        if method != "GET" and known.instead:
            status, headers, body = known.instead.pop(0)
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start(f"{status} Said", list(headers.items()))
            return [body]
        answer = list(known.app(environ, start))
        if method != "GET":
            time.sleep(known.late)
        return answer

    with make_server("127.0.0.1", 0, before, server_class=ThreadingWSGIServer, handler_class=Quiet) as server:
        known.url = f"http://127.0.0.1:{server.server_port}/v2"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join(5)
