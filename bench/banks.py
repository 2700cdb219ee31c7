"""A bank of 100,000 questions: a paper drawn, near copies found, a page shown. Both databases."""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.banks import copies, likeness, listing, pools
from assessments.banks.models import Bank, BankBand, BankCell, BankQuestion, BankVersion
from assessments.banks.states import QuestionState
from assessments.blueprints import Blueprint, Line
from assessments.questions import QuestionKind
from bench.beats import postgres
from bench.report import Comparison
from bench.seeding import fresh, quiet
from zhixin import clock, db
from zhixin.people import accounts
from zhixin.people.models import Role

MANY = 100_000
POINTS, KINDS = 100, (QuestionKind.SINGLE, QuestionKind.MULTIPLE, QuestionKind.TRUE_FALSE)
_CHUNK = 10_000
#: 50 questions by 10 lines, some of which ask for the same ones.
LINES = (
    *(
        Line(count=5, point=f"知识点 {n}", kind=QuestionKind.SINGLE, low=2, high=4)
        for n in range(4)
    ),
    Line(count=5, point="知识点 1"),
    Line(count=5, point="知识点 2", low=3, high=3),
    Line(count=5, kind=QuestionKind.MULTIPLE, low=4, high=5),
    Line(count=5, kind=QuestionKind.TRUE_FALSE),
    Line(count=5, low=1, high=1),
    Line(count=5),
)
_SIGNS = [chr(code) for code in range(0x4E00, 0x4E00 + 3_000)]


def measure() -> Iterator[Comparison]:
    chosen = random.Random(7)
    questions = [_question(chosen, n) for n in range(MANY)]
    began = time.perf_counter()
    bands = [sorted(set(likeness.bands(likeness.pieces(each)))) for each in questions]
    sketched = time.perf_counter() - began
    found = Comparison(
        f"A bank of {MANY:,} accepted questions, {POINTS} knowledge points",
        ["", "SQLite", "PostgreSQL"],
        note=f"Median and worst of 100, on a machine that does other work. The target of a draw is"
        f" 50 ms. Sketching all questions for near copies: {sketched:.0f} s, once, as they come.",
    )
    columns: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder, postgres() as (url, _postmaster):
        for name, address in (("sqlite", ""), ("postgres", url)):
            columns.append(_measured(Path(folder) / name, address, questions, bands))
    names = (
        "rows put in", "publication: the pool is frozen", "first draw of a process",
        "50 questions by 10 lines", "the same, 500 seen before", "the same, and the questions read",
        "near copies of one question", "a page of the list", "a page, filtered by point and state",
    )  # fmt: skip
    found.rows = [list(row) for row in zip(names, *columns, strict=True)]
    yield found


def _question(chosen: random.Random, number: int) -> dict[str, Any]:
    def said(length: int) -> str:
        return "".join(chosen.choices(_SIGNS, k=length))

    kind = KINDS[number % 3]
    document: dict[str, Any] = {
        "id": f"q{number}",
        "kind": str(kind),
        "stem": said(25),
        "correct": ["0"],
    }
    if kind is QuestionKind.TRUE_FALSE:
        document["correct"] = ["true"]
    else:
        document["options"] = [{"id": str(n), "text": said(8)} for n in range(4)]
    return document


def _measured(
    folder: Path, url: str, questions: list[dict[str, Any]], bands: list[list[int]]
) -> list[str]:
    folder.mkdir()
    app = fresh(quiet(folder, url))
    with app.app_context():
        began = time.perf_counter()
        with db.database().transaction() as session:
            bank_id = _fill(session, questions, bands)
        with db.database().transaction() as session:
            session.execute(sa.text("ANALYZE"))
        filled = f"{time.perf_counter() - began:.0f} s"
        near = {**questions[777], "stem": questions[777]["stem"][:-2] + "而已"}
        seen = range(1, 501)
        began = time.perf_counter()
        with db.database().transaction() as session:
            blueprint = _frozen(session, bank_id)
        published = f"{time.perf_counter() - began:.1f} s"
        with db.database().session(writes=False) as session:
            began = time.perf_counter()
            _sound(pools.draw(session, blueprint, "first", ()))
            first = f"{(time.perf_counter() - began) * 1000:.1f} ms"
        ways: list[Callable[[Session, int], object]] = [
            lambda s, n: _sound(pools.draw(s, blueprint, str(n), ())),
            lambda s, n: _sound(pools.draw(s, blueprint, str(n), seen)),
            lambda s, n: _read(s, blueprint, pools.draw(s, blueprint, f"read {n}", seen)),
            lambda s, n: copies.of(s, bank_id, near)[0],
            lambda s, n: listing.page(s, bank_id, listing.Filter(before=MANY - n)),
            lambda s, n: listing.page(
                s, bank_id, listing.Filter(point="知识点 3", state=QuestionState.ACCEPTED)
            ),
        ]
        return [filled, published, first, *map(_timed, ways)]


def _timed(way: Callable[[Session, int], object]) -> str:
    taken = []
    for number in range(100):
        with db.database().session(writes=False) as session:
            began = time.perf_counter()
            way(session, number)
            taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return f"{taken[50]:.1f} / {taken[-1]:.1f} ms"


def _fill(session: Session, questions: list[dict[str, Any]], bands: list[list[int]]) -> int:
    now = clock.now()
    owner = accounts.create(
        session, sign_in_name="author", password="a long password 1", name="作者", now=now,
        roles=(Role.AUTHOR,),
    ).id  # fmt: skip
    bank = Bank(title="题库", kind="own", field_code="energy", owner_id=owner, created_at=now)
    session.add(bank)
    session.flush()
    counts: dict[tuple[str, str, int], list[int]] = {}
    for number, question in enumerate(questions):
        sort = f"知识点 {number // 3 % POINTS}", question["kind"], number // 7 % 5 + 1
        counts.setdefault(sort, []).append(number)
    rows: list[dict[str, Any]] = [{}] * len(questions)
    for cell, ((point, kind, difficulty), numbers) in enumerate(counts.items(), 1):
        session.execute(
            sa.insert(BankCell).values(
                id=cell, bank_id=bank.id, point=point, kind=kind, difficulty=difficulty, count=len(numbers)
            )
        )  # fmt: skip
        for place, number in enumerate(numbers):
            rows[number] = {
                "id": number + 1, "bank_id": bank.id, "point": point, "difficulty": difficulty, "kind": kind,
                "stem": questions[number]["stem"], "state": "accepted", "writer_id": owner, "newest_number": 1,
                "accepted_number": 1, "accepted_print": f"{number:064x}", "cell_id": cell, "place": place,
                "changed_at": now,
            }  # fmt: skip
    versions = [
        {
            "question_id": row["id"], "number": 1, "document": json.dumps({"question": question}), "sha256": row["accepted_print"],
            "print": row["accepted_print"], "point": row["point"], "difficulty": row["difficulty"],
            "writer_id": owner, "written_at": now,
        }
        for row, question in zip(rows, questions, strict=True)
    ]  # fmt: skip
    marks = [
        {"bank_id": bank.id, "band": band, "question_id": at}
        for at, each in enumerate(bands, 1)
        for band in each
    ]
    for table, many in ((BankQuestion, rows), (BankVersion, versions), (BankBand, marks)):
        for at in range(0, len(many), _CHUNK):
            session.execute(sa.insert(table), many[at : at + _CHUNK])
    return bank.id


def _frozen(session: Session, bank_id: int) -> Blueprint:
    """A paper by these lines as it is published; its first draw reads its pool."""
    owner = session.get_one(Bank, bank_id).owner_id
    paper = drafting.create(session, owner_id=owner, title="试卷", now=clock.now())
    told = Blueprint(bank=bank_id, lines=LINES).model_dump(mode="json")
    drafting.describe(session, paper.id, owner, {"blueprint": told}, paper.revision, clock.now())
    made = drafting.load(drafting.freeze(session, paper.id, clock.now())).blueprint
    if made is None:
        raise RuntimeError("no blueprint")
    return made


def _read(session: Session, blueprint: Blueprint, drawn: dict[str, Any]) -> None:
    """The questions of a draw, as an attempt's page needs them."""
    chosen = list(zip(blueprint.lines, drawn["versions"], strict=True))
    if len(pools.drawn(session, chosen)[0]) != 50:
        raise RuntimeError("not 50 questions")


def _sound(drawn: dict[str, Any]) -> None:
    if len({id for line in drawn["versions"] for id in line}) != 50:
        raise RuntimeError("not 50 different questions")
