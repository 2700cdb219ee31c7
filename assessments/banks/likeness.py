"""How alike two questions are, for Chinese texts: pure arithmetic.

A text is normalised (NFKC, no case, no punctuation, no spaces, digits kept) and cut into pairs
and triples of characters. One hash of each pair or triple falls into one of :data:`SLOTS`, whose
smallest stands for it (one-permutation MinHash); three slots make a band. Two texts share a band
likely when they share many pairs, so a bank finds what may be alike by an index, without
comparing everything with everything; what is found is then compared letter by letter.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from rapidfuzz import fuzz

#: 20 bands of 3: questions that share 6 of 10 pairs share a band in 99 of 100 cases.
BANDS, ROWS = 20, 3
SLOTS = BANDS * ROWS
_ABOVE = 2**64
#: From so many percent on, two questions are shown as alike.
ALIKE = 75


@dataclass(frozen=True, slots=True)
class Sketch:
    """A question as it is compared: its pieces, and the bands by which it is found."""

    pieces: tuple[str, ...]
    bands: tuple[int, ...]

    @classmethod
    def of(cls, question: Mapping[str, Any]) -> Sketch:
        """Of a question's document."""
        found = tuple(pieces(question))
        return cls(found, bands(found))


def normal(text: str) -> str:
    """Letters, digits and signs of arithmetic alone: how a question is punctuated says nothing."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        each for each in folded if unicodedata.category(each)[0] in "LN" or each in "+-=<>%"
    )


def pieces(question: Mapping[str, Any]) -> list[str]:
    """A question's document as normal texts: its stem, then what is chosen from in any order."""
    found = [normal(str(question.get("stem", "")))]
    listed: list[str] = []
    if question.get("kind") != "true_false":
        for name in ("options", "left", "right", "items"):
            listed += [normal(str(each["text"])) for each in question.get(name) or ()]
    return found + sorted(filter(None, listed))


def percent(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """How alike two questions' pieces are, 0 to 100: stem and choices, whatever their order."""
    return int(fuzz.ratio("\n".join(mine), "\n".join(theirs)))


def bands(texts: Iterable[str]) -> tuple[int, ...]:
    """A question's bands as signed 64-bit numbers; nothing to compare: none."""
    slots: dict[int, int] = {}
    for gram in {gram for text in texts for gram in _grams(text)}:
        value = _of_gram(gram)
        slot = value % SLOTS
        if value < slots.get(slot, _ABOVE):
            slots[slot] = value
    if not slots:
        return ()
    filled = [_of(slots, slot) for slot in range(SLOTS)]
    return tuple(
        _hash(
            b"%d" % band
            + b"".join(b"|%d" % each for each in filled[band * ROWS : (band + 1) * ROWS])
        )
        - 2**63
        for band in range(BANDS)
    )


def _grams(text: str) -> Iterable[str]:
    if len(text) < 2:
        return [text] if text else []
    return [text[at : at + size] for size in (2, 3) for at in range(len(text) - size + 1)]


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())


@lru_cache(100_000)  # what people write repeats itself
def _of_gram(gram: str) -> int:
    return _hash(gram.encode("utf-8", "replace"))


def _of(slots: Mapping[int, int], slot: int) -> int:
    """An empty slot takes another's value, in an order that is the same for all texts."""
    tried, wanted = slot, slot
    while wanted not in slots:
        tried += 1
        wanted = _other(slot, tried)
    return slots[wanted]


@cache
def _other(slot: int, tried: int) -> int:
    return _hash(b"slot %d %d" % (slot, tried)) % SLOTS
