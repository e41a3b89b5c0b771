"""The verifier's own parts against the standards, and its answers to keys, checkpoints and hostile packs."""

import base64
import json
import stat
import zipfile
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from certify.lib import csvsafe
from evidence.pack import builder
from evidence.verifier import convert
from evidence.verifier import verify as verifier
from ledger import merkle
from tests.evidence import spoil
from tests.evidence.conftest import verify

VECTORS = Path(__file__).parents[3] / "shared/data/rfc6962/vectors.jsonl"
#: RFC 8032, section 7.1: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032_hold_and_no_other(public, message, signature):
    public, message, signature = (bytes.fromhex(text) for text in (public, message, signature))
    assert verifier.ed25519_verify(public, message, signature)
    assert not verifier.ed25519_verify(public, message + b"!", signature)
    assert not verifier.ed25519_verify(public, message, spoil.flip(signature, 40))
    assert not verifier.ed25519_verify(public, message, signature[:32] + _plus_order(signature[32:]))
    assert not verifier.ed25519_verify(public[:31], message, signature)


def _plus_order(scalar: bytes) -> bytes:
    """The same scalar modulo the group's order: a second signature that a careless verifier accepts."""
    return (int.from_bytes(scalar, "little") + verifier.ORDER).to_bytes(32, "little")


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), place=st.integers(0, 63))
def test_signatures_hold_exactly_when_another_library_says_so(seed, message, place):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verifier.ed25519_verify(public, message, signature)
    assert not verifier.ed25519_verify(public, message, spoil.flip(signature, place))


@given(st.lists(TEXT, min_size=1, max_size=8))
def test_rows_are_canonical_json(cells):
    assert verifier.canonical_row(cells) == rfc8785.dumps(cells)


@given(TEXT | st.builds(str.__add__, st.sampled_from(list("=+-@＝＋－＠\t\r\n'")), TEXT))
def test_the_apostrophe_that_made_a_cell_harmless_is_taken_away(value):
    cell = csvsafe.cell(value)
    assert not cell.startswith(tuple("=+-@＝＋－＠\t\r\n"))
    assert (cell[1:] if cell[:1] == "'" else cell) == value
    assert convert.harmless(value) == cell


@pytest.mark.django_db
def test_the_database_makes_the_same_cells_harmless():
    values = [*"=+-@＝＋－＠\t\r\n'", "＝1", "\n=1", "a\n=1", "é", "1-2"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {builder.HARMLESS.format('found')} FROM unnest(%s::text[]) AS found", [values])
        assert [row[0] for row in cursor.fetchall()] == [csvsafe.cell(value) for value in values]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=40), st.data())
def test_trees_and_proofs_are_those_of_the_ledger(leaves, data):
    tree = verifier.Tree()
    for leaf in leaves:
        tree.append(leaf)
    assert tree.root() == merkle.root(leaves)
    if leaves:
        old = data.draw(st.integers(1, len(leaves)))
        path = merkle.consistency_proof(old, len(leaves), merkle.subtree_of(leaves))
        assert verifier.verify_consistency(old, len(leaves), path, merkle.root(leaves[:old]), tree.root())
        place = data.draw(st.integers(0, len(leaves) - 1))
        path = merkle.inclusion_proof(place, len(leaves), merkle.subtree_of(leaves))
        assert verifier.verify_inclusion(place, len(leaves), leaves[place], path, tree.root())


def test_proofs_of_vectors_that_others_wrote():
    cases = [json.loads(line) for line in VECTORS.read_text().splitlines()]
    answers = [
        (case["name"], _holds(case), not case["wantErr"]) for case in cases if case["kind"] in {"consistency", "inclusion"}
    ]
    assert len(answers) == 196
    assert [name for name, held, wanted in answers if held is not wanted] == []


def _holds(case: dict) -> bool:
    def decode(text: str | None) -> bytes:
        return base64.b64decode(text) if text else b""

    proof = [decode(node) for node in case["proof"] or []]
    if case["kind"] == "inclusion":
        leaf = decode(case["leafHash"])
        return verifier.verify_inclusion(case["leafIdx"], case["treeSize"], leaf, proof, decode(case["root"]))
    return verifier.verify_consistency(case["size1"], case["size2"], proof, decode(case["root1"]), decode(case["root2"]))


# --- keys and checkpoints that the auditor brings ---


def test_an_honest_pack_holds_alone_and_unpacked(honest, tmp_path):
    assert verify(honest.path).status == 0
    with zipfile.ZipFile(honest.path) as archive:
        archive.extractall(tmp_path / "unpacked")
    found = verify(tmp_path / "unpacked", "--key", honest.key)
    assert found.status == 0
    assert "signed with the key you gave" in found.text


def test_the_verifier_in_the_pack_is_the_one_in_the_product(honest):
    assert spoil.read(honest.path)["verify.py"] == Path(verifier.__file__).read_bytes()


@pytest.mark.parametrize("which", ["note", "old_note"])
def test_a_checkpoint_that_was_kept_is_found_in_the_log(which, honest, tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text(getattr(honest, which))
    found = verify(honest.path, "--checkpoint", str(kept))
    assert found.status == 0
    assert "[held]        Your own checkpoint: this log begins with exactly the" in found.text


def test_a_checkpoint_with_another_root_means_a_rewritten_log(copy, tmp_path):
    forger = spoil.Forger("certify.example/ledger")
    files = forger.log(spoil.read(copy))
    spoil.write(copy, forger.manifest(files))
    kept = tmp_path / "kept.txt"
    first = json.loads(files["ledger/proofs.json"])["first_leaf"]
    for size in (first, first + 9, first + len(files["ledger/leaves.bin"]) // 32):
        kept.write_text(forger.sign(f"certify.example/ledger\n{size}\n{'A' * 43}=\n"))
        found = verify(copy, "--checkpoint", str(kept))
        assert found.status == 1
        assert f"at {size} entries this log has another root than the checkpoint you kept" in found.text


def test_a_log_signed_anew_passes_only_for_those_who_know_no_key(honest, copy, tmp_path):
    forger = spoil.Forger("certify.example/ledger")
    spoil.write(copy, forger.manifest(forger.log(spoil.read(copy))))
    alone = verify(copy)
    assert alone.status == 0
    assert f"signed with the key that the pack names, {forger.verifier}" in alone.text
    assert "compare this with the key that reached you on another way" in alone.text
    kept = tmp_path / "kept.txt"
    kept.write_text(honest.old_note)
    assert verify(copy, "--key", honest.key).status == 1
    assert verify(copy, "--checkpoint", str(kept)).status == 1


def test_a_manifest_signed_by_another_key_than_the_log_is_found(copy):
    spoil.write(copy, spoil.Forger("certify.example/ledger").manifest(spoil.read(copy)))
    found = verify(copy)
    assert found.status == 1
    assert "ledger/keys.json: its last key is not the one that manifest.json names" in found.text


def test_a_checkpoint_outside_the_pack_is_said_to_be_open(honest, copy, tmp_path):
    forger = spoil.Forger("certify.example/ledger")
    spoil.write(copy, forger.manifest(forger.log(spoil.read(copy))))
    kept = tmp_path / "kept.txt"
    kept.write_text(forger.sign(f"certify.example/ledger\n100000\n{'A' * 43}=\n"))
    found = verify(copy, "--checkpoint", str(kept))
    assert found.status == 2
    assert "[not checked] Your own checkpoint: it is of 100,000 entries" in found.text


@pytest.mark.parametrize("arguments", [("--key", "nonsense"), ("--checkpoint", "/nowhere/at/all")])
def test_what_the_checker_brings_must_be_readable(arguments, honest):
    found = verify(honest.path, *arguments)
    assert (found.status, "could not be checked" in found.text) == (2, True)


# --- packs that want to do harm ---


def test_what_is_no_pack_cannot_be_checked(tmp_path):
    (tmp_path / "text.zip").write_text("this is no ZIP")
    assert verify(tmp_path / "text.zip").status == 2
    assert verify(tmp_path / "missing.zip").status == 2
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert verify(tmp_path / "empty.zip").status == 1


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "C:\\evil", "reviews/DECISIONS.csv", "reviews/decisions.csv "])
def test_names_that_mislead_are_named(name, copy):
    with zipfile.ZipFile(copy, "a") as archive:
        archive.writestr(name, "evil")
    found = verify(copy)
    assert found.status == 1
    assert "in the pack but not in manifest.json" in found.text


def test_a_file_that_is_there_twice_is_named(copy):
    with zipfile.ZipFile(copy, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("reviews/decisions.csv", "other")
    assert "reviews/decisions.csv is in the ZIP twice" in verify(copy).text


def test_a_link_is_named(copy, tmp_path):
    with zipfile.ZipFile(copy, "a") as archive:
        link = zipfile.ZipInfo("reviews/link")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert "reviews/link is a link or a device" in verify(copy).text
    with zipfile.ZipFile(copy) as archive:
        archive.extractall(tmp_path / "unpacked")
    (tmp_path / "unpacked/reviews/link").unlink()
    (tmp_path / "unpacked/reviews/link").symlink_to("/etc/passwd")
    assert "reviews/link is a link or a device" in verify(tmp_path / "unpacked").text


def test_a_bomb_is_not_read(copy):
    spoil.change(copy, "population/rejected_rows.csv", lambda body: body + b"0" * 50_000_000)
    found = verify(copy)
    assert found.status == 1
    assert "population/rejected_rows.csv unpacks to 50," in found.text


def test_a_line_without_end_is_not_read(copy):
    spoil.change(copy, "reviews/decisions.csv", lambda body: body + b'"' + b"0" * 3_000_000, forge=True)
    assert "reviews/decisions.csv, line" in verify(copy).text


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 100_000, b'{"format": 1e400}', b'{"a":1,"a":2}', b"\xff", b"null"])
def test_a_manifest_that_is_none_is_named(body, copy):
    spoil.change(copy, "manifest.json", lambda _: body)
    found = verify(copy)
    assert found.status == 1
    assert "manifest.json" in found.text


@pytest.mark.parametrize("body", [
    b'{"earlier":1,"first_leaf":0,"inclusion":[],"consistency":[]}', b'{"first_leaf":-1}', b"{}", b'{"first_leaf":"x"}',
    b'{"earlier":["zz"],"first_leaf":1,"inclusion":[],"consistency":[]}',
])  # fmt: skip
def test_proofs_that_are_none_are_named(body, copy):
    spoil.change(copy, "ledger/proofs.json", lambda _: body, forge=True)
    assert "ledger/proofs.json" in verify(copy).text


@pytest.mark.parametrize("name", sorted(verifier.SIGNED | {"manifest.json", "manifest.sig"}))
def test_a_missing_file_is_named(name, copy):
    files = spoil.read(copy)
    del files[name]
    spoil.write(copy, files)
    found = verify(copy)
    assert found.status == 1
    assert name in found.text
