"""The keys of this log: which one signs what, as the database has it, and the one that may sign now."""

from contextlib import suppress

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from ledger import keys, notes, succession
from ledger.models import KeyTerm
from ledger.succession import Chain, Term

#: The first checkpoint of each key.
FIRSTS = """
    SELECT min(size) FROM ledger_checkpoint AS checkpoint
    JOIN (SELECT since, lead(since) OVER (ORDER BY since) AS until FROM ledger_keyterm) AS term
        ON size > since AND (until IS NULL OR size <= until)
    WHERE since > 0 GROUP BY since
"""


def terms() -> list[Term]:
    """The keys that were the log's, the oldest first; empty before anything was signed."""
    return [Term(one.verifier, one.since, one.note) for one in KeyTerm.objects.order_by("since")]


def chain(verifier: str = "") -> Chain:
    """The keys of the log; where the database knows none, or does not know this one, this one alone."""
    found = terms()
    if verifier and verifier not in [term.verifier for term in found]:
        found = [Term(verifier)]
    return Chain(found)


def firsts() -> set[int]:
    """The sizes of the checkpoints that are the first of their key."""
    with connection.cursor() as cursor:
        cursor.execute(FIRSTS)
        return {size for (size,) in cursor.fetchall()}


def current() -> Term | None:
    """The key that signs now; None before anything was signed."""
    return next(reversed(terms()), None)


def verifier() -> str:
    """The public half of the key that is kept here: not what the database says of it, which may have been rewritten.

    Of two, while keys change, the one that signs now.
    """
    found, term = keys.held(), current()
    return term.verifier if term and term.verifier in {key.verifier for key in found} else found[0].verifier


def signing_key() -> keys.LogKey:
    """The key that signs now. Raises `ImproperlyConfigured` when this installation does not have it."""
    found = keys.held()
    wanted = current()
    if wanted is None:
        return found[0]
    key = next((key for key in found if key.verifier == wanted.verifier), None)
    if key is None:
        raise ImproperlyConfigured(f"The ledger's {keys.store().name()} is not {wanted.verifier}, which signs now.")
    return key


def listed() -> list[dict]:
    """Every key, the oldest first, in the form in which it is given to others."""
    found = terms() or [Term(keys.load().verifier)]
    return [{"key": term.verifier, "since": term.since, "statement": term.note} for term in found]


def told() -> list[dict]:
    """Every key, the newest first, in the form in which people read of it."""
    found = []
    for term in KeyTerm.objects.order_by("-since"):
        said = _said(term)
        is_lost = bool(said) and said.kind == succession.BEGUN_ANEW
        found.append({"term": term, "why": said.why if said else "", "is_anew": is_lost})
    return found


def _said(term: KeyTerm) -> succession.Statement | None:
    """The statement under which a key came; None without one, and for one that was spoilt, which `verify_ledger` and the sweep name."""
    with suppress(notes.NoteError):
        return succession.Statement.open(term.note) if term.note else None


def last_loss() -> tuple[KeyTerm, succession.Statement] | None:
    """The last time that the log began anew because its key was lost, and what was said then."""
    for term in KeyTerm.objects.exclude(note="").order_by("-since"):
        said = _said(term)
        if said and said.kind == succession.BEGUN_ANEW:
            return term, said
    return None
