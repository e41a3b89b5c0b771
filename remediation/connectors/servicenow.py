"""ServiceNow: records of a table through its Table API."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from certify.lib.errors import InvalidInput
from remediation.connectors.calling import Calls
from remediation.connectors.protocol import Field, Message, Removal
from remediation.connectors.tickets import MOST, USER, Tickets, check_apart, link, part, state_of, summary_of, text_of
from remediation.outgoing.answers import Answer, Seen

SHOWN = "sys_id,number,state,correlation_id"


def _check_table(value: str, field: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,79}", value):
        raise InvalidInput(_("A table has a name such as incident or sc_task."), field=field)


FIELDS = (
    USER,
    Field("table", _("Table"), _("Such as incident or sc_task."), "incident", check=_check_table),
    Field("group", _("Group that gets it (optional)"), _("The sys_id or name of an assignment group."), is_required=False),
    Field("done", _("Values of state that mean: done"), _("With commas. Of an incident: 6 resolved, 7 closed."), "6, 7"),
    Field(
        "cancelled",
        _("Values of state that mean: closed without being done"),
        _("Of an incident: 8 canceled."),
        "8",
        is_required=False,
    ),
    Field(
        "close_state",
        _("Value of state once the removal is verified gone (optional)"),
        _("Certify then closes a record that is still open, where the rules of the table let it."),
        is_required=False,
    ),
    Field(
        "close_code",
        _("Resolution code with that (optional)"),
        _("A value of close_code. Incidents are closed with one only, and which there are differs from instance to instance."),
        is_required=False,
    ),
)


@dataclass(frozen=True)
class ServiceNow(Tickets):
    """A record with our key as its correlation_id."""

    def check(self, url: str, given: dict[str, str]) -> dict[str, str]:
        """The settings. Refuses a state that means two things."""
        found = super().check(url, given)
        check_apart(found["done"], found["cancelled"])
        return found

    def ticket(self, removal: Removal, settings: dict[str, str], marker: str) -> dict:
        """The values of the record."""
        values = {
            "short_description": summary_of(removal),
            "description": text_of(removal, marker),
            "correlation_id": marker,
            "correlation_display": "Certify",
            "due_date": removal.due_at[:19].replace("T", " "),
        }
        return values | ({"assignment_group": settings["group"]} if settings["group"] else {})

    def search(self, settings: dict[str, str], marker: str) -> str:
        """By correlation_id."""
        return f"correlation_id={marker}"

    def find(self, calls: Calls, message: Message, marker: str) -> list[Seen]:
        """Records with our key."""
        query = {"sysparm_query": self.search(message.settings, marker), "sysparm_fields": SHOWN, "sysparm_limit": 10}
        found = calls.read(_table(message), query).get("result") or []
        return [_seen(message, one) for one in found if one.get("correlation_id") == marker]

    def open(self, calls: Calls, message: Message) -> Answer:
        """POST the record."""
        return calls.change("POST", _table(message), message.plan["ticket"])

    def opened(self, calls: Calls, message: Message, answer: Answer) -> Seen:
        """The record that was made."""
        found = calls.parsed(answer).get("result") or {}
        part(calls, found.get("sys_id"))
        return _seen(message, found)

    def see(self, calls: Calls, message: Message, ident: str) -> Seen | None:
        """The record by its sys_id."""
        found = calls.read(f"{_table(message)}/{part(calls, ident)}", {"sysparm_fields": SHOWN}, missing=True).get("result")
        return _seen(message, found) if found else None

    def close(self, calls: Calls, message: Message, ident: str) -> bool:
        """By the state that is set."""
        state = message.settings["close_state"]
        if not state:
            return False
        values = {"state": state, "close_notes": "Certify: a later reading of the system shows that the access is gone."}
        if code := message.settings.get("close_code"):
            values["close_code"] = code
        return calls.change("PATCH", f"{_table(message)}/{part(calls, ident)}", values).status < 300


def _table(message: Message) -> str:
    return f"/api/now/table/{message.settings['table']}"


def _seen(message: Message, record: dict) -> Seen:
    ident, settings = str(record.get("sys_id", "")), message.settings
    where = f"{message.url.rstrip('/')}/nav_to.do?uri={settings['table']}.do%3Fsys_id%3D{quote(ident, safe='')}"
    status = str(record.get("state", ""))
    return Seen(
        ident,
        str(record.get("number") or ident),
        link(where),
        state_of(status, settings["done"], settings["cancelled"]),
        f"state {status}",
    )


SERVICENOW = ServiceNow(
    "servicenow",
    "ServiceNow",
    _("https://… The instance, such as https://corp.example."),
    FIELDS,
    credential=_("Password or token"),
    most=MOST,
    is_ticket=True,
)
