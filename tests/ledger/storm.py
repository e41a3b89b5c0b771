"""Programs for `test_storm.py`, each a process of its own: writers that report what was committed, and a sequencer to be killed.

python -m tests.ledger.storm write PEOPLE EACH FILE | sequence | check FILE
"""

import json
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import django

django.setup()

from django.db import InterfaceError, OperationalError, connection, transaction  # noqa: E402

from ledger import keys, merkle, queries, verification  # noqa: E402
from ledger.actions import entries, sequencing  # noqa: E402
from ledger.actors import SYSTEM  # noqa: E402
from ledger.models import Checkpoint, Entry, Leaf, Pending  # noqa: E402

LOST = (OperationalError, InterfaceError)


class ChangedMind(Exception):
    """A transaction that is rolled back on purpose."""


class Writers:
    """So many people who write at once, each over a connection of their own, every third time in vain."""

    def __init__(self, people: int, each: int):
        self.people, self.each = people, each
        self.committed, self.rolled_back, self.lost = [], [], 0
        self.gate = threading.Barrier(people)

    def run(self) -> None:
        """Let them write."""
        threads = [threading.Thread(target=self.write, args=(number,)) for number in range(self.people)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def write(self, number: int) -> None:
        """One person: goes on until so many were committed, whatever happens to the database meanwhile."""
        self.gate.wait()
        done = turn = 0
        while done < self.each:
            turn += 1
            try:
                if uid := self.try_once(f"things.thing:{number}-{turn}", in_vain=turn % 3 == 0):
                    self.committed.append(uid)
                    done += 1
            except LOST:
                self.lost += 1
                connection.close()
                time.sleep(0.2)
        connection.close()

    def try_once(self, subject: str, *, in_vain: bool) -> str:
        """The uid of what was committed; empty when it was rolled back. An entry may wait between its writing and its commit."""
        try:
            with transaction.atomic():
                entry = entries.record(kind="thing:done", subject=subject, by=SYSTEM, data={"note": "x" * 100})
                time.sleep(0.01)
                if in_vain:
                    raise ChangedMind
        except ChangedMind:
            self.rolled_back.append(str(entry.uid))
            return ""
        return str(entry.uid)


def write(people: str, each: str, file: str) -> None:
    """Let them write and report."""
    writers = Writers(int(people), int(each))
    writers.run()
    report = {"committed": writers.committed, "rolled_back": writers.rolled_back, "lost": writers.lost}
    Path(file).write_text(json.dumps(report))


def sequence() -> None:
    """Sequence without end; a database that is away is waited for."""
    while True:
        try:
            sequencing.sequence(by=SYSTEM)
        except LOST:
            connection.close()
            time.sleep(0.1)


def check(file: str) -> None:
    """Sequence the rest and compare: no entry lost, none twice, no gap, no fork."""
    said = json.loads(Path(file).read_text())
    size = sequencing.sequence(by=SYSTEM).size
    placed = [str(uid) for uid in Leaf.objects.order_by("index").values_list("entry__uid", flat=True)]
    heads = [(one.size, bytes(one.root)) for one in Checkpoint.objects.order_by("size")]
    forks = [
        new for (old, root), (new, newer) in pairwise(heads)
        if not merkle.verify_consistency(old, new, queries.consistency_proof(old, new), root, newer)
    ]  # fmt: skip
    found = {
        "size": size,
        "entries": Entry.objects.count(),
        "twice": len(placed) - len(set(placed)),
        "missing": len(set(said["committed"]) - set(placed)),
        "in_vain": len(set(said["rolled_back"]) & set(placed)),
        "pending": Pending.objects.count(),
        "indexes": list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(size)),
        "forks": forks,
        "problems": verification.verify(verifier=keys.load().verifier).problems,
        "checkpoints": len(heads),
        "lost": said["lost"],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
