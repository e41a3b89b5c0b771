"""What Certify recommends for an item, and how it comes to that; pure. `docs/recommendation.md` has the formula with an example.

The *score* is an estimate between 0 and 1 of how much speaks for removing: the sum, in log-odds, of what reviewers decided before on the
same right and on similar people, of how many peers hold it, of use, and of the item's signals. `advice_sql` computes the same for
all items of a launch at once.
"""

from dataclasses import dataclass, field
from itertools import combinations
from math import exp, log

from campaigns.states import RED_SIGNALS, Recommendation

#: What makes decisions alike and people peers; the right comes first.
RIGHT = "right"
GROUPS = ("department", "title", "manager", "location")
ATTRIBUTES = (RIGHT, *GROUPS)
PAIRS = tuple(combinations(ATTRIBUTES, 2))

#: The share of removals that is assumed before anything was decided: that of one in twenty decisions.
PRIOR_REMOVED, PRIOR_DECIDED = 1, 20
#: So many imagined decisions at the usual share stand beside the real ones of an attribute, and of a pair of attributes.
SMOOTH_ATTRIBUTE, SMOOTH_PAIR = 20, 3
#: Pairs overlap: each counts by half.
PAIR_WEIGHT = 0.5
#: Imagined peers who hold the right as often as everybody does.
SMOOTH_PEERS = 2
#: Fewer peers than this say nothing.
MIN_PEERS = 3
PEERS_WEIGHT = 1.5
#: Log-odds that signals add. The others add nothing.
SIGNAL_WEIGHTS = {
    "left": 4.0, "expired": 3.5, "returned": 2.0, "conflict": 1.0, "orphan": 1.0, "unused": 1.5, "moved": 0.7, "excepted": -1.0,
}  # fmt: skip
#: Used within so many days before the launch speaks for keeping.
USED_DAYS, USED_WEIGHT = 30, -1.0
#: A review kept this very access before.
KEPT_WEIGHT = -1.0
#: From this score on removal is recommended, and up to that keeping, where something speaks for it and nothing is red.
REMOVE_FROM, KEEP_TO = 0.5, 0.04
#: Peers speak for keeping when at least this share of them (smoothed) holds the right.
PEERS_SPEAK = 0.5
#: Nothing is taken for more certain than this many log-odds.
CERTAIN = 12.0

NOTHING = "Little is known that speaks for keeping or for removing it."


@dataclass(frozen=True)
class Tally:
    """Earlier decisions that are alike: how many, and how many of them removed or reduced."""

    decided: int = 0
    removed: int = 0


@dataclass(frozen=True)
class Peers:
    """Others in a group of the person: how many there are, and how many of them hold the right."""

    holding: int
    total: int


@dataclass(frozen=True)
class Evidence:
    """What is known of an item. Tallies are by attribute, and by pair of attributes; peers by group."""

    everything: Tally = Tally()
    alike: dict[str | tuple[str, str], Tally] = field(default_factory=dict)
    peers: dict[str, Peers] = field(default_factory=dict)
    share_of_all: float = 0.0
    signals: tuple[str, ...] = ()
    is_used: bool = False
    was_kept: bool = False


def logit(share: float) -> float:
    """A share as log-odds."""
    return log(share / (1 - share))


def share(log_odds: float) -> float:
    """Log-odds as a share."""
    return 1 / (1 + exp(-log_odds))


def usual(everything: Tally) -> float:
    """The share of all earlier decisions that removed, smoothed."""
    return (everything.removed + PRIOR_REMOVED) / (everything.decided + PRIOR_DECIDED)


def _moved(tally: Tally, expected: float, smoothing: int) -> float:
    """How far decisions lie from what was expected of them, in log-odds."""
    found = (tally.removed + smoothing * expected) / (tally.decided + smoothing)
    return logit(found) - logit(expected)


def history(evidence: Evidence) -> float:
    """Log-odds of a removal by earlier decisions alone."""
    base = logit(usual(evidence.everything))
    single = {one: _moved(evidence.alike.get(one, Tally()), share(base), SMOOTH_ATTRIBUTE) for one in ATTRIBUTES}
    total = base + sum(single.values())
    for first, second in PAIRS:
        expected = max(-CERTAIN, min(CERTAIN, base + single[first] + single[second]))
        total += PAIR_WEIGHT * _moved(evidence.alike.get((first, second), Tally()), share(expected), SMOOTH_PAIR)
    return total


def best_peers(evidence: Evidence) -> tuple[str, float] | None:
    """(group, smoothed share) of the peers who hold it most; None when there are too few in every group."""
    found = {
        group: (one.holding + SMOOTH_PEERS * evidence.share_of_all) / (one.total + SMOOTH_PEERS)
        for group in GROUPS
        if (one := evidence.peers.get(group)) and one.total >= MIN_PEERS
    }
    return max(found.items(), key=lambda one: one[1]) if found else None


def score(evidence: Evidence) -> float:
    """How much speaks for removing, from 0 to 1."""
    total = history(evidence) + sum(SIGNAL_WEIGHTS.get(signal, 0.0) for signal in evidence.signals)
    if peers := best_peers(evidence):
        total += PEERS_WEIGHT * (1 - 2 * peers[1])
    total += (USED_WEIGHT if evidence.is_used else 0.0) + (KEPT_WEIGHT if evidence.was_kept else 0.0)
    return share(max(-CERTAIN, min(CERTAIN, total)))


def recommendation(evidence: Evidence) -> Recommendation:
    """Keep, remove or look closer."""
    found = round(score(evidence), 4)
    if found >= REMOVE_FROM:
        return Recommendation.REMOVE
    peers = best_peers(evidence)
    speaks = evidence.was_kept or (peers is not None and peers[1] >= PEERS_SPEAK)
    is_red = any(signal in evidence.signals for signal in RED_SIGNALS)
    return Recommendation.KEEP if found <= KEEP_TO and speaks and not is_red else Recommendation.LOOK
