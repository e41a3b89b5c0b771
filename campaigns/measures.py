"""How somebody reviewed, in numbers, and where a definition draws the line; pure.

Every decision counts, those that were changed later as well; what was undone stays counted, the undoing itself is none. An *act*
is one decision, or all those of one bulk act or of one applied spreadsheet (whose rows each have their own answer, so it is no bulk
act). From one act to the next of the same person is a *gap*; a gap of more than ten minutes begins a new sitting and is not
counted. Values are rounded to one decimal and compared as they are shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby, pairwise
from statistics import median

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from campaigns import rules
from campaigns.states import DecisionCode, Measure, Recommendation
from certify.lib.errors import InvalidInput

SITTING = timedelta(minutes=10)
HASTE = timedelta(seconds=3)
TENTH = Decimal("0.1")
#: These must be reached, the others must not be passed.
AT_LEAST = (Measure.MEDIAN_SECONDS, Measure.PRIVILEGED_OPENED)
#: Who has decided less is not measured against anything.
MIN_DECISIONS = "min_decisions"
DEFAULTS = {
    MIN_DECISIONS: 20,
    str(Measure.MEDIAN_SECONDS): 2,
    str(Measure.UNDER_3_SECONDS): 50,
    str(Measure.BULK): 80,
    str(Measure.STREAK): 200,
    str(Measure.PRIVILEGED_OPENED): 0,
    str(Measure.AGAINST_ADVICE): None,
}
#: Threshold → the least and the most it can be.
RANGES = {
    MIN_DECISIONS: (1, 100_000),
    str(Measure.MEDIAN_SECONDS): (0, 600),
    str(Measure.UNDER_3_SECONDS): (0, 100),
    str(Measure.BULK): (0, 100),
    str(Measure.STREAK): (1, 1_000_000),
    str(Measure.PRIVILEGED_OPENED): (0, 100),
    str(Measure.AGAINST_ADVICE): (0, 100),
}


@dataclass(frozen=True)
class Decided:
    """One decision of a reviewer, as far as it is measured. `bulk` tells the acts on many apart; None was decided by itself.
    `is_sheet` says that the act was a spreadsheet, which is no bulk act.

    `was_opened` says whether the reviewer had opened the item's page or drawer before; `recommended` what was recommended for the item.
    """

    at: datetime
    code: str
    bulk: int | None = None
    is_privileged: bool = False
    was_opened: bool = False
    is_sheet: bool = False
    recommended: str = ""


@dataclass(frozen=True)
class Measures:
    """How one person reviewed. Shares are percent; None where there is nothing to measure."""

    decided: int
    privileged: int
    median_seconds: Decimal | None
    under_3_seconds: Decimal | None
    bulk: Decimal
    streak: int
    privileged_opened: Decimal | None
    against_advice: Decimal | None

    def value(self, measure: str) -> Decimal | int | None:
        """The value of one measure."""
        return getattr(self, measure)


@dataclass(frozen=True)
class Breach:
    """A value on the wrong side of its threshold."""

    measure: Measure
    value: Decimal
    threshold: int


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(100) * part / whole).quantize(TENTH, ROUND_HALF_UP) if whole else None


def _median_seconds(gaps: list[timedelta]) -> Decimal | None:
    if not gaps:
        return None
    middle = median(Decimal(gap // timedelta(microseconds=1)) for gap in gaps)
    return (middle / 1_000_000).quantize(TENTH, ROUND_HALF_UP)


def measure(decisions: Iterable[Decided]) -> Measures | None:
    """The measures of one person's decisions, given as they were recorded; None for somebody who has decided nothing.

    What `quality` does in SQL; a property test holds both against each other.
    """
    made = [one for one in decisions if one.code != DecisionCode.UNDO]
    if not made:
        return None
    known, acts = set(), []
    for one in made:
        if one.bulk is None or one.bulk not in known:
            acts.append(one)
            known.add(one.bulk)
    acts.sort(key=lambda act: act.at)
    gaps = [later.at - earlier.at for earlier, later in pairwise(acts)]
    gaps = [gap for gap in gaps if gap <= SITTING]
    privileged = [one for one in made if one.is_privileged]
    advised = [one for one in made if one.recommended in (Recommendation.KEEP, Recommendation.REMOVE)]
    return Measures(
        decided=len(made),
        privileged=len(privileged),
        median_seconds=_median_seconds(gaps),
        under_3_seconds=_share(sum(gap < HASTE for gap in gaps), len(gaps)),
        bulk=_share(sum(one.bulk is not None and not one.is_sheet for one in made), len(made)),
        streak=max(len(list(run)) for _, run in groupby(acts, lambda act: act.code)),
        privileged_opened=_share(sum(one.was_opened for one in privileged), len(privileged)),
        against_advice=_share(sum(rules.is_against(one.code, one.recommended) for one in advised), len(advised)),
    )


def breaches(measures: Measures, thresholds: dict) -> list[Breach]:
    """Where the measures are on the wrong side of a campaign's thresholds; none for terms without any, nor for who decided little."""
    if not thresholds or measures.decided < thresholds[MIN_DECISIONS]:
        return []
    found = []
    for name in Measure:
        value, threshold = measures.value(name), thresholds.get(name)
        if value is None or threshold is None:
            continue
        if value < threshold if name in AT_LEAST else value > threshold:
            found.append(Breach(name, Decimal(value), threshold))
    return found


def checked(thresholds: dict) -> dict:
    """Thresholds with every default filled in; one that is None is not looked at. Refuses what is no number in its range."""
    filled = {name: thresholds.get(name, default) for name, default in DEFAULTS.items()}
    for name, value in filled.items():
        least, most = RANGES[name]
        is_off = value is None and name != MIN_DECISIONS
        if not is_off and not (isinstance(value, int) and least <= value <= most):
            raise InvalidInput(
                _("Write a whole number from {least} to {most}.").format(least=intcomma(least), most=intcomma(most)),
                field=f"quality_{name}",
            )
    return filled
