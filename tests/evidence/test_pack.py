"""A pack holds what was recorded, verifies offline, and is the same bytes whenever it is built."""

import pytest

from tests.evidence.conftest import build, seal, verify

pytestmark = pytest.mark.django_db


def test_an_honest_pack_holds(honest):
    found = verify(honest.path)
    assert found.status == 0, found.text
    print(found.text)
