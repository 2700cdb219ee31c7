"""Chinese search and whole catalogue pages over 20,000 courses."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

from bench.report import Comparison
from bench.seeding import fresh, publish, quiet
from courses.documents import Chapter, CourseDocument, Unit
from courses.models import UnitKind
from courses.search import MOST_HITS, CourseIndex
from zhixin import config, db
from zhixin.demo import content

COURSES = 20_000
ROUNDS = 12
QUERIES = (
    "新能源汽车", "动力电池安全", "隧道", "职业道德", "供应链金融风险", "水环境治理", "专利布局",
    "周启明", "可靠性试验", "个人信息保护", "快速检测", "碳排放核算",
)  # fmt: skip


#: Pages of the catalogue as visitors ask for them.
PAGES = (
    "/", "/courses", "/courses?page=400", "/courses?level=senior&hours=short", "/fields/energy",
    "/courses?q=隧道", "/courses?q=新能源汽车&kind=professional",
)  # fmt: skip


def measure() -> Iterator[Comparison]:
    documents = [_document(number) for number in range(1, COURSES + 1)]
    with tempfile.TemporaryDirectory() as folder:
        settings = quiet(Path(folder))
        yield _words(CourseIndex(settings.index_dir), documents)
        yield _pages(settings, documents)


def _words(index: CourseIndex, documents: list[CourseDocument]) -> Comparison:
    started = time.perf_counter()
    index.put(((n, n, document) for n, document in enumerate(documents, 1)), ())
    built = time.perf_counter() - started
    found = Comparison(
        f"Search over {COURSES:,} courses (Whoosh, jieba)",
        ["query", "hits", "median ms", "p95 ms", "ratio to the quickest"],
        note=f"Index built in {built:.0f} s; a search keeps at most {MOST_HITS:,} hits.",
    )
    hits = {query: len(index.find(query)) for query in QUERIES}
    times = {query: _times(partial(index.find, query)) for query in QUERIES}
    quickest = min(map(statistics.median, times.values()))
    for query in QUERIES:
        found.rows.append([query, str(hits[query]), *_row(times[query], quickest)])
    everything = [each for measured in times.values() for each in measured]
    found.rows.append(["all", "", *_row(everything, quickest)])
    return found


def _pages(settings: config.Settings, documents: list[CourseDocument]) -> Comparison:
    """Whole pages, from the request to the last byte of HTML, in one process."""
    found = Comparison(
        f"Pages of the catalogue over {COURSES:,} published courses (SQLite)",
        ["page", "KiB", "median ms", "p95 ms", "ratio to a page without courses"],
    )
    app = fresh(settings)
    with app.app_context(), db.database().transaction() as session:
        publish(session, documents)
    client = app.test_client()
    times: dict[str, list[float]] = {}
    for page in ("/sign-in", *PAGES):
        answer = client.get(page)
        if answer.status_code != 200:
            raise RuntimeError(f"{page}: {answer.status}")
        times[page] = _times(partial(client.get, page))
        yardstick = statistics.median(times["/sign-in"])
        found.rows.append([page, f"{len(answer.data) / 1024:.0f}", *_row(times[page], yardstick)])
    return found


def _times(act: Callable[[], object]) -> list[float]:
    """Milliseconds of each of some rounds."""
    times = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        act()
        times.append((time.perf_counter() - started) * 1000)
    return times


def _row(times: list[float], yardstick: float) -> list[str]:
    middle, p95 = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
    return [f"{middle:.1f}", f"{p95:.1f}", f"{middle / yardstick:.1f}"]


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
        subject_kind=parts[0].kind,
        level=parts[0].level,
        declared_hours=Decimal(chance.randint(1, 20)) / 2,
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
