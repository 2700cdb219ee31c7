"""Chinese search over 20,000 courses."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from bench.report import Comparison
from courses.documents import Chapter, CourseDocument, Unit
from courses.models import UnitKind
from courses.search import MOST_HITS, CourseIndex
from zhixin.demo import content
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel

COURSES = 20_000
ROUNDS = 20
QUERIES = (
    "新能源汽车", "动力电池安全", "隧道", "职业道德", "供应链金融风险", "水环境治理", "专利布局",
    "周启明", "可靠性试验", "个人信息保护", "快速检测", "碳排放核算",
)  # fmt: skip


def measure() -> Comparison:
    found = Comparison(
        f"Search over {COURSES:,} courses (Whoosh, jieba)", ["query", "hits", "median ms", "p95 ms"]
    )
    with tempfile.TemporaryDirectory() as folder:
        index = CourseIndex(Path(folder))
        started = time.perf_counter()
        index.put(((n, n, _document(n)) for n in range(1, COURSES + 1)), ())
        built = time.perf_counter() - started
        everything: list[float] = []
        for query in QUERIES:
            hits, times = 0, []
            for _round in range(ROUNDS):
                started = time.perf_counter()
                hits = len(index.find(query))
                times.append((time.perf_counter() - started) * 1000)
            everything += times
            found.rows.append(
                [query, str(hits), f"{statistics.median(times):.1f}", f"{_p95(times):.1f}"]
            )
        found.rows.append(
            ["all", "", f"{statistics.median(everything):.1f}", f"{_p95(everything):.1f}"]
        )
    found.note = f"Index built in {built:.0f} s; a search keeps at most {MOST_HITS} hits."
    return found


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _document(number: int) -> CourseDocument:
    """Words of the demonstration's courses, mixed anew."""
    chance = random.Random(number)
    parts = [chance.choice(_DEMO) for _ in range(4)]
    return CourseDocument(
        title=f"{parts[0].title}（第 {number} 期）",
        summary="".join(part.summary for part in parts[:2]),
        teacher=parts[1].teacher,
        teacher_title=parts[1].teacher_title,
        field_code=parts[0].field,
        subject_kind=SubjectKind.PROFESSIONAL,
        level=TitleLevel.NONE,
        declared_hours=Decimal(2),
        chapters=tuple(
            Chapter(
                title=part.topics[0],
                units=tuple(
                    Unit(
                        key=f"u{chapter}-{place}",
                        kind=UnitKind.PAGE,
                        title=topic,
                        body=part.summary,
                    )
                    for place, topic in enumerate(part.topics)
                ),
            )
            for chapter, part in enumerate(parts)
        ),
    )


_DEMO = content.courses()
