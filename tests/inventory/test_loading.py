"""Loading: rows balance, refusals name line and field, grants are temporal, nothing is half-written."""

import gzip
import random
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certify.lib.errors import InvalidInput, NotAllowed
from inventory.actions import snapshots
from inventory.models import Account, Grant, Identity, RejectedRow, Snapshot
from inventory.readers import csvfile, rows
from inventory.readers.fields import guess
from inventory.readers.rows import FileToRead
from inventory.staging import merge
from ledger.models import Entry
from remediation.queries import speaking

cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
LIMIT = 2**24


@given(
    table=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from(",;\t"),
    newline=st.sampled_from(["\n", "\r\n"]),
    packed=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_cell_comes_back_whatever_the_file_looks_like(tmp_path, table, encoding, delimiter, newline, packed):
    quoted = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table]
    text = newline.join([delimiter.join(("first", "second", "third")), *quoted]) + newline
    data = text.encode(encoding)
    path = tmp_path / "file.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    with csvfile.open_text(path, limit=LIMIT) as stream:
        found = list(csvfile.records(stream))
    assert [record.fields for record in found[1:]] == table
    for record in found[1:]:
        assert record.raw.strip("\r\n") == quoted[found.index(record) - 1].strip("\r\n")


def test_line_numbers_are_those_on_which_rows_begin(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text('a,b\n1,"two\nlines"\n\n3,4\n')
    with csvfile.open_text(path, limit=LIMIT) as stream:
        assert [(record.line, record.fields[0]) for record in csvfile.records(stream)] == [(1, "a"), (2, "1"), (5, "3")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty"),
        (b"a,b\n\xff\xfe\xfa", "byte 0xff is not valid UTF-8"),
        (gzip.compress(b"a,b\n" * 9, mtime=0)[:-9], "damaged or cut off"),
        (gzip.compress(b"a,b\n" + b"x,y\n" * 750_000, mtime=0), "larger than"),
        (b'a,b\n"open', "Line 2: this is not valid CSV"),
        (b"a," * 400_000, "The first line names 400,001 columns; at most 1,000 are read"),
        (b"a" * 140_000, "Line 1: this is not valid CSV"),
        (b"a,b\n" + b"x," * 490_000, "Line 2: .*a record of more than"),
        (b"a,b\n" + b'"x\n",' * 190_000, "Line 2: .*a record of more than"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, monkeypatch, data, message):
    monkeypatch.setattr(csvfile, "RECORD_LIMIT", 900_000)
    path = tmp_path / "file.csv"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=message), csvfile.open_text(path, limit=1_000_000) as stream:
        list(csvfile.records(stream))


@pytest.mark.parametrize(
    "columns", [["Employee Number", "Full name"], ["EMPLOYEE_ID", "Display Name"], ["identity-id", "NAME"]]
)
def test_columns_are_guessed_from_what_others_call_them(columns):
    assert guess("identities", columns) == {"identity_id": columns[0], "name": columns[1]}


def test_a_mapping_must_fit_the_file():
    for mapping, message in (
        ({}, "needs a column for account_id"),
        ({"account_id": "user", "entitlement_id": "missing"}, "has no column “missing”"),
        ({"account_id": "user", "entitlement_id": "user"}, "more than one field"),
        ({"account_id": "user", "entitlement_id": "role", "colour": "x"}, "no field “colour”"),
    ):
        with pytest.raises(InvalidInput, match=message):
            rows.check_mapping("grants", ["user", "role", "x"], mapping)


HEADER = "source,account_id,identity_id,entitlement_id,last_used_at,path\n"


@pytest.mark.django_db
def test_rejected_rows_keep_line_field_reason_and_text(story):
    lines = [
        "crm,a1,p1,read,2026-01-05,",
        "crm,a1,p1,read,2026-02-05,",  # the same right twice
        "erp,a2,p1,read,,",  # another source
        "crm,,p1,read,,",  # no account
        "crm,a3,p1,read,yesterday,",
        "crm,a4,p1",  # too short
        "crm,a1,p2,admin,,",  # another identity for the same account
    ]
    snapshot = story.load(grants=HEADER + "\n".join(lines) + "\n")
    found = [(row.line, row.field, row.reason, row.raw) for row in RejectedRow.objects.order_by("line")]
    assert found == [
        (3, "", "has the same account_id and entitlement_id and path as line 2", lines[1]),
        (4, "source", "says “erp”, but this load is for the source “crm”", lines[2]),
        (5, "account_id", "is empty, but every row needs it", lines[3]),
        (6, "last_used_at", "“yesterday” is not a time; write 2026-03-31 or 2026-03-31T14:05:00Z", lines[4]),
        (7, "", "has 3 columns, the header has 6", lines[5]),
        (8, "", "gives the account another identity than line 2, which says “p1”", lines[6]),
    ]
    file = snapshot.files.get(kind="grants")
    assert (file.rows_read, file.rows_loaded, file.rows_rejected, file.rows_unread) == (7, 1, 6, 5)
    assert snapshot.rows_read == snapshot.rows_loaded + snapshot.rows_rejected


@pytest.mark.django_db
@pytest.mark.parametrize("line", ["crm,a4,p1\0", "crm,a\0,p1,read,,", "crm,a1,p1,read,,\0", "crm,a1,p1,read,,,\0"])
def test_nul_anywhere_in_a_row_refuses_the_row_and_not_the_file(story, line):
    snapshot = story.load(grants=f"{HEADER}crm,a1,p1,read,,\ncrm,a2,p1,read,,\n{line}\n")
    row = RejectedRow.objects.get()
    assert (row.line, row.raw, snapshot.files.get(kind="grants").rows_loaded) == (4, line.replace("\0", "\u2400"), 2)


@pytest.mark.django_db
def test_a_row_that_cannot_be_read_ends_no_grant_and_proves_nothing(story):
    before = Grant.objects.current().count()
    broken = story.texts["grants"].replace("crm,chloe,Chloe Dahl,p3,read,2026-01-05,", "crm,chloe,Chloe Dahl,p3,read,soon,")
    snapshot = story.load(grants=broken)
    assert (snapshot.rows_rejected, snapshot.grants_ended, snapshot.grants_open) == (1, 0, before)
    assert snapshot not in speaking()
    twice = broken.replace("soon", "2026-01-05") + "crm,ana,Ana Berg,p1,read,2026-01-05,2026-11-01,\n"
    snapshot = story.load(grants="\n".join(line for line in twice.splitlines() if "david" not in line) + "\n")
    assert (snapshot.rows_rejected, snapshot.grants_ended) == (1, 1)
    assert snapshot in speaking()


def standing(snapshot: Snapshot) -> set[tuple]:
    """What the database says the population of a snapshot was."""
    found = Grant.objects.as_of(snapshot).values_list(
        "account__key", "entitlement__key", "path", "granted_by", "first_seen__number"
    )
    return set(found)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(8))
def test_any_past_day_is_reproduced_exactly(story, seed):
    """Random FULL, PARTIAL and UNKNOWN loads against a plain model: key → (granted_by, first seen)."""
    rng = random.Random(seed)
    model: dict[tuple, tuple] = {}
    story.load_without(*[(line.split(",")[1], line.split(",")[4]) for line in story.texts["grants"].splitlines()[1:]])
    history = []
    for _ in range(6):
        keys = rng.sample(
            [(f"a{n}", right, path) for n in range(4) for right in ("read", "admin") for path in ("", "team")],
            rng.randint(0, 9),
        )
        shown = {key: rng.choice(["x", "y"]) for key in keys}
        lines = [f"crm,{account},{right},{path},{by}" for (account, right, path), by in shown.items()]
        kind = rng.choice(["full", "partial", "unknown"])
        snapshot = story.load(kind, grants="source,account_id,entitlement_id,path,granted_by\n" + "\n".join(lines) + "\n")
        if kind == "full":
            model = {key: value for key, value in model.items() if key in shown}
        model |= {key: (by, model.get(key, (None, snapshot.number))[1]) for key, by in shown.items()}
        history.append((snapshot, {(*key, *value) for key, value in model.items()}))
        assert snapshot.grants_open == len(model)
        assert kind == "full" or snapshot.grants_ended == 0
    for snapshot, expected in history:
        assert standing(snapshot) == expected


@pytest.mark.django_db
def test_loading_the_same_again_changes_nothing_but_makes_a_snapshot(story):
    before = list(Grant.objects.order_by("id").values())
    again = story.load()
    assert (again.number, again.grants_started, again.grants_changed, again.grants_ended) == (2, 0, 0, 0)
    assert list(Grant.objects.order_by("id").values()) == before


@pytest.mark.django_db
def test_a_load_that_breaks_off_leaves_the_former_state(story, monkeypatch):
    counts = [model.objects.count() for model in (Grant, Account, Identity, Snapshot, RejectedRow, Entry)]

    def broken(source: int) -> int:
        raise RuntimeError("the connection is lost")

    monkeypatch.setattr(merge, "open_count", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        story.load_without(("bruno", "admin"))
    assert [model.objects.count() for model in (Grant, Account, Identity, Snapshot, RejectedRow, Entry)] == counts


@pytest.mark.django_db
def test_a_full_load_that_ends_most_grants_must_be_accepted(story, tmp_path):
    path = tmp_path / "few.csv"
    path.write_text(HEADER + "crm,ana,p1,read,,\n")
    files, origin = [FileToRead("grants", path, path.name)], snapshots.Origin("Cut off by the test", "full")
    with pytest.raises(snapshots.LargeDrop, match="end 6 of 7 open grants"):
        snapshots.load(source_id=story.source.pk, files=files, origin=origin, by=story.admin)
    report = snapshots.check(source_id=story.source.pk, files=files, origin=origin, by=story.admin)
    assert (report.grants["ended"], report.open_before, Snapshot.objects.count()) == (6, 7, 1)
    loaded = snapshots.load(source_id=story.source.pk, files=files, origin=origin, by=story.admin, accept_large_drop=True)
    assert loaded.grants_ended == 6


@pytest.mark.django_db
def test_only_those_who_may_load_load(story, tmp_path):
    for person in (story.auditor, story.system_owner, story.fallback):
        with pytest.raises(NotAllowed):
            snapshots.load(source_id=story.source.pk, files=[], origin=snapshots.Origin("By a stranger", "full"), by=person)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory_snapshot SET rows_loaded = rows_loaded + 1",
        "UPDATE inventory_snapshotfile SET sha256 = 'x'",
        "DELETE FROM inventory_snapshot",
        "DELETE FROM inventory_grant",
        "DELETE FROM inventory_identity",
    ],
)
def test_what_was_loaded_cannot_be_altered(story, statement):
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_the_hash_is_that_of_the_file_as_uploaded(story):
    entry = Entry.objects.filter(kind="snapshot:loaded").get()
    file = story.source.snapshots.get().files.get(kind="grants")
    recorded = next(one for one in entry.payload_json["data"]["files"] if one["kind"] == "grants")
    assert recorded["sha256"] == file.sha256
    assert file.size == Path(story.folder / "grants.csv").stat().st_size


@pytest.mark.django_db
def test_the_documented_samples_load_as_documented(capsys):
    folder = Path(__file__).parents[2] / "docs/samples"
    files = [f"--{kind}={folder / kind}.csv" for kind in ("identities", "entitlements", "grants")]
    note = "--note=All users, exported by the administrator"
    call_command("load_source", "books", "--create=Bookkeeping", "--completeness=full", note, *files)
    printed = capsys.readouterr().out.strip()
    assert printed in (folder.parent / "loading.md").read_text()
    assert printed.startswith("Bookkeeping #1: Full")
