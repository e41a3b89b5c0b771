"""Uploaded files: stored once under a random name, hashed while they are written."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput


@dataclass(frozen=True)
class StoredFile:
    """Where a file lies below the data directory, and what it is. `size` is in bytes, `sha256` is hex."""

    stored_as: str
    sha256: str
    size: int


def store(chunks: Iterable[bytes], *, directory: str, limit: int) -> StoredFile:
    """Write the chunks to a new file in `directory` below the data directory.

    Raises `InvalidInput` and leaves no file behind when more than `limit` bytes arrive.
    """
    relative = f"{directory}/{secrets.token_hex(16)}"
    path = located(relative)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as target:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise InvalidInput(
                        _("The file is larger than {value} MiB, the limit set for uploads.").format(value=f"{limit / 2**20:g}")
                    )
                digest.update(chunk)
                target.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StoredFile(relative, digest.hexdigest(), size)


def located(stored_as: str) -> Path:
    """The absolute path of a stored file."""
    return Path(settings.CERTIFY_DATA_DIR) / stored_as
