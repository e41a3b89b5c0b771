"""What others have seen of the log, in a pack: anchors, timestamps and cosignatures are checked where they can be, else said to be open."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings
from tlog_scales.tlog import Checkpoint as TheirCheckpoint

from certify.lib import clock
from evidence.verifier import verify as verifier
from ledger import notes, tasks
from ledger.actions import cosignatures
from ledger.actors import SYSTEM
from ledger.models import Anchor
from tests.evidence import spoil
from tests.evidence.conftest import build, seal, verify
from tests.evidence.story import moment, play
from tests.evidence.test_mutations import found
from tests.ledger.test_anchors import authority, openssl
from tests.ledger.test_cosignatures import KEY, MODERN, NAME, line
from tests.story import tell

pytestmark = pytest.mark.django_db
FILE, NOTES = "ledger/anchors/anchors.json", "ledger/checkpoints.txt"
OTHER = notes.verifier_key("other.example/w", bytes(32), notes.COSIGNATURE_ED25519)
__all__ = ["authority"]


@dataclass(frozen=True)
class Guarded:
    """A pack with everything, the roots of its authority, and roots of another."""

    path: Path
    roots: Path
    other_roots: Path


@pytest.fixture(scope="module")
def guarded(authority, tmp_path_factory, django_db_setup, django_db_blocker) -> Guarded:
    folder, url = authority
    place = tmp_path_factory.mktemp("guarded")
    own = override_settings(
        CERTIFY_LEDGER_ORIGIN="certify.example/ledger", CERTIFY_LEDGER_KEY_FILE=place / "key.json", CERTIFY_DATA_DIR=place,
        CERTIFY_ANCHOR_TSA_URL=url, CERTIFY_ANCHOR_TSA_ROOTS=str(folder / "ca.pem"), CERTIFY_ANCHOR_MAIL_TO=["a@example.org"],
        CERTIFY_ANCHOR_FILE=str(place / "notes"), CERTIFY_LEDGER_WITNESSES=[KEY, MODERN.vkey.serialize()],
    )  # fmt: skip
    with own, django_db_blocker.unblock(), transaction.atomic():
        period = play(tell(place))
        note = seal().note
        with clock.freeze(moment(12, 31, 23)):
            modern = MODERN.sign(TheirCheckpoint.from_text(note)).serialize() + "\n"
            cosignatures.accept(note=note + line(note) + modern, by=SYSTEM)
            tasks.leave_anchors()
        assert Anchor.objects.count() == 3
        build(period, seal(), place / "pack.zip")
        transaction.set_rollback(True)
    return Guarded(place / "pack.zip", folder / "ca.pem", folder / "other.pem")


@pytest.fixture
def copy(guarded, tmp_path) -> Path:
    return Path(shutil.copyfile(guarded.path, tmp_path / "copy.zip"))


def test_everything_that_can_be_checked_is(guarded):
    seen = verify(guarded.path, "--tsa", str(guarded.roots), "--witness", KEY)
    assert seen.status == 0, seen.text
    assert "[held]        Checkpoints left outside: 3 as recorded (1 by file, 1 by mail, 1 by timestamp)" in seen.text
    assert "[held]        Timestamps: 1 tokens hold under" in seen.text
    assert f"[held]        Witnesses: 1 by {NAME}, the last of " in seen.text
    assert "Not checked: modern.example/w2" in seen.text


def test_what_was_not_asked_for_is_not_checked_and_never_ok(guarded):
    seen = verify(guarded.path)
    assert seen.status == 0
    assert "[not checked] Timestamps: 1 tokens; give the authority's root certificates with --tsa FILE" in seen.text
    assert f"[not checked] Witnesses: 2 by modern.example/w2, {NAME}; give their public keys with --witness" in seen.text


def test_a_pack_without_them_says_so(honest, guarded):
    seen = verify(honest.path, "--tsa", str(guarded.roots))
    assert (seen.status, "the timestamps could not be checked" in seen.text) == (2, True)
    for title in ("Checkpoints left outside", "Timestamps", "Witnesses"):
        assert f"[not checked] {title}: the pack carries none" in seen.text


def test_other_roots_do_not_hold(guarded):
    seen = verify(guarded.path, "--tsa", str(guarded.other_roots))
    assert seen.status == 1
    assert "does not hold under" in seen.text


def test_roots_that_cannot_be_read_stop_the_check(guarded):
    assert verify(guarded.path, "--tsa", "/nowhere/at/all").status == 2


def test_without_openssl_timestamps_are_open(guarded, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    seen = verify(guarded.path, "--tsa", str(guarded.roots))
    assert (seen.status, "this needs the program openssl" in seen.text) == (2, True)


@pytest.mark.parametrize("key", [MODERN.vkey.serialize(), OTHER])
def test_a_witness_that_cannot_be_checked_leaves_it_open(guarded, key):
    seen = verify(guarded.path, "--witness", key)
    assert (seen.status, "[not checked] Witnesses" in seen.text) == (2, True)


def test_a_log_key_is_no_witness(guarded, honest):
    assert verify(guarded.path, "--witness", honest.key).status == 2


# --- mutations, all with a manifest that was made to fit ---


def edited(place: int, **changes):
    """An edit of one anchor in the list."""

    def edit(body: bytes) -> bytes:
        told = json.loads(body)
        told[place].update(changes)
        return json.dumps(told).encode()

    return edit


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "changes",
    [
        {"size": "7"}, {"size": "x"}, {"channel": "s3"}, {"target": "elsewhere"}, {"detail": {}}, {"at": "2031-01-01T00:00:00.000000Z"},
        {"entry": "00000000-0000-4000-8000-000000000000"}, {"receipt": "ledger/anchors/none"}, {"more": ""},
    ],
)  # fmt: skip
def test_a_changed_anchor_is_found(copy, place, changes):
    spoil.change(copy, FILE, edited(place, **changes), forge=True)
    assert "ledger/anchors/" in found(copy)[1]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_dropped_and_a_copied_anchor_are_found(copy, place, guarded):
    for edit in (lambda told: told[:place] + told[place + 1 :], lambda told: [*told, told[place]]):
        original = spoil.read(guarded.path)[FILE]
        spoil.change(copy, FILE, lambda body, edit=edit: json.dumps(edit(json.loads(body))).encode(), forge=True)
        assert FILE in found(copy)[1]
        spoil.change(copy, FILE, lambda _, original=original: original)


def token_of(files: dict[str, bytes]) -> str:
    return next(name for name in files if name.endswith(".tsr"))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.6, 0.99])
def test_a_flipped_byte_of_a_token_is_found_without_openssl(copy, part):
    name = token_of(spoil.read(copy))
    spoil.change(copy, name, lambda body: spoil.flip(body, int(part * len(body))), forge=True)
    assert name in found(copy)[1]


def test_a_token_that_is_missing_or_added_is_found(copy):
    files = spoil.read(copy)
    name = token_of(files)
    spoil.write(copy, spoil.forged(files | {"ledger/anchors/9-timestamp.tsr": files[name]}))
    assert "ledger/anchors/9-timestamp.tsr came back for no checkpoint" in found(copy)[1]
    del files[name]
    spoil.write(copy, spoil.forged(files))
    assert name in found(copy)[1]


def test_a_token_over_another_checkpoint_is_found_by_openssl(guarded, copy, monkeypatch):
    """Somebody with the log's key could record one for another: then only the token itself tells."""
    monkeypatch.setattr(verifier.Outside, "_as_signed", lambda self, note: note + "x")
    outside = verifier.Verifier(verifier.Pack(str(copy)), roots=str(guarded.roots))
    problems = [problem for check in outside.run() for problem in check.problems]
    assert ["does not hold under" in problem for problem in problems] == [True]


def test_the_token_in_the_pack_is_what_openssl_verifies_by_itself(guarded, tmp_path):
    files = spoil.read(guarded.path)
    size = int(token_of(files).removesuffix(".tsr").rpartition("-")[2])
    (note,) = [one for one in verifier.split_notes(files[NOTES].decode()) if int(one.split("\n")[1]) == size]
    (tmp_path / "note").write_text("".join(one for one in note.splitlines(keepends=True) if "/w" not in one))
    (tmp_path / "token").write_bytes(files[token_of(files)])
    openssl("ts", "-verify", "-data", f"{tmp_path}/note", "-in", f"{tmp_path}/token", "-CAfile", str(guarded.roots))


def test_cosignatures_that_are_dropped_added_or_changed_are_found(copy, guarded):
    original = spoil.read(guarded.path)[NOTES].decode()
    mine = next(one for one in original.splitlines(keepends=True) if one.startswith(f"— {NAME} "))
    other = "— stranger.example/w AAAAAAAA\n"
    for changed in (
        original.replace(mine, ""),
        original.replace(mine, mine + other),
        original.replace(mine, mine[:-9] + "AAAAAAA=\n"),
    ):
        spoil.change(copy, NOTES, lambda _, changed=changed: changed.encode(), forge=True)
        assert NOTES in found(copy)[1]


def test_a_cosignature_that_does_not_fit_is_found_where_the_key_is_given(guarded, monkeypatch):
    real = verifier.ed25519_verify
    monkeypatch.setattr(verifier, "ed25519_verify", lambda public, message, mark: real(public, message + b"!", mark))
    key = verifier.Key(KEY, "the key", (verifier.WITNESS_KEY,))
    monkeypatch.setattr(verifier.Key, "open", lambda self, note, where: note.rpartition("\n\n")[0] + "\n")
    checks = verifier.Verifier(verifier.Pack(str(guarded.path)), witnesses=[key]).run()
    assert [f"the cosignature of {NAME} does not fit" in problem for check in checks for problem in check.problems] == [True]


@pytest.mark.parametrize("kind", ["ledger:anchored", "ledger:cosigned"])
def test_entries_about_them_are_not_dropped_alone(copy, kind):
    def drop(body: bytes) -> bytes:
        return b"".join(entry for entry in body.splitlines(keepends=True) if kind.encode() not in entry)

    spoil.change(copy, "ledger/entries.jsonl", drop, forge=True)
    assert "no entry" in found(copy)[1]
