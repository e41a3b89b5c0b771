"""The second factor: codes that an app shows (RFC 6238, six digits, half a minute each), and recovery codes; pure.

The arithmetic of a code is pyotp's; which codes count, how often one may try, and what is kept is decided here.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp

STEP_SECONDS, DIGITS = 30, 6
#: A code of the half minute before and after counts as well: clocks differ, and people need time to type.
DRIFT = 1
#: So many failures in a row lock a person out for so many minutes; each further time for twice as long, a day at most.
FAILURES, LOCK_MINUTES, LONGEST = 5, 15, timedelta(days=1)
RECOVERY_CODES, GROUPS, GROUP = 10, 4, 4
#: Letters and digits that nobody mistakes for one another.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_secret() -> str:
    """160 random bits in base32, as apps take them."""
    return pyotp.random_base32()


def address(secret: str, username: str, host: str) -> str:
    """What an app reads from the square: the secret, whose it is and where it is used."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=f"Certify {host}")


def step_at(moment: datetime) -> int:
    """The number of the half minute, counted from 1970."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: str, step: int) -> str:
    """The code that an app shows in this half minute."""
    return pyotp.HOTP(secret, digits=DIGITS).at(step)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The half minute near now whose code this is, the latest first; None when it is none of them."""
    present = step_at(now)
    for step in range(present + DRIFT, present - DRIFT - 1, -1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None


def tidy(text: str) -> str:
    """A code as it was typed, without spaces and hyphens, in capitals."""
    return "".join(char for char in text.upper() if not char.isspace() and char not in "-–")


def is_app_code(text: str) -> bool:
    """Whether it looks like a code of an app; else it is taken for a recovery code."""
    return len(text) == DIGITS and text.isascii() and text.isdigit()


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 random bits each, as they are shown: `ABCD-EFGH-JKLM-NPQR`."""
    return ["-".join(_group() for _ in range(GROUPS)) for _ in range(RECOVERY_CODES)]


def _group() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(GROUP))


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code. It is random, so that no slow hash is needed."""
    return hashlib.sha256(tidy(code).encode()).hexdigest()


def locked_until(failures: int, failed_at: datetime | None) -> datetime | None:
    """Until when nothing is looked at after so many failures in a row, the last of them then; None: one may try.

    Every fifth failure locks: for 15 minutes, then 30, 60 and so on.
    """
    if not failures or failures % FAILURES or failed_at is None:
        return None
    doublings = min(failures // FAILURES - 1, 10)
    return failed_at + min(timedelta(minutes=LOCK_MINUTES * 2**doublings), LONGEST)
