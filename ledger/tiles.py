"""C2SP tlog-tiles: which tiles a tree has, where they lie, and what they hold; pure.

https://c2sp.org/tlog-tiles. A tile of level 0 holds leaf hashes, one of level n the hashes of full tiles of level n - 1, 256 in
a full tile; an entry bundle holds the entries under a tile of level 0, each behind its length in two bytes, big-endian.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HEIGHT = 8
WIDTH = 1 << HEIGHT
#: The "level" of an entry bundle in a path.
ENTRIES = "entries"
MAX_LEVEL = 63
PATH = re.compile(r"(entries|[1-9]?[0-9])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
MAX_INDEX = 1 << 63


class NotATile(ValueError):
    """No tile has this path."""


@dataclass(frozen=True)
class Tile:
    """One tile, or with `is_bundle` the entries under one of level 0. A `width` of 256 is a full one."""

    level: int
    index: int
    width: int = WIDTH
    is_bundle: bool = False

    @property
    def path(self) -> str:
        """Where it lies, below the log's prefix."""
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{ENTRIES if self.is_bundle else self.level}/{index_path(self.index)}{suffix}"

    @property
    def end(self) -> int:
        """How many leaves a tree has at least, of which this is a tile."""
        return (self.index * WIDTH + self.width) << self.level * HEIGHT

    @property
    def full_end(self) -> int:
        """How many leaves a tree has at least, of which the full tile at this place is one."""
        return (self.index + 1) * WIDTH << self.level * HEIGHT


def index_path(index: int) -> str:
    """The index of a tile in groups of three digits, all but the last behind an x: 1234067 is x001/x234/067."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def parse(path: str) -> Tile:
    """The tile of a path below tile/. Raises `NotATile` for whatever is not exactly the path of one."""
    found = PATH.fullmatch(path)
    if not found:
        raise NotATile(path)
    level, digits, width = found.groups()
    index = int(digits.replace("x", "").replace("/", "")[:40])
    tile = Tile(0 if level == ENTRIES else int(level), index, int(width or WIDTH), is_bundle=level == ENTRIES)
    if tile.path != f"tile/{path}" or tile.level > MAX_LEVEL or index >= MAX_INDEX or (width and tile.width >= WIDTH):
        raise NotATile(path)
    return tile


def full_tiles(old: int, new: int) -> Iterator[Tile]:
    """The full tiles and bundles that a tree of `new` leaves has and one of `old` leaves had not; those below come first."""
    level = 0
    while new >> level * HEIGHT:
        for index in range((old >> level * HEIGHT) // WIDTH, (new >> level * HEIGHT) // WIDTH):
            yield Tile(level, index)
            if level == 0:
                yield Tile(level, index, is_bundle=True)
        level += 1


def partial_tiles(size: int) -> Iterator[Tile]:
    """The partial tiles and the partial bundle at the right edge of a tree."""
    level = 0
    while size >> level * HEIGHT:
        index, width = divmod(size >> level * HEIGHT, WIDTH)
        if width:
            yield Tile(level, index, width)
            if level == 0:
                yield Tile(level, index, width, is_bundle=True)
        level += 1


def bundle(entries: Iterable[bytes]) -> bytes:
    """The entries as a bundle."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_of(content: bytes) -> Iterator[bytes]:
    """The entries of a bundle. Raises `ValueError` where it ends too early."""
    start = 0
    while start < len(content):
        end = start + 2 + int.from_bytes(content[start : start + 2], "big")
        if end > len(content) or start + 2 > len(content):
            raise ValueError("the bundle ends within an entry")
        yield content[start + 2 : end]
        start = end
