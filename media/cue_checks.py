"""What is wrong with captions, or hard to read: pure arithmetic on cues.

Thresholds are those of the Netflix Timed Text Style Guides (partnerhelp.netflixstudios.com):
Simplified Chinese 9 characters a second and 16 a line, English 20 and 42, two lines, five sixths
of a second to seven seconds. They are made for films; a lecturer who speaks at 300 characters a
minute needs 5 a second. So what breaks them is a hint, and only what no player can show is a
fault that keeps a course from being submitted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from media.cues import Cue

MOST_LINES = 2
LEAST_MS = 833  # five sixths of a second
MOST_MS = 7000


@dataclass(frozen=True)
class Reading:
    """How fast and how wide a script is read: characters a second, characters a line."""

    per_second: int
    per_line: int


CHINESE = Reading(9, 16)
LATIN = Reading(20, 42)
#: By language; others as English.
READINGS = {"zh-Hans": CHINESE, "zh-Hant": CHINESE, "ja": Reading(4, 13), "ko": Reading(12, 16)}


class Check(StrEnum):
    EMPTY = "empty"
    BACKWARDS = "backwards"  # it ends before it starts, or as it does
    BEYOND = "beyond"  # it starts after the video's end
    PAST_END = "past-end"  # it ends after it
    OVERLAP = "overlap"  # it starts before the one before has ended
    TOO_FAST = "too-fast"
    LONG_LINE = "long-line"
    MANY_LINES = "many-lines"
    SHORT = "short"
    LONG = "long"


#: What no player can show.
FAULTS = frozenset({Check.EMPTY, Check.BACKWARDS, Check.BEYOND})


@dataclass(frozen=True)
class Problem:
    """What is wrong with the cue at ``place``; ``value`` and ``limit`` in the check's unit."""

    place: int
    check: Check
    value: int = 0
    limit: int = 0

    @property
    def is_fault(self) -> bool:
        return self.check in FAULTS


def reading(language: str) -> Reading:
    return READINGS.get(language, LATIN)


def width(text: str) -> int:
    """Characters as they are read: a mark above a letter is none, nor is an end of a line."""
    return sum(1 for each in text if each != "\n" and not unicodedata.combining(each))


def line_width(line: str, language: str) -> int:
    """Of a line. In Chinese, Japanese and Korean two narrow characters take the room of one."""
    if reading(language).per_line > 20:
        return width(line)
    wide = sum(
        2 if unicodedata.east_asian_width(each) in "WFA" else 1
        for each in line
        if not unicodedata.combining(each)
    )
    return -(-wide // 2)


def problems(cues: Sequence[Cue], language: str, duration_ms: int | None) -> list[Problem]:
    """All that is to be said, in the cues' order.

    Args:
        cues: in the order of their beginnings (``cues.ordered``).
        duration_ms: the video's length, if it is known.
    """
    found: list[Problem] = []
    latest_end = 0
    for place, cue in enumerate(cues):
        found += [Problem(place, *each) for each in _of_one(cue, language, duration_ms)]
        if cue.end_ms > cue.start_ms:
            if cue.start_ms < latest_end:
                found.append(Problem(place, Check.OVERLAP, latest_end - cue.start_ms))
            latest_end = max(latest_end, cue.end_ms)
    return found


def faults(cues: Sequence[Cue], language: str, duration_ms: int | None) -> int:
    return sum(each.is_fault for each in problems(cues, language, duration_ms))


def _of_one(cue: Cue, language: str, duration_ms: int | None) -> list[tuple[Check, int, int]]:
    found: list[tuple[Check, int, int]] = []
    if not cue.text:
        found.append((Check.EMPTY, 0, 0))
    if cue.end_ms <= cue.start_ms:
        found.append((Check.BACKWARDS, 0, 0))
    if duration_ms is not None:
        if cue.start_ms >= duration_ms:
            found.append((Check.BEYOND, cue.start_ms, duration_ms))
        elif cue.end_ms > duration_ms:
            found.append((Check.PAST_END, cue.end_ms, duration_ms))
    return found + _legibility(cue, reading(language), language)


def _legibility(cue: Cue, limits: Reading, language: str) -> list[tuple[Check, int, int]]:
    found: list[tuple[Check, int, int]] = []
    shown_ms, letters = cue.end_ms - cue.start_ms, width(cue.text)
    if shown_ms > 0:
        if letters * 1000 > limits.per_second * shown_ms:
            found.append((Check.TOO_FAST, -(-letters * 1000 // shown_ms), limits.per_second))
        if shown_ms < LEAST_MS:
            found.append((Check.SHORT, shown_ms, LEAST_MS))
        if shown_ms > MOST_MS:
            found.append((Check.LONG, shown_ms, MOST_MS))
    lines = cue.text.split("\n")
    longest = max(line_width(line, language) for line in lines)
    if longest > limits.per_line:
        found.append((Check.LONG_LINE, longest, limits.per_line))
    if len(lines) > MOST_LINES:
        found.append((Check.MANY_LINES, len(lines), MOST_LINES))
    return found
