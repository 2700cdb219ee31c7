"""The tree in tiles (C2SP tlog-tiles): what is stored and served of it, and proofs from that.

A tile of level L holds up to 256 consecutive hashes of the tree's height 8 · L: of leaves at
level 0, above it each the root of one *full* tile below. So a full tile never changes, the last
one of each level only gets longer, and any hash of the tree is a few hashes away from a tile.
Pure functions on bytes; where tiles are kept is :mod:`zhixin.ledger.log`'s business.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from zhixin.ledger.merkle import EMPTY_ROOT, HASH_SIZE, Frontier, Span, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
TILE_BYTES = WIDTH * HASH_SIZE
#: Of an entry: its length has two bytes in a bundle.
MOST_ENTRY_BYTES = 0xFFFF

_NUMBER = re.compile(r"(?:x[0-9]{3}/){0,5}[0-9]{3}")
_WIDTH = re.compile(r"[1-9][0-9]{0,2}")


class Place(NamedTuple):
    """Where a tile is."""

    level: int
    number: int


Tiles = Mapping[Place, bytes]


class TileMissing(LookupError):
    """A tile is not there, or shorter than it must be."""


class _Node(NamedTuple):
    """A full subtree: of those of ``2 ** height`` leaves each, the one of this number."""

    height: int
    number: int

    @property
    def place(self) -> Place:
        level, inner = divmod(self.height, HEIGHT)
        return Place(level, self.number << inner >> HEIGHT)

    def hash(self, tiles: Tiles) -> bytes:
        inner = self.height % HEIGHT
        first = (self.number << inner) % WIDTH * HASH_SIZE
        last = first + (HASH_SIZE << inner)
        place = self.place
        tile = tiles.get(place, b"")
        hashes = tile[first:last]
        if len(hashes) != last - first:
            raise TileMissing(f"tile {place.level}/{place.number}")
        is_shared = place.level > 0 or len(tile) < TILE_BYTES
        return _fold_once(hashes) if is_shared else fold(hashes)


def _nodes(span: Span) -> Iterator[_Node]:
    """The full subtrees that a subtree is made of, the largest first."""
    start, end = span
    while start < end:
        height = (end - start).bit_length() - 1
        yield _Node(height, start >> height)
        start += 1 << height


def fold(hashes: bytes) -> bytes:
    """The root over a power of two of hashes, one after another."""
    sha256 = hashlib.sha256
    while len(hashes) > HASH_SIZE:
        pairs = range(0, len(hashes), 2 * HASH_SIZE)
        hashes = b"".join(
            [sha256(b"\x01" + hashes[at : at + 2 * HASH_SIZE]).digest() for at in pairs]
        )
    return hashes


# Every proof needs some nodes above the tiles of leaves, and of the last tile of leaves: they
# are few, 4,000 of a million entries.
_fold_once = lru_cache(maxsize=8192)(fold)


def places(spans: Iterable[Span]) -> set[Place]:
    """The tiles that the hashes of these subtrees are in."""
    return {node.place for span in spans for node in _nodes(span)}


def subtree_hash(span: Span, tiles: Tiles) -> bytes:
    """The hash of a subtree.

    Raises:
        TileMissing: a tile of its ``places`` is not in ``tiles``.
    """
    lefts = [node.hash(tiles) for node in _nodes(span)]
    if not lefts:
        return EMPTY_ROOT
    result = lefts.pop()
    while lefts:
        result = node_hash(lefts.pop(), result)
    return result


def frontier(size: int, tiles: Tiles) -> Frontier:
    """The right edge of the tree of ``size``, from its tiles at ``edge(size)``.

    Raises:
        TileMissing: one of them is not in ``tiles``.
    """
    return Frontier(size, tuple(node.hash(tiles) for node in _nodes((0, size))))


def edge(size: int) -> list[Place]:
    """The tiles of a tree of ``size`` that are not full yet: at most one of each level."""
    levels = range((size.bit_length() + HEIGHT - 1) // HEIGHT)
    counts = [(level, size >> HEIGHT * level) for level in levels]
    return [Place(level, count >> HEIGHT) for level, count in counts if count % WIDTH]


def grow(
    size: int, edge_tiles: Tiles, leaf_hashes: Sequence[bytes], level: int = 0
) -> dict[Place, bytes]:
    """The tiles that are new, or longer, after ``leaf_hashes`` are appended to ``size`` leaves.

    Args:
        edge_tiles: the tiles at ``edge(size)``.
        level: of the tree above the tiles of the level below, whose roots are its leaves.

    Raises:
        TileMissing: one of them is not there or has another length.
    """
    grown: dict[Place, bytes] = {}
    count, more = size, b"".join(leaf_hashes)
    while more:
        number, width = divmod(count, WIDTH)
        tile = edge_tiles.get(Place(level, number), b"") if width else b""
        if len(tile) != width * HASH_SIZE:
            raise TileMissing(f"tile {level}/{number}")
        row = tile + more
        parts = [row[at : at + TILE_BYTES] for at in range(0, len(row), TILE_BYTES)]
        grown.update((Place(level, number + at), part) for at, part in enumerate(parts))
        more = b"".join(fold(part) for part in parts if len(part) == TILE_BYTES)
        level, count = level + 1, number
    return grown


def expected(size: int) -> int:
    """How many tiles a tree of ``size`` has."""
    total = 0
    while size:
        total += -(-size // WIDTH)
        size >>= HEIGHT
    return total


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as they are served: each after its length in two bytes, big end first.

    Raises:
        ValueError: one is longer than two bytes can say.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MOST_ENTRY_BYTES:
            raise ValueError("an entry is too long for a bundle")
        parts += (len(entry).to_bytes(2), entry)
    return b"".join(parts)


def number_path(number: int) -> str:
    """A tile's number as its address has it: ``x001/x234/067``."""
    number, last = divmod(number, 1000)
    path = f"{last:03}"
    while number:
        number, last = divmod(number, 1000)
        path = f"x{last:03}/{path}"
    return path


def parse_path(path: str) -> tuple[int, int] | None:
    """The number and the width that ``x001/x234/067`` or ``x001/x234/067.p/8`` name.

    None if it is not spelt exactly as ``number_path`` spells it: one tile, one address.
    """
    name, partial, width_text = path.partition(".p/")
    if not _NUMBER.fullmatch(name) or (partial and not _WIDTH.fullmatch(width_text)):
        return None
    number, width = int(name.replace("x", "").replace("/", "")), int(width_text or WIDTH)
    if number_path(number) != name or not (width < WIDTH if partial else True):
        return None
    return number, width
