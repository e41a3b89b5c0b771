"""Cosignatures of witnesses: accepted when they fit, refused in words, kept for ever, and readable for others."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from tlog_scales.signing import Ed25519CosignatureVerifier, MLDSA44CosignatureSigner, Vkey
from tlog_scales.tlog import Checkpoint as TheirCheckpoint

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger import notes, publishing, queries
from ledger.actions import cosignatures, sequencing
from ledger.actors import SYSTEM
from ledger.models import Cosignature, Entry
from tests.ledger.conftest import write
from tests.ledger.test_views import person

WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = WITNESS.public_key().public_bytes_raw()
NAME = "witness.example/w1"
KEY = notes.verifier_key(NAME, PUBLIC, notes.COSIGNATURE_ED25519)
MODERN = MLDSA44CosignatureSigner("modern.example/w2", MLDSA44PrivateKey.from_seed_bytes(bytes(32)))


@pytest.fixture(autouse=True)
def witnesses(settings):
    settings.CERTIFY_LEDGER_WITNESSES = [KEY, MODERN.vkey.serialize()]


def line(note: str, *, time: int | None = None, key: Ed25519PrivateKey = WITNESS, text: str = "") -> str:
    """A cosignature as the specification describes it."""
    time = int(clock.now().timestamp()) if time is None else time
    text = text or note.rpartition("\n\n")[0] + "\n"
    signed = key.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
    raw = notes.key_hash(NAME, PUBLIC, notes.COSIGNATURE_ED25519) + time.to_bytes(8, "big") + signed
    return f"— {NAME} {base64.b64encode(raw).decode()}\n"


def test_the_cosignatures_of_this_file_are_what_others_verify(log):
    cosigned = TheirCheckpoint.from_text(log[-1] + line(log[-1]))
    verifier = Ed25519CosignatureVerifier(Vkey.from_string(KEY))
    assert verifier.verify_note(cosigned.signatures[1], cosigned) is None


def test_a_cosignature_is_kept_once_with_its_entry_and_served_with_the_checkpoint(log, client, settings):
    kept = cosignatures.accept(note=log[-1] + line(log[-1]), by=SYSTEM)
    assert [(one.witness, one.checkpoint.size) for one in kept] == [(NAME, 600)]
    assert cosignatures.accept(note=log[-1] + kept[0].line, by=SYSTEM) == []
    entry = Entry.objects.get(kind="ledger:cosigned")
    assert (entry.uid, entry.payload_json["data"]["size"]) == (kept[0].entry_uid, "600")
    settings.CERTIFY_LEDGER_PUBLIC = True
    assert client.get("/ledger/checkpoint").content.decode() == log[-1] + kept[0].line
    assert client.get("/ledger/checkpoints/257").content.decode() == log[1]
    assert client.get("/ledger/checkpoints/258").status_code == 404


def test_ml_dsa_as_the_specification_prefers_it(log):
    signed = MODERN.sign(TheirCheckpoint.from_text(log[1])).serialize() + "\n"
    assert [one.witness for one in cosignatures.accept(note=log[1] + signed, by=SYSTEM)] == ["modern.example/w2"]
    with pytest.raises(InvalidInput, match="does not fit the checkpoint"):
        cosignatures.accept(note=log[2] + signed, by=SYSTEM)


def test_cosignatures_of_older_checkpoints_and_of_strangers(log):
    stranger = "— stranger.example AAAAAAAA\n"
    kept = cosignatures.accept(note=log[0] + stranger + line(log[0]), by=SYSTEM)
    assert [one.checkpoint.size for one in kept] == [7]
    with pytest.raises(InvalidInput, match="No configured witness has cosigned"):
        cosignatures.accept(note=log[1] + stranger, by=SYSTEM)


def wrong(log) -> dict[str, tuple[str, str]]:
    """Name → (note, words of the refusal)."""
    note = log[-1]
    later = int(clock.now().timestamp()) + 3600
    other = note.replace("\n600\n", "\n599\n")
    forged = note.split("\n")
    forged[2] = base64.b64encode(bytes(32)).decode()
    return {
        "of another checkpoint": (note + line(log[0]), "does not fit the checkpoint"),
        "of another key": (note + line(note, key=Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))), "does not fit"),
        "from the future": (note + line(note, time=later), "from the future"),
        "without a possible time": (note + line(note, time=2**63), "no possible time"),
        "of a size we never signed": (other + line(other), "no such checkpoint of 599"),
        "of another root": ("\n".join(forged) + line("\n".join(forged)), "two logs go under"),
        "with a longer text": (note.replace("\n\n", "\nextension\n\n") + line(note), "no such checkpoint"),
        "no note": ("hello", "Nothing was kept"),
        "empty": ("", "Nothing was kept"),
    }


@pytest.mark.parametrize(
    "name",
    [
        "of another checkpoint", "of another key", "from the future", "without a possible time", "of a size we never signed",
        "of another root", "with a longer text", "no note", "empty",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_words(log, name):
    note, words = wrong(log)[name]
    with pytest.raises(InvalidInput, match=words):
        cosignatures.accept(note=note, by=SYSTEM)
    assert Cosignature.objects.count() == 0


def test_only_administrators_keep_cosignatures(log, client):
    note = log[-1] + line(log[-1])
    with pytest.raises(NotAllowed):
        cosignatures.accept(note=note, by=person("control_owner"))
    client.force_login(person("administrator"))
    answer = client.post("/ledger/guards/cosignatures/", {"note": note.replace("\n", "\r\n")}, follow=True)
    assert "1 new cosignature kept." in answer.content.decode()
    assert [one.name for one in answer.context["witnesses"] if one.last] == [NAME]
    answer = client.post("/ledger/guards/cosignatures/", {"note": "hello"})
    assert (answer.status_code, "Nothing was kept" in answer.content.decode()) == (422, True)


def test_a_kept_cosignature_is_not_changed(log):
    cosignatures.accept(note=log[-1] + line(log[-1]), by=SYSTEM)
    for statement in ("UPDATE ledger_cosignature SET witness = 'x'", "DELETE FROM ledger_cosignature"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_published_checkpoint_gets_cosignatures_that_come_later(log, tmp_path):
    publishing.publish(tmp_path)
    cosignatures.accept(note=log[-1] + line(log[-1]), by=SYSTEM)
    publishing.publish(tmp_path)
    assert (tmp_path / "checkpoint").read_text() == queries.cosigned_note(queries.latest_checkpoint())
    assert (tmp_path / "checkpoint").read_text().count("\n— ") == 2
    sequencing.sequence(by=SYSTEM)
    assert publishing.publish(tmp_path) == 601


def test_command_keeps_what_is_in_files(log, tmp_path, capsys):
    (tmp_path / "note").write_text(log[-1] + line(log[-1]))
    call_command("accept_cosignatures", tmp_path / "note")
    assert capsys.readouterr().out.endswith("1 new cosignature kept.\n")
    (tmp_path / "note").write_text("hello")
    with pytest.raises(CommandError, match="Nothing was kept"):
        call_command("accept_cosignatures", tmp_path / "note")


def test_a_witness_that_is_no_longer_configured_is_still_shown(log, settings):
    cosignatures.accept(note=log[-1] + line(log[-1]), by=SYSTEM)
    settings.CERTIFY_LEDGER_WITNESSES = []
    assert [(one.name, one.is_configured) for one in queries.witnesses()] == [(NAME, False)]
    write(1)


def test_a_line_or_a_witness_that_is_there_twice_is_kept_once(log, settings):
    settings.CERTIFY_LEDGER_WITNESSES = [KEY, KEY]
    told = line(log[-1])
    assert len(cosignatures.accept(note=log[-1] + told + told, by=SYSTEM)) == 1
