"""Canonical JSON against the reference package, byte for byte."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from certify.lib import canonical

exact_floats = st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not 2**53 <= abs(value) < 1e21)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text() | exact_floats
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(values)
def test_bytes_are_those_of_the_reference(value):
    assert canonical.dumps(value) == rfc8785.dumps(value)


@given(values)
def test_what_was_read_back_has_the_same_bytes(value):
    assert canonical.dumps(json.loads(canonical.dumps(value))) == canonical.dumps(value)


def test_keys_are_ordered_by_utf16():
    assert canonical.dumps({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), 2.0**53, float("nan"), float("inf"), "\ud800", {"a": {"b": object()}}, {1: 2}, {"\ud800": 1}]
)
def test_what_json_cannot_hold_exactly_is_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        canonical.dumps(value)
