"""`verify.html` is made of verify.py and of Pyodide as it was published, and of the same parts it is the same bytes."""

import base64
import hashlib
import re
import zlib

import pytest

from evidence.pack.builder import VERIFIER
from evidence.verifier import webpage

RUNTIME = webpage.FOLDER / "pyodide"


def test_the_runtime_is_as_it_was_published():
    stated = dict(
        reversed(line.split("  "))
        for line in (RUNTIME / "NOTICE.txt").read_text().splitlines()
        if re.match("[0-9a-f]{64}  ", line)
    )
    texts = {"NOTICE.txt", "LICENSE.txt", "LICENSE.python.txt"}
    files = {path.name: path for path in RUNTIME.iterdir()}
    assert files.keys() - texts == stated.keys() == {name for name in webpage.CARRIED if name.startswith("py")}
    assert {name: hashlib.sha256(files[name].read_bytes()).hexdigest() for name in stated} == stated


@pytest.mark.parametrize("name", webpage.CARRIED)
def test_the_page_carries_each_part_whole(name):
    body = re.search(
        rb'<script type="application/octet-stream" id="%s">([^<]+)</script>' % re.escape(name).encode(), webpage.page()
    )
    carried = zlib.decompress(base64.b64decode(body[1]))
    assert carried == (webpage.FOLDER / webpage.CARRIED[name]).read_bytes()
    if name == "verify.py":
        assert carried == VERIFIER.read_bytes()


def test_the_same_parts_give_the_same_bytes():
    assert webpage.page.__wrapped__() == webpage.page()


def test_whoever_gets_the_page_gets_the_licences():
    page = webpage.page().decode()
    assert "Mozilla Public License Version 2.0" in page
    assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in page
    assert "https://github.com/pyodide/pyodide" in page
