"""Packs that were made to deceive whoever reads the verdict, or to break the programs that read packs."""

import io
import json
import subprocess
import sys
import zipfile

import pytest

from evidence.pack import builder
from evidence.verifier import verify as verifier
from tests.evidence import spoil
from tests.evidence.conftest import verify

PERIOD = {"name": "2026", "framework": "soc2", "framework_name": "SOC 2", "from": "2026-01-01", "to": "2026-12-31"}
PAINTED = "2026\x1b[2J\x1b[H\n[held]        Files: all\n\nVerdict: everything holds.\x1b[8m\u202e"


def manifest(**more) -> str:
    facts = {
        "format": verifier.FORMAT,
        "period": PERIOD,
        "log": {"key": "k"},
        "checkpoint": {"root": "", "size": 1},
        "files": {},
    }
    return json.dumps(facts | more)


def packed(folder, files: dict[str, str], method: int = zipfile.ZIP_DEFLATED):
    path = folder / "pack.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_pack_paints_no_verdict_of_its_own_on_a_terminal(tmp_path):
    found = verify(packed(tmp_path, {"manifest.json": manifest(period=PERIOD | {"name": PAINTED}), "\x1b[8mx": "", "a\nb": ""}))
    assert found.status == 1
    assert all(mark.isprintable() or mark == "\n" for mark in found.text)
    assert [line for line in found.text.splitlines() if line.startswith("Verdict")] == found.text.splitlines()[-1:]
    assert "[held]        Files" not in [line[:21] for line in found.text.splitlines()]


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("is_damaged", [True, False])
def test_other_ways_of_packing_are_not_read(tmp_path, method, is_damaged):
    path = packed(tmp_path, {"manifest.json": manifest() * 20}, method)
    if is_damaged:
        body = bytearray(path.read_bytes())
        body[60:100] = b"\xff" * 40
        path.write_bytes(body)
    found = verify(path)
    assert found.status == 1
    assert "manifest.json is packed in a way that packs do not use" in found.text


@pytest.mark.parametrize(("place", "value", "said"), [(8, 0x20, "a patch"), (8, 1, "encrypted"), (10, 99, "packed in a way")])
def test_what_zip_has_besides_is_not_read(tmp_path, place, value, said):
    path = packed(tmp_path, {"manifest.json": manifest()}, zipfile.ZIP_STORED)
    body = bytearray(path.read_bytes())
    body[body.find(b"PK\x01\x02") + place] |= value
    path.write_bytes(body)
    found = verify(path)
    assert found.status == 1
    assert said in found.text


@pytest.mark.parametrize(
    "text", ["campaign,name\r\n1\r\n", "campaign,name\r\n1,2,3\r\n", "a," * 3_000_000, '"\r\n', "campaign\r\n\0"]
)
def test_the_converter_says_that_a_pack_cannot_be_read(tmp_path, text):
    path = packed(tmp_path, {"campaigns/campaigns.csv": text})
    done = subprocess.run([sys.executable, "-I", "-S", str(builder.CONVERTER), str(path), "entra"],
                          capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "The pack cannot be read" in done.stderr


@pytest.mark.parametrize("text", ["x\x1b[2Jy", "a\nb", "\u202eabc", "\udcff", "\x00", "\x9b31m"])
def test_a_line_is_one_line_of_visible_signs(text, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    verifier.say(text)
    shown = sys.stdout.getvalue()
    assert shown.endswith("\n")
    assert shown[:-1].isprintable()


def test_leaves_that_were_left_out_are_missed(honest):
    """Somebody with the key gives every entry a proof of its own, so that the leaves may begin at the very end."""
    files = spoil.read(honest.path)
    size = json.loads(files["manifest.json"])["checkpoint"]["size"]
    proofs, log = json.loads(files["ledger/proofs.json"]), Log(files, size)
    own = [log.proof(line) for line in files["ledger/entries.jsonl"].splitlines() if log.index(line) is not None]
    files["ledger/proofs.json"] = json.dumps(
        proofs | {"first_leaf": size, "earlier": log.peaks(), "inclusion": proofs["inclusion"] + own}
    ).encode()
    files["ledger/leaves.bin"] = b""
    (found,) = [check for check in problems_of(files) if check.title == "Log entries"]
    assert any("leaves were left out" in problem for problem in found.problems)


def test_an_entry_that_was_moved_under_a_proof_of_its_own_is_found(honest):
    files = spoil.read(honest.path)
    size = json.loads(files["manifest.json"])["checkpoint"]["size"]
    proofs, log, lines = json.loads(files["ledger/proofs.json"]), Log(files, size), files["ledger/entries.jsonl"].splitlines()
    line = next(line for line in lines if b'"kind":"removal:' in line)
    rest = [one for one in lines if one != line]
    files["ledger/entries.jsonl"] = b"\n".join([*rest, line, b""])
    files["ledger/proofs.json"] = json.dumps(proofs | {"inclusion": [*proofs["inclusion"], log.proof(line)]}).encode()
    (found,) = [check for check in problems_of(files) if check.title == "Log entries"]
    assert any("an entry was moved" in problem for problem in found.problems)


@pytest.mark.parametrize("name", ["name", "framework", "from", "to"])
def test_another_period_in_the_manifest_is_found(honest, name):
    files = spoil.read(honest.path)
    told = json.loads(files["manifest.json"])
    told["period"][name] = {"from": "2020-01-01", "to": "2040-01-01"}.get(name, "iso27001")
    files["manifest.json"] = json.dumps(told).encode()
    text = str([check.problems for check in problems_of(files)])
    assert f"manifest.json: {name} of the period is" in text


def problems_of(files: dict[str, bytes]) -> list:
    """The checks that found something besides the manifest's own signature, which an insider makes anew."""
    checks = verifier.Verifier(spoil.Held(spoil.forged(files))).run()
    return [check for check in checks if check.problems and "signature" not in check.title.lower()]


class Log:
    """What an insider knows of the log whose leaves a pack has: a proof for each."""

    def __init__(self, files: dict[str, bytes], size: int):
        proofs, body = json.loads(files["ledger/proofs.json"]), files["ledger/leaves.bin"]
        self.first, self.size = proofs["first_leaf"], size
        self.leaves = [body[at : at + 32] for at in range(0, len(body), 32)]
        self.known, at = {}, 0
        for node, bit in zip(proofs["earlier"], bits(self.first), strict=True):
            self.known[at, at + bit] = bytes.fromhex(node)
            at += bit

    def index(self, line: bytes) -> int | None:
        """The place of an entry among the leaves."""
        leaf = verifier.leaf_hash(line)
        return self.first + self.leaves.index(leaf) if leaf in self.leaves else None

    def node(self, low: int, high: int) -> bytes:
        """The hash over a range (RFC 6962, section 2.1)."""
        if (low, high) in self.known:
            return self.known[low, high]
        if high - low == 1:
            return self.leaves[low - self.first]
        middle = half(low, high)
        return verifier.node_hash(self.node(low, middle), self.node(middle, high))

    def peaks(self) -> list[str]:
        """The complete subtrees of the whole log."""
        found, at = [], 0
        for bit in bits(self.size):
            found.append(self.node(at, at + bit).hex())
            at += bit
        return found

    def proof(self, line: bytes) -> dict:
        """The proof of an entry, as a pack has it of those before its leaves."""
        index = self.index(line)
        low, high, path = 0, self.size, []
        while high - low > 1:
            middle = half(low, high)
            if index < middle:
                path.append(self.node(middle, high).hex())
                high = middle
            else:
                path.append(self.node(low, middle).hex())
                low = middle
        return {"leaf": verifier.leaf_hash(line).hex(), "index": index, "path": path[::-1]}


def half(low: int, high: int) -> int:
    """Where a tree divides: the largest power of two below its size."""
    return low + (1 << (high - low - 1).bit_length() - 1)


def bits(size: int) -> list[int]:
    """The complete subtrees of a log, the largest first."""
    return [1 << place for place in reversed(range(size.bit_length())) if size >> place & 1]
