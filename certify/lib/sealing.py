"""Secrets that must be known again, such as that of a webhook: kept in the database encrypted under SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


def _box(purpose: str) -> Fernet:
    digest = hashlib.sha256(f"certify {purpose}\0{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def seal(secret: str, *, purpose: str) -> str:
    """A secret as it is kept; "" for none. What is sealed for one purpose opens for no other."""
    return _box(purpose).encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str, *, purpose: str) -> str:
    """The secret; "" for none, and when SECRET_KEY is another one now."""
    try:
        return _box(purpose).decrypt(sealed.encode()).decode() if sealed else ""
    except InvalidToken:
        return ""
