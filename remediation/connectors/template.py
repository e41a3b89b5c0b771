"""Another ticket system: the requests are templates, and what comes back is read by JSON Pointers (RFC 6901)."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from certify.lib.errors import InvalidInput
from remediation.connectors.calling import Calls
from remediation.connectors.mapping import BRACES
from remediation.connectors.protocol import Field, Message, Removal
from remediation.connectors.tickets import MOST, USER, Tickets, check_apart, link, part, state_of, summary_of, text_of
from remediation.outgoing.answers import Answer, Seen
from remediation.states import Effect

#: What the body may name.
NAMES = (
    "key",
    "summary",
    "text",
    "account",
    "identity",
    "entitlement",
    "path",
    "system",
    "due",
    "campaign",
    "item",
    "removal",
    "link",
)
BODY = '{"title": "{summary}", "text": "{text}", "external_id": "{key}"}'


def _names(text: str, known: tuple[str, ...], field: str) -> None:
    if wrong := [name for name in BRACES.findall(text) if name not in known]:
        raise InvalidInput(
            _("{name} is unknown; known are {known}.").format(
                name="{" + wrong[0] + "}", known=", ".join("{" + name + "}" for name in known)
            ),
            field=field,
        )


def _check_body(value: str, field: str) -> None:
    """JSON whose texts name our key."""
    try:
        body = json.loads(value)
    except ValueError as error:
        raise InvalidInput(_("This is no JSON: {error}").format(error=error), field=field) from None
    texts = list(_texts(body))
    if not isinstance(body, dict) or not any("{key}" in text for text in texts):
        raise InvalidInput(_("The body is a JSON object, and {key} stands in one of its texts."), field=field)
    for text in texts:
        _names(text, NAMES, field)


def _texts(value: Any):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _check_path(known: str):
    def check(value: str, field: str) -> None:
        _names(value, (known,), field)
        if not value.startswith("/") or "#" in value or "{" + known + "}" not in value or any(ord(one) <= 32 for one in value):
            raise InvalidInput(_("A path begins with / and names {name}.").format(name="{" + known + "}"), field=field)

    return check


def _check_create(value: str, field: str) -> None:
    if not value.startswith("/") or "{" in value or "#" in value or any(ord(one) <= 32 for one in value):
        raise InvalidInput(_("A path begins with /."), field=field)


def _check_pointer(value: str, field: str) -> None:
    if not value.startswith("/"):
        raise InvalidInput(_("A JSON Pointer begins with /, such as /data/id."), field=field)


FIELDS = (
    USER,
    Field("create_path", _("Path of the POST that opens a ticket"), initial="/tickets", check=_check_create),
    Field(
        "body",
        _("What is sent"),
        format_lazy(_("JSON. Names in braces are filled in: {names}."), names=", ".join(NAMES)),
        BODY,
        is_long=True,
        check=_check_body,
    ),
    Field(
        "search_path",
        _("Path of the GET that finds tickets by our key"),
        initial="/tickets?external_id={key}",
        check=_check_path("key"),
    ),
    Field(
        "list_pointer",
        _("Where its answer has the list"),
        _("/list when the answer is itself a list."),
        "/tickets",
        check=_check_pointer,
    ),
    Field(
        "key_pointer",
        _("Where a ticket of the list has our key"),
        _("Tickets with another one are not ours."),
        "/external_id",
        check=_check_pointer,
    ),
    Field("ticket_path", _("Path of the GET of one ticket"), initial="/tickets/{id}", check=_check_path("id")),
    Field("id_pointer", _("Where a ticket has its id"), initial="/id", check=_check_pointer),
    Field("link_pointer", _("Where it has its address for people (optional)"), is_required=False, check=_check_pointer),
    Field("status_pointer", _("Where it has its status"), initial="/status", check=_check_pointer),
    Field("done", _("Statuses that mean: done"), _("With commas."), "done, closed, resolved"),
    Field("cancelled", _("Statuses that mean: closed without being done"), initial="cancelled, rejected", is_required=False),
)


@dataclass(frozen=True)
class Template(Tickets):
    """A ticket by templates."""

    def check(self, url: str, given: dict[str, str]) -> dict[str, str]:
        """The settings. Refuses a status that means two things."""
        found = super().check(url, given)
        check_apart(found["done"], found["cancelled"])
        return found

    def ticket(self, removal: Removal, settings: dict[str, str], marker: str) -> dict:
        """The body, with values in the places of the names; a value cannot change what the JSON is."""
        values = {
            "key": marker,
            "summary": summary_of(removal),
            "text": text_of(removal, marker),
            "due": removal.due_at[:10],
            "removal": removal.task,
            **{name: getattr(removal, name) for name in NAMES if hasattr(removal, name)},
        }
        return _filled(json.loads(settings["body"]), values)

    def search(self, settings: dict[str, str], marker: str) -> str:
        """By the path that is set."""
        return "GET " + settings["search_path"].replace("{key}", quote(marker, safe=""))

    def find(self, calls: Calls, message: Message, marker: str) -> list[Seen]:
        """Tickets of the answer's list that have our key."""
        settings = message.settings
        answer = calls.read(settings["search_path"].replace("{key}", quote(marker, safe="")))
        listed = _at(answer, settings["list_pointer"])
        if not isinstance(listed, list):
            calls.end(f"The answer to the search has no list at {settings['list_pointer']}.", is_final=True)
        return [_seen(calls, settings, one) for one in listed if _at(one, settings["key_pointer"]) == marker]

    def open(self, calls: Calls, message: Message) -> Answer:
        """POST the body."""
        return calls.change("POST", message.settings["create_path"], message.plan["ticket"])

    def opened(self, calls: Calls, message: Message, answer: Answer) -> Seen:
        """The ticket that the answer has; where it has none, the search tells it next time."""
        return _seen(calls, message.settings, calls.parsed(answer))

    def see(self, calls: Calls, message: Message, ident: str) -> Seen | None:
        """The ticket by its id."""
        found = calls.read(message.settings["ticket_path"].replace("{id}", part(calls, ident)), missing=True)
        return _seen(calls, message.settings, found) if found else None


def _filled(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, str):
        return BRACES.sub(lambda found: values.get(found.group(1), found.group()), value)
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    return {name: _filled(inner, values) for name, inner in value.items()} if isinstance(value, dict) else value


def _at(value: Any, pointer: str) -> Any:
    """What a JSON Pointer leads to; None when it leads nowhere."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _seen(calls: Calls, settings: dict[str, str], ticket: Any) -> Seen:
    ident = _at(ticket, settings["id_pointer"])
    if not isinstance(ident, str | int) or not str(ident):
        calls.end(f"The answer has no id at {settings['id_pointer']}.", effect=Effect.UNKNOWN, is_final=False)
    status = str(_at(ticket, settings["status_pointer"]) or "")
    address = link(_at(ticket, settings["link_pointer"])) if settings["link_pointer"] else ""
    return Seen(str(ident), str(ident), address, state_of(status, settings["done"], settings["cancelled"]), status)


TEMPLATE = Template(
    "template",
    _("Another ticket system"),
    _("https://… The address that the paths below go on from."),
    FIELDS,
    credential=_("Password or token"),
    most=MOST,
    is_ticket=True,
)
