"""Links that open something are in no log."""

import logging
from types import SimpleNamespace

import pytest
from django.urls import reverse
from gunicorn.config import Config

from certify.access_log import AccessLogger
from certify.lib.secret_paths import HideLinks, hidden
from remediation import invitations

TOKEN = "d3zq-0123456789abcdef0123456789abcdef"
PATH = reverse("people:password-set", args=["MQ", TOKEN])


def test_every_link_is_hidden():
    link = invitations.sign(1, 2)
    assert hidden(f'"GET {PATH} HTTP/1.1"') == '"GET /password/set/MQ/•••/ HTTP/1.1"'
    assert hidden(reverse("remediation:object", args=[link])) == "/removals/object/•••/"
    assert hidden("/removals/7/?after=1") == "/removals/7/?after=1"


@pytest.mark.django_db
def test_a_refused_link_is_not_logged(client, caplog):
    caplog.handler.addFilter(HideLinks())
    link = invitations.sign(1, 2)
    assert client.get(reverse("remediation:object", args=[link])).status_code == 404
    assert "/removals/object/•••/" in caplog.text
    assert link not in caplog.text


def test_the_console_hides_links():
    handlers = [handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler]
    assert handlers
    assert all(any(isinstance(one, HideLinks) for one in handler.filters) for handler in handlers)


def test_the_web_server_logs_no_link():
    request = SimpleNamespace(headers=[])
    environ = {"REQUEST_METHOD": "GET", "RAW_URI": PATH, "SERVER_PROTOCOL": "HTTP/1.1", "PATH_INFO": PATH,
               "HTTP_REFERER": f"https://x.example{PATH}"}  # fmt: skip
    response = SimpleNamespace(status="200 OK", sent=1, headers=[])
    took = SimpleNamespace(seconds=0, microseconds=1)
    line = AccessLogger(Config()).atoms(response, request, environ, took)
    assert (line["r"], line["U"]) == ("GET /password/set/MQ/•••/ HTTP/1.1", "/password/set/MQ/•••/")
    assert TOKEN not in str([line[name] for name in ("r", "U", "f")])
