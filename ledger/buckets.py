"""An S3 bucket. Of the log it only grows: objects are added and never replaced, and some are retained until a day by Object Lock.

Credentials and region come from where the AWS libraries look for them (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role, …). Other stores
with the S3 protocol are named by CERTIFY_S3_ENDPOINT. What keeps two writers apart are conditional writes (If-None-Match, If-Match).
Some stores ignore them, or refuse those that hold, in buckets with versions: with these it is looked before each write.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import BinaryIO

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

SCHEME = "s3://"
CONFIG = Config(connect_timeout=10, read_timeout=60, retries={"total_max_attempts": 3, "mode": "standard"})
MISSING, EXISTS = {"NoSuchKey", "404", "NotFound"}, {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
#: (endpoint, bucket) → whether its store keeps to conditions of writes, once that was seen.
KEEPS_CONDITIONS: dict[tuple[str, str], bool] = {}
#: How much later than asked a store may say that it retains: it keeps whole seconds.
ROUNDING = 1


class BucketError(Exception):
    """The store refused or did not answer; another try may succeed."""


class DifferentObjectError(BucketError):
    """Under this name the bucket has something else."""


@dataclass(frozen=True)
class Stored:
    """An object as the store says that it keeps it."""

    version: str
    mode: str
    until: datetime | None


@dataclass(frozen=True)
class Bucket:
    """A bucket and the beginning of every name in it."""

    name: str
    prefix: str

    @classmethod
    def of(cls, address: str) -> "Bucket":
        """The bucket of s3://NAME/PREFIX."""
        name, _, prefix = address.removeprefix(SCHEME).partition("/")
        return cls(name, f"{prefix.strip('/')}/" if prefix.strip("/") else "")

    @cached_property
    def client(self):
        """The connection."""
        return boto3.client("s3", endpoint_url=settings.CERTIFY_S3_ENDPOINT or None, config=CONFIG)

    def read(self, key: str) -> tuple[bytes, str] | None:
        """An object and its tag; None when there is none."""
        try:
            with self._told():
                found = self._get(key)
                return found["Body"].read(), found["ETag"]
        except BucketError as error:
            if _code(error) in MISSING:
                return None
            raise

    def add(self, key: str, body: bytes, *, until: datetime | None = None) -> bool:
        """Add an object, or find that it is there already, byte for byte; whether it is new.

        With `until` nobody deletes it before that time. Raises
        `DifferentObjectError` when another one has its name: nothing is ever replaced.
        """
        lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until} if until else {}
        found = None if self.keeps_conditions else self.read(key)
        if found is None:
            if self._is_put(key, body, IfNoneMatch="*", **lock):
                # The same once more must be refused. Where it is not, the store has it twice.
                if self.keeps_conditions is None:
                    KEEPS_CONDITIONS[self._place] = not self._is_put(key, body, IfNoneMatch="*", **lock)
                return True
            KEEPS_CONDITIONS[self._place] = True
            found = self.read(key)
        if found is None:
            raise BucketError(f"{SCHEME}{self.name} says that it has {self.prefix}{key}, and has it not.")
        if found[0] != body:
            raise DifferentObjectError(f"{SCHEME}{self.name}/{self.prefix}{key} is there already, and is another.")
        return False

    def replace(self, key: str, body: bytes, tag: str | None) -> None:
        """Put an object in the place of the one with this tag, or of none; refused when somebody else did so meanwhile."""
        if self.keeps_conditions is not False and self._is_put(
            key, body, **({"IfMatch": tag} if tag else {"IfNoneMatch": "*"})
        ):
            return
        found = self.read(key)
        if self.keeps_conditions or (found[1] if found else None) != tag:
            raise BucketError(f"{SCHEME}{self.name}/{self.prefix}{key} was written by somebody else meanwhile.")
        self._put(key, body)
        KEEPS_CONDITIONS[self._place] = False

    @property
    def keeps_conditions(self) -> bool | None:
        """Whether the store keeps to conditions of writes; None before that was seen."""
        return KEEPS_CONDITIONS.get(self._place)

    def put_file(self, key: str, source: BinaryIO) -> None:
        """Put a file of any size, in parts where it is large."""
        with self._told():
            self.client.upload_fileobj(source, self.name, self.prefix + key, ExtraArgs={"ChecksumAlgorithm": "SHA256"})

    def stream(self, key: str) -> tuple[BinaryIO, int] | None:
        """An object to be read, and its length in bytes; None when there is none."""
        try:
            with self._told():
                found = self._get(key)
                return found["Body"], found["ContentLength"]
        except BucketError as error:
            if _code(error) in MISSING:
                return None
            raise

    def remove(self, key: str) -> None:
        """Delete an object; that it is not there is no fault."""
        with self._told():
            self.client.delete_object(Bucket=self.name, Key=self.prefix + key)

    def stored(self, key: str) -> Stored:
        """How the store keeps an object."""
        with self._told():
            found = self.client.head_object(Bucket=self.name, Key=self.prefix + key)
        until = found.get("ObjectLockRetainUntilDate")
        return Stored(found.get("VersionId", ""), found.get("ObjectLockMode", ""), until.astimezone(UTC) if until else None)

    def first_after(self, folder: str, key: str) -> str:
        """The next name in a folder, in the order of names; empty when there is none."""
        with self._told():
            found = self.client.list_objects_v2(
                Bucket=self.name, Prefix=self.prefix + folder, StartAfter=self.prefix + key, MaxKeys=1
            )
        return next((one["Key"].removeprefix(self.prefix) for one in found.get("Contents", ())), "")

    @property
    def _place(self) -> tuple[str, str]:
        return settings.CERTIFY_S3_ENDPOINT, self.name

    def _is_put(self, key: str, body: bytes, **conditions) -> bool:
        """Put an object under a condition; whether the store found that it holds."""
        try:
            self._put(key, body, **conditions)
        except BucketError as error:
            if _code(error) not in EXISTS:
                raise
            return False
        return True

    def _get(self, key: str) -> dict:
        return self.client.get_object(Bucket=self.name, Key=self.prefix + key)

    def _put(self, key: str, body: bytes, **conditions) -> None:
        """The checksum is that of the store's own counting as well; with Object Lock it must be there."""
        with self._told():
            self.client.put_object(Bucket=self.name, Key=self.prefix + key, Body=body, ChecksumAlgorithm="SHA256", **conditions)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What went wrong, in one kind of error."""
        try:
            yield
        except ClientError as error:
            said = error.response.get("Error", {})
            raise BucketError(f"{SCHEME}{self.name} answered: {said.get('Code')}, {said.get('Message')}.") from error
        except (BotoCoreError, Boto3Error) as error:
            raise BucketError(f"{SCHEME}{self.name} cannot be reached: {error}.") from error


def _code(error: BucketError) -> str:
    """The store's word for what went wrong."""
    cause = error.__cause__
    return cause.response.get("Error", {}).get("Code", "") if isinstance(cause, ClientError) else ""
