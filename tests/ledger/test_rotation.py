"""The log's key changes: one log under one chain of keys, whatever is killed when; and a lost key is said openly."""

import base64
import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tlog import Checkpoint as TheirCheckpoint

from certify.lib.errors import InvalidInput, NotAllowed
from ledger import keychain, keys, notes, placing, queries, succession, tasks, verification
from ledger.actions import rotation, sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry, KeyTerm
from ledger.succession import Statement
from tests.ledger.conftest import superuser, verify, write
from tests.ledger.test_views import person

committed = pytest.mark.django_db(transaction=True)
LOST = "The key of certify.example/ledger is lost for ever"


def rotate(why: str = "yearly change") -> str:
    return tasks.rotate_key(why, SYSTEM)


def sign_more(count: int = 3) -> Checkpoint:
    write(count)
    return sequencing.sequence(by=SYSTEM)


def signed_by(note: str, verifier: str) -> bool:
    try:
        return bool(notes.open_checkpoint(note, verifier))
    except notes.NoteError:
        return False


def test_the_old_key_signs_the_new_one_and_both_the_checkpoint_between(log):
    old = keys.load().verifier
    new = rotate()
    first, later = queries.latest_checkpoint(), sign_more()
    assert [[signed_by(note, key) for key in (old, new)] for note in (log[-1], first.note, later.note)] == [
        [True, False], [True, True], [False, True],
    ]  # fmt: skip
    assert {note.partition("\n")[0] for note in (log[-1], first.note, later.note)} == {"certify.example/ledger"}
    said = keychain.current().said
    assert (said.old, said.new, said.entry, said.size, said.why) == (old, new, 600, 600, "yearly change")
    entry = Entry.objects.get(kind="ledger:key-handed-over")
    assert (entry.leaf.index, entry.payload_json["data"]["statement"]) == (600, keychain.current().note)


def test_the_old_key_is_destroyed_and_the_new_one_is_for_its_owner_alone(log, key_file):
    before = json.loads(key_file.read_text())
    new = rotate()
    after = json.loads(key_file.read_text())
    assert (after["origin"], set(after), after["seed"] != before["seed"]) == (before["origin"], {"origin", "seed"}, True)
    assert (key_file.stat().st_mode & 0o777, keys.load().verifier) == (0o600, new)
    assert [path.name for path in key_file.parent.iterdir() if "key" in path.name] == ["key.json"]


def test_programs_of_others_read_the_checkpoint_with_either_key(log):
    old, new = keys.load().verifier, rotate()
    theirs = TheirCheckpoint.from_text(queries.latest_checkpoint().note)
    for key in (old, new):
        assert len(VkeySet(Vkey.from_string(key)).verify(theirs.signatures, theirs)) == 1


def test_three_keys_verify_for_whoever_knows_any_of_them(log):
    known = [keys.load().verifier]
    for _ in range(2):
        known.append(rotate())
        sign_more()
    kept = [checkpoint.note for checkpoint in Checkpoint.objects.all()]
    for verifier in known:
        assert verification.verify(verifier=verifier, kept=kept).problems == []
    stranger = notes.verifier_key("certify.example/ledger", bytes(32))
    assert "is not signed by" in verification.verify(verifier=stranger).problems[0]


def test_slices_follow_the_keys_too(log):
    rotate()
    sign_more(50)
    place, problems = verification.Place(), []
    while place:
        report, place = verification.verify_slice(verifier=keychain.verifier(), place=place, leaves=97)
        problems += report.problems
    assert problems == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE ledger_keyterm SET since = 500 WHERE since > 0", "does not follow the one before"),
        ("UPDATE ledger_keyterm SET note = replace(note, 'yearly', 'weekly') WHERE since > 0", "does not fit the text"),
        ("DELETE FROM ledger_keyterm WHERE since > 0", "the log's keys and its entries do not say the same"),
        (
            "UPDATE ledger_keyterm SET entry_uid = gen_random_uuid() WHERE since > 0",
            "the log's keys and its entries do not say",
        ),
        (
            "UPDATE ledger_checkpoint SET note = regexp_replace(note, '\n— [^\n]*\n—', '\n—') WHERE size = 601",
            "checkpoint of 601",
        ),
    ],
)
def test_what_is_changed_about_the_keys_is_found(log, statement, words):
    old = keys.load().verifier
    rotate()
    sign_more()
    with superuser() as cursor:
        cursor.execute(statement)
    assert words in " ".join(verification.verify(verifier=old).problems)


def test_a_checkpoint_that_the_old_key_signs_later_is_found(log, key_file):
    old = keys.load()
    rotate()
    sign_more()
    checkpoint = queries.latest_checkpoint()
    forged = old.sign(notes.TreeHead(old.origin, checkpoint.size, bytes(checkpoint.root)).text())
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_checkpoint SET note = %s WHERE size = %s", [forged, checkpoint.size])
    assert "is not signed by certify.example/ledger" in verify().problems[0]
    assert "was kept is not this log's" in " ".join(verify(forged).problems)


def test_an_entry_that_only_claims_a_new_key_is_found_and_moves_nothing(log):
    write(1, kind="ledger:key-handed-over")
    assert signed_by(sequencing.sequence(by=SYSTEM).note, keys.load().verifier)
    assert "do not say the same of it" in verify().problems[0]


def test_a_key_that_nobody_handed_over_to_never_signs(log, key_file):
    KeyTerm.objects.create(
        verifier=notes.verifier_key("certify.example/ledger", bytes(32)), since=600, note="forged", at=Entry.objects.first().at,
        entry_uid=Entry.objects.first().uid,
    )  # fmt: skip
    write(1)
    with pytest.raises(placing.BrokenLedgerError, match="does not hold"):
        sequencing.sequence(by=SYSTEM)


# --- whatever is killed when ---


class Killed(BaseException):
    """The process ends here."""


def kill_at(monkeypatch, owner, name: str, *, after: bool = False):
    real = getattr(owner, name)

    def die(*arguments, **options):
        if after:
            real(*arguments, **options)
        raise Killed

    monkeypatch.setattr(owner, name, die)


POINTS = [
    (keys, "prepare_next", False), (keys, "prepare_next", True), (placing, "stored_tree", True), (Statement, "open", False),
    (KeyTerm.objects, "create", False), (KeyTerm.objects, "create", True), (rotation, "hand_over", True),
    (sequencing, "_signers", True), (Checkpoint.objects, "create", True), (keys, "drop_all_but", False),
    (keys, "drop_all_but", True),
]  # fmt: skip


@committed
@pytest.mark.parametrize("point", range(len(POINTS)))
def test_killed_at_any_point_the_next_run_goes_on_with_one_log(point, monkeypatch):
    write(10)
    sequencing.sequence(by=SYSTEM)
    old = keys.load().verifier
    owner, name, after = POINTS[point]
    with monkeypatch.context() as patch:
        kill_at(patch, owner, name, after=after)
        with pytest.raises(Killed):
            rotate()
    write(5)
    tasks.sequence_entries()
    rotate("once more")
    tasks.sequence_entries()
    assert len(keys.held()) == 1
    assert verification.verify(verifier=old).problems == []
    assert KeyTerm.objects.count() in (2, 3)


@committed
def test_a_process_with_another_key_signs_nothing_before_and_nothing_after(settings, tmp_path, key_file):
    write(10)
    sequencing.sequence(by=SYSTEM)
    (tmp_path / "other.json").write_text(key_file.read_text())
    (tmp_path / "other.json").chmod(0o600)
    new = rotate()
    write(1)
    settings.CERTIFY_LEDGER_KEY_FILE = tmp_path / "other.json"
    with pytest.raises(placing.BrokenLedgerError, match="Restore the log's own key"):
        sequencing.sequence(by=SYSTEM)
    settings.CERTIFY_LEDGER_KEY_FILE = key_file
    assert signed_by(sequencing.sequence(by=SYSTEM).note, new)
    assert verify().problems == []


@committed
def test_with_the_old_key_alone_nothing_is_signed_behind_a_hand_over(key_file, monkeypatch):
    write(10)
    sequencing.sequence(by=SYSTEM)
    only_old = key_file.read_text()
    rotation.hand_over(why="test", by=SYSTEM)
    both = key_file.read_text()
    key_file.write_text(only_old)
    with pytest.raises(placing.BrokenLedgerError, match="Nothing is signed"):
        sequencing.sequence(by=SYSTEM)
    assert Checkpoint.objects.count() == 1
    key_file.write_text(both)
    tasks.sequence_entries()
    assert (Checkpoint.objects.count(), len(keys.held()), verify().problems) == (2, 1, [])


# --- who may, and where the key is in a variable ---


def test_refusals(log, key_file):
    with pytest.raises(NotAllowed):
        rotation.hand_over(why="x", by=person("control_owner"))
    for why in ("", "  \n ", "x" * 501, "a\x00b"):
        with pytest.raises(InvalidInput, match="Say why"):
            rotation.hand_over(why=why, by=SYSTEM)
    rotation.hand_over(why="x", by=SYSTEM)
    with pytest.raises(InvalidInput, match="not finished yet"):
        rotation.hand_over(why="x", by=SYSTEM)


def test_nothing_to_hand_over_in_an_empty_log(db):
    with pytest.raises(InvalidInput, match="Nothing has been signed yet"):
        rotation.hand_over(why="x", by=SYSTEM)


def test_a_log_that_does_not_hold_is_not_handed_over(log):
    write(1, kind="ledger:misfit-found")
    with pytest.raises(InvalidInput, match="does not fit"):
        rotate()


def test_keys_in_variables_change_by_hand(log, settings, key_file, capsys):
    settings.CERTIFY_LEDGER_KEY = key_file.read_text()
    with pytest.raises(CommandError, match="CERTIFY_LEDGER_KEY_NEXT"):
        call_command("rotate_ledger_key", why="test")
    call_command("rotate_ledger_key", print_new=True)
    settings.CERTIFY_LEDGER_KEY_NEXT = capsys.readouterr().out
    call_command("rotate_ledger_key", why="test")
    assert "Now put CERTIFY_LEDGER_KEY_NEXT into CERTIFY_LEDGER_KEY" in capsys.readouterr().out
    assert signed_by(sign_more().note, keys.held()[1].verifier)
    settings.CERTIFY_LEDGER_KEY, settings.CERTIFY_LEDGER_KEY_NEXT = settings.CERTIFY_LEDGER_KEY_NEXT, ""
    sign_more()
    assert verify().problems == []


def test_the_page_changes_the_key_for_administrators_who_say_so(log, client):
    address = "/ledger/guards/key/"
    client.force_login(person("control_owner"))
    assert client.post(address, {"why": "x", "sure": "yes"}).status_code == 403
    assert "Hand over to a new key" not in client.get("/ledger/guards/").content.decode()
    client.force_login(person("administrator"))
    assert client.post(address, {"why": "x"}).status_code == 422
    assert client.post(address, {"why": "", "sure": "yes"}).status_code == 422
    assert KeyTerm.objects.count() == 1
    answer = client.post(address, {"why": "Anna left", "sure": "yes"}, follow=True)
    assert [term["why"] for term in answer.context["terms"]] == ["Anna left", ""]
    assert keychain.current().verifier in answer.content.decode()


def test_the_chain_is_served_for_auditors(log, client, settings):
    old, new = keys.load().verifier, rotate()
    settings.CERTIFY_LEDGER_PUBLIC = True
    assert client.get("/ledger/keys").json() == [
        {"key": old, "since": 0, "statement": ""}, {"key": new, "since": 600, "statement": keychain.current().note},
    ]  # fmt: skip


# --- a lost key ---


def begin_anew(capsys, **options) -> str:
    arguments = {"origin": "certify.example/ledger-2", "why": "disk and backup burnt", "confirm": LOST} | options
    call_command("begin_ledger_anew", **arguments)
    return capsys.readouterr().out


def test_a_lost_key_means_a_log_of_another_name_from_the_same_root(log, key_file, capsys, client):
    old = keys.load().verifier
    key_file.unlink()
    write(1)
    assert "now signs as certify.example/ledger-2+" in begin_anew(capsys)
    checkpoint = queries.latest_checkpoint()
    assert (checkpoint.note.partition("\n")[0], checkpoint.size) == ("certify.example/ledger-2", 602)
    said = keychain.current().said
    assert (said.old, said.size, said.root, said.entry) == (old, 600, bytes(Checkpoint.objects.get(size=600).root), 601)
    proof = queries.consistency_proof(600, 602)
    assert placing.merkle.verify_consistency(600, 602, proof, said.root, bytes(checkpoint.root))
    assert [verification.verify(verifier=key, kept=log).problems for key in (old, keys.load().verifier)] == [[], []]
    assert client.get("/health/").json()["notice"].startswith("The ledger began anew")
    call_command("verify_ledger", key=old)
    assert "LOST: from entry 601 on the log goes under certify.example/ledger-2" in capsys.readouterr().out


def test_the_notice_stays_for_a_while_and_on_the_page_for_ever(log, key_file, capsys, client):
    key_file.unlink()
    begin_anew(capsys)
    client.force_login(person("control_owner"))
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_keyterm SET at = at - interval '91 days'")
    assert "notice" not in client.get("/health/").json()
    assert "disk and backup burnt" in client.get("/ledger/guards/").content.decode()


@pytest.mark.parametrize("confirm", ["", "yes", LOST.lower()])
def test_nobody_begins_anew_by_accident(log, key_file, capsys, confirm):
    with pytest.raises(CommandError, match="it is not lost"):
        begin_anew(capsys)
    key_file.unlink()
    with pytest.raises(CommandError, match="Look for a backup"):
        begin_anew(capsys, confirm=confirm)
    assert (KeyTerm.objects.count(), key_file.exists()) == (1, False)
    with pytest.raises(NotAllowed):
        rotation.begin_anew(why="x", by=person("administrator"))


def test_a_name_is_used_once_and_a_key_of_something_else_is_not_touched(log, key_file, capsys):
    key_file.unlink()
    with pytest.raises(CommandError, match="needs another name"):
        begin_anew(capsys, origin="certify.example/ledger")
    with pytest.raises(CommandError, match="Take it away first"):
        begin_anew(capsys)
    key_file.unlink()
    begin_anew(capsys)
    assert verify().problems == []


def test_killed_between_the_key_and_the_entry_it_goes_on(log, key_file, capsys, monkeypatch):
    key_file.unlink()
    with monkeypatch.context() as patch:
        kill_at(patch, rotation, "begin_anew")
        with pytest.raises(Killed):
            begin_anew(capsys)
    write(1)
    with transaction.atomic(), pytest.raises(placing.BrokenLedgerError):
        sequencing.sequence(by=SYSTEM)
    begin_anew(capsys)
    assert verify().problems == []


def test_a_log_of_the_time_before_keys_were_written_down(log, key_file, capsys):
    old = keys.load().verifier
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_keyterm")
    key_file.unlink()
    with pytest.raises(CommandError, match="Give the lost key's public half"):
        begin_anew(capsys)
    stranger = notes.verifier_key("certify.example/ledger", bytes(32))
    with pytest.raises(CommandError, match="is not signed by"):
        begin_anew(capsys, old_key=stranger)
    begin_anew(capsys, old_key=old)
    assert [term.verifier for term in keychain.terms()] == [old, keys.load().verifier]


def test_lost_after_a_hand_over_and_handed_over_after_a_loss(log, key_file, capsys):
    old = keys.load().verifier
    rotate()
    sign_more()
    key_file.unlink()
    begin_anew(capsys)
    sign_more()
    rotate()
    sign_more()
    assert [term.said.kind for term in keychain.terms() if term.note] == [
        succession.HANDED_OVER, succession.BEGUN_ANEW, succession.HANDED_OVER,
    ]  # fmt: skip
    assert verification.verify(verifier=old).problems == []


def test_the_lost_key_turns_up_and_signs_nothing(log, key_file, capsys):
    body = key_file.read_text()
    key_file.unlink()
    begin_anew(capsys)
    key_file.write_text(body)
    write(1)
    with pytest.raises(placing.BrokenLedgerError, match="Restore the log's own key"):
        sequencing.sequence(by=SYSTEM)
    with pytest.raises(ImproperlyConfigured, match="which signs now"):
        keychain.signing_key()


def test_keys_of_the_log_are_not_changed(log):
    for statement in ("UPDATE ledger_keyterm SET since = 1", "DELETE FROM ledger_keyterm"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


# --- the statement itself ---

OLD, NEW = (keys.LogKey("log.example/a", keys._private(base64.b64encode(bytes([seed] * 32)).decode())) for seed in (1, 2))
ANEW = keys.LogKey("log.example/b", NEW.private)


@given(st.text(max_size=60), st.integers(1, 2**62), st.binary(min_size=32, max_size=32), st.booleans(), st.integers(0, 400))
def test_a_statement_is_read_as_it_was_written_and_no_other(why, entry, root, is_lost, place):
    why = " ".join("".join(letter for letter in why if letter.isprintable()).split()) or "x"
    kind, signers = (succession.BEGUN_ANEW, [ANEW]) if is_lost else (succession.HANDED_OVER, [OLD, NEW])
    said = Statement(kind, OLD.verifier, signers[-1].verifier, entry, entry, root, why)
    note = keys.sign_together(signers, said.text())
    assert Statement.open(note) == said
    place %= len(said.text())
    spoiled = note[:place] + chr(ord(note[place]) ^ 1) + note[place + 1 :]
    with pytest.raises(notes.NoteError):
        Statement.open(spoiled)


@pytest.mark.parametrize(
    ("kind", "signers"),
    [
        (succession.HANDED_OVER, [OLD]), (succession.HANDED_OVER, [NEW]), (succession.BEGUN_ANEW, [NEW]),
        (succession.HANDED_OVER, [OLD, ANEW]), (succession.BEGUN_ANEW, [OLD]),
    ],
)  # fmt: skip
def test_a_statement_that_not_everybody_signed_is_none(kind, signers):
    new = signers[-1].verifier if len(signers) > 1 or kind == succession.BEGUN_ANEW else NEW.verifier
    new = ANEW.verifier if (kind, signers) == (succession.BEGUN_ANEW, [OLD]) else new
    said = Statement(kind, OLD.verifier, new, 7, 7, bytes(32), "x")
    with pytest.raises(notes.NoteError):
        Statement.open(keys.sign_together(signers, said.text()))
