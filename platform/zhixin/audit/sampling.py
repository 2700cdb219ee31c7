"""A random sample that anybody can draw again: pure, from a published seed.

1. The *population* is a list of award numbers. Its hash is the SHA-256 of the numbers in
   ascending order, in decimal, each followed by a line feed.
2. The *seed* is six lines, each followed by a line feed: ``zhixin-audit-draw/1``, the ledger's
   origin, a tree size, that tree's root in hex, the population's hash, the draw's label.
3. Each number's *ticket* is the SHA-256 of the seed followed by the number in decimal.
4. The sample is the numbers with the smallest tickets, in their order.

The tree is the first one that was signed after the population was frozen, so whoever asked for
the draw could not know its root: salted entries of others decide it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

FORM = "zhixin-audit-draw/1"


def listed(population: Iterable[int]) -> str:
    """The population as text."""
    return "".join(f"{number}\n" for number in sorted(population))


def population_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seed(*, origin: str, tree_size: int, root: str, population_sha256: str, label: str) -> str:
    """The published seed; ``root`` in hex."""
    lines = (FORM, origin, str(tree_size), root, population_sha256, label)
    return "".join(f"{line}\n" for line in lines)


def draw(population: Iterable[int], seed: str, wanted: int) -> list[int]:
    """The ``wanted`` numbers that the seed picks; all of them where there are fewer."""
    begun = hashlib.sha256(seed.encode())

    def ticket(number: int) -> bytes:
        own = begun.copy()
        own.update(str(number).encode())
        return own.digest()

    return sorted(population, key=ticket)[:wanted]
