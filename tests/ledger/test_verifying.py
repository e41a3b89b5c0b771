"""The verification that never ends: in slices, over everything, and what it finds freezes sealing until the log holds again."""

from datetime import timedelta

import pytest

from certify.lib import clock
from ledger import keys, queries, tasks, verification
from ledger.actions import sequencing, verifying
from ledger.actors import SYSTEM
from ledger.models import Entry, Verification
from tests.killing import kill_after
from tests.ledger.conftest import other_hash, superuser, write
from tests.ledger.test_views import person


def whole_round(leaves: int = 100) -> int:
    """Slices until a round ends; how many."""
    count = 1
    while not verifying.verify_slice(by=SYSTEM, leaves=leaves):
        count += 1
    return count


def recorded() -> list[str]:
    return list(Entry.objects.filter(kind__startswith="ledger:").order_by("id").values_list("kind", flat=True))


def test_a_round_in_slices_covers_everything(log):
    assert whole_round() == 6
    state = Verification.objects.get()
    assert (state.ended_size, state.position, state.problems) == (600, 0, [])
    assert recorded() == []


@pytest.mark.parametrize("leaves", [1, 7, 255, 256, 257, 600, 10_000])
def test_slices_of_any_length_come_to_the_same_end(log, leaves):
    place = verification.Place()
    while place:
        report, place = verification.verify_slice(verifier=keys.load().verifier, place=place, leaves=leaves)
        assert report.problems == []


TAMPERED = {
    "an entry": "UPDATE ledger_entry SET payload = replace(payload, 'number', 'numbre') WHERE id = (SELECT entry_id FROM ledger_leaf"
    " WHERE index = 333)",
    "a column": "UPDATE ledger_entry SET actor_name = 'x' WHERE id = (SELECT entry_id FROM ledger_leaf WHERE index = 333)",
    "a leaf": other_hash("ledger_leaf", "index = 333"),
    "a node": other_hash("ledger_node", "index = 1"),
    "a root": other_hash("ledger_checkpoint", "size = 300", "root"),
    "a hole": "DELETE FROM ledger_leaf WHERE index = 333",
    "a tail": "DELETE FROM ledger_leaf WHERE index > 550",
    "everything after": "DELETE FROM ledger_leaf WHERE index > 150",
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_does_not_fit_is_found_recorded_once_and_freezes(log, name):
    verifying.verify_slice(by=SYSTEM, leaves=200)
    with superuser() as cursor:
        cursor.execute(TAMPERED[name])
    whole_round()
    whole_round()
    assert queries.standing_misfit().payload_json["data"]["problems"]
    assert recorded() == ["ledger:misfit-found"]


def test_a_whole_round_without_a_fault_ends_the_freeze_and_less_does_not(log):
    with superuser() as cursor:
        cursor.execute(TAMPERED["a node"])
    whole_round()
    with superuser() as cursor:
        cursor.execute(r"UPDATE ledger_node SET hash = %s WHERE index = 1", [node_of(1)])
    verifying.verify_slice(by=SYSTEM, leaves=599)
    assert queries.standing_misfit()
    whole_round()
    assert queries.standing_misfit() is None
    assert recorded() == ["ledger:misfit-found", "ledger:holds-again"]


def node_of(tile: int) -> bytes:
    return queries.merkle.root(list(queries.leaf_hashes(tile * 256, tile * 256 + 256)))


def test_a_checkpoint_signed_after_the_last_slice_is_looked_at(log):
    verifying.verify_slice(by=SYSTEM, leaves=600)
    write(20)
    sequencing.sequence(by=SYSTEM)
    verifying.verify_slice(by=SYSTEM, leaves=300)
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_checkpoint SET note = replace(note, 'AA', 'AB') || 'x' WHERE size = 620")
    whole_round()
    assert queries.standing_misfit()


def test_the_sweep_runs_whole_rounds_of_a_small_log_and_nothing_before_the_first_entry(db):
    tasks.verify_slices()
    assert Verification.objects.count() == 0
    write(5)
    sequencing.sequence(by=SYSTEM)
    tasks.verify_slices()
    tasks.verify_slices()
    assert Verification.objects.get().ended_size == 5


KILLED = """
from ledger.actions import verifying
from ledger.actors import SYSTEM
while not verifying.verify_slice(by=SYSTEM, leaves=10):
    pass
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_verification_that_is_killed_goes_on_where_it_was(key_file, monkeypatch):
    monkeypatch.setenv("CERTIFY_LEDGER_KEY_FILE", str(key_file))
    write(4_000)
    sequencing.sequence(by=SYSTEM)
    places, seconds = [], 0.2
    while kill_after(KILLED, seconds) and not Verification.objects.filter(ended_at__isnull=False):
        seconds *= 1.3
        places.append(Verification.objects.values_list("position", flat=True).first() or 0)
    assert places == sorted(places)
    assert places[-1] > 0
    assert (Verification.objects.get().ended_size, recorded()) == (4_000, [])


def test_health_and_page_say_how_far_and_what_was_found(log, client):
    client.force_login(person("control_owner"))
    assert "The first round has not begun yet" in client.get("/ledger/guards/").content.decode()
    verifying.verify_slice(by=SYSTEM, leaves=200)
    assert "now at 200 of 600 entries" in client.get("/ledger/guards/").content.decode()
    assert client.get("/health/").json()["ledger"] == "ok"
    with superuser() as cursor:
        cursor.execute(TAMPERED["a leaf"])
    whole_round()
    assert client.get("/health/").json()["ledger"] == "the log does not hold"
    assert "so nothing is sealed" in client.get("/ledger/guards/").content.decode()


def test_health_tells_when_nobody_verifies(log, client):
    with clock.freeze(clock.now() + timedelta(minutes=70)):
        assert client.get("/health/").json()["ledger"] == "the log is not being verified"
        whole_round()
        assert client.get("/health/").json()["ledger"] == "ok"


def test_what_waited_while_no_worker_was_there_is_no_misfit(log):
    write(3)
    with clock.freeze(clock.now() + timedelta(hours=2)):
        tasks.verify_slices()
        assert queries.standing_misfit() is None
    assert queries.latest_checkpoint().size == 603


def test_a_spoilt_statement_of_a_key_is_told_and_breaks_no_page(log, client):
    tasks.rotate_key("In time", SYSTEM)
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_keyterm SET note = 'spoilt' WHERE since > 0")
    whole_round()
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()["ledger"]) == (503, "the log does not hold")
    client.force_login(person("administrator"))
    assert client.get("/ledger/guards/").status_code == 200
