"""The log's key changes: the old one hands over to the next, or, when it is lost, the log begins anew under another name."""

import logging

from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger import keychain, keys, notes, permissions, placing, queries, succession
from ledger.actions import entries
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, KeyTerm
from ledger.succession import Statement

SUBJECT = "ledger.log"

logger = logging.getLogger(__name__)


@transaction.atomic
def hand_over(*, why: str, by) -> KeyTerm:
    """Let the old key sign that the next one, which is made here, comes after it. The sequencer does the rest, then `finish`.

    Refuses strangers, an empty log, one that does not hold, and a second hand-over before the first has its checkpoint. No
    checkpoint is signed meanwhile; killed at any point, either nothing has happened or the next run of the sequencer signs the
    first checkpoint behind it with both keys. Raises `ImproperlyConfigured` when a key is not here.
    """
    if by is not SYSTEM and not permissions.can_rotate_key(by):
        raise NotAllowed(_("Only an administrator may change the ledger's key."))
    why, last, term = _checked(why)
    if last.size <= term.since:
        raise InvalidInput(_("The last change of keys is not finished yet. The sequencer does that within seconds."))
    if keys.load().verifier != term.verifier:
        raise InvalidInput(_("The key that signs now, {key}, is not the one that is kept here.").format(key=term.verifier))
    keys.prepare_next()  # kept before anything is signed; when this transaction fails, the next try takes the same one
    held = {key.verifier: key for key in keys.held()}
    new = next(key for key in held if key != term.verifier)
    if new in {one.verifier for one in keychain.terms()}:
        raise InvalidInput(_("The key that was prepared has signed before. Each key is used once."))
    return _place(succession.HANDED_OVER, term.verifier, [held[term.verifier], held[new]], last, why, by)


@transaction.atomic
def finish(*, by) -> bool:
    """Destroy the private half of a key that has handed over, once the first checkpoint of the next one is there; whether it did."""
    term, last = keychain.current(), queries.latest_checkpoint()
    if not term or not last or last.size <= term.since or not keys.store().is_ours or len(keys.held()) == 1:
        return False
    placing.lock()
    done = keys.drop_all_but(term.verifier)
    if done:
        logger.info("%s destroyed the ledger's key before %s", by.actor_ref()["id"], term.verifier)
    return done


@transaction.atomic
def begin_anew(*, why: str, by, old_key: str = "") -> KeyTerm:
    """Go on without the key, which is lost: under another name, from the root that the lost key signed last, and say so.

    The new key, with the new name, must be here already. `old_key` is the lost key's public half, which only logs need that
    were never signed since keys are written down. Refuses everybody but the operator at the command line, and while the key is
    here: then it hands over.
    """
    if by is not SYSTEM:
        raise NotAllowed(_("Only who runs Certify may let the ledger begin anew."))
    why, last, term = _checked(why, old_key)
    key = keys.load()
    if key.origin in {one.origin for one in [*keychain.terms(), term]}:
        raise InvalidInput(
            f"The {keys.store().name()} is one for {key.origin}, as the log is called already: it needs another name."
        )
    if not keychain.terms():
        KeyTerm.objects.create(verifier=term.verifier, since=0, at=clock.now())
    return _place(succession.BEGUN_ANEW, term.verifier, [key], last, why, by)


def _checked(why: str, old_key: str = "") -> tuple[str, Checkpoint, succession.Term]:
    """What a change of keys needs: a reason on one line, a log that holds, its last checkpoint and the key that it goes under."""
    why = " ".join(why.split())
    if not why or len(why) > succession.MAX_WHY or not why.isprintable():
        raise InvalidInput(_("Say why, on one line of at most 500 characters."), field="why")
    placing.lock()
    last = queries.latest_checkpoint()
    if last is None:
        raise InvalidInput(_("Nothing has been signed yet, so there is no key to change."))
    if queries.standing_misfit():
        raise InvalidInput(_("Something in the ledger does not fit. First the whole ledger must be verified without a fault."))
    chain = keychain.chain() if keychain.current() else keychain.chain(old_key or keys.load().verifier)
    try:
        notes.parse_verifier_key(chain.current.verifier)
        chain.open(last.note, last.size)
    except notes.NoteError as error:
        raise InvalidInput(f"The last checkpoint is not signed by {chain.of(last.size).verifier}: {error}.") from error
    return why, last, chain.current


def _place(kind: str, old: str, signers: list[keys.LogKey], last: Checkpoint, why: str, by) -> KeyTerm:
    """Write the statement into the place of the log that it names itself."""
    placing.place_waiting()
    size = placing.stored_tree(last).size
    said = Statement(kind, old, signers[-1].verifier, size, last.size, bytes(last.root), why)
    note, now = keys.sign_together(signers, said.text()), clock.now()
    Statement.open(note)
    entry = entries.record(
        kind=kind, subject=SUBJECT, by=by, at=now,
        data={"old": old, "new": said.new, "place": str(size), "size": str(last.size), "why": why, "statement": note},
    )  # fmt: skip
    if placing.place_waiting(only=entry.pk) != 1:
        raise placing.BrokenLedgerError(
            "The entry about the key did not get its place. Nothing was changed. Run verify_ledger."
        )
    return KeyTerm.objects.create(verifier=said.new, since=size, note=note, at=now, entry_uid=entry.uid)
