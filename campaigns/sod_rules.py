"""What a rule of duties may say: its references, and what is wrong with one. Reads what the inventory knows."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from campaigns.models import SodRule
from campaigns.states import Severity
from inventory.models import Entitlement
from people.models import User

TAG = "tag:"
#: Most references of one side, and most characters of both sides: the ledger's entry of a change holds them twice.
MAX_SIDE, MAX_SIDES_LENGTH = 200, 20_000
MAX_RULES = 5_000
LENGTHS = {"key": 80, "name": 200, "side_a_name": 120, "side_b_name": 120, "control": 2_000}
KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Terms:
    """What a rule says. A reference is source key, slash, right's key; or `tag:` and a tag."""

    key: str
    name: str
    side_a_name: str
    side_a: list[str]
    side_b_name: str
    side_b: list[str]
    severity: str
    owner: User | None
    control: str = ""
    is_active: bool = True

    def cleaned(self) -> "Terms":
        """Without spaces around, tags in lower case, references sorted and each once."""
        texts = {name: getattr(self, name).strip() for name in LENGTHS}
        return replace(self, **texts, side_a=references(self.side_a), side_b=references(self.side_b))

    def facts(self) -> dict:
        """What the ledger keeps."""
        return {**{name: getattr(self, name) for name in FACTS}, "owner": f"people.user:{self.owner.pk}"}


FACTS = ("key", "name", "side_a_name", "side_a", "side_b_name", "side_b", "severity", "control", "is_active")


def of(rule: SodRule) -> Terms:
    """What a stored rule says."""
    return Terms(**{name: getattr(rule, name) for name in FACTS}, owner=rule.owner)


def references(texts: Iterable[str]) -> list[str]:
    """The references in canonical form."""
    return sorted({_reference(text.strip()) for text in texts} - {""})


def _reference(text: str) -> str:
    if not text.lower().startswith(TAG):
        return text
    return TAG + " ".join(text[len(TAG) :].split()).lower()


@dataclass
class Known:
    """Which rights and tags there are, of those that some rules name: reference → ids."""

    ids: dict[str, set[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, every: Iterable[Terms]) -> "Known":
        """Looked up once for many rules."""
        said = {one for terms in every for one in (*terms.side_a, *terms.side_b)}
        tags = sorted(one.removeprefix(TAG) for one in said if one.startswith(TAG))
        pairs = [one.split("/", 1) for one in said if "/" in one and not one.startswith(TAG)]
        rights = Entitlement.objects.filter(
            source__key__in={source for source, _ in pairs}, key__in={key for _, key in pairs}
        ).values_list("source__key", "key", "pk")
        found = {f"{source}/{key}": {pk} for source, key, pk in rights}
        for pk, of_right in Entitlement.objects.filter(tags__overlap=tags).values_list("pk", "tags") if tags else ():
            for tag in of_right:
                found.setdefault(f"{TAG}{tag}", set()).add(pk)
        return cls(found)

    def side(self, side: list[str]) -> set[int]:
        """The rights of a side."""
        return {pk for one in side for pk in self.ids.get(one, ())}


def problems(terms: Terms, known: Known) -> Iterator[tuple[str, str]]:
    """(field, what is wrong), everything that is wrong with cleaned terms."""
    for name, longest in LENGTHS.items():
        text = getattr(terms, name)
        if not text and name != "control":
            yield name, _("is empty, but every rule needs it")
        elif len(text) > longest:
            yield name, _("is longer than {n} characters").format(n=intcomma(longest))
        elif "\0" in text:
            yield name, _("contains a NUL character")
    if terms.key and not KEY.fullmatch(terms.key):
        yield "key", _("may hold letters, digits, - and _ only")
    if terms.severity not in Severity.values:
        yield "severity", _("“{value}” is not one of {known}").format(value=terms.severity, known=", ".join(Severity.values))
    if terms.owner is None or not terms.owner.is_active:
        yield "owner", _("names nobody who is active in Certify")
    yield from _problems_of_sides(terms, known)


def _problems_of_sides(terms: Terms, known: Known) -> Iterator[tuple[str, str]]:
    for name in ("side_a", "side_b"):
        side = getattr(terms, name)
        if not side:
            yield name, _("names no right, but every rule needs two sides")
        if len(side) > MAX_SIDE:
            yield name, _("names {n} rights and tags; at most {most}, use a tag for more").format(n=len(side), most=MAX_SIDE)
        for one in side:
            if one not in known.ids:
                is_tag = one.startswith(TAG)
                said = (
                    _("No right has the tag “{key}”. Write tag:tag")
                    if is_tag
                    else _("No system has the right “{key}”. Write system/right")
                )
                yield name, said.format(key=one.removeprefix(TAG)[:300])
    if sum(map(len, (*terms.side_a, *terms.side_b))) > MAX_SIDES_LENGTH:
        yield (
            "side_b",
            _("The two sides are longer than {n} characters together; use tags").format(n=intcomma(MAX_SIDES_LENGTH)),
        )
    if both := known.side(terms.side_a) & known.side(terms.side_b):
        right = Entitlement.objects.select_related("source").get(pk=min(both))
        said = _("“{right}” is on both sides: everybody who has it would be in conflict")
        yield "side_b", said.format(right=f"{right.source.key}/{right.key}")
