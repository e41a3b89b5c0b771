"""Where packs are kept: below the data directory, or in an S3 bucket (CERTIFY_PACKS_S3). A pack stays where it was put."""

from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.utils.translation import gettext as _

from certify.lib.errors import DomainError
from certify.lib.files import located
from ledger.buckets import SCHEME, Bucket, BucketError


class StorageError(DomainError):
    """A pack could not be kept, or is not where it was kept."""

    def __init__(self, message: str):
        super().__init__("storage", message)


def keep(stored_as: str, sha256: str) -> str:
    """Move a finished pack to where packs are kept; the address or path under which it is found from now on.

    In a bucket its name carries its hash: what is put there again after a crash is the same. Raises `StorageError`; then the file is gone.
    """
    if not settings.CERTIFY_PACKS_S3:
        return stored_as
    path, bucket = located(stored_as), Bucket.of(settings.CERTIFY_PACKS_S3)
    name = f"{Path(stored_as).stem}-{sha256}.zip"
    try:
        with path.open("rb") as source:
            bucket.put_file(name, source)
    except BucketError as error:
        raise StorageError(_("The pack could not be kept: {error}").format(error=error)) from error
    finally:
        path.unlink(missing_ok=True)
    return f"{SCHEME}{bucket.name}/{bucket.prefix}{name}"


def opened(stored_as: str, size: int) -> BinaryIO:
    """A kept pack, to be read once. Raises `StorageError` when it is not there any more, or not as long as it was."""
    gone = _("The file of this pack is not where it was kept. Restore it from a backup, or build the pack anew.")
    try:
        if stored_as.startswith(SCHEME):
            stream, length = _in_bucket(stored_as)
        else:
            stream, length = located(stored_as).open("rb"), located(stored_as).stat().st_size
    except FileNotFoundError as error:
        raise StorageError(gone) from error
    except (BucketError, OSError) as error:
        raise StorageError(_("The pack cannot be read: {error}").format(error=error)) from error
    if length != size:
        stream.close()
        raise StorageError(gone)
    return stream


def _place(address: str) -> tuple[Bucket, str]:
    """The folder of a bucket, and the name in it."""
    folder, _slash, name = address.rpartition("/")
    return Bucket.of(folder), name


def _in_bucket(address: str) -> tuple[BinaryIO, int]:
    bucket, name = _place(address)
    found = bucket.stream(name)
    if found is None:
        raise FileNotFoundError(address)
    return found


def remove(stored_as: str) -> None:
    """Delete a kept pack; one that is not there any more is no fault. Raises `StorageError`."""
    try:
        if stored_as.startswith(SCHEME):
            bucket, name = _place(stored_as)
            bucket.remove(name)
        else:
            located(stored_as).unlink(missing_ok=True)
    except (BucketError, OSError) as error:
        raise StorageError(_("The pack cannot be deleted: {error}").format(error=error)) from error
