"""Stages and how answers become results; pure.

A stage asks one or more panels. A panel is a chain of rules of which the first that fits names whom to ask: a person, or a
group of whom a quorum must answer. The answers of a stage become one result by its strategy, in the precedence that midPoint
documents for its case outcome strategies: the first that is present wins.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from campaigns.states import LAST_STAGE, DecisionCode, Outcome, Result, ReviewerRule, Strategy
from certify.lib.times import rfc3339

ACCEPT, REVOKE, REDUCE, NOT_DECIDED, NO_RESPONSE = (
    Result.ACCEPT,
    Result.REVOKE,
    Result.REDUCE,
    Result.NOT_DECIDED,
    Result.NO_RESPONSE,
)

#: Strategy → results, the strongest first.
PRECEDENCE = {
    Strategy.ONE_ACCEPT_ACCEPTS: (ACCEPT, REVOKE, REDUCE, NOT_DECIDED, NO_RESPONSE),
    Strategy.ALL_MUST_ACCEPT: (REVOKE, REDUCE, NOT_DECIDED, NO_RESPONSE, ACCEPT),
    Strategy.ONE_DENY_DENIES: (REVOKE, REDUCE, ACCEPT, NOT_DECIDED, NO_RESPONSE),
    Strategy.ACCEPTED_IF_NOT_DENIED: (REVOKE, REDUCE, ACCEPT, NOT_DECIDED, NO_RESPONSE),
}

#: What a submitted decision counts as.
COUNTS_AS = {
    DecisionCode.APPROVE: ACCEPT,
    DecisionCode.REVOKE: REVOKE,
    DecisionCode.REDUCE: REDUCE,
    DecisionCode.DONT_KNOW: NOT_DECIDED,
}

#: What a result makes of an item. Nobody's silence and nobody's doubt approves.
OUTCOMES = {
    ACCEPT: Outcome.APPROVED,
    REVOKE: Outcome.REVOKED,
    REDUCE: Outcome.REDUCED,
    NOT_DECIDED: Outcome.NOT_REVIEWED,
    NO_RESPONSE: Outcome.NOT_REVIEWED,
}

DEFAULT_STRATEGY = Strategy.ONE_DENY_DENIES


def combine(strategy: str, answers: Iterable[str]) -> str:
    """The result of a stage: the strongest of the results that are present, `no_response` when there are none.

    Accepted-if-not-denied takes a submitted “I don't know” for acceptance; total silence it does not.
    """
    present = set(answers)
    strongest = next((result for result in PRECEDENCE[Strategy(strategy)] if result in present), NO_RESPONSE)
    if strategy == Strategy.ACCEPTED_IF_NOT_DENIED and strongest == NOT_DECIDED:
        return ACCEPT
    return strongest


def counted(panels: Iterable[tuple[int | None, list[str]]]) -> list[str]:
    """The answers that count: (quorum, answers) of each panel. Once a quorum has answered, the silence of others is dropped."""
    found = []
    for quorum, answers in panels:
        spoken = [answer for answer in answers if answer != NO_RESPONSE]
        found += spoken if quorum is not None and len(spoken) >= quorum else answers
    return found


def overall(strategy: str, results: list[str]) -> str:
    """The result of an item from those of the stages it stood in, in their order."""
    if strategy == LAST_STAGE:
        return results[-1] if results else NO_RESPONSE
    return combine(strategy, results)


def sure(strategy: str, answers: Iterable[str]) -> str:
    """The removal or reduction that a stage comes to whatever is still answered in it; "" where there is none yet.

    What nobody has submitted may become anything, and so may an “I don't know”, which others can be asked about.
    """
    order, every = PRECEDENCE[Strategy(strategy)], list(answers)
    said = [answer for answer in every if answer in (ACCEPT, REVOKE, REDUCE)]
    strongest = min(said, key=order.index, default=ACCEPT)
    return strongest if strongest != ACCEPT and (len(said) == len(every) or strongest == order[0]) else ""


def settled(terms: dict, earlier: list[str], answers: Iterable[str] | None) -> str:
    """The removal or reduction that an item will come to whatever else happens in its campaign; "" where that is not certain.

    `earlier` are the results of the stages that it stood in, `answers` those of the present one; None where it stopped before.
    """
    every, results, may_go_on = of(terms), list(earlier), False
    if answers is not None:
        stage = every[len(earlier)]
        found = sure(stage["strategy"], answers)
        results += [found] if found else []
        may_go_on = not found or (found not in stage["stop_on"] and len(results) < len(every))
    strategy = terms.get("overall", LAST_STAGE)
    if strategy == LAST_STAGE:
        final = "" if may_go_on else results[-1]
        return final if final in (REVOKE, REDUCE) else ""
    order = PRECEDENCE[Strategy(strategy)]
    final = min(results, key=order.index, default=ACCEPT)
    return final if final in (REVOKE, REDUCE) and (not may_go_on or final == order[0]) else ""


def of(terms: dict) -> list[dict]:
    """The stages of a definition's terms; terms of one stage without a name for it are read as that stage.

    {"name", "panels": [[link]], "strategy", "days", "stop_on": [results], "shows_earlier": bool, "advance": "when_due" |
    "when_answered"}; a link is {"rule"} and, by its rule, "user", "group" with "quorum", or "cases": [{"field", "value", "user"}].
    """
    if stages := terms.get("stages"):
        return stages
    return [single([{"rule": rule} for rule in terms["reviewer_chain"]], terms["duration_days"])]


def single(chain: list[dict], days: int) -> dict:
    """A stage of one panel."""
    return {
        "name": "Review",
        "panels": [chain],
        "strategy": str(DEFAULT_STRATEGY),
        "days": days,
        "stop_on": [],
        "shows_earlier": True,
        "advance": "when_due",
    }


def total_days(terms: dict) -> int:
    """How long all stages take together."""
    return sum(stage["days"] for stage in of(terms))


def due_at(terms: dict, number: int, opened_at: datetime, ends_at: datetime | None) -> datetime:
    """When a stage (from 1) that opened then ends: after its days.

    Where a schedule wants the last stage to end at `ends_at`, the stage ends so that the later ones have their days: it is longer when it
    began early and shorter when it began late, but never shorter than half of its days.
    """
    every = of(terms)
    days = every[number - 1]["days"]
    if ends_at is None:
        return opened_at + timedelta(days=days)
    zone = ZoneInfo(terms.get("schedule", {}).get("time_zone", "UTC"))
    later = timedelta(days=sum(stage["days"] for stage in every[number:]))
    # Days of the calendar there, not multiples of 24 hours.
    wanted = (ends_at.astimezone(zone) - later).astimezone(UTC)
    return max(wanted, opened_at + timedelta(days=days) / 2)


def chain_of(stage: dict, panel: int) -> list[dict]:
    """The links of a panel (from 0). The first panel ends with the fallback and the owner of the control: somebody is always asked."""
    links = list(stage["panels"][panel])
    if panel:
        return links
    last = ({"rule": str(ReviewerRule.FALLBACK)}, {"rule": str(ReviewerRule.CONTROL_OWNER)})
    return links + [link for link in last if link not in links]


def asking_words(campaign, count: int, due_at: datetime) -> dict:
    """What the mail that asks says of the campaign's stage to somebody with so many items."""
    every = of(campaign.terms)
    return {
        "campaign": campaign.name,
        "purpose": campaign.terms["purpose"],
        "stage": every[campaign.stage - 1]["name"] if len(every) > 1 else "",
        "items": count,
        "due_at": rfc3339(due_at),
    }
