"""Packs that were made to deceive whoever reads the verdict, or to break the programs that read packs."""

import io
import json
import subprocess
import sys
import zipfile

import pytest

from evidence.pack import builder
from evidence.verifier import verify as verifier
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
