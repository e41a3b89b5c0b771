"""Sends one message: checked address, no redirects, a limit on time and on what is read. What went wrong is an answer, not an error."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

from remediation.outgoing import addresses
from remediation.outgoing.answers import Answer

#: Seconds to connect and between two pieces of an answer, and seconds in all.
PATIENCE, DEADLINE = 10, 20
#: So many addresses of a host are tried, one after the other: whoever answers for the name could list hundreds that keep silent.
ADDRESSES = 3
#: So much of an answer is read and kept, in bytes.
ANSWER_LIMIT = 4_096
#: What Jira says of a secret that it refused, whatever the status of the answer.
STRANGER = ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")
#: What stands in an address as it is; everything beyond ASCII is written as a browser does.
PLAIN = "".join(map(chr, range(0x21, 0x7F)))


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was checked, under the name that was asked for."""

    def __init__(self, host: str, port: int, *, own, tls: ssl.SSLContext | None):
        super().__init__(host, port, timeout=PATIENCE)
        self.own, self.tls = list(own), tls
        #: The socket, kept here too: http.client lets go of it as soon as the head of an answer says that it is the last.
        self.line: socket.socket | None = None

    def connect(self) -> None:
        """Look the name up now, check every answer, and connect to one of them."""
        found = addresses.look_up(self.host, self.port, self.own)
        if self.tls is None and not addresses.is_inside(found, self.own):
            raise addresses.Refused("Without TLS only networks that CERTIFY_WEBHOOK_NETWORKS names are reached: use https.")
        failure: OSError | None = None
        for address in found[:ADDRESSES]:
            try:
                self.sock = socket.create_connection((str(address), self.port), self.timeout)
                break
            except OSError as error:
                failure = error
        else:
            raise failure or OSError("No address could be reached.")
        if self.tls is not None:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.host)
        self.line = self.sock


def post(url: str, body: bytes, headers: dict[str, str], own: Iterable[addresses.Network]) -> Answer:
    """POST the body once. Never raises for what the network or the other side does."""
    return ask("POST", url, body, headers, own)


def ask(
    method: str,
    url: str,
    body: bytes | None,
    headers: dict[str, str],
    own: Iterable[addresses.Network],
    limit: int = ANSWER_LIMIT,
) -> Answer:
    """One request; at most `limit` bytes of its answer are read. Never raises for what the network or the other side does.

    Without an answer, `may_have_arrived` says whether there was a connection at all.
    """
    began, connection = time.monotonic(), None
    try:
        connection = _connection(url, own)
        answer = _ask(connection, method, url, body, headers, limit)
    except addresses.Refused as refusal:
        answer = Answer(None, error=str(refusal), is_refused=True)
    except ssl.SSLCertVerificationError as error:
        answer = Answer(None, error=f"The certificate is not trusted: {error.verify_message}")
    except TimeoutError:
        answer = Answer(None, error=f"No answer within {PATIENCE} seconds. It may have been received all the same.")
    except (OSError, http.client.HTTPException, ValueError) as error:
        # Python's own reading of an answer stumbles with a ValueError over some lengths that make no sense.
        what = " ".join(str(error).split()) or type(error).__name__
        answer = Answer(None, error=f"No answer: {what}"[:500])
    took = int((time.monotonic() - began) * 1000)
    return replace(answer, took_ms=took, may_have_arrived=connection is not None and connection.line is not None)


def _connection(url: str, own: Iterable[addresses.Network]) -> _Pinned:
    parts = urlsplit(addresses.check_url(url))
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    return _Pinned(parts.hostname or "", parts.port or (443 if tls else 80), own=own, tls=tls)


def _ask(connection: _Pinned, method: str, url: str, body: bytes | None, headers: dict[str, str], limit: int) -> Answer:
    parts = urlsplit(url.strip())
    # Pieces that trickle in renew the patience each time; this ends it.
    watch = threading.Timer(DEADLINE, _hang_up, [connection])
    watch.daemon = True
    watch.start()
    try:
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=PLAIN)
        connection.request(method, path, body, {**headers, "User-Agent": "Certify", "Connection": "close"})
        response = connection.getresponse()
        read = response.read(limit)
        text = read.decode("utf-8", "replace").replace("\0", "�")
        said_at = response.getheader("Date", "")
        wait = retry_after(response.getheader("Retry-After", ""), said_at)
        if wait is None and response.status in (403, 429) and response.getheader("X-RateLimit-Remaining", "").strip() == "0":
            wait = used_up(response.getheader("X-RateLimit-Reset", ""), said_at)
        if wait is None and response.status in (403, 429) and "secondary rate limit" in text:
            # GitHub counts more than it tells in headers, and asks for a minute at least.
            wait = 60
        # Jira answers whoever it does not recognise as it would answer anybody, and says so only here.
        is_stranger = response.getheader("X-Seraph-LoginReason", "").strip() in STRANGER
        return Answer(response.status, text, retry_after=wait, is_cut=len(read) == limit, is_stranger=is_stranger)
    finally:
        watch.cancel()
        connection.close()


def _hang_up(connection: _Pinned) -> None:
    if connection.line is not None:
        try:
            # Of the plain socket: the one with TLS would first want to say goodbye.
            socket.socket.shutdown(connection.line, socket.SHUT_RDWR)
        except OSError:
            return


def used_up(resets_at: str, said_at: str = "") -> int | None:
    """Seconds until a limit that is used up begins anew, from X-RateLimit-Reset in seconds since 1970; None when it says nothing.

    It is held against the other side's own clock, its Date header `said_at`; without one it is a minute.
    """
    if not resets_at.strip().isdecimal():
        return None
    try:
        now = parsedate_to_datetime(said_at).timestamp()
    except (TypeError, ValueError):
        return 60
    # A second more: theirs are whole ones.
    return max(1, int(resets_at.strip()[:12]) - int(now) + 1)


def retry_after(text: str, said_at: str = "") -> int | None:
    """Seconds to wait, from a Retry-After header in either of its forms (RFC 9110, 10.2.3); None when it says nothing.

    A date is held against the other side's own clock, its Date header `said_at`.
    """
    if text.strip().isdecimal():
        return int(text.strip()[:9])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(said_at)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0, int(wait.total_seconds()))
