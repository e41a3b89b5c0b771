"""What a way of removing access is: what it asks an administrator for, what it would send, and how it sends that.

A kind plans first: the plan is text, is kept, is what a dry run shows, and is all that is carried out later. No database in here.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from remediation.outgoing.addresses import Network
from remediation.outgoing.answers import Answer, Seen


class Unfit(Exception):
    """A removal that this kind cannot do; the text says why, and that a person has to."""


@dataclass(frozen=True)
class Removal:
    """What is to be removed, in the words and keys of the review."""

    task: str
    system: str
    account: str
    identity: str
    entitlement: str
    path: str
    reduce_to: str
    due_at: str
    campaign: str
    item: str
    person: str = ""
    right: str = ""
    link: str = ""


@dataclass(frozen=True)
class Message:
    """A plan to be carried out now. `is_repeat`: an earlier try may have had an effect. `is_dry`: nothing may be changed."""

    url: str
    settings: dict
    secrets: tuple[str, ...]
    key: str
    body: str
    at: datetime
    asked_at: datetime
    is_repeat: bool = False
    is_dry: bool = False

    @property
    def secret(self) -> str:
        """The one that holds now; "" when there is none or it cannot be read any more."""
        return self.secrets[0] if self.secrets else ""

    @property
    def plan(self) -> dict:
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Field:
    """One setting: how it is asked for, what it is at first, and what may be chosen."""

    name: str
    label: str
    help: str = ""
    initial: str = ""
    is_required: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    is_long: bool = False
    check: Callable[[str, str], None] | None = None


@dataclass(frozen=True)
class Kind:
    """One way of removing access. Subclasses say how it plans and how it carries that out."""

    key: str
    label: str
    address_help: str
    fields: tuple[Field, ...] = ()
    schemes: tuple[str, ...] = ("https", "http")
    #: What the secret is called; it is made here instead of entered when this is empty.
    credential: str = ""
    #: How many removals one sending has at most.
    most: int = 5_000
    #: After a try of unknown effect the next one waits so many seconds, until the other side can be asked what it has.
    settle_seconds: int = 0
    #: Whether an answer means that the system removed the access, as far as it says, or only that somebody was asked to.
    is_direct: bool = False
    is_ticket: bool = False
    #: Whether a dry run looks things up, without changing anything.
    rehearses: bool = False

    def check(self, url: str, given: dict[str, str]) -> dict[str, str]:
        """The settings, trimmed and complete. Refuses what is missing or makes no sense, naming the field."""
        found = {}
        for one in self.fields:
            value = str(given.get(one.name, one.initial) or "").strip()
            if one.is_required and not value:
                raise InvalidInput(_("“{name}” is needed.").format(name=one.label), field=one.name)
            if one.choices and value not in dict(one.choices):
                raise InvalidInput(_("“{name}” has no choice “{value}”.").format(name=one.label, value=value), field=one.name)
            if value and one.check is not None:
                one.check(value, one.name)
            found[one.name] = value
        return found

    def takes(self, removal: Removal, settings: dict[str, str]) -> str:
        """What goes with the removal: the "grant" alone, all that comes along its "path", or the whole "account"."""
        return "grant"

    def plan(self, removal: Removal, settings: dict[str, str], key: str, at: str) -> str:
        """What would be sent, as it is kept and shown. Raises `Unfit`."""
        raise NotImplementedError

    def carry_out(self, message: Message, own: Iterable[Network]) -> Answer:
        """Send it. Never raises for what the network or the other side does."""
        raise NotImplementedError

    def follow(self, message: Message, ident: str, is_gone: bool, own: Iterable[Network]) -> tuple[Seen | None, Answer]:
        """What became of a ticket, and the answer that says so; a ticket is closed when its removal `is_gone` and that is set."""
        raise NotImplementedError


def written(plan: dict) -> str:
    """A plan as it is kept and shown: a line each, because people read it before anything is sent."""
    return json.dumps(plan, ensure_ascii=False, sort_keys=True, indent=2)
