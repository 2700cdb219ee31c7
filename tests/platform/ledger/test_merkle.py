"""The tree of RFC 9162: known answers, all small sizes, and nothing malformed accepted."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.ledger import tiles
from zhixin.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    consistency_path,
    consistency_spans,
    frontier,
    inclusion_path,
    inclusion_spans,
    leaf_hash,
    node_hash,
    root,
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(n).encode()) for n in range(130)]
ROOTS = [root(LEAVES[:size]) for size in range(len(LEAVES) + 1)]

# The reference inputs, roots and proofs of the certificate-transparency implementations:
# github.com/transparency-dev/merkle, testonly/constants.go and testonly/reference_test.go.
REFERENCE = [
    leaf_hash(bytes.fromhex(entry))
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_reference_roots(size):
    """Our roots are those of every other implementation, whole or leaf by leaf."""
    assert root(REFERENCE[:size]).hex() == REFERENCE_ROOTS[size]
    assert frontier(REFERENCE[:size]).root().hex() == REFERENCE_ROOTS[size]


def test_leaves_and_nodes_are_hashed_apart():
    """No entry can pass for a node."""
    assert leaf_hash(b"ab") == hashlib.sha256(b"\x00ab").digest()
    assert node_hash(b"a", b"b") == hashlib.sha256(b"\x01ab").digest()


#: (index, size) → the hashes of the path.
REFERENCE_INCLUSION = {
    (0, 1): [],
    (0, 2): ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"],
    (1, 2): ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
#: (old size, size) → the hashes of the path.
REFERENCE_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


@pytest.mark.parametrize(("index", "size"), REFERENCE_INCLUSION)
def test_reference_inclusion_paths(index, size):
    """From all leaves and from tiles, the paths that every other implementation gives."""
    expected = REFERENCE_INCLUSION[index, size]
    path = inclusion_path(index, REFERENCE[:size])
    assert [each.hex() for each in path] == expected
    stored = tiles.grow(0, {}, REFERENCE)
    spans = inclusion_spans(index, size)
    assert [tiles.subtree_hash(span, stored).hex() for span in spans] == expected
    verify_inclusion(index, size, REFERENCE[index], path, bytes.fromhex(REFERENCE_ROOTS[size]))


@pytest.mark.parametrize(("old", "size"), REFERENCE_CONSISTENCY)
def test_reference_consistency_paths(old, size):
    """The same for consistency."""
    expected = REFERENCE_CONSISTENCY[old, size]
    path = consistency_path(old, REFERENCE[:size])
    assert [each.hex() for each in path] == expected
    stored = tiles.grow(0, {}, REFERENCE)
    spans = consistency_spans(old, size)
    assert [tiles.subtree_hash(span, stored).hex() for span in spans] == expected
    roots = [bytes.fromhex(REFERENCE_ROOTS[each]) for each in (old, size)]
    verify_consistency(old, size, *roots, path)


def test_the_frontier_gives_every_root_and_survives_storage():
    """Appending one by one gives the root of every size, and goes on from what is stored."""
    edge = Frontier()
    for size, leaf in enumerate(LEAVES, 1):
        edge = Frontier.from_bytes(edge.push(leaf).to_bytes())
        assert (edge.size, edge.root()) == (size, ROOTS[size])
        assert len(edge.hashes) <= 8


@pytest.mark.parametrize("stored", [b"", b"\0" * 7, b"\0" * 9, b"\0" * 40, b"\xff" * 8])
def test_a_damaged_frontier_is_refused(stored):
    """A frontier whose hashes do not fit its size was damaged."""
    with pytest.raises(ProofError):
        Frontier.from_bytes(stored)


def test_every_leaf_of_every_tree_is_proved():
    """Inclusion holds for all leaves of all sizes up to 130, and for no other leaf."""
    for size in range(1, len(LEAVES) + 1):
        for index in range(size):
            path = inclusion_path(index, LEAVES[:size])
            verify_inclusion(index, size, LEAVES[index], path, ROOTS[size])
            with pytest.raises(ProofError):
                verify_inclusion(index, size, leaf_hash(b"forged"), path, ROOTS[size])


def test_every_tree_continues_every_earlier_one():
    """Consistency holds between all sizes up to 130, and not with another past."""
    for new in range(1, len(LEAVES) + 1):
        verify_consistency(0, new, EMPTY_ROOT, ROOTS[new], [])
        for old in range(1, new + 1):
            path = consistency_path(old, LEAVES[:new])
            verify_consistency(old, new, ROOTS[old], ROOTS[new], path)
            with pytest.raises(ProofError):
                verify_consistency(old, new, leaf_hash(b"forged"), ROOTS[new], path)
            with pytest.raises(ProofError):
                verify_consistency(old, new, ROOTS[old], leaf_hash(b"forged"), path)


sizes = st.integers(1, 130)


@settings(deadline=None, max_examples=150)
@given(st.data(), sizes)
def test_altered_inclusion_proofs_are_refused(data, size):
    """A path made longer, shorter, altered, or used for another place proves nothing."""
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, LEAVES[:size])
    for wrong in _altered(data, path):
        with pytest.raises(ProofError):
            verify_inclusion(index, size, LEAVES[index], wrong, ROOTS[size])
    other = data.draw(st.integers(-2, size + 2).filter(lambda n: n != index))
    with pytest.raises(ProofError):
        verify_inclusion(other, size, LEAVES[index], path, ROOTS[size])


@settings(deadline=None, max_examples=150)
@given(st.data(), sizes)
def test_altered_consistency_proofs_are_refused(data, new):
    """A path made longer, shorter or altered proves nothing, nor does one for other sizes."""
    old = data.draw(st.integers(1, new))
    path = consistency_path(old, LEAVES[:new])
    for wrong in _altered(data, path):
        with pytest.raises(ProofError):
            verify_consistency(old, new, ROOTS[old], ROOTS[new], wrong)
    if old < new:
        with pytest.raises(ProofError):
            verify_consistency(new, old, ROOTS[new], ROOTS[old], path)


def _altered(data, path):
    yield [*path, LEAVES[0]]
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        yield path[:at] + path[at + 1 :]
        yield [*path[:at], leaf_hash(b"forged"), *path[at + 1 :]]
        yield [*path[:at], path[at][:-1], *path[at + 1 :]]
        yield [*path[:at], path[at].hex(), *path[at + 1 :]]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: inclusion_path(0, []),
        lambda: inclusion_path(2, LEAVES[:2]),
        lambda: inclusion_path(-1, LEAVES[:2]),
        lambda: consistency_path(0, LEAVES[:2]),
        lambda: consistency_path(3, LEAVES[:2]),
        lambda: root_from_inclusion(0, 0, LEAVES[0], []),
        lambda: root_from_inclusion(0, 1, b"short", []),
        lambda: verify_inclusion(0, 1, LEAVES[0], [], LEAVES[0].hex()),
        lambda: verify_consistency(1, 1, ROOTS[1], ROOTS[2], []),
        lambda: verify_consistency(0, 2, ROOTS[1], ROOTS[2], []),
        lambda: verify_consistency(-1, 2, ROOTS[1], ROOTS[2], []),
        lambda: verify_consistency(3, 5, ROOTS[3], ROOTS[5], []),
        lambda: Frontier(1, ()),
        lambda: Frontier(1, (b"short",)),
        lambda: Frontier().push(b"short"),
    ],
)
def test_what_makes_no_sense_is_refused(attempt):
    """Places and sizes that do not exist are one family of errors."""
    with pytest.raises(ProofError):
        attempt()
