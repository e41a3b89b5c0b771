"""Packs of a log whose key has changed: an auditor who knows the old key follows to the new one, and a lost key is told openly."""

import json
import shutil
from pathlib import Path

import pytest

from evidence.verifier import verify as verifier
from tests.evidence import spoil
from tests.evidence.conftest import verify
from tests.evidence.test_mutations import found

pytestmark = pytest.mark.django_db
FILE = "ledger/keys.json"


@pytest.mark.parametrize("key", [0, 1, None])
@pytest.mark.parametrize("name", ["older.zip", "rotated.zip"])
def test_whoever_knows_the_old_key_or_the_new_one_verifies(packs, name, key):
    seen = verify(packs.folder / name, *(["--key", packs.keys[key]] if key is not None else []))
    assert seen.status == 0, seen.text
    assert "[held]        Keys of the log: 2, each signed by the one before" in seen.text
    assert ("the one you gave has handed over to it" in seen.text) == (key == 0)


@pytest.mark.parametrize("key", [0, 1])
@pytest.mark.parametrize(("name", "note"), [("sample-older.zip", 0), ("sample-rotated.zip", 1)])
def test_a_pack_of_one_sample_follows_the_keys_as_well(packs, tmp_path, name, note, key):
    (tmp_path / "kept").write_text(packs.notes[note])
    seen = verify(packs.folder / name, "--key", packs.keys[key], "--checkpoint", str(tmp_path / "kept"))
    assert seen.status == 0, seen.text
    assert "[held]        Keys of the log: 2, each signed by the one before" in seen.text
    assert verify(packs.folder / name, "--key", packs.keys[2]).status == 1


def test_a_key_of_somebody_else_or_of_later_is_none_of_the_packs(packs):
    seen = verify(packs.folder / "rotated.zip", "--key", packs.keys[2])
    assert (seen.status, "is none of this log's keys, or is younger than this pack" in seen.text) == (1, True)


@pytest.mark.parametrize("place", [0, 1])
def test_checkpoints_that_were_kept_before_and_after_are_found_in_the_log(packs, tmp_path, place):
    (tmp_path / "kept").write_text(packs.notes[place])
    assert verify(packs.folder / "rotated.zip", "--checkpoint", str(tmp_path / "kept"), "--key", packs.keys[0]).status == 0


def test_a_lost_key_is_said_in_every_place(packs):
    seen = verify(packs.folder / "lost.zip", "--key", packs.keys[2])
    words = "the key of a.example/log was LOST"
    assert (seen.status, seen.text.count(words)) == (0, 2)
    readme = spoil.read(packs.folder / "lost.zip")["README.md"].decode()
    assert f"The key of `{packs.keys[1]}` was lost" in readme
    assert "This log began anew" not in spoil.read(packs.folder / "rotated.zip")["README.md"].decode()


@pytest.mark.parametrize("key", [0, 1])
def test_a_key_from_before_the_loss_leaves_it_open(packs, key):
    seen = verify(packs.folder / "lost.zip", "--key", packs.keys[key])
    assert seen.status == 2
    assert "[not checked] Keys of the log" in seen.text
    assert "the key you gave does not lead to the one that signed this pack" in seen.text


@pytest.fixture
def rotated(packs, tmp_path) -> Path:
    return Path(shutil.copyfile(packs.folder / "rotated.zip", tmp_path / "copy.zip"))


def edited(edit):
    """An edit of the list of keys."""

    def change(body: bytes) -> bytes:
        told = json.loads(body)
        return json.dumps(edit(told) or told).encode()

    return change


EDITS = {
    "the old key is dropped": lambda told: told[1:],
    "the new key is dropped": lambda told: told[:1],
    "one key from the beginning": lambda told: [{**told[1], "since": 0, "statement": ""}],
    "the keys change places": lambda told: told[::-1],
    "the new key signs earlier": lambda told: told[1].update(since=told[1]["since"] - 1),
    "the new key signs later": lambda told: told[1].update(since=told[1]["since"] + 1),
    "no statement": lambda told: told[1].update(statement=""),
    "another reason": lambda told: told[1].update(statement=told[1]["statement"].replace("yearly", "weekly")),
    "the old key did not sign": lambda told: told[1].update(statement=_without(told[1]["statement"], 1)),
    "the new key did not sign": lambda told: told[1].update(statement=_without(told[1]["statement"], 2)),
    "a key twice": lambda told: [*told, told[1]],
    "no list": lambda told: {"key": told},
    "nothing": lambda told: [[]],
}


def _without(note: str, place: int) -> str:
    text, _, tail = note.rpartition("\n\n")
    lines = tail.splitlines()
    return f"{text}\n\n{lines[2 - place]}\n"


@pytest.mark.parametrize("name", EDITS)
def test_what_is_changed_about_the_keys_is_found_without_the_manifest(name, rotated):
    spoil.change(rotated, FILE, edited(EDITS[name]), forge=True)
    assert FILE in found(rotated)[1]


@pytest.mark.parametrize("place", range(0, 1200, 67))
def test_a_flipped_byte_of_the_keys_is_found_without_the_manifest(place, rotated):
    body = spoil.read(rotated)[FILE]
    place %= len(body)
    spoil.change(rotated, FILE, lambda body: spoil.flip(body, place), forge=True)
    assert FILE in found(rotated)[1]


def test_a_forged_hand_over_of_the_old_key_contradicts_the_log(packs, rotated):
    """Somebody who has stolen the old key later makes its owner hand over to him."""
    files, forger = spoil.read(rotated), spoil.Forger("a.example/log")
    told = json.loads(files[FILE])
    text = told[1]["statement"].rpartition("\n\n")[0].replace(told[1]["key"], forger.verifier) + "\n"
    told[1].update(key=forger.verifier, statement=forger.sign(text))
    spoil.write(rotated, forger.manifest(files | {FILE: json.dumps(told).encode()}))
    assert "ledger/keys.json, key 2: the statement is not signed by" in found(rotated)[1]


def test_a_checkpoint_of_both_needs_both(rotated):
    files = spoil.read(rotated)
    notes = files["ledger/checkpoints.txt"].decode()
    both = next(note for note in verifier.split_notes(notes) if note.count("\n— ") == 2)
    for place in (1, 2):
        spoil.write(
            rotated, spoil.forged(files | {"ledger/checkpoints.txt": notes.replace(both, _without(both, place)).encode()})
        )
        assert "ledger/checkpoints.txt, checkpoint" in found(rotated)[1]


def test_a_dropped_entry_about_the_keys_is_found_without_the_manifest(rotated):
    def drop(body: bytes) -> bytes:
        return b"".join(line for line in body.splitlines(keepends=True) if b"ledger:key-handed-over" not in line)

    spoil.change(rotated, "ledger/entries.jsonl", drop, forge=True)
    assert "do not say the same of a change of keys" in found(rotated)[1]
