"""Five hundred mutations that nobody thought of, forty that somebody did, and a ZIP that is only packed anew: none passes but the last."""

import csv
import io
import json
import random
import zipfile
from collections.abc import Callable

import pytest

from evidence.verifier import verify as verifier
from tests.evidence import spoil
from tests.evidence.test_mutations import found

pytestmark = pytest.mark.django_db
Files = dict[str, bytes]
RUNS, PER_RUN = 20, 25
#: Tables whose rows equal entries, or stand under a root of the log, in an order that is checked.
ORDERED = ("reviews/decisions.csv", "reviews/items.csv", "population/exclusions.csv", "reviews/advice.csv", "reviews/contexts.csv",
           "reviews/assignments.csv", "audit/populations.csv", "audit/sample_rows.csv")  # fmt: skip
#: Letters that look like others.
ALIKE = str.maketrans({"a": "а", "e": "е", "o": "о", "i": "і", "c": "с", "A": "А"})


@pytest.fixture
def files(honest) -> Files:
    """The files of the honest pack, in memory."""
    return spoil.read(honest.path)


def _bytes(dice: random.Random, files: Files) -> None:
    """One to eight bytes of any file are other, gone, or added."""
    name = dice.choice(sorted(files))
    body, place, length = files[name], dice.randrange(len(files[name])), dice.randint(1, 8)
    new = b"" if dice.random() < 0.3 else dice.randbytes(length)
    files[name] = body[:place] + new + body[place + (length if dice.random() < 0.7 else 0) :]


def _rows(dice: random.Random, files: Files) -> None:
    """A row is dropped, doubled, moved, or gets a cell of another row."""
    name = dice.choice(sorted(verifier.TABLES))
    rows = spoil.rows_of(files[name])
    place, other = dice.randrange(1, len(rows)), dice.randrange(1, len(rows))
    how = dice.randrange(4)
    if how == 0:
        del rows[place]
    elif how == 1:
        rows.insert(other, rows[place])
    elif how == 2:
        rows[place], rows[other] = rows[other], rows[place]
    else:
        column = dice.randrange(len(rows[0]))
        rows[place][column] = rows[other][column] or "0"
    files[name] = spoil.table(rows)


def _lines(dice: random.Random, files: Files) -> None:
    """A line of the log's files is dropped, doubled or moved."""
    name = dice.choice(["ledger/entries.jsonl", "ledger/checkpoints.txt"])
    lines = files[name].splitlines(keepends=True)
    place, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    how = dice.randrange(3)
    lines[place:place] = [[], [lines[other]], []][how]
    if how == 0:
        del lines[place]
    elif how == 2:
        lines[place], lines[other] = lines[other], lines[place]
    files[name] = b"".join(lines)


def _names(dice: random.Random, files: Files) -> None:
    """A file is missing, renamed, twice there under another name, or has the content of another."""
    name, other = dice.sample(sorted(files), 2)
    how = dice.randrange(5)
    if how == 0:
        del files[name]
    elif how == 1:
        files[name.upper()] = files.pop(name)
    elif how == 2:
        files[name.translate(ALIKE) + dice.choice(["", " ", ".bak"])] = files[name]
    elif how == 3:
        files[name], files[other] = files[other], files[name]
    else:
        files[f"reviews/{dice.randrange(10**9)}.csv"] = dice.randbytes(dice.randrange(200))


def _numbers(dice: random.Random, files: Files) -> None:
    """A number of the manifest is another one."""
    manifest = json.loads(files["manifest.json"])
    where = dice.choice([manifest["rows"], manifest["checkpoint"], dice.choice(list(manifest["files"].values()))])
    name = dice.choice([key for key, value in where.items() if isinstance(value, int)])
    where[name] += dice.choice([-1, 1, 1000])
    files["manifest.json"] = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


KINDS: list[Callable] = [_bytes, _rows, _lines, _names, _numbers]


@pytest.mark.parametrize("seed", range(RUNS))
def test_no_random_mutation_passes(seed, files):
    """Twenty-five of each seed, alone; those of tables also with a manifest that fits, as somebody without the key would make it."""
    dice = random.Random(f"mutation {seed}")
    tried = 0
    while tried < PER_RUN:
        spoiled, kind = dict(files), dice.choice(KINDS)
        kind(dice, spoiled)
        if spoiled == files:
            continue
        tried += 1
        assert found(spoiled)[0], f"seed {seed}, number {tried}, {kind.__name__}"
        if kind is _rows:
            assert found(spoil.forged(spoiled))[0], f"seed {seed}, number {tried}, {kind.__name__}, forged"


# ---- aimed: what a forger would do who has no key, and makes the manifest fit ----


def test_two_proofs_that_are_swapped_are_found(files):
    proofs = json.loads(files["ledger/proofs.json"])
    one, other = proofs["inclusion"][:2]
    one["path"], other["path"] = other["path"], one["path"]
    spoil.change(files, "ledger/proofs.json", lambda _: json.dumps(proofs).encode(), forge=True)
    assert "does not lead to the sealed root" in found(files)[1]


@pytest.mark.parametrize("edit", [
    lambda proofs: proofs["consistency"][0]["path"].reverse(), lambda proofs: proofs["consistency"].pop(),
    lambda proofs: proofs["consistency"][0].update(size=3), lambda proofs: proofs["inclusion"].pop(),
    lambda proofs: proofs["inclusion"].append(proofs["inclusion"][0]), lambda proofs: proofs["earlier"].pop(),
    lambda proofs: proofs["earlier"].reverse(), lambda proofs: proofs.update(first_leaf=0),
    lambda proofs: proofs["inclusion"][0].update(index=1 + proofs["inclusion"][0]["index"]),
], ids=range(9))  # fmt: skip
def test_proofs_that_are_changed_are_found(edit, files):
    proofs = json.loads(files["ledger/proofs.json"])
    edit(proofs)
    spoil.change(files, "ledger/proofs.json", lambda _: json.dumps(proofs).encode(), forge=True)
    assert "ledger/" in found(files)[1]


def test_an_older_checkpoint_in_place_of_the_seal_is_found(honest, files):
    """The tail of the log is cut off, and everything is made to end at a checkpoint that was truly signed."""
    spoil.change(files, "ledger/checkpoints.txt", lambda _: honest.old_note.encode(), forge=True)
    assert "ledger/checkpoints.txt" in found(files)[1] or "ledger/leaves.bin" in found(files)[1]


@pytest.mark.parametrize("leaves", [1, 5, 50])
def test_a_log_whose_tail_is_cut_is_found(leaves, files):
    spoil.change(files, "ledger/leaves.bin", lambda body: body[: -32 * leaves])
    spoil.change(files, "ledger/entries.jsonl", lambda body: b"".join(body.splitlines(keepends=True)[:-leaves]), forge=True)
    assert "ledger/leaves.bin" in found(files)[1]


def test_two_leaves_that_are_swapped_are_found(files):
    spoil.change(files, "ledger/leaves.bin", lambda body: body[32:64] + body[:32] + body[64:], forge=True)
    assert "ledger/leaves.bin: the leaves do not have the root that was signed" in found(files)[1]


def test_the_key_of_another_log_is_found(files):
    forger = spoil.Forger("other.example/log")
    files["ledger/keys.json"] = json.dumps([{"key": forger.verifier, "since": 0, "statement": ""}]).encode()
    assert "signed" in found(forger.manifest(files))[1]


@pytest.mark.parametrize(
    "name", ["reviews/decisiоns.csv", "reviews/ｄecisions.csv", "Reviews/decisions.csv", "ledger/entries.jsonl\u200b"]
)
def test_a_file_under_a_name_that_looks_alike_is_found(name, files):
    files[name] = files["reviews/decisions.csv"]
    assert "reviews/" in found(files)[0] or "ledger/" in found(files)[0]
    everything, without = found(spoil.forged(files))
    assert "Manifest: " in everything, without


@pytest.mark.parametrize(("table", "column"), [
    ("reviews/decisions.csv", "reviewer_name"), ("reviews/items.csv", "identity_name"), ("reviews/items.csv", "account_id"),
    ("reviews/submissions.csv", "reviewer_name"), ("reviews/reviewers.csv", "reviewer_name"), ("campaigns/campaigns.csv", "name"),
    ("reviews/independence.csv", "reviewer_name"), ("reviews/quality.csv", "reviewer_name"), ("administration/roles.csv", "name"),
    ("remediation/removals.csv", "account_id"), ("controls/duties.csv", "holder_name"), ("lifecycle/leavers.csv", "source"),
])  # fmt: skip
def test_a_letter_that_looks_alike_is_found_in_names(table, column, files):
    rows = spoil.rows_of(files[table])
    place = rows[0].index(column)
    number = next(number for number, row in enumerate(rows[1:], 2) if row[place].translate(ALIKE) != row[place])
    spoil.change(files, table, spoil.cell(number, column, lambda old: old.translate(ALIKE)), forge=True)
    assert table in found(files)[1]


@pytest.mark.parametrize("table", ORDERED)
def test_rows_in_another_order_are_found(table, files):
    spoil.change(files, table, spoil.rows(lambda rows: [rows[1], rows[0], *rows[2:]]), forge=True)
    assert table in found(files)[1]


@pytest.mark.parametrize("table", sorted(verifier.TABLES))
def test_a_table_that_breaks_off_is_found(table, files):
    """In the middle of a row, where not even the number of its cells is right."""
    spoil.change(files, table, lambda body: body.rstrip(b"\r\n").rpartition(b",")[0], forge=True)
    assert table in found(files)[1]


# ---- the ZIP itself ----


def test_a_pack_that_is_only_packed_anew_holds(files, tmp_path):
    for place, compression in enumerate((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(tmp_path / f"{place}.zip", "w", compression) as archive:
            for name in sorted(files, reverse=bool(place)):
                archive.writestr(name, files[name])
        assert found(tmp_path / f"{place}.zip") == ("", "")


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_zip_is_found_or_unpacks_to_the_same_files(seed, honest, tmp_path):
    """Ten places each: a byte of the container may be one that says nothing, such as a date."""
    dice, body, pack = random.Random(f"zip {seed}"), honest.path.read_bytes(), tmp_path / "damaged.zip"
    for _ in range(10):
        place = dice.randrange(len(body))
        pack.write_bytes(spoil.flip(body, place) if dice.random() < 0.8 else body[:place])
        try:
            everything = found(pack)[0]
        except verifier.CannotRun:
            continue
        assert everything or spoil.read(pack) == spoil.read(honest.path), f"byte {place}"


def test_every_table_has_a_row_to_spoil(files):
    empty = [name for name in verifier.TABLES if len(list(csv.reader(io.StringIO(files[name].decode(), newline="")))) < 2]
    assert empty == []
