"""Import of 10,000 questions from Excel: from the kept file to what the author is shown."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from assessments import importing
from assessments.exchange import excel, excel_help
from assessments.exchange.base import NoPictures, Reading
from bench.report import Comparison
from bench.seeding import fresh, quiet
from zhixin import clock, db, spreadsheets
from zhixin.people import accounts
from zhixin.people.models import Role

MANY = 10_000


def measure() -> Iterator[Comparison]:
    content = excel.workbook(_rows())
    found = Comparison(
        f"Import of {MANY:,} questions of nine kinds from Excel ({len(content) / 2**20:.1f} MiB)",
        ["step", "seconds"],
        note="The target is 20 s for all of it. The job reads in a process of its own.",
    )
    began = time.perf_counter()
    spreadsheets.read(content, most_rows=excel.MOST_ROWS, most_characters=excel.MOST_CHARACTERS)
    found.rows.append(["cells alone", f"{time.perf_counter() - began:.1f}"])
    told: list[int] = []
    began = time.perf_counter()
    _sound(excel.read(content, None, lambda done, total: told.append(done)))
    found.rows.append(
        [f"read and checked, progress {len(told)} times", f"{time.perf_counter() - began:.1f}"]
    )
    with tempfile.TemporaryDirectory() as folder:
        found.rows.append(["the whole job, with its row", f"{_job(Path(folder), content):.1f}"])
    yield found


def _rows() -> list[list[str]]:
    examples = [[row.get(name, "") for name in excel.COLUMNS] for row in excel_help.EXAMPLES]
    rows = []
    for at in range(MANY):
        row = list(examples[at % len(examples)])
        row[1] = f"第 {at} 题：{row[1]}"
        rows.append(row)
    return rows


def _job(folder: Path, content: bytes) -> float:
    app = fresh(quiet(folder))
    with app.app_context():
        with db.database().transaction() as session:
            owner = accounts.create(
                session,
                sign_in_name="author",
                password="a long password 1",
                name="作者",
                now=clock.now(),
                roles=(Role.AUTHOR,),
            )
        began = time.perf_counter()
        with db.database().transaction() as session:
            made = importing.start(
                session,
                owner_id=owner.id,
                target="paper:1",
                content=content,
                file_name="题库.xlsx",
                now=clock.now(),
            )
            import_id, owner_id = made.id, owner.id
        importing.run(db.database(), import_id, lambda _owner_id: NoPictures(), clock.now)
        with db.database().session(writes=False) as session:
            _sound(importing.reading_of(importing.get(session, import_id, owner_id, "paper:1")))
        return time.perf_counter() - began


def _sound(reading: Reading) -> None:
    if len(reading.found) != MANY or reading.problems:
        raise RuntimeError(f"{len(reading.found)} read, {reading.problems[:3]}")
