"""Signed notes and checkpoints against a vector of golang.org/x/mod/sumdb/note, and the key file."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from ledger import keys, notes

# The example in the documentation of golang.org/x/mod/sumdb/note; Ed25519 is deterministic, so signing must give it too.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_SIGNATURE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
GO_NOTE = f"{GO_TEXT}\n{GO_SIGNATURE}"
SUMDB_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
names = st.text(st.characters(exclude_categories=("Z", "C"), exclude_characters="+"), min_size=1, max_size=20)


def test_note_of_another_implementation_verifies():
    assert notes.verify(GO_NOTE, GO_KEY) == GO_TEXT


def test_note_is_signed_as_another_implementation_signs_it():
    assert notes.sign(GO_TEXT, "PeterNeumann", Ed25519PrivateKey.from_private_bytes(GO_SEED)) == GO_NOTE


def test_verifier_key_of_another_log_is_read():
    name, public = notes.parse_verifier_key(SUMDB_KEY)
    assert name == "sum.golang.org"
    assert notes.verifier_key(name, public) == SUMDB_KEY


def test_checkpoint_of_the_specification_is_read():
    head = notes.TreeHead.parse("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert head.text() == "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


@given(names, st.integers(0, 2**53), st.binary(min_size=32, max_size=32))
def test_checkpoint_round_trip(origin, size, root):
    head = notes.TreeHead(origin, size, root)
    key = notes.verifier_key(origin, SEED.public_key().public_bytes_raw())
    assert notes.open_checkpoint(notes.sign(head.text(), origin, SEED), key) == head


@given(st.integers(0, len(GO_NOTE.encode()) - 1), st.integers(1, 255))
def test_no_changed_byte_verifies_as_another_text(place, change):
    raw = bytearray(GO_NOTE.encode())
    raw[place] ^= change
    try:
        text = notes.verify(raw.decode(), GO_KEY)
    except ValueError:
        return
    assert text == GO_TEXT


def test_signatures_of_others_are_ignored():
    assert notes.verify(f"{GO_TEXT}\n— witness.example/w AAAAAA==\n{GO_SIGNATURE}", GO_KEY) == GO_TEXT


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (GO_TEXT, "has no signatures"),
        (f"{GO_TEXT}\n{GO_SIGNATURE.rstrip()}", "has no signatures"),
        (f"{GO_TEXT}\nPeterNeumann x08go\n", "is not a signature line"),
        (f"{GO_TEXT}\n— PeterNeumann x08g!\n", "is not base64"),
        (f"{GO_TEXT}\n— Other x08go/ZJ\n", "is not signed by PeterNeumann"),
        (f"more\n{GO_NOTE}", "does not fit the text"),
        (f"{GO_TEXT}\r\n{GO_SIGNATURE}", "control characters"),
    ],
)
def test_note_that_is_none_is_refused(note, words):
    with pytest.raises(notes.NoteError, match=words):
        notes.verify(note, GO_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        f"a\n01\n{'A' * 43}=\n",
        f"a\n-1\n{'A' * 43}=\n",
        f"\n1\n{'A' * 43}=\n",
        "a\n1\nAAAA\n",
        f"a\n1\n{'A' * 43}=",
    ],
)
def test_text_that_is_no_checkpoint_is_refused(text):
    with pytest.raises(notes.NoteError):
        notes.TreeHead.parse(text)


def test_checkpoint_of_another_origin_is_refused():
    note = notes.sign(notes.TreeHead("other", 1, bytes(32)).text(), "mine", SEED)
    with pytest.raises(notes.NoteError, match="a checkpoint of other, not of mine"):
        notes.open_checkpoint(note, notes.verifier_key("mine", SEED.public_key().public_bytes_raw()))


@pytest.mark.parametrize("key", ["", "a+b", GO_KEY.replace("Peter", "Paul"), GO_KEY.replace("+c7", "+c8"), GO_KEY[:-4]])
def test_verifier_key_that_is_none_is_refused(key):
    with pytest.raises(notes.NoteError):
        notes.parse_verifier_key(key)


def test_key_file_is_private_and_never_replaced(key_file):
    keys.create(key_file, "certify.example/ledger")
    first = keys.load()
    assert key_file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        keys.create(key_file, "certify.example/ledger")
    assert keys.load() is not first
    assert keys.load_or_create().verifier == first.verifier
    assert [path.name for path in key_file.parent.iterdir()] == ["key.json"]


@pytest.mark.parametrize("origin", ["", "two words", "a+b"])
def test_origin_that_cannot_name_a_log_is_refused(key_file, origin):
    with pytest.raises(notes.NoteError):
        keys.create(key_file, origin)
    assert not key_file.exists()


def test_key_file_that_others_can_read_is_refused(key_file):
    keys.create(key_file, "a")
    key_file.chmod(0o640)
    with pytest.raises(ImproperlyConfigured, match="can be read by others"):
        keys.load()


@pytest.mark.parametrize("body", ["", "{}", "[]", json.dumps({"origin": "a", "seed": "AAAA"})])
def test_key_file_without_a_key_is_refused(key_file, body):
    key_file.write_text(body)
    key_file.chmod(0o600)
    with pytest.raises(ImproperlyConfigured, match="does not hold a key"):
        keys.load()


ROOT = "A" * 43 + "="
#: An empty line, sizes that no tree has, a root that is no hash, no origin.
FORBIDDEN = [
    *[f"log\n{size}\n{ROOT}\n" for size in ("9" * 5000, "9223372036854775808000", "01", "²", "-1", "1 ")],
    f"log\n1\n{ROOT}\n\nx\n",
    "log\n1\né\n",
    "log\n1\nAAAA\n",
    f"\n1\n{ROOT}\n",
    f"log\n1\n{ROOT}",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_what_the_specification_forbids_is_no_checkpoint(text):
    with pytest.raises(notes.NoteError):
        notes.TreeHead.parse(text)


def test_a_signature_that_is_not_ascii_is_refused_and_not_an_error_of_ours():
    with pytest.raises(notes.NoteError, match="is not base64"):
        notes.verify(f"{GO_TEXT}\n— somebody é\n{GO_SIGNATURE}", GO_KEY)


def test_sixteen_signatures_are_read_and_a_flood_is_not():
    stranger = "— stranger.example AAAAAAAA\n"
    assert notes.verify(f"{GO_NOTE}{stranger * 15}", GO_KEY) == GO_TEXT
    with pytest.raises(notes.NoteError, match="more than 100"):
        notes.verify(f"{GO_NOTE}{stranger * 100}", GO_KEY)


def test_the_key_may_come_from_the_environment_and_no_file_is_made(settings, tmp_path):
    settings.CERTIFY_LEDGER_KEY_FILE = tmp_path / "key.json"
    keys.create(tmp_path / "made.json", "certify.example/ledger")
    settings.CERTIFY_LEDGER_KEY = (tmp_path / "made.json").read_text()
    assert keys.load_or_create().origin == "certify.example/ledger"
    assert not (tmp_path / "key.json").exists()
    settings.CERTIFY_LEDGER_KEY = "my secret"
    with pytest.raises(ImproperlyConfigured, match="key in CERTIFY_LEDGER_KEY does not hold a key") as refused:
        keys.load()
    assert "my secret" not in str(refused.value)
