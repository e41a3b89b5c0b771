"""The ledger's pages: who may open them, what they show, what they cost."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from ledger import keys, notes, tiles
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.models import User
from tests.ledger.conftest import superuser, write

AT = datetime(2026, 1, 2, tzinfo=UTC)
ROLES = ["administrator", "control_owner", "reviewer", "system_owner", "auditor"]
READERS = {"administrator", "control_owner"}


def person(role: str) -> User:
    return User.objects.create(username=role, name=role.title(), roles=[role], created_at=AT)


@pytest.fixture
def reader(db, client):
    client.force_login(person("administrator"))
    return client


def addresses() -> dict[str, str]:
    entry = Entry.objects.order_by("id").first()
    return {
        "entry-list": reverse("ledger:entry-list"),
        "entry-detail": reverse("ledger:entry-detail", args=[entry.uid]),
        "checkpoint": reverse("ledger:checkpoint"),
    }


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", ["entry-list", "entry-detail", "checkpoint"])
def test_access_matrix(log, client, role, name):
    client.force_login(person(role))
    allowed = role in READERS or (role == "auditor" and name == "checkpoint")
    assert client.get(addresses()[name]).status_code == (200 if allowed else 403)


@pytest.mark.parametrize("name", ["entry-list", "entry-detail", "checkpoint"])
def test_strangers_are_sent_to_sign_in_and_nobody_writes(log, client, name):
    address = addresses()[name]
    assert client.get(address).url.startswith(reverse("people:sign-in"))
    client.force_login(person("administrator"))
    assert client.post(address).status_code == 405


def test_list_shows_the_newest_first_and_pages_by_key(log, reader, settings):
    settings.CERTIFY_PAGE_ROWS = 250
    seen, address = [], reverse("ledger:entry-list")
    while address:
        answer = reader.get(address)
        seen += [entry.id for entry in answer.context["page"].entries]
        older = answer.context["page"].older
        address = f"{reverse('ledger:entry-list')}?below={older}" if older else None
    assert seen == list(Entry.objects.order_by("-id").values_list("id", flat=True))


def test_list_filters_by_kind_and_subject(log, reader):
    write(2, kind="other:done")
    answer = reader.get(reverse("ledger:entry-list"), {"kind": "other:done", "subject": "things.thing:1"})
    assert [entry.subject for entry in answer.context["page"].entries] == ["things.thing:1"]
    assert [kind for kind in answer.context["kinds"] if kind.endswith(":done")] == ["other:done", "thing:done"]


@pytest.mark.parametrize("below", ["x", "-1", "1" * 30, "²"])
def test_list_of_a_page_that_cannot_be_is_not_found(reader, below):
    assert reader.get(reverse("ledger:entry-list"), {"below": below}).status_code == 404


def test_list_says_how_the_log_stands(log, reader):
    write(3)
    text = reader.get(reverse("ledger:entry-list")).content.decode()
    assert "600" in text
    assert "waiting" in text


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_number_of_queries(reader, django_assert_num_queries, count):
    write(count)
    sequencing.sequence(by=SYSTEM)
    with django_assert_num_queries(7):
        reader.get(reverse("ledger:entry-list"))


def test_empty_list(reader):
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_entry")
    answer = reader.get(reverse("ledger:entry-list"))
    assert "There are no entries." in answer.content.decode()
    assert reader.get(reverse("ledger:checkpoint")).status_code == 404


def test_detail_shows_the_payload_and_a_proof_that_holds(log, reader):
    entry = Entry.objects.get(leaf__index=300)
    answer = reader.get(reverse("ledger:entry-detail", args=[entry.uid]))
    assert json.loads(answer.context["payload"]) == entry.payload_json
    assert "Verified: this entry is at place 300 of the log" in answer.content.decode()
    assert [step in answer.content.decode() for step in answer.context["path"]] == [True] * len(answer.context["path"])


def test_detail_of_an_entry_that_waits(log, reader):
    entry = write(1)[0]
    assert "waits for its place" in reader.get(reverse("ledger:entry-detail", args=[entry.uid])).content.decode()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger_entry SET payload = '{}' WHERE id = %s", "DELETE FROM ledger_leaf WHERE index = 301 AND %s > 0"],
)
def test_detail_of_an_entry_that_was_tampered_with_says_so(log, reader, statement):
    entry = Entry.objects.get(leaf__index=300)
    with superuser() as cursor:
        cursor.execute(statement, [entry.pk])
    text = reader.get(reverse("ledger:entry-detail", args=[entry.uid])).content.decode()
    assert "is not what was signed at place 300" in text


def test_detail_of_an_unknown_entry_is_not_found(reader):
    assert reader.get(reverse("ledger:entry-detail", args=["00000000-0000-4000-8000-000000000000"])).status_code == 404


def test_checkpoint_is_the_newest_note_and_verifies(log, reader):
    answer = reader.get(reverse("ledger:checkpoint"))
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert notes.open_checkpoint(answer.content.decode(), keys.load().verifier).size == 600


def test_tiles_are_served_as_the_specification_says(log, reader, settings):
    expected = {
        "0/001": 256 * 32, "0/002.p/88": 88 * 32, "1/000.p/2": 64, "0/002.p/3": 96,
    }  # fmt: skip
    for path, size in expected.items():
        answer = reader.get(f"/ledger/tile/{path}")
        assert (answer["Content-Type"], len(answer.content)) == ("application/octet-stream", size)
        assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    settings.CERTIFY_LEDGER_PUBLIC = True
    assert reader.get("/ledger/tile/0/001")["Cache-Control"] == "public, max-age=31536000, immutable"


def test_bundles_hold_the_entries_and_are_compressed_when_asked(log, reader):
    plain = reader.get("/ledger/tile/entries/001")
    payloads = Entry.objects.filter(leaf__index__gte=256, leaf__index__lt=512).order_by("leaf__index")
    assert list(tiles.entries_of(plain.content)) == [entry.payload.encode() for entry in payloads]
    packed = reader.get("/ledger/tile/entries/001", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path", ["0/002", "0/003", "0/002.p/89", "1/000", "2/000", "entries/002", "0/x", "64/000", "0/../checkpoint"]
)
def test_no_tile_beyond_the_checkpoint_or_of_another_name_is_served(log, reader, path):
    write(10)
    assert reader.get(f"/ledger/tile/{path}").status_code == 404


def test_hashes_are_public_where_that_is_set_and_entries_never_are(log, client, settings):
    settings.CERTIFY_LEDGER_PUBLIC = True
    assert [client.get(f"/ledger/{path}").status_code for path in ("checkpoint", "tile/0/001", "tile/entries/001", "")] == [
        200, 200, 302, 302,
    ]  # fmt: skip
    settings.CERTIFY_LEDGER_PUBLIC = False
    assert [client.get(f"/ledger/{path}").status_code for path in ("checkpoint", "tile/0/001")] == [302, 302]


def test_a_tile_with_a_hole_is_not_served(log, reader):
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_leaf WHERE index = 300")
    assert reader.get("/ledger/tile/0/001").status_code == 404
