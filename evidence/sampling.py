"""Drawing a sample that anybody can draw again, and how large it might be; pure.

The draw. Every row has an id that never changes. In each stratum the rows stand in the order of SHA-256 over the seed followed by
the id, both as text (UTF-8), then of the id; the first `allocation` of them are the sample. Taking the elements with the smallest
hashes of a public seed and their ids is the method of R. L. Rivest, "Consistent Sampling with Replacement" (arXiv:1808.10016), used
for election audits; here every element is taken at most once. `evidence/verifier/verify.py` has the same lines.

The size. `GUIDANCE` follows two public sources, in our own words. It is guidance: the auditor decides.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import prod

from django.utils.translation import gettext_lazy as _

#: A sample has at most so many rows: each is looked at by a person.
MOST = 500
#: A population has at most so many strata.
STRATA = 100


@dataclass(frozen=True)
class Guide:
    """Up to a population of `upto` (None: any), this many rows; how often a control with so many occurrences a year runs."""

    upto: int | None
    size: int
    frequency: str


#: Up to 52: the AICPA's Governmental Audit Quality Center, "Audit Sampling Considerations of Circular A-133 Compliance Audits" (public
#: summary), the upper end of its table for small populations; up to 250 its rule of thumb, a tenth. Above: U.S. Government
#: Accountability Office, Financial Audit Manual, volume 1, section 450, figure 450.1: 45 without a deviation show with 90 % confidence
#: that fewer than 5 % deviate. docs/auditing.md says what of this was looked up.
GUIDANCE = (
    Guide(1, 1, _("yearly")),
    Guide(4, 2, _("quarterly")),
    Guide(12, 4, _("monthly")),
    Guide(24, 8, _("twice a month")),
    Guide(52, 9, _("weekly")),
    Guide(250, 25, _("daily")),
    Guide(None, 45, _("many times a day")),
)


def advised(population: int) -> int:
    """How many rows the guidance says; of 53 to 250 a tenth, at least nine."""
    guide = next(one for one in GUIDANCE if one.upto is None or population <= one.upto)
    size = max(9, -(-population // 10)) if guide.upto == 250 else guide.size
    return min(size, population)


@lru_cache(maxsize=256)
def bound(population: int, size: int, confidence: int = 90) -> int:
    """How many rows of the population may deviate at most, with this confidence, when none of a random sample of `size` does.

    Exact, by the hypergeometric distribution: the largest number for which such a sample would still come with at least
    100 - `confidence` percent probability.
    """
    low, high = 0, population - size
    while low < high:
        middle = (low + high + 1) // 2
        if _none_found(population, size, middle) * 100 >= 100 - confidence:
            low = middle
        else:
            high = middle - 1
    return low


def _none_found(population: int, size: int, deviating: int) -> float:
    """The probability that a sample of `size` has none of the deviating rows."""
    few, many = sorted((size, deviating))
    return prod(max(0, population - many - place) / (population - place) for place in range(few))


def digest(seed: str, key: str) -> bytes:
    """What decides the place of a row in its stratum."""
    return hashlib.sha256(f"{seed}{key}".encode()).digest()


def allocation(sizes: dict[str, int], size: int) -> dict[str, int]:
    """Stratum → how many rows are drawn from it: one from each where there are enough, the rest in proportion to what is left.

    Whole numbers by the largest remainder; where remainders are equal, the stratum that comes first by its name.
    """
    total, size = sum(sizes.values()), min(size, sum(sizes.values()))
    first = 1 if size >= len(sizes) else 0
    left, rest = size - first * len(sizes), total - first * len(sizes)
    shares = {name: divmod(left * (count - first), rest) if rest else (0, 0) for name, count in sizes.items()}
    missing = left - sum(whole for whole, _remainder in shares.values())
    larger = sorted(shares, key=lambda name: (-shares[name][1], name))[:missing]
    return {name: first + shares[name][0] + (name in larger) for name in sorted(sizes)}


def chosen(seed: str, rows: Iterable[tuple[str, str]], size: int) -> list[str]:
    """The ids of the sample, in the order of the rows, from (id, stratum) of the whole population."""
    strata: dict[str, list[str]] = {}
    everything = list(rows)
    for key, stratum in everything:
        strata.setdefault(stratum, []).append(key)
    wanted = allocation({name: len(keys) for name, keys in strata.items()}, size)
    drawn = set()
    for name, keys in strata.items():
        drawn.update(sorted(keys, key=lambda key: (digest(seed, key), key))[: wanted[name]])
    return [key for key, _stratum in everything if key in drawn]
