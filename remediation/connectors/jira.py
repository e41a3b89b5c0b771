"""Jira: issues through its REST API 2 (Data Center) or 3 (Cloud)."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from remediation.connectors.calling import Calls
from remediation.connectors.mapping import words
from remediation.connectors.protocol import Field, Message, Removal
from remediation.connectors.tickets import MOST, USER, Tickets, part, summary_of, text_of
from remediation.outgoing.answers import Answer, Seen
from remediation.states import TicketState

FIELDS = (
    Field("api", _("Version of its REST API"), initial="3", choices=(("3", "3: Jira Cloud"), ("2", "2: Jira Data Center"))),
    USER,
    Field("project", _("Project"), _("Its key, such as OPS.")),
    Field("issue_type", _("Kind of issue"), initial="Task"),
    Field(
        "cancelled",
        _("Statuses and resolutions that mean: closed without being done"),
        _("With commas. Every other status of the category “Done” means done."),
        "Cancelled, Canceled, Declined, Rejected, Won't Do, Won't Fix, Duplicate, Cannot Reproduce",
        is_required=False,
    ),
    Field(
        "transition",
        _("Transition once the removal is verified gone (optional)"),
        _("Its name, such as Done. Certify then closes an issue that is still open."),
        is_required=False,
    ),
)


@dataclass(frozen=True)
class Jira(Tickets):
    """An issue with our key as a label."""

    def ticket(self, removal: Removal, settings: dict[str, str], marker: str) -> dict:
        """The fields of the issue; its text is a document in version 3."""
        text = text_of(removal, marker)
        if settings["api"] == "3":
            paragraphs = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in text.split("\n")]
            described: object = {"type": "doc", "version": 1, "content": paragraphs}
        else:
            described = text
        fields = {
            "project": {"key": settings["project"]},
            "issuetype": {"name": settings["issue_type"]},
            "summary": summary_of(removal),
            "description": described,
            "labels": [marker],
        }
        return {"fields": fields}

    def search(self, settings: dict[str, str], marker: str) -> str:
        """By label."""
        return f'labels = "{marker}"'

    def find(self, calls: Calls, message: Message, marker: str) -> list[Seen]:
        """Issues with our label."""
        where = "/search/jql" if message.settings["api"] == "3" else "/search"
        query = {"jql": self.search(message.settings, marker), "fields": "status,resolution,labels", "maxResults": 10}
        found = calls.read(_api(message) + where, query).get("issues") or []
        return [_seen(message, one) for one in found if marker in ((one.get("fields") or {}).get("labels") or [])]

    def open(self, calls: Calls, message: Message) -> Answer:
        """POST the issue."""
        return calls.change("POST", _api(message) + "/issue", message.plan["ticket"])

    def opened(self, calls: Calls, message: Message, answer: Answer) -> Seen:
        """Only its id and key are answered."""
        found = calls.parsed(answer)
        part(calls, found.get("key"))
        return _seen(message, found)

    def see(self, calls: Calls, message: Message, ident: str) -> Seen | None:
        """The issue by its key."""
        found = calls.read(f"{_api(message)}/issue/{part(calls, ident)}", {"fields": "status,resolution"}, missing=True)
        return _seen(message, found) if found else None

    def close(self, calls: Calls, message: Message, ident: str) -> bool:
        """Through the transition that is set, where the issue has it now."""
        name = message.settings["transition"].casefold()
        if not name:
            return False
        where = f"{_api(message)}/issue/{part(calls, ident)}/transitions"
        offered = calls.read(where).get("transitions") or []
        ids = [one.get("id") for one in offered if str(one.get("name", "")).casefold() == name]
        if not ids:
            return False
        answer = calls.change("POST", where, {"transition": {"id": ids[0]}})
        return answer.status < 300


def _api(message: Message) -> str:
    return f"/rest/api/{message.settings['api']}"


def _seen(message: Message, issue: dict) -> Seen:
    fields = issue.get("fields") or {}
    status, resolution = fields.get("status") or {}, fields.get("resolution") or {}
    name, key = str(status.get("name", "")), str(issue.get("key", ""))
    said = " / ".join(filter(None, (name, str(resolution.get("name", "")))))
    is_closed = (status.get("statusCategory") or {}).get("key") == "done"
    is_cancelled = {name.casefold(), str(resolution.get("name", "")).casefold()} & words(message.settings["cancelled"])
    state = TicketState.OPEN if not is_closed else TicketState.CANCELLED if is_cancelled else TicketState.DONE
    return Seen(key, key, f"{message.url.rstrip('/')}/browse/{key}", state, said)


JIRA = Jira(
    "jira",
    "Jira",
    _("https://… The site, such as https://corp.example/jira, without /rest."),
    FIELDS,
    credential=_("API token or password"),
    most=MOST,
    # Its makers speak of seconds to minutes until the search of Jira Cloud shows what was just opened.
    settle_seconds=900,
    is_ticket=True,
)
