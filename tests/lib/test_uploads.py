"""How much may be sent to a page, and that nothing of a request that is too large reaches the disk."""

import inspect
from tempfile import NamedTemporaryFile

import pytest
from django.core.files import uploadedfile
from django.test import RequestFactory

from certify.lib import uploads
from people.actions import users
from people.states import Role
from tests.people.conftest import make
from tests.test_permission_matrix import patterns

LARGE = uploads.USUAL + 1


def original(view):
    """The function below the decorators."""
    return inspect.unwrap(view)


def test_exactly_the_views_that_read_files_say_how_large_they_may_be():
    read, declared = set(), set()
    for name, view in patterns().items():
        if not hasattr(view, "cls") and "request.FILES" in inspect.getsource(original(view)):
            read.add(name)
        if hasattr(view, "upload_limit"):
            declared.add(name)
    # These read them in a function that they call.
    assert declared - read == {"campaigns:item-decide", "remediation:bulk-claim"}
    assert read <= declared


@pytest.mark.parametrize(("text", "length"), [("12", 12), ("", 0), ("-1", 0), ("1e9", 0), ("٣", 0), ("9" * 40, 0)])
def test_the_length_is_what_the_server_would_read(text, length):
    request = RequestFactory().post("/")
    request.META["CONTENT_LENGTH"] = text
    assert uploads.length_of(request) == length


@pytest.fixture
def written(monkeypatch):
    """The files that Django began to write."""
    found = []

    def noted(*arguments, **options):
        found.append(arguments)
        return NamedTemporaryFile(*arguments, **options)

    monkeypatch.setattr(uploadedfile.tempfile, "NamedTemporaryFile", noted)
    return found


def send(client, path: str, size: int = LARGE):
    """A form with a file of this size."""
    file = uploadedfile.SimpleUploadedFile("large.csv", b"x" * size)
    return client.post(path, {"file": file})


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/sign-in/", "/password/forgotten/", "/inventory/descriptions/upload/", "/people/new/"])
def test_a_stranger_fills_no_disk(client, written, path):
    answer = send(client, path)
    assert (answer.status_code, written) == (413, [])
    assert "at most 5 MiB in all" in answer.text


@pytest.mark.django_db
def test_who_may_load_files_may_send_them_and_others_may_not(client, written, settings):
    settings.CERTIFY_UPLOAD_LIMIT_MB = 2
    person = make("olga", roles=[Role.CONTROL_OWNER])
    client.force_login(person)
    assert send(client, "/inventory/descriptions/upload/").status_code == 422
    assert len(written) == 1
    assert send(client, "/inventory/descriptions/upload/", 16 * uploads.MEGABYTE).status_code == 413
    users.set_roles(user_id=person.pk, roles=[Role.AUDITOR], by=make("alma", roles=[Role.ADMINISTRATOR]))
    assert send(client, "/inventory/descriptions/upload/").status_code == 413
    assert len(written) == 1


@pytest.mark.django_db
def test_a_program_is_told_in_json(client):
    answer = client.post("/api/v1/removals/results/", b"x" * LARGE, content_type="application/json")
    assert (answer.status_code, answer.json()) == (413, {"detail": "At most 5,242,880 bytes at once."})


def test_a_request_of_the_usual_size_is_read_whole(settings):
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE == uploads.USUAL


@pytest.mark.django_db
def test_nobody_keeps_copies_of_pages(client):
    client.force_login(make("alma", roles=[Role.ADMINISTRATOR]))
    for path in ("/", "/people/", "/removals/export.csv", "/nowhere/"):
        assert "no-store" in client.get(path)["Cache-Control"], path
