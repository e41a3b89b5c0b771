"""Ticket systems: a ticket is opened once for a removal, carries our key and the way back, and is looked at until it is closed.

Before one is opened, the system is asked for tickets with our key, so that a message that is sent twice opens one ticket. A ticket that
somebody closes is a report that the access was removed, and never more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext_lazy as _

from certify.lib.errors import InvalidInput
from remediation.connectors.calling import Calls, Ended
from remediation.connectors.mapping import words
from remediation.connectors.protocol import Field, Kind, Message, Removal, written
from remediation.outgoing.addresses import Network
from remediation.outgoing.answers import Answer, Seen
from remediation.states import Effect, TicketState

USER = Field(
    "user",
    _("User (optional)"),
    _("With a user the secret is a password or API token, without one a bearer token."),
    is_required=False,
)
#: How many tickets one sending opens at most.
MOST = 500


def summary_of(removal: Removal) -> str:
    """The title of a ticket."""
    verb = "Reduce" if removal.reduce_to else "Remove"
    return f"{verb} {removal.right or removal.entitlement} from {removal.account} in {removal.system}"[:200]


def text_of(removal: Removal, key: str) -> str:
    """What a ticket says: what to do, by when, and where it is followed."""
    lines = [
        f"A review decided that this access {'is reduced' if removal.reduce_to else 'goes'}.",
        f"System: {removal.system}",
        f"Account: {removal.account}" + (f" ({removal.person})" if removal.person else ""),
        f"Right: {removal.entitlement}" + (f" ({removal.right})" if removal.right else ""),
        f"Comes through: {removal.path}" if removal.path else "",
        f"What is left: {removal.reduce_to}" if removal.reduce_to else "",
        f"Due: {removal.due_at[:10]}",
        f"Review: {removal.campaign}, item {removal.item}",
        f"Removal {removal.task} in Certify: {removal.link}",
        "Closing this ticket reports the removal done. Only a later reading of the system proves it.",
        f"Key: {key}",
    ]
    return "\n".join(line for line in lines if line)


@dataclass(frozen=True)
class Tickets(Kind):
    """What all ticket systems share. Each of them says how a ticket is found, opened, seen and closed."""

    def plan(self, removal: Removal, settings: dict[str, str], key: str, at: str) -> str:
        """The ticket as it would be opened."""
        marker = marked(key)
        ticket = self.ticket(removal, settings, marker)
        return written({"key": marker, "removal": removal.task, "ticket": ticket, "search": self.search(settings, marker)})

    def ticket(self, removal: Removal, settings: dict[str, str], marker: str) -> dict:
        """The body of the request that opens a ticket."""
        raise NotImplementedError

    def search(self, settings: dict[str, str], marker: str) -> str:
        """How tickets with our key are asked for, in a line."""
        raise NotImplementedError

    def find(self, calls: Calls, message: Message, marker: str) -> list[Seen]:
        """Tickets that carry exactly our key."""
        raise NotImplementedError

    def open(self, calls: Calls, message: Message) -> Answer:
        """Ask for the ticket to be opened."""
        raise NotImplementedError

    def opened(self, calls: Calls, message: Message, answer: Answer) -> Seen:
        """The ticket that an answer speaks of."""
        raise NotImplementedError

    def see(self, calls: Calls, message: Message, ident: str) -> Seen | None:
        """A ticket as it stands; None when it is not there any more."""
        raise NotImplementedError

    def close(self, calls: Calls, message: Message, ident: str) -> bool:
        """Close a ticket whose removal is proved, where a setting says how; whether it was closed."""
        return False

    def calls(self, message: Message, own: Iterable[Network]) -> Calls:
        """Calls of this system."""
        return Calls(message, own)

    def carry_out(self, message: Message, own: Iterable[Network]) -> Answer:
        """Look for our ticket, and open it when there is none."""
        try:
            calls, marker = self.calls(message, own), message.plan["key"]
            if found := self.find(calls, message, marker):
                said = f"{found[0].name} is there already." + (f" {len(found)} tickets have this key." if found[1:] else "")
                return _with(calls.sum_up(Answer(200), Effect.ALREADY, said), found[0])
            answer = self.open(calls, message)
            if answer.status >= 400:
                calls.fail(answer)
            return _with(calls.sum_up(answer, Effect.TAKEN), self.opened(calls, message, answer))
        except Ended as ended:
            return ended.answer

    def follow(self, message: Message, ident: str, is_gone: bool, own: Iterable[Network]) -> tuple[Seen | None, Answer]:
        """Look at a ticket; close it when its removal is proved gone and a setting says how."""
        try:
            calls = self.calls(message, own)
            seen = self.see(calls, message, ident)
            if is_gone and seen is not None and seen.state == TicketState.OPEN and self.close(calls, message, ident):
                seen = self.see(calls, message, ident) or seen
            return seen, calls.sum_up(Answer(200 if seen else 404), Effect.DONE)
        except Ended as ended:
            return None, ended.answer


def _with(answer: Answer, ticket: Seen) -> Answer:
    return Answer(**{**vars(answer), "ticket": ticket})


def marked(key: str) -> str:
    """Our key as it stands in a ticket: a word without blanks that a search finds."""
    return f"certify-{key}"


def part(calls: Calls, value: object) -> str:
    """An id from the other side as one part of an address. Ends the calls for one that would lead elsewhere."""
    text = str(value or "")
    if not text or text in (".", ".."):
        calls.end(f"The answer names no ticket: {text!r}.", effect=Effect.UNKNOWN, is_final=False)
    return quote(text, safe="")


def link(value: object) -> str:
    """The address of a ticket; "" unless a browser may open it."""
    text = str(value or "")
    return text if urlsplit(text).scheme in ("https", "http") and len(text) <= 1000 else ""


def state_of(status: str, done: str, cancelled: str) -> str:
    """What a status means, by two settings with words between commas; what neither names is open."""
    word = status.strip().casefold()
    if word in words(cancelled):
        return TicketState.CANCELLED
    return TicketState.DONE if word in words(done) else TicketState.OPEN


def check_apart(done: str, cancelled: str) -> None:
    """Refuse a status that means two things."""
    if both := words(done) & words(cancelled):
        raise InvalidInput(_("“{status}” is both done and cancelled.").format(status=sorted(both)[0]), field="cancelled")
