"""CSV as the world writes it: RFC 4180 with any of three delimiters, two encodings, gzip or not.

`open_csv` finds out which; `records` yields every record with the line it begins on and its raw text.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from certify.lib.errors import InvalidInput

DELIMITERS = ",;\t"
GZIP_MAGIC = b"\x1f\x8b"
#: Longest field that is read, in characters.
FIELD_LIMIT = 131_072
#: Longest record, in characters, and most columns. What is no CSV at all may be one line of gigabytes.
RECORD_LIMIT, MOST_COLUMNS = 4 * 2**20, 1_000


@dataclass(frozen=True)
class Record:
    """One record: the line it begins on (1 is the header), its fields, and its text as it stands in the file, NUL as its symbol."""

    line: int
    fields: list[str]
    raw: str


class _Remembering:
    """Hands lines to `csv` and remembers those that the current record was read from."""

    def __init__(self, text: TextIO, first: str):
        self.text, self.first = text, first
        self.taken: list[str] = []
        self.size = 0

    def __iter__(self):
        return self

    def __next__(self) -> str:
        # Never more than a record may have is read at once, wherever its lines end.
        line, self.first = self.first or self.text.readline(RECORD_LIMIT + 1), ""
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.size += len(line)
        if self.size > RECORD_LIMIT:
            raise csv.Error(f"a record of more than {RECORD_LIMIT:,} characters")
        return line

    def forget(self) -> None:
        """The next record begins."""
        self.taken.clear()
        self.size = 0


class _Limited(io.RawIOBase):
    """A binary stream that refuses to yield more than `limit` bytes: a small gzip file can hold a very large one."""

    def __init__(self, stream, limit: int):
        self.stream, self.left, self.limit = stream, limit, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self.stream.read(len(buffer))
        self.left -= len(data)
        if self.left < 0:
            raise InvalidInput(f"Unpacked, the file is larger than {self.limit / 2**20:g} MiB, the limit for a file.")
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_text(path: Path, *, limit: int) -> Iterator[TextIO]:
    """The text of a file of at most `limit` bytes unpacked; a wrong byte is reported with the place where it stands."""
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if packed else raw
        buffered = io.BufferedReader(_Limited(stream, limit), 1 << 18)
        text = io.TextIOWrapper(buffered, encoding=_encoding(buffered, path), newline="")
        try:
            yield text
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"{path.name}: byte {error.object[error.start]:#04x} is not valid {error.encoding.upper()}. "
                "Save the file as UTF-8 (“CSV UTF-8” in a spreadsheet) and try again."
            ) from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InvalidInput(f"{path.name}: the gzip file is damaged or cut off ({error}).") from error
        finally:
            text.detach()


def _encoding(stream: io.BufferedReader, path: Path) -> str:
    try:
        start = stream.peek(4)[:4]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidInput(f"{path.name}: the gzip file is damaged or cut off ({error}).") from error
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    return "utf-8-sig"


def delimiter_of(header: str) -> str:
    """The delimiter that stands most often outside quotes in the header line."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=lambda mark: (outside.count(mark), -DELIMITERS.index(mark)))


def records(text: TextIO) -> Iterator[Record]:
    """Every record, the header first. Blank lines are passed over. Refuses what is not CSV at all."""
    header = text.readline(RECORD_LIMIT + 1)
    if not header.strip():
        raise InvalidInput("The file is empty: its first line must name the columns.")
    csv.field_size_limit(FIELD_LIMIT)
    lines = _Remembering(text, header)
    reader = csv.reader(lines, delimiter=delimiter_of(header), strict=True)
    begins = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInput(f"Line {begins}: this is not valid CSV ({error}).") from error
        if begins == 1 and len(fields) > MOST_COLUMNS:
            raise InvalidInput(f"The first line names {len(fields):,} columns; at most {MOST_COLUMNS:,} are read.")
        if fields:
            raw = "".join(lines.taken).rstrip("\r\n")
            yield Record(begins, fields, raw.replace("\x00", "\N{SYMBOL FOR NULL}"))
        begins = reader.line_num + 1
        lines.forget()
