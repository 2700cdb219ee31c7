"""The Merkle tree of the log: RFC 9162 section 2.1 with SHA-256.

Leaves and nodes are hashed under different prefixes (0x00 and 0x01), so that no entry can pass
for a node. Hashes are 32 bytes. The makers of proofs trust their input; the verifiers trust
nothing and map whatever is wrong to :class:`ProofError`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

#: The leaves from the first number up to, and without, the second: a subtree of RFC 9162.
Span = tuple[int, int]


class ProofError(ValueError):
    """A proof, or a stored frontier, is malformed or proves something else."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """``leaf_hash`` of each, without a call for each."""
    sha256 = hashlib.sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that appending needs: the roots of the full subtrees at the tree's right edge.

    There is one for each bit set in ``size``, the largest subtree first, so that an append
    hashes O(log n) times and a tree of a million entries is kept in some 20 hashes.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ProofError("a frontier has one hash for each bit of its size")
        _check_hashes(self.hashes)

    def push(self, leaf: bytes) -> Frontier:
        """The frontier after ``leaf`` (a leaf hash) is appended."""
        hashes, size = [*self.hashes, leaf], self.size
        while size & 1:
            right = hashes.pop()
            hashes.append(node_hash(hashes.pop(), right))
            size >>= 1
        return Frontier(self.size + 1, tuple(hashes))

    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        *lefts, root = self.hashes
        for left in reversed(lefts):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """For storage: the size in eight bytes, big end first, then the hashes."""
        return self.size.to_bytes(8) + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read back :meth:`to_bytes`.

        Raises:
            ProofError: these bytes are no frontier.
        """
        if len(stored) < 8 or (len(stored) - 8) % HASH_SIZE:
            raise ProofError("not a stored frontier")
        hashes = (stored[at : at + HASH_SIZE] for at in range(8, len(stored), HASH_SIZE))
        return cls(int.from_bytes(stored[:8]), tuple(hashes))


def frontier(leaf_hashes: Iterable[bytes]) -> Frontier:
    """The frontier of the tree over ``leaf_hashes``."""
    edge = Frontier()
    for leaf in leaf_hashes:
        edge = edge.push(leaf)
    return edge


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of the tree over ``leaf_hashes``; of none, the hash of nothing."""
    return _subtree(leaf_hashes, 0, len(leaf_hashes)) if leaf_hashes else EMPTY_ROOT


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The subtrees whose hashes lead from leaf ``index`` to the root (RFC 9162, 2.1.3.1).

    Raises:
        ProofError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofError("no such leaf")
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def inclusion_path(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """The hashes of these subtrees, from all leaves of a tree.

    Raises:
        ProofError: there is no such leaf.
    """
    spans = inclusion_spans(index, len(leaf_hashes))
    return [_subtree(leaf_hashes, start, end) for start, end in spans]


def root_from_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that a tree of ``size`` must have if ``path`` is right (RFC 9162, 2.1.3.2).

    Raises:
        ProofError: the path does not fit the index and the size.
    """
    if not 0 <= index < size:
        raise ProofError("no such leaf in a tree of that size")
    _check_hashes([leaf, *path])
    node, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("the path is too long")
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            node, last = _up_to_a_right_child(node, last)
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError("the path is too short")
    return result


def verify_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], expected_root: bytes
) -> None:
    """Check that ``leaf`` (a leaf hash) is entry ``index`` of the tree of that size and root.

    Raises:
        ProofError: it is not, or the proof is malformed.
    """
    _check_hashes([expected_root])
    if not hmac.compare_digest(root_from_inclusion(index, size, leaf, path), expected_root):
        raise ProofError("the path leads to another root")


def consistency_spans(old: int, size: int) -> list[Span]:
    """The subtrees whose hashes prove the first ``old`` leaves a beginning (RFC 9162, 2.1.4.1).

    None when ``old`` is the size of the whole tree.

    Raises:
        ProofError: ``old`` is not between 1 and ``size``.
    """
    if not 1 <= old <= size:
        raise ProofError("no such earlier tree")
    spans: list[Span] = []
    start, end = 0, size
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return spans[::-1]


def consistency_path(old: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """The hashes of these subtrees, from all leaves of a tree.

    Raises:
        ProofError: ``old`` is not between 1 and the number of leaves.
    """
    spans = consistency_spans(old, len(leaf_hashes))
    return [_subtree(leaf_hashes, start, end) for start, end in spans]


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree of ``new_size`` begins with that of ``old_size`` (RFC 9162, 2.1.4.2).

    Every tree begins with the empty one; that needs no proof, only its root.

    Raises:
        ProofError: the log was rewritten, or the proof is malformed.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError("a log does not shrink")
    _check_hashes([old_root, new_root, *path])
    if old_size in (0, new_size):
        if path:
            raise ProofError("the path is too long")
        if old_root != (EMPTY_ROOT if old_size == 0 else new_root):
            raise ProofError("the roots differ")
        return
    hashes = list(path)
    if old_size & (old_size - 1) == 0:  # a full tree is itself a node of the new one
        hashes.insert(0, old_root)
    if not hashes:
        raise ProofError("the path is too short")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError("the path is too long")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            node, last = _up_to_a_right_child(node, last)
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError("the path is too short")
    if not (hmac.compare_digest(old, old_root) and hmac.compare_digest(new, new_root)):
        raise ProofError("the path leads to other roots")


def _up_to_a_right_child(node: int, last: int) -> tuple[int, int]:
    """Skip the levels at which the right edge has no sibling and is only passed on."""
    while node and not node & 1:
        node, last = node >> 1, last >> 1
    return node, last


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (above 1)."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(leaf_hashes: Sequence[bytes], start: int, end: int) -> bytes:
    if end - start == 1:
        return leaf_hashes[start]
    middle = start + _split(end - start)
    return node_hash(_subtree(leaf_hashes, start, middle), _subtree(leaf_hashes, middle, end))


def _check_hashes(hashes: Iterable[object]) -> None:
    if not all(isinstance(each, bytes) and len(each) == HASH_SIZE for each in hashes):
        raise ProofError("a hash has 32 bytes")
