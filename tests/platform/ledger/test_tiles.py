"""The tree in tiles: C2SP's own examples, and the same proofs as from all leaves."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.ledger import merkle, tiles
from zhixin.ledger.tiles import Place

LEAVES = [merkle.leaf_hash(str(n).encode()) for n in range(1 << 10)]
#: As many as the issue of a million asks for: 2 ** 20.
MANY = 1 << 20


@cache
def by_definition(span: merkle.Span) -> bytes:
    """MTH of RFC 9162, 2.1.1, word by word."""
    start, end = span
    if end - start == 1:
        return LEAVES[start]
    half = 1
    while half * 2 < end - start:
        half *= 2
    middle = start + half
    return merkle.node_hash(by_definition((start, middle)), by_definition((middle, end)))


def grown(*batches: int) -> dict[Place, bytes]:
    """The tiles of a log that grew by these batches."""
    stored: dict[Place, bytes] = {}
    size = 0
    for batch in batches:
        edge = {place: stored[place] for place in tiles.edge(size)}
        stored |= tiles.grow(size, edge, LEAVES[size : size + batch])
        size += batch
    return stored


STORED = grown(len(LEAVES))


@pytest.fixture(scope="module")
def many() -> tuple[dict[Place, bytes], dict[int, bytes]]:
    """Tiles of a log of 2 ** 20 entries, and roots of some sizes, got leaf by leaf."""
    leaves = [merkle.leaf_hash(n.to_bytes(4)) for n in range(MANY)]
    chance = random.Random(9162)
    sizes = {MANY, *(chance.randrange(1, MANY) for _ in range(40))}
    roots = {}
    edge = merkle.Frontier()
    for size, leaf in enumerate(leaves, 1):
        edge = edge.push(leaf)
        if size in sizes:
            roots[size] = edge.root()
    return tiles.grow(0, {}, leaves), roots


def test_a_tree_of_70_000_as_the_specification_counts_it():
    """273 full tiles and one of 112 at level 0; one full and one of 17; one of 1."""
    stored = tiles.grow(0, {}, [bytes(32)] * 70_000)
    widths: dict[int, list[int]] = {}
    for (level, _number), hashes in sorted(stored.items()):
        widths.setdefault(level, []).append(len(hashes) // 32)
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    assert tiles.edge(70_000) == [Place(0, 273), Place(1, 1), Place(2, 0)]


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above():
    """The specification's other example."""
    stored = grown(256)
    assert {place: len(hashes) // 32 for place, hashes in stored.items()} == {
        Place(0, 0): 256,
        Place(1, 0): 1,
    }
    assert stored[Place(1, 0)] == by_definition((0, 256))
    assert tiles.edge(256) == [Place(1, 0)]


@pytest.mark.parametrize(
    ("number", "path"),
    [(0, "000"), (7, "007"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")],
)
def test_a_number_in_an_address(number, path):
    """Three digits an element, all but the last after an x."""
    assert tiles.number_path(number) == path
    assert tiles.parse_path(path) == (number, 256)
    assert tiles.parse_path(f"{path}.p/9") == (number, 9)


@pytest.mark.parametrize(
    "path",
    [
        "", "0", "00", "0000", "1000", "x000/001", "x01/001", "001/002", "x001", "x001/", "/001", "-01",
        "001.p", "001.p/", "001.p/0", "001.p/01", "001.p/256", "001.p/-1", "001.p/1/2", "001.p/1.p/2",
        "001 ", "٠٠١", "x001/x002/x003", "x999/" * 9 + "000",
    ],
)  # fmt: skip
def test_only_one_spelling_is_an_address(path):
    """Anything else names no tile: what is cached for ever has one name."""
    assert tiles.parse_path(path) is None


@given(st.integers(0, 10**18 - 1), st.integers(1, 255))
def test_addresses_are_read_back(number, width):
    """Every tile that there can be has its address."""
    assert tiles.parse_path(f"{tiles.number_path(number)}.p/{width}") == (number, width)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=8).filter(lambda n: sum(n) <= 1024))
def test_tiles_do_not_depend_on_batches(batches):
    """However the log grew, its tiles are those of one batch, and earlier ones begin them."""
    stored = grown(*batches)
    assert stored == grown(sum(batches))
    for place, hashes in grown(*batches[:-1]).items():
        assert stored[place].startswith(hashes)


def test_every_size_to_300_has_its_frontier():
    """The right edge, and with it the root, comes from the tiles that are not full."""
    for size in range(301):
        stored = grown(*([size] if size else []))
        edge = tiles.frontier(size, {place: stored[place] for place in tiles.edge(size)})
        assert edge == merkle.frontier(LEAVES[:size])
        assert edge.root() == tiles.subtree_hash((0, size), STORED)


def test_every_inclusion_to_300():
    """Each entry of each tree is proved from tiles, with the hashes that RFC 9162 names."""
    for size in range(1, 301):
        root = by_definition((0, size))
        for index in range(size):
            spans = merkle.inclusion_spans(index, size)
            path = [tiles.subtree_hash(span, STORED) for span in spans]
            assert path == [by_definition(span) for span in spans]
            merkle.verify_inclusion(index, size, LEAVES[index], path, root)


def test_every_consistency_to_300():
    """Each tree is proved to begin each later one."""
    for new in range(1, 301):
        root = by_definition((0, new))
        for old in range(1, new + 1):
            spans = merkle.consistency_spans(old, new)
            path = [tiles.subtree_hash(span, STORED) for span in spans]
            assert path == [by_definition(span) for span in spans]
            merkle.verify_consistency(old, new, by_definition((0, old)), root, path)


def test_any_inclusion_to_a_million(many):
    """By chance, up to 2 ** 20 entries: few tiles are needed, and no other leaf passes."""
    stored, roots = many
    chance = random.Random(1)
    for size, root in roots.items():
        for index in [0, size - 1, *(chance.randrange(size) for _ in range(50))]:
            spans = merkle.inclusion_spans(index, size)
            needed = {place: stored[place] for place in tiles.places(spans)}
            assert len(needed) <= 6
            path = [tiles.subtree_hash(span, needed) for span in spans]
            leaf = merkle.leaf_hash(index.to_bytes(4))
            merkle.verify_inclusion(index, size, leaf, path, root)
            with pytest.raises(merkle.ProofError):
                merkle.verify_inclusion(index, size, LEAVES[3], path, root)


def test_any_consistency_to_a_million(many):
    """Between any two of these sizes, and not from another past."""
    stored, roots = many
    for old in roots:
        for new in roots:
            if old <= new:
                spans = merkle.consistency_spans(old, new)
                needed = {place: stored[place] for place in tiles.places(spans)}
                assert len(needed) <= 9
                path = [tiles.subtree_hash(span, needed) for span in spans]
                merkle.verify_consistency(old, new, roots[old], roots[new], path)
                with pytest.raises(merkle.ProofError):
                    merkle.verify_consistency(old, new, LEAVES[3], roots[new], path)


def test_what_is_missing_is_said():
    """A tile that is not there, or too short, makes no proof and takes no leaf."""
    short = {place: hashes[:-32] for place, hashes in grown(300).items()}
    for damaged in ({}, short):
        with pytest.raises(tiles.TileMissing):
            tiles.subtree_hash((0, 300), damaged)
        with pytest.raises(tiles.TileMissing):
            tiles.grow(300, damaged, LEAVES[300:301])


def test_entries_in_a_bundle():
    """Each after its length in two bytes, big end first."""
    assert tiles.bundle([]) == b""
    assert tiles.bundle([b"", b"ab", b"c" * 258]) == b"\0\0" + b"\0\2ab" + b"\1\2" + b"c" * 258
    assert len(tiles.bundle([bytes(65_535)])) == 65_537
    with pytest.raises(ValueError, match="too long"):
        tiles.bundle([bytes(65_536)])
