"""What a scope that is being written comes to at this moment: its sentence, its counts, and the age of the data behind them."""

from collections.abc import Iterable
from copy import deepcopy
from datetime import datetime, timedelta

from campaigns.models import SavedScope, StandingExclusion
from campaigns.scope import choosing, counting, reading
from campaigns.scope.builder import Draft
from campaigns.scope.sentences import left_out_words, sentence

#: Days before its last one in which a list is said to end soon.
SOON = 30


def answer(draft: Draft, now: datetime) -> dict:
    """{"sentence", "counts" (None when it takes too long), "rules": [(words, count)], "sources": [...], "is_partial"}.

    Lines that are not complete yet are left out of it, and `is_partial` says so; empty without a system.
    """
    complete = deepcopy(draft)
    document = complete.document()
    if document is None:
        return {}
    standing = reading.standing_terms(document, now)
    scope = reading.compiled_for(document, document["sources"], now, standing)
    counts = counting.count(scope, document["sources"])
    words = left_out_words(document, standing)
    names = reading.names(document)
    return {
        "sentence": sentence(document, names, [one["name"] for one in standing]),
        "counts": counts,
        "rules": [(words.get(code, code), number) for code, number in counts.rules] if counts else [],
        "sources": _sources(document, counts, names),
        "is_partial": complete.has_errors(),
    }


def _sources(document: dict, counts: counting.Counts | None, names: reading.Names) -> list[dict]:
    counted = {source: (granted, items) for source, granted, items, _ in (counts.sources if counts else ())}
    systems = {system["id"]: system for system in choosing.systems()}
    return [
        systems.get(source, {"name": names.source(source), "read_at": None})
        | dict(zip(("granted", "items"), counted.get(source, (0, 0)), strict=True))
        for source in document["sources"]
    ]


def page(draft: Draft, now: datetime) -> dict:
    """Everything that the scope's part of the form shows."""
    return part(draft, now) | {"live": answer(draft, now)}


def part(draft: Draft, now: datetime) -> dict:
    """The same without the counts: the page asks for them afterwards, so that nobody waits for them to go on typing."""
    choosing.settle(draft)
    return {
        "draft": draft,
        "now": now,
        "systems": choosing.systems(),
        "saved_scopes": SavedScope.objects.filter(is_archived=False).select_related("owner"),
        **lists({"standing": True}, now),
    }


def lists(document: dict, now: datetime) -> dict:
    """Standing exclusions that apply to a document, those that ran out, and the day from which one counts as ending soon."""
    today = now.date()
    return {
        "standing": StandingExclusion.objects.in_force(today).select_related("owner") if document["standing"] else (),
        "expired": StandingExclusion.objects.expired(today).select_related("owner") if document["standing"] else (),
        "soon": today + timedelta(days=SOON),
    }


def told(saved: Iterable[SavedScope]) -> list[tuple[SavedScope, str]]:
    """Saved scopes with their sentences."""
    return [(one, sentence(one.scope, reading.names(one.scope))) for one in saved]
