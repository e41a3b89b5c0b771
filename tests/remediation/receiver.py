"""A small real web server on the loopback address that answers as it is told and remembers what it got."""

import base64
import hashlib
import hmac
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Say:
    """One answer: its status and headers, a pause before it, and whether its body comes a byte at a time for ever."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0
    trickle: bool = False
    hang_up: bool = False


@dataclass
class Receiver:
    """What it will say (the last for ever), and the messages it got: (headers, body)."""

    url: str
    says: list[Say]
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def ids(self) -> list[str]:
        """The webhook-ids in the order in which they came."""
        return [headers["webhook-id"] for headers, _ in self.got]


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What a receiver checks, written anew from the Standard Webhooks specification."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(wanted, given) for given in headers["webhook-signature"].split())


@contextmanager
def receiving(*says: Say):
    """A server that runs until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            """Take a message and say the next answer."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            say = receiver.says.pop(0) if len(receiver.says) > 1 else receiver.says[0]
            time.sleep(say.after)
            if say.hang_up:
                self.connection.close()
                return
            self.send_response(say.status)
            for name, value in say.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(b"seen")
                while say.trickle:
                    self.wfile.write(b".")
                    time.sleep(0.05)
            except OSError:
                return

        def log_message(self, *arguments):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook", list(says) or [Say()])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
