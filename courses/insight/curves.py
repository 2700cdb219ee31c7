"""The viewing curve of a video: how many learners covered each part, and where they stopped.

A video is cut into ``BINS`` parts of the same length. A learner has covered a part when the
moment in its middle was confirmed for them; they stopped in the part that holds the last
moment confirmed. So the numbers of ``stopped`` add up to the learners, and those who went on
beyond a part are its learners without those who stopped up to it. Whole numbers throughout:
every learner is added in time that follows their intervals, not the video's length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from media.intervals import Spans

BINS = 200
#: Of fewer learners nothing is drawn: a curve of three people is somebody's curve.
FEWEST = 5
#: Of the video's end that counts as having reached it: credits and farewells.
END_BINS = BINS // 20


@dataclass
class Curve:
    """A curve while learners are added to it."""

    duration_ms: int
    learners: int = 0
    #: Changes of the count from one part to the next: spans are added in constant time.
    _steps: list[int] = field(default_factory=lambda: [0] * (BINS + 1))
    stopped: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, spans: Spans) -> None:
        """One more learner's coverage (ms, normal, within the video)."""
        if not spans or self.duration_ms <= 0:
            return
        self.learners += 1
        for start, end in spans:
            self._steps[self._first_from(start)] += 1
            self._steps[self._first_from(end)] -= 1
        last = min(spans[-1][1] - 1, self.duration_ms - 1)
        self.stopped[last * BINS // self.duration_ms] += 1

    @property
    def covered(self) -> list[int]:
        """Learners who covered each part."""
        return list(accumulate(self._steps))[:BINS]

    def _first_from(self, moment: int) -> int:
        """The first part whose middle, (2i + 1) · duration / (2 · BINS), is not before ``moment``."""
        doubled = -(-2 * BINS * moment // self.duration_ms)  # rounded up
        return min(BINS, max(0, doubled // 2))


def staying(learners: int, stopped: Sequence[int]) -> list[int]:
    """Learners who came to each part or beyond it."""
    before = accumulate(stopped, initial=0)
    return [learners - gone for gone, _each in zip(before, stopped, strict=False)]


def reached_end(stopped: Sequence[int]) -> int:
    """Learners who came to the last twentieth of the video."""
    return sum(stopped[BINS - END_BINS :])


@dataclass(frozen=True, slots=True)
class Drop:
    """A stretch in which many stop: parts ``begin`` to ``end`` (exclusive)."""

    begin: int
    end: int
    stopped: int


def drops(learners: int, stopped: Sequence[int], *, most: int = 3) -> list[Drop]:
    """The stretches of a twentieth of the video in which most learners stop, the most first.

    Only what stands out is named: at least ``FEWEST`` learners, and at least a twentieth of
    all. The end is none: who stops there has seen it.
    """
    width = END_BINS
    stretches = [
        Drop(at, at + width, sum(stopped[at : at + width]))
        for at in range(0, BINS - END_BINS, width)
    ]
    marked = [each for each in stretches if each.stopped >= max(FEWEST, -(-learners // 20))]
    return sorted(marked, key=lambda each: (-each.stopped, each.begin))[:most]
