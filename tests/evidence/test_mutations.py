"""Whatever is changed in a pack, the verifier finds it and says where. No mutation here may pass, whoever makes the manifest fit."""

import random
import re

import pytest

from evidence.verifier import verify as verifier
from tests.evidence import spoil
from tests.evidence.conftest import verify

pytestmark = pytest.mark.django_db
FILES = sorted({*verifier.SIGNED, "manifest.json", "manifest.sig"})
TABLES = sorted(verifier.TABLES)
#: What nothing else in a pack says: our own words about a control, why a campaign is left out, the text of refused rows, who a leaver
#: was and with which account, who was known, which identity is a reviewer's where none of their decisions is about it.
WORDS = {
    ("controls/mapping.csv", "asks_for"), ("campaigns/left_out.csv", "why"),
    *(("population/rejected_rows.csv", column) for column in ("line", "field", "reason", "raw")),
    *(("lifecycle/leavers.csv", column) for column in ("identity_id", "identity_name", "identity_kind", "account_id")),
    ("reviews/independence.csv", "identity"), ("reviews/quality.csv", "privileged_opened"),
}  # fmt: skip


@pytest.fixture
def copy(honest) -> dict[str, bytes]:
    """The files of the honest pack in memory, to be spoiled."""
    return spoil.read(honest.path)


def found(pack) -> tuple[str, str]:
    """(everything that does not hold, the same without what the manifest alone tells)."""
    checks = verifier.Verifier(spoil.Held(pack) if isinstance(pack, dict) else verifier.Pack(str(pack))).run()
    lines = [(check.title, problem) for check in checks for problem in check.problems]
    return (
        "\n".join(f"{title}: {problem}" for title, problem in lines),
        "\n".join(problem for title, problem in lines if title not in {"Files", "Manifest"}),
    )


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found_and_its_file_named(name, copy):
    dice = random.Random(name)
    for _ in range(4):
        place = dice.randrange(len(spoil.read(copy)[name]))
        spoil.change(copy, name, lambda body, place=place: spoil.flip(body, place))
        everything, _ = found(copy)
        assert name in everything, f"byte {place}"
        spoil.change(copy, name, lambda body, place=place: spoil.flip(body, place))
    assert found(copy) == ("", "")


@pytest.mark.parametrize("table", ["reviews/assignments.csv", "reviews/decisions.csv", "reviews/items.csv"])
def test_the_hash_of_a_table_that_breaks_off_is_checked_as_well(table, copy):
    spoil.change(copy, table, lambda body: body[:-3] + b'"' + body[-2:])
    assert f"Files: {table} was changed after the pack was made" in found(copy)[0]


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("ledger/")])
def test_a_flipped_byte_of_the_log_is_found_without_the_manifest(name, copy):
    size = len(spoil.read(copy)[name])
    for place in random.Random(name).sample(range(size), min(size, 6)):
        spoil.change(copy, name, lambda body, place=place: spoil.flip(body, place), forge=True)
        assert name in found(copy)[1], f"byte {place}"
        spoil.change(copy, name, lambda body, place=place: spoil.flip(body, place), forge=True)


@pytest.mark.parametrize("table", TABLES)
def test_a_changed_cell_of_every_column_is_found_without_the_manifest(table, honest, copy):
    dice = random.Random(table)
    original = spoil.read(honest.path)[table]
    count = len(spoil.rows_of(original))
    assert count > 1, "the story gives this table no row to spoil"
    for column in verifier.TABLES[table]:
        number = dice.randrange(2, count + 1)
        spoil.change(copy, table, spoil.cell(number, column, lambda old: f"{old}1" if old else "7"), forge=True)
        everything, without_manifest = found(copy)
        assert "Manifest: " in everything
        if (table, column) not in WORDS:
            assert table in without_manifest, f"{column} of row {number}"
        spoil.change(copy, table, lambda _: original)


@pytest.mark.parametrize("column", ["counts", "signed_in"])
def test_of_each_decision_it_is_checked_whether_it_counts_and_what_was_signed_over_it(column, honest, copy):
    table, other = "reviews/decisions.csv", {"counts": "yes", "signed_in": "0b06a117-b4d1-40ba-8755-2bb7c039e673"}[column]
    original = spoil.read(honest.path)[table]
    _, *decisions = spoil.rows_of(original)
    kinds = {row[verifier.TABLES[table].index("counts")] for row in decisions}
    assert kinds == {"", "yes"}, "the story needs decisions that count and others"
    for number in range(2, len(decisions) + 2):
        spoil.change(copy, table, spoil.cell(number, column, lambda old: "" if old else other), forge=True)
        assert table in found(copy)[1], f"{column} of row {number}"
        spoil.change(copy, table, lambda _: original)


@pytest.mark.parametrize("table", TABLES)
def test_a_dropped_row_is_found_without_the_manifest(table, honest, copy):
    original = spoil.read(honest.path)[table]
    for place in range(len(spoil.rows_of(original)) - 1):
        spoil.change(copy, table, spoil.rows(lambda rows, place=place: rows[:place] + rows[place + 1 :]), forge=True)
        if table == "controls/mapping.csv" and not spoil.rows_of(original)[place + 1][2]:
            continue
        assert table in found(copy)[1], f"row {place + 2}"
        spoil.change(copy, table, lambda _: original)


@pytest.mark.parametrize("table", TABLES)
def test_an_added_row_is_found_without_the_manifest(table, honest, copy):
    original = spoil.read(honest.path)[table]
    count = len(spoil.rows_of(original)) - 1
    for place in {0, count // 2, count - 1}:
        spoil.change(copy, table, spoil.rows(lambda rows, place=place: [*rows[: place + 1], *rows[place:]]), forge=True)
        if table != "controls/mapping.csv":
            assert table in found(copy)[1], f"copy of row {place + 2}"
        spoil.change(copy, table, lambda _: original)


@pytest.mark.parametrize(
    "table", ["reviews/decisions.csv", "reviews/items.csv", "population/exclusions.csv", "remediation/removals.csv"]
)
def test_swapped_rows_are_found_without_the_manifest(table, copy):
    spoil.change(copy, table, spoil.rows(lambda rows: [rows[2], rows[1], rows[0], *rows[3:]]), forge=True)
    assert re.search(rf"{table}, row [234]", found(copy)[1])


def test_swapped_decisions_are_named_one_by_one(honest, copy, tmp_path):
    rows = spoil.rows_of(spoil.read(honest.path)["reviews/decisions.csv"])
    keep = next(place for place, row in enumerate(rows, 1) if row[2] == "approve")
    remove = next(place for place, row in enumerate(rows, 1) if row[2] == "revoke")
    spoil.change(copy, "reviews/decisions.csv", spoil.cell(keep, "decision", "revoke"))
    spoil.change(copy, "reviews/decisions.csv", spoil.cell(remove, "decision", "approve"), forge=True)
    text = verify(spoil.write(tmp_path / "swapped.zip", copy))
    assert text.status == 1
    for number, wrong, right in ((keep, "revoke", "approve"), (remove, "approve", "revoke")):
        assert f"reviews/decisions.csv, row {number}: decision is “{wrong}”, but the log recorded “{right}”" in text.text


def of_an_act(pack) -> list[int]:
    """The numbers of the rows whose decisions stand together in one entry."""
    rows = list(enumerate(spoil.rows_of(spoil.read(pack)["reviews/decisions.csv"]), 1))
    entries = [row[11] for _, row in rows]
    return [number for number, row in rows if entries.count(row[11]) > 1]


@pytest.mark.parametrize(
    ("column", "value"),
    [("rationale", "Because"), ("decision", "revoke"), ("shown", "0" * 64), ("rule", "group"), ("for", "people.user:1")],
)
def test_a_changed_decision_of_an_act_names_its_row_and_both_texts(column, value, honest, copy):
    number = of_an_act(copy)[1]
    spoil.change(copy, "reviews/decisions.csv", spoil.cell(number, column, value), forge=True)
    assert f"reviews/decisions.csv, row {number}: {column} is “{value[:60]}" in found(copy)[1]


@pytest.mark.parametrize("edit", [
    lambda rows, one, other: rows[:one] + rows[one + 1 :],
    lambda rows, one, other: [*rows[:other], rows[one], *rows[other:]],
    lambda rows, one, other: [*rows[:one], rows[other], *rows[one + 1 :]],
    lambda rows, one, other: [*rows[:one], rows[other], *rows[one + 1 : other], rows[one], *rows[other + 1 :]],
], ids=["dropped", "copied", "one for another", "swapped"])  # fmt: skip
def test_decisions_of_an_act_are_all_there_once_and_in_their_place(edit, copy):
    one, other = (number - 2 for number in of_an_act(copy)[:2])
    spoil.change(copy, "reviews/decisions.csv", spoil.rows(lambda rows: edit(rows, one, other)), forge=True)
    assert re.search(r"(reviews/decisions.csv, row \d+|has no row in reviews/decisions.csv)", found(copy)[1])


def test_a_decision_of_an_act_on_another_item_is_found(copy):
    number = of_an_act(copy)[0]
    spoil.change(copy, "reviews/decisions.csv", spoil.cell(number, "item", lambda item: str(int(item) + 1)), forge=True)
    assert f"reviews/decisions.csv, row {number}: " in found(copy)[1]


def test_a_changed_reason_names_the_row_and_both_texts(copy):
    spoil.change(copy, "reviews/decisions.csv", spoil.cell(2, "rationale", "No reason at all"), forge=True)
    wanted = "reviews/decisions.csv, row 2: rationale is “No reason at all”, but the log recorded “=Seen and checked"
    assert wanted in found(copy)[1]


def test_a_changed_item_is_named_by_what_its_reviewer_was_shown(honest, copy):
    rows = spoil.rows_of(spoil.read(honest.path)["reviews/items.csv"])
    number = next(place for place, row in enumerate(rows, 1) if row[4] == "bruno" and row[13] == "admin")
    spoil.change(copy, "reviews/items.csv", spoil.cell(number, "privileged", "no"), forge=True)
    text = found(copy)[1]
    assert "what was shown to the reviewer is not what reviews/items.csv says of item" in text
    assert "the items of campaign" in text


def test_silence_never_becomes_approval(honest, copy):
    rows = spoil.rows_of(spoil.read(honest.path)["reviews/items.csv"])
    number = next(place for place, row in enumerate(rows, 1) if row[28] == "not_reviewed")
    spoil.change(copy, "reviews/items.csv", spoil.cell(number, "outcome", "approved"), forge=True)
    assert (
        f"reviews/items.csv, row {number}: the outcome is “approved”, but what was submitted makes it “not_reviewed”"
        in found(copy)[1]
    )


def lines(edit):
    """An edit of the lines of a file."""
    return lambda body: b"".join(edit(body.splitlines(keepends=True)))


@pytest.mark.parametrize(
    "kind", ["user:created", "snapshot:loaded", "decision:made", "decisions:made", "review:submitted", "removal:opened"]
)
def test_a_dropped_entry_is_missed_by_its_row(kind, copy):
    wanted = f'"kind":"{kind}"'.encode()
    dropped = next(line for line in spoil.read(copy)["ledger/entries.jsonl"].splitlines(keepends=True) if wanted in line)
    spoil.change(copy, "ledger/entries.jsonl", lines(lambda all_of: [line for line in all_of if line != dropped]), forge=True)
    assert "not in the log of this pack" in found(copy)[1]


@pytest.mark.parametrize("edit", [
    lambda all_of: [*all_of[:30], all_of[31], all_of[30], *all_of[32:]],
    lambda all_of: [*all_of, all_of[-1]],
    lambda all_of: [*all_of, b'{"kind":"decision:made"}\n'],
    lambda all_of: [*all_of, b"[[[[[[]]]]]]\n"],
    lambda all_of: [*all_of[:30], b"[" * 60_000 + b"\n", *all_of[30:]],
], ids=["moved", "copied", "added", "not an entry", "deep"])  # fmt: skip
def test_entries_that_are_not_the_logs_are_named(edit, copy):
    spoil.change(copy, "ledger/entries.jsonl", lines(edit), forge=True)
    assert "ledger/entries.jsonl, line " in found(copy)[1]


@pytest.mark.parametrize(
    "edit", [lambda body: body[:-32], lambda body: body + body[-32:], lambda body: body[:-1]], ids=["fewer", "more", "torn"]
)
def test_leaves_that_are_dropped_or_added_are_found(edit, copy):
    spoil.change(copy, "ledger/leaves.bin", edit, forge=True)
    assert "ledger/leaves.bin does not hold exactly" in found(copy)[1]
