"""Removals that began at sign-off, in the pack: of a review that is open, and of those that came to something else."""

from datetime import timedelta

import pytest

from campaigns import tasks as review_tasks
from campaigns.actions import advancing, closing
from remediation import tasks
from tests.evidence import spoil
from tests.evidence.conftest import build_this_year, verify
from tests.evidence.test_guards import without
from tests.evidence.test_pack import table

pytestmark = pytest.mark.django_db


def begin(story, name: str):
    """A review in which David and Chloe are to lose access, and Bruno to have less; removals have begun."""
    campaign, ana = story.launch(name, removals_begin="sign_off"), story.user("ana@x.example")
    for account in ("david", "chloe"):
        story.decide(campaign, account, "revoke", ana)
    story.decide(campaign, "bruno", "reduce", ana, reduce_to="one customer")
    story.submit(campaign, ana)
    review_tasks.settle_submitted()
    tasks.sweep_signed_off()
    return campaign


@pytest.fixture
def pack(story, key_file, tmp_path):
    """One review is open, of a second David's answer was given anew when he had lost the access, a third is cancelled."""
    begin(story, "Open")
    other, cancelled = begin(story, "Other"), begin(story, "Cancelled")
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    ana = story.user("ana@x.example")
    for account in ("david", "bruno"):
        row = story.row(other, account)
        advancing.reopen(campaign_id=other.pk, assignment_ids=[row.pk], reason="Look at it once more", by=story.owner)
    tasks.sweep_signed_off()
    story.decide(other, "david", "approve", ana)
    story.decide(other, "bruno", "reduce", ana, reduce_to="two customers")
    story.submit(other, ana)
    closing.close(campaign_id=other.pk, by=story.owner)
    closing.cancel(campaign_id=cancelled.pk, reason="It asked the wrong people", by=story.owner)
    review_tasks.settle_submitted()
    tasks.sweep_signed_off()
    return build_this_year(story, tmp_path / "pack.zip", later=timedelta(hours=2))


def test_it_holds_and_shows_what_is_under_way_and_what_was_withdrawn(pack):
    found = verify(pack)
    assert found.status == 0, found.text
    states = {}
    for row in table(pack, "remediation/removals.csv"):
        states.setdefault(row["campaign"], {})[row["account_id"]] = row["state"]
    assert list(states.values()) == [
        {"bruno": "still_there", "chloe": "still_there", "david": "verified_gone"},
        {"bruno": "open", "chloe": "still_there", "david": "verified_gone"},
        {"david": "verified_gone", "chloe": "withdrawn", "bruno": "withdrawn"},
    ]
    kinds = [row["kind"] for row in table(pack, "administration/changes.csv")]
    assert [kinds.count(f"removal:{step}") for step in ("withdrawn", "resumed")] == [5, 1]
    figures = table(pack, "remediation/figures.csv")
    assert [(row["decided"], row["withdrawn"], row["to_do"]) for row in figures] == [
        ("3", "0", "0"), ("3", "0", "1"), ("3", "2", "0")]  # fmt: skip


def test_a_removal_that_nothing_settled_is_found(pack):
    assert "was opened at sign-off, but nothing had settled it" in verify(without(pack, b'"items:settled"')).text


def test_a_removal_that_does_not_say_where_it_comes_from_is_found(pack):
    forged = spoil.change(
        pack, "ledger/entries.jsonl", lambda body: body.replace(b'"origin":"sign-off"', b'"origin":"x"'), forge=True
    )
    assert "was opened before the campaign was closed" in verify(forged).text


def test_an_item_whose_answers_do_not_say_so_is_found(pack):
    job = next(row["item"] for row in table(pack, "reviews/items.csv") if row["account_id"] == "job")
    david = next(row["item"] for row in table(pack, "remediation/removals.csv") if row["account_id"] == "david")

    def change(body: bytes) -> bytes:
        lines = body.splitlines(keepends=True)
        for place, line in enumerate(lines):
            if b'"items:settled"' in line:
                before, _, rest = line.partition(b'"items":[')
                numbers, _, after = rest.partition(b"]")
                changed = [job.encode() if one == david.encode() else one for one in numbers.split(b",")]
                lines[place] = before + b'"items":[' + b",".join(changed) + b"]" + after
        return b"".join(lines)

    found = verify(spoil.change(pack, "ledger/entries.jsonl", change, forge=True)).text
    assert f"item {job} of" in found
    assert "is said to be settled, but the answers submitted until then do not say so" in found


def test_a_withdrawal_that_is_left_out_is_found(pack):
    assert "came to something else, and nothing withdrew it" in verify(without(pack, b'"removal:withdrawn"')).text


def test_a_row_for_an_item_that_nobody_took_away_is_found(pack):
    job = next(row["item"] for row in table(pack, "reviews/items.csv") if row["account_id"] == "job")

    def change(body: bytes) -> bytes:
        first, *lines = body.splitlines(keepends=True)
        cells = lines[0].split(b",")
        cells[1], cells[3], cells[6], cells[-1] = job.encode(), b"job", b"999", b"\n"
        lines.append(b",".join(cells))
        return b"".join([first, *sorted(lines, key=lambda line: [int(cell) for cell in line.split(b",")[:2]])])

    found = verify(spoil.change(pack, "remediation/removals.csv", change, forge=True)).text
    assert "nobody decided it and no entry of the log opened it" in found
