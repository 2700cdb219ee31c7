"""What a beat costs a learner who has studied for years, against one who has just begun."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report import Comparison


def measure() -> Iterator[Comparison]:
    yield Comparison("", [])
