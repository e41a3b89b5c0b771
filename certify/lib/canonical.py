"""Canonical JSON: one object, one byte string."""

import json

import rfc8785

#: Integers beyond these are not exact in a double, which is what RFC 8785 writes.
_LARGEST = 2**53 - 1
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


def dumps(value: object) -> bytes:
    """RFC 8785 (JSON Canonicalization Scheme) bytes. Raises `ValueError` for what JSON cannot hold exactly."""
    if _is_plain(value):
        return _encode(value).encode()
    body = rfc8785.dumps(value)
    # A float such as 2.0**53 is written like an integer that is too large to be written again.
    rfc8785.dumps(json.loads(body))
    return body


def _is_plain(value: object) -> bool:
    """Whether Python's own encoder, written in C, gives the same bytes: no floats, no keys whose order depends on UTF-16."""
    kind = type(value)
    if kind is dict:
        # Most values are texts: asking that first, in a plain loop, makes this three times as fast.
        for key, inner in value.items():
            if type(key) is not str or not key.isascii() or (type(inner) is not str and not _is_plain(inner)):
                return False
        return True
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return kind is str or kind is bool or value is None or (kind is int and -_LARGEST <= value <= _LARGEST)
