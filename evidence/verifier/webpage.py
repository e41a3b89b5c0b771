"""Builds `verify.html`: verify.py, the Python that runs it in a browser, and the page around both, in one file.

The parts are in `page/`; the runtime is Pyodide's release, in `pyodide/` as it was published. The same parts give the same bytes.
"""

import base64
import hashlib
import html
import zlib
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
#: What the page carries packed: its name in the page → where it is.
CARRIED = {
    "verify.py": "verify.py",
    "host.py": "page/host.py",
    "worker.js": "page/worker.js",
    "pyodide.mjs": "pyodide/pyodide.mjs",
    "pyodide.asm.mjs": "pyodide/pyodide.asm.mjs",
    "pyodide.asm.wasm": "pyodide/pyodide.asm.wasm",
    "python_stdlib.zip": "pyodide/python_stdlib.zip",
}
#: Whoever gets the page gets these with it.
NOTICES = ("pyodide/NOTICE.txt", "pyodide/LICENSE.txt", "pyodide/LICENSE.python.txt")
#: Nothing is loaded from anywhere: scripts are the page's own, by hash, and those that it makes of what it carries (blob:).
POLICY = (
    "default-src 'none'; script-src '{script}' 'wasm-unsafe-eval' blob:; worker-src blob:; style-src '{style}'; "
    "base-uri 'none'; form-action 'none'"
)
LEVEL = 6
DATA = '<script type="application/octet-stream" id="{name}">{body}</script>'


@lru_cache(maxsize=1)
def page() -> bytes:
    """The whole page, some 8.5 MB of UTF-8. Made once a process: packing the runtime takes a second."""
    script, style = _text("page/page.js"), _text("page/page.css")
    parts = {
        "policy": POLICY.format(script=_source(script), style=_source(style)),
        "style": style,
        "notice": html.escape("\n".join(map(_text, NOTICES))),
        "data": "\n".join(DATA.format(name=name, body=_packed(path)) for name, path in CARRIED.items()),
        "script": script,
    }
    template = _text("page/page.html")
    for name, text in parts.items():
        template = template.replace(f"{{{{{name}}}}}", text)
    return template.encode()


def _text(path: str) -> str:
    return (FOLDER / path).read_text(encoding="utf-8")


def _packed(path: str) -> str:
    """A file in base64 of its zlib stream (RFC 1950: unlike gzip it tells neither when nor where it was packed)."""
    return base64.b64encode(zlib.compress((FOLDER / path).read_bytes(), LEVEL)).decode()


def _source(text: str) -> str:
    """How a content policy allows this one inline text (CSP level 3, hash-source)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
