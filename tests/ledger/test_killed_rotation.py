"""Keys that change again and again in a process that SIGKILL ends anywhere: one log, one chain of keys, and the key is here."""

import random
import signal
import time

import pytest

from ledger import keychain, keys, tasks, verification
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry, KeyTerm
from tests.killing import run
from tests.ledger.conftest import write

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PROGRAM = """
from ledger import tasks
from ledger.actions import entries
from ledger.actors import SYSTEM
while True:
    entries.record(kind="thing:done", subject="thing:1", by=SYSTEM, data={})
    tasks.rotate_key("again", SYSTEM)
    print("changed", flush=True)
"""


def killed_after(seconds: float) -> None:
    """Let the process change the key once, and go on changing it for so long; then kill it."""
    process = run(PROGRAM)
    assert process.stdout.readline() == "changed\n"
    time.sleep(seconds)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_one_chain_of_keys_whenever_the_process_dies(key_file, monkeypatch):
    monkeypatch.setenv("CERTIFY_LEDGER_KEY_FILE", str(key_file))
    write(300)
    sequencing.sequence(by=SYSTEM)
    first, when = keys.load().verifier, random.Random(7)
    for _ in range(5):
        killed_after(when.uniform(0, 0.2))
        assert keychain.current().verifier in {key.verifier for key in keys.held()}
    tasks.sequence_entries()
    assert verification.verify(verifier=first).problems == []
    assert KeyTerm.objects.count() > 5
    assert Checkpoint.objects.latest("size").size == Entry.objects.count()
    # Killed before a hand-over was committed, the key that was prepared for it waits for the next try.
    signed = {term.verifier for term in keychain.terms()}
    assert [key.verifier for key in keys.held() if key.verifier in signed] == [keychain.current().verifier]
    assert keys.load().verifier == keychain.current().verifier
