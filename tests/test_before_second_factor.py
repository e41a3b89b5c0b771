"""Every address again, as an auditor whose password was right and whose second factor is outstanding: none opens."""

import pytest

from tests.test_permission_matrix import MATRIX, allowed, cache, cookies, send, world
from tests.world import ANONYMOUS, AUDITOR

pytestmark = pytest.mark.django_db
__all__ = ["cache", "cookies", "world"]
#: What opens to a session whose second factor is outstanding.
BEFORE = {"people:sign-in-code", "people:factor-set-up", "people:sign-out"}


@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_opens_before_the_second_factor(world, cookies, settings, method):
    settings.CERTIFY_TWO_FACTOR_ROLES = ["auditor"]
    names = [name for name in MATRIX if AUDITOR in allowed(name, method) and ANONYMOUS not in allowed(name, method)]
    assert len(names) > 5
    for name in names:
        answer = send(world, cookies, AUDITOR, name, method)
        is_asked = answer.status_code == 302 and answer.url.startswith("/sign-in/code/")
        assert is_asked != (name in BEFORE), name
