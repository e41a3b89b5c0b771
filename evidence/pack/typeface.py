"""Letters that the typefaces of the report lack: what is shown instead of them, so that no name becomes a row of boxes.

Typst brings Latin, Greek, Cyrillic, Hebrew, Arabic, Armenian, Georgian and Devanagari, and refuses to write a PDF/A with a letter that no
typeface has. Typefaces for Chinese, Japanese and Korean have some twenty megabytes each; who needs them names a folder of their own.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typst
from django.conf import settings

#: What stands for a run of letters that cannot be shown.
INSTEAD = "[…]"
#: Scripts of which typefaces have some letters and lack others; of all other scripts they have all or none.
IN_PART = {"LATIN", "GREEK", "CYRILLIC", "MODIFIER", "COMBINING", "MATHEMATICAL", "UNKNOWN"}
LACKS = re.compile(r'the text `"(.*?)"` could not be displayed', re.DOTALL)
ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
#: Characters that are no letters, and that neither a typeface nor a PDF has a place for; line breaks and tabs are spaces to Typst.
CONTROLS = {chr(code) for code in (*range(32), *range(127, 160))} - set("\t\n\r")
PROBE = '#set document(title: "probe")\n#set text(lang: "en", font: "Libertinus Serif")\n= Probe\n'


class Named(str):
    """A name, and what tells the same person or thing where the name cannot be shown."""

    __slots__ = ("instead",)

    def __new__(cls, name: str, instead: str):
        """The name as a text that knows its stand-in."""
        made = super().__new__(cls, name)
        made.instead = instead
        return made


def compiled(source: Path | bytes, inputs: dict[str, str], created: int, standards: list[str]) -> bytes:
    """A PDF by Typst: the same input and typefaces give the same bytes."""
    folders = [settings.CERTIFY_REPORT_FONTS] if settings.CERTIFY_REPORT_FONTS else []
    return typst.compile(
        source, sys_inputs=inputs, pdf_standards=standards, timestamp=created, ignore_system_fonts=True, font_paths=folders
    )


def refused(error: typst.TypstError) -> set[str]:
    """The letters that Typst names because no typeface has them; none where it failed for something else."""
    found = LACKS.search(str(error))
    return (
        {letter for letter in ESCAPED.sub(lambda code: chr(int(code[1], 16)), found[1]) if not letter.isascii()}
        if found
        else set()
    )


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]


def lacking(letters: Iterable[str], standards: list[str]) -> set[str]:
    """Which of these letters no typeface has. Typst names one at a time; with it goes the rest of its script."""
    found = set(letters)
    missing = found & CONTROLS
    left = sorted(letter for letter in found - missing if not letter.isascii())
    while left:
        text = " ".join(f"#{chr(34)}{letter}{chr(34)}" for letter in left)
        try:
            compiled((PROBE + text).encode(), {}, 0, standards)
        except typst.TypstError as error:
            named = refused(error) & set(left)
            if not named:
                raise
            scripts = {_script(letter) for letter in named} - IN_PART
            gone = named | {letter for letter in left if _script(letter) in scripts}
            missing |= gone
            left = [letter for letter in left if letter not in gone]
        else:
            break
    return missing


def letters_of(value: object) -> set[str]:
    """Every letter of the texts of a document."""
    if isinstance(value, str):
        return set(unicodedata.normalize("NFC", value))
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(letters_of, values))


def shown(value: Any, missing: set[str]) -> Any:
    """The document with what stands instead of the letters that are missing."""
    if isinstance(value, dict):
        return {name: shown(one, missing) for name, one in value.items()}
    if isinstance(value, list):
        return [shown(one, missing) for one in value]
    if not isinstance(value, str):
        return value
    text = unicodedata.normalize("NFC", value)
    if not missing.intersection(text):
        return text
    if isinstance(value, Named):
        return value.instead
    return re.sub(f"[{re.escape(''.join(sorted(missing)))}]+", INSTEAD, text)


def document(layout: Path, facts: dict, created: int, standards: list[str]) -> bytes:
    """A PDF of a layout that takes `facts` as JSON, with `lacks_letters` among them: whether something stands instead of letters."""
    missing = lacking(letters_of(facts), standards)
    while True:
        told = shown(facts, missing) | {"lacks_letters": bool(missing)}
        try:
            return compiled(layout, {"data": json.dumps(told, ensure_ascii=False)}, created, standards)
        except typst.TypstError as error:
            # A letter that can be shown alone may lack in a combination.
            if not refused(error) - missing:
                raise
            missing |= refused(error)
