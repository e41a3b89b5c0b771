"""GitHub: issues through its REST API."""

import re
from dataclasses import dataclass
from datetime import UTC, timedelta

from django.utils.translation import gettext_lazy as _

from certify.lib.errors import InvalidInput
from remediation.connectors.calling import Calls
from remediation.connectors.protocol import Field, Message, Removal
from remediation.connectors.tickets import MOST, Tickets, link, part, summary_of, text_of
from remediation.outgoing.answers import Answer, Seen
from remediation.states import TicketState

#: So many issues that changed since the removal was sent are looked through for our key.
PAGES, PAGE = 10, 100


def _check_repository(value: str, field: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", value) or value.endswith(("/.", "/..")):
        raise InvalidInput(_("A repository is written owner/name."), field=field)


FIELDS = (
    Field("repository", _("Repository"), _("owner/name"), check=_check_repository),
    Field("labels", _("Labels (optional)"), _("With commas."), is_required=False),
    Field(
        "close",
        _("Once the removal is verified gone"),
        initial="no",
        choices=(("no", _("Leave the issue as it is")), ("yes", _("Close an issue that is still open"))),
    ),
)


@dataclass(frozen=True)
class GitHub(Tickets):
    """An issue with our key in its text.

    It is found in the list of issues, which is complete at once; the search of GitHub is not, and would let a second one be opened.
    """

    def ticket(self, removal: Removal, settings: dict[str, str], marker: str) -> dict:
        """Title and text."""
        labels = [label.strip() for label in settings["labels"].split(",") if label.strip()]
        return {"title": summary_of(removal), "body": text_of(removal, marker), "labels": labels}

    def search(self, settings: dict[str, str], marker: str) -> str:
        """All that changed since the removal was sent."""
        return f"the issues that changed since the removal was sent, for {marker} in their text"

    def calls(self, message: Message, own) -> Calls:
        """In the version of the API that this was written for."""
        return Calls(message, own, headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"})

    def find(self, calls: Calls, message: Message, marker: str) -> list[Seen]:
        """Issues with our key in a line of its own."""
        since = (message.asked_at.astimezone(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for page in range(1, PAGES + 1):
            query = {"state": "all", "since": since, "per_page": PAGE, "page": page, "sort": "created", "direction": "desc"}
            listed = calls.read(_issues(message), query).get("list") or []
            found = [one for one in listed if f"Key: {marker}" in str(one.get("body") or "").splitlines()]
            if found or len(listed) < PAGE:
                return [_seen(one) for one in found if "pull_request" not in one]
        return calls.end(
            f"More than {PAGES * PAGE:,} issues changed since then: whether ours is there cannot be told.", is_final=True
        )

    def open(self, calls: Calls, message: Message) -> Answer:
        """POST the issue."""
        return calls.change("POST", _issues(message), message.plan["ticket"])

    def opened(self, calls: Calls, message: Message, answer: Answer) -> Seen:
        """The issue that was made."""
        found = calls.parsed(answer)
        part(calls, found.get("number"))
        return _seen(found)

    def see(self, calls: Calls, message: Message, ident: str) -> Seen | None:
        """The issue by its number."""
        found = calls.read(f"{_issues(message)}/{part(calls, ident)}", missing=True)
        return _seen(found) if found else None

    def close(self, calls: Calls, message: Message, ident: str) -> bool:
        """As completed."""
        if message.settings["close"] != "yes":
            return False
        values = {"state": "closed", "state_reason": "completed"}
        return calls.change("PATCH", f"{_issues(message)}/{part(calls, ident)}", values).status < 300


def _issues(message: Message) -> str:
    return f"/repos/{message.settings['repository']}/issues"


def _seen(issue: dict) -> Seen:
    number, reason = str(issue.get("number", "")), str(issue.get("state_reason") or "")
    is_closed = issue.get("state") == "closed"
    is_cancelled = reason in ("not_planned", "duplicate")
    state = TicketState.OPEN if not is_closed else TicketState.CANCELLED if is_cancelled else TicketState.DONE
    status = " / ".join(filter(None, (str(issue.get("state", "")), reason)))
    return Seen(number, f"#{number}", link(issue.get("html_url")), state, status)


GITHUB = GitHub(
    "github",
    _("GitHub issues"),
    _("https://api.github.com, or the address of the API of your own server."),
    FIELDS,
    credential=_("Token"),
    most=MOST,
    is_ticket=True,
)
