"""Control frameworks: identifiers with our own one-line paraphrases, read from `catalogues/`."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogues"


@dataclass(frozen=True)
class Framework:
    """A framework and the controls of it that access reviews serve. `controls` is identifier → paraphrase."""

    code: str
    name: str
    controls: dict[str, str]


def _read(path: Path) -> Framework:
    body = json.loads(path.read_text(encoding="utf-8"))
    return Framework(body["code"], body["name"], body["controls"])


FRAMEWORKS = {framework.code: framework for framework in map(_read, sorted(FOLDER.glob("*.json")))}
CODES = tuple(FRAMEWORKS)
CHOICES = [(framework.code, framework.name) for framework in FRAMEWORKS.values()]


def paraphrase(reference: str) -> str:
    """What a reference such as soc2:CC6.3 asks for, in our words; empty when it is not in a catalogue."""
    code, _, control = reference.partition(":")
    return FRAMEWORKS[code].controls.get(control, "") if code in FRAMEWORKS else ""
