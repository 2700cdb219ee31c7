"""Import of 10,000 questions from Excel: from the kept file to what stands in a bank."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from assessments import importing
from assessments.banks import keeping, taking
from assessments.banks.models import BankQuestion
from assessments.exchange import excel, excel_help
from assessments.exchange.base import NoPictures, Reading
from bench.report import Comparison
from bench.seeding import fresh, quiet
from zhixin import clock, db, spreadsheets
from zhixin.people import accounts
from zhixin.people.models import Role

MANY = 10_000
_SIGNS = [chr(code) for code in range(0x4E00, 0x4E00 + 3_000)]


@dataclass(frozen=True)
class Spent:
    seconds: float
    cpu: float

    @property
    def said(self) -> tuple[str, str]:
        return f"{self.seconds:.1f}", f"{self.cpu:.1f}"


class _Timer:
    """Time on the wall and on the processor: the latter is the same on a busy machine."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> Spent:
        wall, cpu = self._began
        return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def measure() -> Iterator[Comparison]:
    content = excel.workbook(_rows())
    found = Comparison(
        f"Import of {MANY:,} questions of nine kinds from Excel ({len(content) / 2**20:.1f} MiB)",
        ["step", "seconds", "of CPU"],
        note="The target is 20 s for the last row. Both jobs tell how far they are every second.",
    )
    timer = _Timer()
    spreadsheets.read(content, most_rows=excel.MOST_ROWS, most_characters=excel.MOST_CHARACTERS)
    found.rows.append(["cells alone", *timer.read().said])
    told: list[int] = []
    timer = _Timer()
    _sound(excel.read(content, None, lambda done, total: told.append(done)))
    found.rows.append([f"read and checked, progress {len(told)} times", *timer.read().said])
    with tempfile.TemporaryDirectory() as folder:
        read, taken = _jobs(Path(folder), content)
    whole = Spent(read.seconds + taken.seconds, read.cpu + taken.cpu)
    found.rows += [
        ["the job that reads, with its row", *read.said],
        ["the job that puts them into a bank, near copies sought", *taken.said],
        ["from the kept file to the bank", *whole.said],
    ]
    yield found


def _rows() -> list[list[str]]:
    examples = [[row.get(name, "") for name in excel.COLUMNS] for row in excel_help.EXAMPLES]
    rows, chosen = [], random.Random(7)
    for at in range(MANY):
        row = list(examples[at % len(examples)])
        # Long enough that none is a near copy of another.
        row[1] = f"第 {at} 题：{''.join(chosen.choices(_SIGNS, k=40))}{row[1]}"
        rows.append(row)
    return rows


def _jobs(folder: Path, content: bytes) -> tuple[Spent, Spent]:
    """What the two jobs took."""
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
            bank = keeping.create(
                session, owner_id=owner.id, title="题库", kind="own", field_code="x",
                fields={"x": ""}, now=clock.now(),
            )  # fmt: skip
            target, owner_id = f"{taking.TARGET}{bank.id}", owner.id
        timer = _Timer()
        with db.database().transaction() as session:
            made = importing.start(
                session,
                owner_id=owner_id,
                target=target,
                content=content,
                file_name="题库.xlsx",
                now=clock.now(),
            )
            import_id = made.id
        importing.run(db.database(), import_id, lambda _owner_id: NoPictures(), clock.now)
        with db.database().session(writes=False) as session:
            _sound(importing.reading_of(importing.get(session, import_id, owner_id, target)))
        read = timer.read()
        with db.database().transaction() as session:
            made = importing.get(session, import_id, owner_id, target)
            taking.accept(session, made, everything=True, skip=True, propose=True, now=clock.now())
        timer = _Timer()
        taking.run(db.database(), import_id, clock.now)
        taken = timer.read()
        with db.database().session(writes=False) as session:
            count = session.scalar(sa.select(sa.func.count()).select_from(BankQuestion))
        if count != MANY:
            raise RuntimeError(f"{count} are in the bank")
        return read, taken


def _sound(reading: Reading) -> None:
    if len(reading.found) != MANY or reading.problems:
        raise RuntimeError(f"{len(reading.found)} read, {reading.problems[:3]}")
