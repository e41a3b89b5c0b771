"""Calls of a JSON interface, one after another: each is written down without secrets, and what ends them is an answer."""

import base64
import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_noop

from remediation import rules
from remediation.connectors.protocol import Message
from remediation.outgoing import posting
from remediation.outgoing.addresses import Network
from remediation.outgoing.answers import Answer
from remediation.states import Effect

#: So much of an answer is read, in bytes.
LIMIT = 512 * 1024
#: Nothing is changed any more so many seconds after the first call: by then another worker may soon take the message for lost.
LONGEST = 200


class Ended(Exception):
    """The calls are over; `answer` is what came of them."""

    def __init__(self, answer: Answer):
        super().__init__(answer.error)
        self.answer = answer


class Calls:
    """Calls of one server under one secret."""

    def __init__(self, message: Message, own: Iterable[Network], media: str = "application/json", headers: dict | None = None):
        self.base, self.own, self.media = message.url.rstrip("/"), list(own), media
        self.headers = {"Accept": media, **authorization(message), **(headers or {})}
        self.lines: list[str] = []
        self.took_ms, self.began = 0, time.monotonic()
        #: Whether a request that changes something has gone out.
        self.has_changed = False
        if not message.secret:
            self.end(gettext_noop("The secret cannot be read any more: enter it again."), is_final=True)

    def call(self, method: str, path: str, query: dict | None = None, data: Any = None) -> Answer:
        """One request below the address; its line and its time are kept."""
        where = self.base + path + (f"?{urlencode(query)}" if query else "")
        body = json.dumps(data, ensure_ascii=False).encode() if data is not None else None
        headers = {**self.headers, **({"Content-Type": self.media} if body else {})}
        answer = posting.ask(method, where, body, headers, self.own, LIMIT)
        self.took_ms += answer.took_ms
        shown = f"{method} {where}{' ' + body.decode() if body else ''}"
        self.lines.append(f"{shown} → {answer.status or answer.error}")
        if answer.is_stranger:
            # What a stranger is shown says nothing: no ticket found is not no ticket.
            is_done = method != "GET" and answer.status is not None and answer.status < 300
            said = f"Answer {answer.status}: the secret or its rights were refused"
            self.end(said, answer, Effect.UNKNOWN if is_done else Effect.NONE, is_final=True)
        return answer

    def read(self, path: str, query: dict | None = None, *, missing: bool = False) -> dict:
        """What a GET says. Ends the calls when it says nothing useful; with `missing`, 404 and 410 are an empty answer."""
        answer = self.call("GET", path, query)
        if missing and answer.status in (404, 410):
            return {}
        if answer.status is None or not 200 <= answer.status < 300:
            self.fail(answer)
        return self.parsed(answer)

    def parsed(self, answer: Answer) -> dict:
        """The JSON object of an answer."""
        try:
            found = json.loads(answer.text)
        except ValueError:
            found = None
        if answer.is_cut or not isinstance(found, dict | list):
            what = f"an answer of more than {LIMIT // 1024} KiB" if answer.is_cut else "an answer that is no JSON"
            self.end(f"{self.lines[-1]}: {what}", answer, Effect.UNKNOWN if self.has_changed else Effect.NONE, is_final=False)
        return found if isinstance(found, dict) else {"list": found}

    def change(self, method: str, path: str, data: Any = None) -> Answer:
        """A request that changes something. Ends the calls unless it is answered with success or with a plain refusal (4xx)."""
        if time.monotonic() - self.began > LONGEST:
            self.end(gettext_noop("The calls before took too long; nothing was changed."), is_final=False)
        self.has_changed = True
        answer = self.call(method, path, data=data)
        if answer.status is None or rules.may_change(answer.status) or 300 <= answer.status < 400:
            self.fail(answer, rules.effect_of(answer.status, may_have_arrived=answer.may_have_arrived))
        return answer

    def fail(self, answer: Answer, effect: Effect = Effect.NONE) -> None:
        """End the calls for an answer that is no success: tried again where that may change it."""
        said = answer.error or f"Answer {answer.status}"
        if answer.retry_after is not None and answer.status is not None and answer.status >= 400:
            # Some say 403 where they mean 429: GitHub does.
            self.end(f"{said}: it asks to wait {answer.retry_after} seconds", answer, effect, is_final=False)
        if answer.status in (401, 403):
            said = f"Answer {answer.status}: the secret or its rights were refused"
        elif answer.status is not None and 300 <= answer.status < 400:
            said = f"Answer {answer.status}: redirects are not followed"
        self.end(said, answer, effect, is_final=answer.is_refused or not rules.may_change(answer.status))

    def end(self, said: str, answer: Answer | None = None, effect: Effect = Effect.NONE, *, is_final: bool) -> None:
        """Raise `Ended` with what was asked so far."""
        raise Ended(self.sum_up(answer or Answer(None), effect, said, is_final=is_final))

    def sum_up(self, answer: Answer, effect: Effect, said: str = "", *, is_final: bool = False) -> Answer:
        """An answer with all that was asked before it."""
        return replace(
            answer, error=said, effect=effect, is_final=is_final, requests="\n".join(self.lines), took_ms=self.took_ms
        )


def authorization(message: Message) -> dict[str, str]:
    """The header by which the other side knows us: Basic where a user is set, else a bearer token."""
    if user := message.settings.get("user"):
        pair = base64.b64encode(f"{user}:{message.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {message.secret}"}


def hidden(text: str, secrets: Iterable[str]) -> str:
    """The text without secrets that the other side may have sent back."""
    for secret in secrets:
        for shape in (secret, json.dumps(secret)[1:-1]):
            text = text.replace(shape, "•••") if shape else text
    return text
