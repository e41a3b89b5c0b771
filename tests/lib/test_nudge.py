"""A broker that is there and silent: nobody who waits for a page waits for it."""

import socket
from time import monotonic

import pytest
from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError


@pytest.fixture
def silent():
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_a_silent_broker_is_given_up_within_seconds(silent):
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert options["socket_timeout"] <= 5
    quick, began = options | {"socket_timeout": 0.2}, monotonic()
    with Connection(silent, transport_options=quick) as connection, pytest.raises(OperationalError):
        connection.SimpleQueue("celery").put("x", retry=False)
    assert monotonic() - began < 5
