"""Control frameworks: the catalogues of the package, those that were loaded from files, and what maps to what between them."""

import json
from dataclasses import dataclass
from pathlib import Path

from evidence.catalogue import Control, Framework, parse
from evidence.models import FrameworkFile
from ledger.models import Leaf

FOLDER = Path(__file__).parent / "catalogues"
CROSSWALK = Path(__file__).parent / "crosswalk.json"

#: Code → the catalogue that comes with Certify.
SHIPPED = {found.code: found for found in (parse(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json")))}


@dataclass(frozen=True)
class Mapping:
    """That two controls ask for something in common: how, and who says so."""

    control: str
    how: str
    other: str
    source: str


def _crosswalk() -> dict[str, list[Mapping]]:
    body = json.loads(CROSSWALK.read_text(encoding="utf-8"))
    found: dict[str, list[Mapping]] = {}
    for control, how, other, source in body["pairs"]:
        said = body["sources"][source]
        found.setdefault(control, []).append(Mapping(control, how, other, said))
        found.setdefault(other, []).append(Mapping(other, "was" if how == "became" else how, control, said))
    return found


#: Control → its mappings, each known from both of its sides.
MAPPINGS = _crosswalk()


def every() -> dict[str, Framework]:
    """Code → framework: the shipped ones, then those loaded from files in their latest version."""
    files = FrameworkFile.objects.order_by("code", "-version").distinct("code")
    return SHIPPED | {one.code: parse(one.document) for one in files}


def get(code: str) -> Framework | None:
    """The framework with this code as it stands now."""
    if code in SHIPPED:
        return SHIPPED[code]
    found = FrameworkFile.objects.filter(code=code).order_by("-version").first()
    return parse(found.document) if found else None


def under(code: str, size: int) -> Framework | None:
    """The framework as the first `size` entries of the log know it: a pack that is built again has the same words."""
    if code in SHIPPED:
        return SHIPPED[code]
    recorded = Leaf.objects.filter(index__lt=size).values("entry__uid")
    found = FrameworkFile.objects.filter(code=code, entry_uid__in=recorded).order_by("-version").first()
    return parse(found.document) if found else None


def choices() -> list[tuple[str, str]]:
    """Frameworks for a form."""
    return [(one.code, one.name) for one in every().values()]


def control(reference: str, known: dict[str, Framework] | None = None) -> Control | None:
    """The control that a reference such as soc2:CC6.3 names, by its identifier or an older one; None when no catalogue has it."""
    code, _, identifier = reference.partition(":")
    framework = get(code) if known is None else known.get(code)
    if framework is None:
        return None
    aliases = (one for one in framework.controls.values() if identifier in one.aliases)
    return framework.controls.get(identifier) or next(aliases, None)
