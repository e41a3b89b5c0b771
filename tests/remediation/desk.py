"""Ticket systems on the loopback address: they keep tickets, and answer with the recordings of their public documentation.

Nothing stops a client from opening a ticket twice here, as with the real ones.
"""

import base64
import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SECRET = "s3cret-of-the-desk"
RECORDINGS = Path(__file__).parent / "recordings"
#: The categories of Jira; their names are not their keys.
CATEGORIES = {
    "to_do": {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
    "in_progress": {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    "done": {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
}
BASIC = "Basic " + base64.b64encode(f"certify@corp.example:{SECRET}".encode()).decode()


@dataclass
class OneTicket:
    """A ticket: what it was opened with, and its status in the words of its system."""

    number: str
    name: str
    body: dict
    status: str
    reason: str | None = None


@dataclass
class Desk:
    """One ticket system: where it is, its tickets, what it was asked, and what it does instead of answering changes."""

    kind: str
    url: str = ""
    api: str = "3"
    tickets: list[OneTicket] = field(default_factory=list)
    asked: list[tuple[str, str, dict | None]] = field(default_factory=list)
    #: Statuses with headers, and a body where it matters, that are answered first, without doing anything.
    instead: list[tuple] = field(default_factory=list)
    #: Open the ticket, and answer so many seconds later.
    late: float = 0
    #: The secret ran out: Jira then answers as it would answer anybody.
    is_expired: bool = False

    @property
    def recorded(self) -> dict:
        """The recordings of the system."""
        return json.loads((RECORDINGS / f"{self.kind}.json").read_text())

    def close(self, status: str, reason: str | None = None) -> None:
        """Somebody changes the last ticket by hand."""
        self.tickets[-1].status, self.tickets[-1].reason = status, reason

    def count(self, method: str) -> int:
        """How many requests of a method came."""
        return sum(one == method for one, _, _ in self.asked)

    # ---- answers ----

    def answer(self, method: str, target: str, body: dict | None, headers) -> tuple[int, dict, object]:
        """What the system says: (status, headers, body)."""
        if headers["Authorization"] not in (f"Bearer {SECRET}", BASIC):
            return self.said("refused")
        parts = urlsplit(target)
        return getattr(self, f"_{self.kind}")(method, parts.path, parse_qs(parts.query), body)

    def said(self, name: str, ticket: OneTicket | None = None, tickets: list | None = None) -> tuple[int, dict, object]:
        """A recorded answer, filled in."""
        values = {"base": self.url, **CATEGORIES} | (self.values(ticket) if ticket else {})
        if ticket and "ticket" in self.recorded:
            values["ticket"] = filled(self.recorded["ticket"], values)
        values["tickets"] = tickets
        one = self.recorded[name]
        return one["status"], filled(one.get("headers", {}), values), filled(one["body"], values)

    def shown(self, ticket: OneTicket, name: str = "ticket") -> object:
        """A ticket as a list has it."""
        return filled(self.recorded[name], {"base": self.url, **CATEGORIES} | self.values(ticket))

    def values(self, ticket: OneTicket) -> dict:
        """What is filled in for a ticket."""
        fields = ticket.body.get("fields", {})
        return {
            "number": ticket.number,
            "int": int(ticket.number) if ticket.number.isdecimal() else 0,
            "name": ticket.name,
            "status": ticket.status,
            "reason": ticket.reason,
            "ident": 21340 + int(ticket.number) if self.kind == "github" else str(21340 + int(ticket.number)),
            "status_id": {"To Do": "10000", "In Progress": "3"}.get(ticket.status, "10001"),
            "category": CATEGORIES[{"To Do": "to_do", "In Progress": "in_progress"}.get(ticket.status, "done")],
            "resolution": {"id": "10000", "description": "", "name": ticket.reason} if ticket.reason else None,
            "labels": fields.get("labels") or [{"name": name} for name in ticket.body.get("labels", [])],
            "key": ticket.body.get("correlation_id") or ticket.body.get("external_id"),
            "title": ticket.body.get("title") or ticket.body.get("short_description"),
            "text": ticket.body.get("body"),
        }

    def open(self, body: dict, name: str, status: str) -> OneTicket:
        """A new ticket."""
        number = str(len(self.tickets) + 1)
        self.tickets.append(OneTicket(number, name.format(number), body, status))
        return self.tickets[-1]

    def by_name(self, name: str) -> OneTicket | None:
        """The ticket with this number or name."""
        return next((one for one in self.tickets if name in (one.number, one.name)), None)

    def _jira(self, method, path, query, body):
        api = f"/rest/api/{self.api}"
        if self.is_expired:
            return self.said("stranger_found" if "/search" in path else "stranger")
        if (method, path) == ("POST", f"{api}/issue"):
            assert isinstance(body["fields"]["description"], dict if self.api == "3" else str)
            return self.said("created", self.open(body, body["fields"]["project"]["key"] + "-{}", "To Do"))
        if (method, path) == ("GET", api + ("/search/jql" if self.api == "3" else "/search")):
            label = re.fullmatch(r'labels = "(.*)"', query["jql"][0]).group(1)
            found = [self.shown(one, "issue") for one in self.tickets if label in one.body["fields"]["labels"]]
            return self.said("found" if self.api == "3" else "found_v2", tickets=found)
        ticket = self.by_name(path.removeprefix(f"{api}/issue/").partition("/")[0])
        if ticket is None:
            return self.said("missing")
        if path.endswith("/transitions") and method == "GET":
            return self.said("transitions")
        if path.endswith("/transitions"):
            ticket.status = {"31": "Done", "11": "In Progress"}[body["transition"]["id"]]
            return self.said("transitioned")
        return 200, {}, self.shown(ticket, "issue")

    def _servicenow(self, method, path, query, body):
        table = "/api/now/table/incident"
        if (method, path) == ("POST", table):
            return self.said("created", self.open(body, "INC{:0>7}", "1"))
        if (method, path) == ("GET", table):
            key = query["sysparm_query"][0].removeprefix("correlation_id=")
            return self.said("found", tickets=[self.shown(one) for one in self.tickets if one.body["correlation_id"] == key])
        ticket = self.by_name(path.removeprefix(table + "/"))
        if ticket and method == "PATCH":
            if not (body.get("close_code") and body.get("close_notes")):
                return self.said("unfinished")
            ticket.status = body["state"]
        return self.said("one", ticket) if ticket else self.said("missing")

    def _github(self, method, path, query, body):
        issues = "/repos/corp/access/issues"
        if (method, path) == ("POST", issues):
            return self.said("created", self.open(body, "#{}", "open"))
        if (method, path) == ("GET", issues):
            assert query["state"] == ["all"]
            newest, page = self.tickets[::-1], int(query["page"][0])
            return self.said("found", tickets=[self.shown(one) for one in newest[page * 100 - 100 : page * 100]])
        ticket = self.by_name(path.removeprefix(issues + "/"))
        if ticket and method == "PATCH":
            ticket.status, ticket.reason = body["state"], body["state_reason"]
        return self.said("one", ticket) if ticket else self.said("deleted")

    def _template(self, method, path, query, body):
        if (method, path) == ("POST", "/tickets"):
            return self.said("created", self.open(body, "T{}", "new"))
        if (method, path) == ("GET", "/tickets"):
            key = query["external_id"][0]
            return self.said("found", tickets=[self.shown(one) for one in self.tickets if one.body["external_id"] == key])
        ticket = self.by_name(path.removeprefix("/tickets/"))
        return self.said("one", ticket) if ticket else self.said("missing")


def filled(value: object, values: dict) -> object:
    """A recording with `$name` in its texts replaced; a text that is only a name becomes the value itself."""
    if isinstance(value, str):
        if value.startswith("$") and value[1:] in values:
            return values[value[1:]]
        return re.sub(r"\$(\w+)", lambda found: str(values.get(found.group(1), found.group())), value)
    if isinstance(value, list):
        return [filled(one, values) for one in value]
    return {name: filled(one, values) for name, one in value.items()} if isinstance(value, dict) else value


class Handler(BaseHTTPRequestHandler):
    """One request to a desk."""

    known: Desk

    def handle_one(self) -> None:
        """Take one request and answer it."""
        length = int(self.headers["Content-Length"] or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.known.asked.append((self.command, self.path, body))
        if self.command != "GET" and self.known.instead:
            status, headers, *said = self.known.instead.pop(0)
            answer = status, headers, said[0] if said else {}
        else:
            answer = self.known.answer(self.command, self.path, body, self.headers)
            if self.command != "GET":
                time.sleep(self.known.late)
        self.say(*answer)

    def do_GET(self):
        """As all."""
        self.handle_one()

    def do_POST(self):
        """As all."""
        self.handle_one()

    def do_PATCH(self):
        """As all."""
        self.handle_one()

    def say(self, status, headers, body):
        """The answer."""
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(text)
        except OSError:
            return

    def log_message(self, *arguments):
        """Nothing."""


@contextmanager
def desk(kind: str, api: str = "3"):
    """A ticket system that runs until the block ends."""
    known = Desk(kind, api=api)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Known", (Handler,), {"known": known}))
    server.daemon_threads = True
    known.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
