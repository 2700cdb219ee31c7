"""Sets of media time: half-open intervals ``[start, end)`` in whole milliseconds.

``Spans`` are always *normal*: sorted, none empty, none overlapping or touching, none before
zero. So two equal sets are equal tuples, and coverage is a union, never a sum or a maximum:
a part watched twice counts once, and a jump to the end counts nothing.

Only the spans near the smaller operand are looked at (found by bisection), because a beat of
one or two intervals meets a coverage of possibly thousands hundreds of times a second.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

Span = tuple[int, int]
Spans = tuple[Span, ...]

_ENCODED = re.compile(r"(?:(?:0|[1-9][0-9]{0,14})-[1-9][0-9]{0,14}(?:,(?!$)|$))*")


def _start(span: Span) -> int:
    return span[0]


def _end(span: Span) -> int:
    return span[1]


def _merged(ordered: Iterable[Span]) -> list[Span]:
    """Join what overlaps or touches in ``ordered`` (sorted by start, none empty)."""
    merged: list[Span] = []
    for start, end in ordered:
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _overlapping(spans: Spans, start: int, end: int) -> Spans:
    """The whole spans of ``spans`` that share some time with ``[start, end)``."""
    if len(spans) == 1:  # as nearly every beat's, and most coverage: nothing to search
        return spans if spans[0][0] < end and spans[0][1] > start else ()
    first = bisect_right(spans, start, key=_end)
    return spans[first : bisect_left(spans, end, lo=first, key=_start)]


def normalise(pairs: Iterable[Span]) -> Spans:
    """The set of milliseconds that ``pairs`` cover, in normal form; empty pairs vanish.

    Raises:
        ValueError: a pair is reversed or starts before zero.
    """
    kept: list[Span] = []
    for start, end in pairs:
        if not 0 <= start <= end:
            raise ValueError(f"not an interval of media time: {start}-{end}")
        if start < end:
            kept.append((start, end))
    return tuple(_merged(sorted(kept)))


def union(a: Spans, b: Spans) -> Spans:
    """All that is in ``a`` or in ``b``."""
    if not a or not b:
        return a or b
    if len(a) < len(b):
        a, b = b, a
    # Whatever ends before b begins, or begins after b ends, is kept as it stands.
    first = bisect_left(a, b[0][0], key=_end)
    last = bisect_right(a, b[-1][1], lo=first, key=_start)
    return a[:first] + tuple(_merged(sorted(a[first:last] + b))) + a[last:]


def subtract(a: Spans, b: Spans) -> Spans:
    """What is in ``a`` and not in ``b``."""
    if not a or not b:
        return a
    holes = _overlapping(b, a[0][0], a[-1][1])
    if not holes or a == b:  # as nearly always
        return () if holes else a
    left: list[Span] = []
    hole = 0
    for start, end in a:
        while hole < len(holes) and holes[hole][1] <= start:
            hole += 1
        at = hole
        while at < len(holes) and holes[at][0] < end:
            if start < holes[at][0]:
                left.append((start, holes[at][0]))
            start = holes[at][1]
            at += 1
        if start < end:
            left.append((start, end))
        # The last hole may reach into the next span of a, so it is looked at again.
        hole = max(hole, at - 1)
    return tuple(left)


def intersect(a: Spans, b: Spans) -> Spans:
    """What is in ``a`` and also in ``b``."""
    if not a or not b:
        return ()
    if len(b) == 1 and b[0][0] <= a[0][0] and a[-1][1] <= b[0][1]:  # as nearly always
        return a
    a, b = _overlapping(a, b[0][0], b[-1][1]), _overlapping(b, a[0][0], a[-1][1])
    shared: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            shared.append((start, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(shared)


def total(spans: Spans) -> int:
    """How many milliseconds ``spans`` hold."""
    if len(spans) == 1:
        return spans[0][1] - spans[0][0]
    return sum(end - start for start, end in spans)


def clip(spans: Spans, start: int, end: int) -> Spans:
    """What of ``spans`` lies within ``[start, end)`` (ms)."""
    return intersect(spans, ((start, end),)) if start < end else ()


def take(spans: Spans, budget_ms: int) -> tuple[Spans, Spans]:
    """Split off the first ``budget_ms`` of media time, in media order.

    Returns:
        ``(taken, refused)``: together exactly ``spans``; nothing is taken when the budget is
        zero or below.
    """
    for index, (start, end) in enumerate(spans):
        if budget_ms < end - start:
            if budget_ms <= 0:
                return spans[:index], spans[index:]
            cut = start + budget_ms
            return (*spans[:index], (start, cut)), ((cut, end), *spans[index + 1 :])
        budget_ms -= end - start
    return spans, ()


def gaps(spans: Spans, duration_ms: int) -> Spans:
    """What is missing from ``[0, duration_ms)``."""
    return subtract(((0, duration_ms),), spans) if duration_ms > 0 else ()


def encode(spans: Spans) -> str:
    """The text that stores ``spans``: ``"0-15000,20000-31000"``; nothing is ``""``."""
    return ",".join(f"{start}-{end}" for start, end in spans)


def decode(text: str) -> Spans:
    """Read back what :func:`encode` wrote.

    Raises:
        ValueError: ``text`` is not the encoding of normal spans. A row that was changed by
            hand is noticed, never repaired in silence.
    """
    if not _ENCODED.fullmatch(text):
        raise ValueError("not encoded spans")
    spans = tuple(
        (int(start), int(end))
        for start, _, end in (pair.partition("-") for pair in text.split(",") if pair)
    )
    before = -1
    for start, end in spans:
        if not before < start < end:
            raise ValueError("encoded spans are not sorted and apart")
        before = end
    return spans
