"""The sequencer: gives committed entries their place in the log, extends the tree and signs a checkpoint."""

import logging

from django.db import connection, transaction

from certify.lib import clock
from ledger import keychain, keys, notes, placing, publishing, queries, succession
from ledger.models import Checkpoint, KeyTerm

logger = logging.getLogger(__name__)


def sequence(*, by) -> Checkpoint | None:
    """Sequence everything that is committed now; returns the newest checkpoint, or None for an empty ledger.

    Waits for a sequencer that is already running. Leaves are committed before their tree head is signed: whatever crashes
    in between, the next run signs the very same tree, so two inconsistent heads never carry the log's signature. (Inside a
    caller's transaction everything commits or vanishes together.)
    """
    placed = placing.place_waiting()
    checkpoint = _sign()
    if placed:
        logger.info("sequenced %s entries for %s, the log has %s", placed, by.actor_ref()["id"], checkpoint.size)
    return checkpoint


@transaction.atomic
def requeue(*, by) -> int:
    """Put every entry that has no leaf back into the queue, which is no evidence and may have been lost; returns how many.

    Waits for a sequencer that is running: what it is placing just now would be queued once more.
    """
    placing.lock()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_pending (entry_id) SELECT id FROM ledger_entry"
            " WHERE NOT EXISTS (SELECT FROM ledger_leaf WHERE entry_id = ledger_entry.id) ON CONFLICT DO NOTHING"
        )
        found = cursor.rowcount
    logger.info("%s put %s entries back into the sequencer's queue", by.actor_ref()["id"], found)
    return found


@transaction.atomic
def _sign() -> Checkpoint | None:
    """Sign the stored tree, unless the last checkpoint already covers it."""
    placing.lock()
    last = queries.latest_checkpoint()
    tree = placing.stored_tree(last)
    if tree.size == (last.size if last else 0):
        return last
    _check_published(tree.size)
    signers = _signers(last)
    note = keys.sign_together(signers, notes.TreeHead(signers[-1].origin, tree.size, tree.root()).text())
    return Checkpoint.objects.create(size=tree.size, root=tree.root(), note=note, at=clock.now())


def _check_published(size: int) -> None:
    """Sign nothing that contradicts what was published: an older state of the database would make a second log."""
    if place := publishing.directory():
        try:
            publishing.check(publishing.published_head(place), size)
        except (publishing.ContradictionError, queries.MissingHashesError) as error:
            raise placing.BrokenLedgerError(f"{error} Nothing is signed until this is settled.") from error


def _signers(last: Checkpoint | None) -> list[keys.LogKey]:
    """The keys that sign the next checkpoint: the log's, and before it the one that has handed over to it just now.

    Another key would make a second log that nobody vouched for: nothing is signed with it.
    """
    chain = keychain.chain()
    if not chain.terms:
        return [_first_key(last)]
    _check_chain(chain, last)
    wanted, said = [chain.current.verifier], chain.current.said
    if said and said.kind == succession.HANDED_OVER and last and last.size <= said.entry:
        wanted.insert(0, said.old)
    here = {key.verifier: key for key in keys.held()}
    if missing := [verifier for verifier in wanted if verifier not in here]:
        raise placing.BrokenLedgerError(
            f"The log goes on under {missing[0]}, and the {keys.store().name()} holds {' and '.join(here)}. Nothing is signed."
            " Restore the log's own key."
        )
    return [here[verifier] for verifier in wanted]


def _first_key(last: Checkpoint | None) -> keys.LogKey:
    """The key that the log begins with; a log that began before keys were written down has signed with it."""
    key = keys.load() if last else keys.load_or_create()
    term = KeyTerm(verifier=key.verifier, since=0, at=clock.now())
    _check_chain(keychain.chain(key.verifier), last)
    term.save(force_insert=True)
    return key


def _check_chain(chain: succession.Chain, last: Checkpoint | None) -> None:
    """Refuse keys that do not follow one another, and one that did not sign the last checkpoint."""
    if problems := chain.problems():
        raise placing.BrokenLedgerError(f"{problems[0]} Nothing is signed. Run verify_ledger.")
    try:
        if last:
            chain.open(last.note, last.size)
    except notes.NoteError as error:
        raise placing.BrokenLedgerError(
            f"The log's key, {chain.of(last.size).verifier}, did not sign the last checkpoint: {error}. Restore the log's own key."
        ) from error
