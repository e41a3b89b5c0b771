"""Anchors: when one is due, what each channel leaves outside, what is kept, and who hears of it when one is missing."""

import hashlib
import os
import socket
import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from certify.lib import clock
from ledger import notes, queries, tasks
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.anchoring import ChannelError, schedule, timestamp
from ledger.models import Anchor, AnchorFailure, Entry
from tests.ledger.conftest import other_hash, superuser, verify, write
from tests.ledger.test_views import person

TSA = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A timestamping authority of our own (openssl ts), on the loopback address; its folder has ca.pem, its address is `.url`."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "serial").write_text("01")
    (folder / "tsa.cnf").write_text(TSA.format(folder=folder))
    (folder / "ext.cnf").write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n")
    for name in ("ca", "other"):
        new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        openssl(*new, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")
    request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=tsa"]
    openssl(*request, "-keyout", f"{folder}/tsa.key", "-out", f"{folder}/tsa.csr")
    signed = ["x509", "-req", "-days", "2", "-CAcreateserial", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key"]
    openssl(*signed, "-in", f"{folder}/tsa.csr", "-out", f"{folder}/tsa.pem", "-extfile", f"{folder}/ext.cnf")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = ["ts", "-reply", "-config", f"{folder}/tsa.cnf", "-queryfile", f"{folder}/query", "-out", f"{folder}/reply"]
            openssl(*reply)
            self.send_response(200)
            self.end_headers()
            self.wfile.write((folder / "reply").read_bytes())

        def log_message(self, *arguments):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def tsa(authority, settings):
    """The authority, configured."""
    folder, settings.CERTIFY_ANCHOR_TSA_URL = authority
    settings.CERTIFY_ANCHOR_TSA_ROOTS = str(folder / "ca.pem")
    return folder


@pytest.fixture
def volume(settings, tmp_path):
    """The file on another volume, configured."""
    settings.CERTIFY_ANCHOR_FILE = str(tmp_path / "checkpoints.txt")
    return tmp_path / "checkpoints.txt"


def test_nothing_is_configured_and_nothing_is_missing(log, client):
    tasks.leave_anchors()
    assert (Anchor.objects.count(), schedule.standings()) == (0, [])
    with clock.freeze(clock.now() + timedelta(days=400)):
        assert client.get("/health/").json()["ledger"] != "anchors are missing"


def test_a_timestamp_holds_and_openssl_says_so_too(log, tsa, tmp_path):
    tasks.leave_anchors()
    anchor = Anchor.objects.get()
    (tmp_path / "note").write_text(log[-1])
    (tmp_path / "token").write_bytes(anchor.receipt)
    openssl("ts", "-verify", "-data", f"{tmp_path}/note", "-in", f"{tmp_path}/token", "-CAfile", f"{tsa}/ca.pem")
    assert (anchor.channel, anchor.checkpoint.size, anchor.detail["policy"]) == ("timestamp", 600, "1.2.3.4.1")
    said = Entry.objects.get(uid=anchor.entry_uid).payload_json["data"]
    assert said["receipt_sha256"] == hashlib.sha256(anchor.receipt).hexdigest()
    timestamp.check(log[-1].encode(), bytes(anchor.receipt), timestamp.roots())


def test_a_token_over_something_else_or_of_another_authority_does_not_hold(log, tsa, settings):
    tasks.leave_anchors()
    token = bytes(Anchor.objects.get().receipt)
    with pytest.raises(ChannelError, match="does not hold"):
        timestamp.check(log[0].encode(), token, timestamp.roots())
    settings.CERTIFY_ANCHOR_TSA_ROOTS = str(tsa / "other.pem")
    with pytest.raises(ChannelError, match="does not hold"):
        timestamp.check(log[-1].encode(), token, timestamp.roots())
    with pytest.raises(ChannelError, match="does not hold"):
        timestamp.check(log[-1].encode(), token[:-3], timestamp.roots())


@pytest.mark.parametrize("roots", ["other.pem", "tsa.key", "nowhere.pem"])
def test_a_token_that_does_not_hold_is_not_kept(log, tsa, settings, roots):
    settings.CERTIFY_ANCHOR_TSA_ROOTS = str(tsa / roots)
    tasks.leave_anchors()
    assert (Anchor.objects.count(), AnchorFailure.objects.get().channel) == (0, "timestamp")


def test_an_authority_that_is_away_is_asked_again(log, tsa, settings):
    there, settings.CERTIFY_ANCHOR_TSA_URL = settings.CERTIFY_ANCHOR_TSA_URL, "http://127.0.0.1:9/"
    tasks.leave_anchors()
    assert "did not answer" in AnchorFailure.objects.get().reason
    settings.CERTIFY_ANCHOR_TSA_URL = there
    tasks.leave_anchors()
    assert (Anchor.objects.count(), AnchorFailure.objects.count()) == (1, 0)


def test_an_authority_that_talks_nonsense_is_a_failure_like_another(log, tsa, settings):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk():
            with server.accept()[0] as line:
                line.recv(65_536)
                line.sendall(b"220 mail.example ready\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        settings.CERTIFY_ANCHOR_TSA_URL = f"http://127.0.0.1:{server.getsockname()[1]}/"
        tasks.leave_anchors()
        thread.join()
    assert "did not answer" in AnchorFailure.objects.get().reason


def test_auditors_get_the_checkpoint_by_mail(log, settings):
    settings.CERTIFY_ANCHOR_MAIL_TO = ["audit@example.org", "second@example.org"]
    tasks.leave_anchors()
    tasks.leave_anchors()
    (message,) = mail.outbox
    assert message.to == ["audit@example.org", "second@example.org"]
    assert message.attachments[0][:2] == ("checkpoint-600.txt", log[-1])
    anchor = Anchor.objects.get()
    assert (anchor.channel, anchor.detail["message_id"]) == ("mail", message.extra_headers["Message-ID"])


def test_the_file_has_every_note_as_verifiers_read_it(log, volume):
    for _ in range(3):
        with clock.freeze(clock.now() + timedelta(days=2)):
            tasks.leave_anchors()
        write(1)
        sequencing.sequence(by=SYSTEM)
    found = [f"{note}\n" for note in volume.read_text().rstrip("\n").replace("\n\n— ", "\0").split("\n\n")]
    left = [anchor.checkpoint.note for anchor in Anchor.objects.order_by("id")]
    assert [note.replace("\0", "\n\n— ") for note in found] == left
    assert verify(*left).problems == []


@pytest.mark.parametrize("rubbish", ["half a no", "half a note\n", "certify.example/ledger\n60"])
def test_a_crash_in_the_middle_of_a_line_spoils_nothing(log, volume, rubbish):
    volume.write_text(rubbish)
    tasks.leave_anchors()
    assert volume.read_text().endswith(f"\n\n{log[-1]}\n")
    assert Anchor.objects.get().detail["offset"] == str(len(rubbish))


def test_the_file_is_compared_before_anything_is_added(log, volume):
    tasks.leave_anchors()
    with superuser() as cursor:
        cursor.execute(other_hash("ledger_leaf", "index = 599"))
    before = volume.read_text()
    with clock.freeze(clock.now() + timedelta(days=2)):
        write(1)
        tasks.leave_anchors()
    assert volume.read_text() == before
    with pytest.raises(ChannelError, match="is not one of this log"):
        schedule.CHANNELS[2].send(queries.latest_checkpoint())


def test_a_volume_that_is_not_there_is_told(log, volume, settings):
    settings.CERTIFY_ANCHOR_FILE = str(volume.parent / "away" / "file")
    tasks.leave_anchors()
    assert "could not be written" in AnchorFailure.objects.get().reason


def due() -> bool:
    (standing,) = schedule.standings()
    return standing.due_since is not None


def test_when_one_is_due(log, volume, settings):
    settings.CERTIFY_ANCHOR_EVERY, settings.CERTIFY_ANCHOR_HOURS = 3, 24
    assert due()
    tasks.leave_anchors()
    seen = [due()]
    for _ in range(3):
        write(1)
        sequencing.sequence(by=SYSTEM)
        seen.append(due())
    assert seen == [False, False, False, True]
    tasks.leave_anchors()
    assert not due()
    sequencing.sequence(by=SYSTEM)
    with clock.freeze(clock.now() + timedelta(hours=23)):
        assert not due()
    with clock.freeze(clock.now() + timedelta(hours=25)):
        assert due()


def test_mail_does_not_count_checkpoints(log, settings):
    settings.CERTIFY_ANCHOR_EVERY, settings.CERTIFY_ANCHOR_MAIL_TO = 1, ["audit@example.org"]
    tasks.leave_anchors()
    write(1)
    sequencing.sequence(by=SYSTEM)
    tasks.leave_anchors()
    assert len(mail.outbox) == 1


def test_a_missing_anchor_alarms_and_the_page_says_why(log, volume, settings, client):
    settings.CERTIFY_ANCHOR_FILE = str(volume.parent / "away" / "file")
    tasks.leave_anchors()
    assert client.get("/health/").json()["ledger"] == "ok"
    with clock.freeze(clock.now() + timedelta(hours=2)):
        assert client.get("/health/").json()["ledger"] == "anchors are missing"
        client.force_login(person("control_owner"))
        text = client.get("/ledger/guards/").content.decode()
        assert "missing for" in text
        assert "could not be written" in text


def test_a_channel_that_fails_does_not_hold_up_another(log, tsa, volume, settings):
    settings.CERTIFY_ANCHOR_TSA_URL = "http://127.0.0.1:9/"
    tasks.leave_anchors()
    assert [anchor.channel for anchor in Anchor.objects.all()] == ["file"]


def test_an_anchor_is_not_changed(log, volume):
    tasks.leave_anchors()
    for statement in ("UPDATE ledger_anchor SET target = 'x'", "DELETE FROM ledger_anchor"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_command_leaves_one_now_and_names_what_failed(log, volume, settings, capsys):
    call_command("anchor_ledger")
    call_command("anchor_ledger")
    assert capsys.readouterr().out.count("File on another volume: left at") == 2
    settings.CERTIFY_ANCHOR_TSA_URL = "http://127.0.0.1:9/"
    with pytest.raises(CommandError, match="did not answer"):
        call_command("anchor_ledger")
    settings.CERTIFY_ANCHOR_TSA_URL = settings.CERTIFY_ANCHOR_FILE = ""
    with pytest.raises(CommandError, match="No channel is configured"):
        call_command("anchor_ledger")


def test_what_was_left_is_what_verify_ledger_accepts(log, volume):
    tasks.leave_anchors()
    kept = volume.read_text().rstrip("\n") + "\n"
    assert verify(kept).problems == []
    assert notes.TreeHead.parse(kept.rpartition("\n\n")[0] + "\n").size == 600


def test_a_volume_that_takes_a_part_at_a_time_has_the_whole_note(log, volume, monkeypatch):
    narrow = SimpleNamespace(**vars(os) | {"write": lambda descriptor, left: os.write(descriptor, left[:50])})
    monkeypatch.setattr("ledger.anchoring.file.os", narrow)
    tasks.leave_anchors()
    assert volume.read_text() == f"{log[-1]}\n"
