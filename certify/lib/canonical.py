"""Canonical JSON: one object, one byte string."""

import rfc8785


def dumps(value: object) -> bytes:
    """RFC 8785 (JSON Canonicalization Scheme) bytes. Raises `ValueError` for what JSON cannot hold exactly."""
    return rfc8785.dumps(value)
