"""Item analyses of frozen papers: made at night and on demand from the first attempts, kept.

Of each learner the first attempt at a paper counts, in whatever scope, once its result is
final: later ones are made knowing what the first was worth. Nothing of a learner is kept.

Where each learner has questions of their own from a bank, a question is judged by those who had
it; those that fewer had than anything can be said of count in the sums alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments import analysis, corrections, frozen
from assessments.analysis import Analysis, Item, ItemResult, Sheet
from assessments.analysis_models import PaperAnalysis
from assessments.banks import pools
from assessments.blueprints import Line, drawn_id
from assessments.models import Attempt, AttemptState, PaperVersion
from assessments.questions import Choice, Question
from zhixin.db import Database

AT_ONCE = 200
#: Of the questions that a bank gave, the most asked.
MOST_ITEMS = 500
CLAIM = timedelta(minutes=15)
AGAIN_AFTER = timedelta(minutes=5)
#: Of a question's text, as it was written; lists show the beginning, formulas drawn.
MOST_KEPT = 1000


def due(session: Session, now: datetime, *, night: bool) -> Sequence[int]:
    """Paper versions that wait for their analysis: those asked for, and at ``night`` all with
    first attempts that the last one did not know."""
    made = PaperAnalysis
    free = sa.or_(made.claimed_until.is_(None), made.claimed_until < now)
    wanted = sa.or_(made.gathered_at.is_(None), made.asked_at > made.gathered_at)
    asked = session.scalars(
        sa.select(made.paper_version_id)
        .where(made.asked_at.is_not(None), wanted, free)
        .limit(AT_ONCE)
    ).all()
    if not night:
        return asked
    first = (
        sa.select(Attempt.paper_version_id, sa.func.count().label("attempts"))
        .where(*_FIRST)
        .group_by(Attempt.paper_version_id)
        .subquery()
    )
    grown = session.scalars(
        sa.select(first.c.paper_version_id)
        .outerjoin(made, made.paper_version_id == first.c.paper_version_id)
        .where(
            sa.or_(made.gathered_at.is_(None), made.attempts != first.c.attempts),
            free,
        )
        .limit(AT_ONCE)
    )
    return list(dict.fromkeys([*asked, *grown]))


def ask(session: Session, paper_version_id: int, now: datetime, *, anew: bool = False) -> bool:
    """Ask for an analysis; False: it was just asked for, and nothing is known to be ``anew``."""
    row = _row(session, paper_version_id)
    if not anew and row.asked_at is not None and row.asked_at > now - AGAIN_AFTER:
        return False
    row.asked_at = now
    session.flush()
    return True


def make(database: Database, paper_version_id: int, now: datetime) -> bool:
    """Make one analysis; False: another worker is at it.

    Read in a session of its own, written in a short transaction: no learner waits for it.
    """
    with database.transaction() as session:
        _row(session, paper_version_id)
        claimed = session.execute(
            sa.update(PaperAnalysis)
            .where(
                PaperAnalysis.paper_version_id == paper_version_id,
                sa.or_(PaperAnalysis.claimed_until.is_(None), PaperAnalysis.claimed_until < now),
            )
            .values(claimed_until=now + CLAIM)
            .execution_options(synchronize_session=False)
        )
        if claimed.rowcount != 1:  # type: ignore[attr-defined]
            return False
    with database.session(writes=False) as reading:
        questions, left_out = _questions(reading, paper_version_id)
        maximum = frozen.paper(reading, paper_version_id).maximum
        count = reading.scalar(
            sa.select(sa.func.count()).where(Attempt.paper_version_id == paper_version_id, *_FIRST)
        )
        found = analysis.analyse(
            list(map(_item, questions)), _sheets(reading, paper_version_id, questions)
        )
    with database.transaction() as session:
        row = session.get_one(PaperAnalysis, paper_version_id, populate_existing=True)
        row.document = document(found, questions, maximum, left_out)
        row.attempts, row.gathered_at, row.claimed_until = count or 0, now, None
    return True


def newest(session: Session, paper_id: int) -> list[PaperVersion]:
    """A paper's frozen versions, the newest first."""
    query = sa.select(PaperVersion).where(PaperVersion.paper_id == paper_id)
    return list(session.scalars(query.order_by(PaperVersion.id.desc())))


def of(session: Session, paper_version_id: int) -> PaperAnalysis | None:
    """The last analysis, or None."""
    found = session.get(PaperAnalysis, paper_version_id)
    return found if found is not None and found.document is not None else None


def hardest(
    session: Session, paper_version_ids: Sequence[int], *, most: int = 5
) -> list[dict[str, Any]]:
    """The questions with the least facility over these papers' analyses, the hardest first, as
    they are kept, with their ``paper_id``."""
    kept = session.execute(
        sa.select(PaperAnalysis.document, PaperVersion.paper_id)
        .join(PaperVersion, PaperVersion.id == PaperAnalysis.paper_version_id)
        .where(
            PaperAnalysis.paper_version_id.in_(paper_version_ids),
            PaperAnalysis.document.is_not(None),
        )
    )
    items = [
        item | {"paper_id": paper_id} for document, paper_id in kept for item in document["items"]
    ]
    known = [item for item in items if isinstance(item["facility"], float)]
    return sorted(known, key=lambda item: item["facility"])[:most]


_FIRST = (
    Attempt.number == 1,
    Attempt.state == AttemptState.CLOSED,
    Attempt.passed.is_not(None),
)


def _row(session: Session, paper_version_id: int) -> PaperAnalysis:
    found = session.get(PaperAnalysis, paper_version_id)
    if found is None:
        try:
            with session.begin_nested():
                session.add(PaperAnalysis(paper_version_id=paper_version_id))
        except IntegrityError:  # another was faster
            pass
        found = session.get_one(PaperAnalysis, paper_version_id)
    return found


def _item(question: Question) -> Item:
    points = _hundredths(question.points)
    if not isinstance(question, Choice):
        return Item(question.id, points)
    options = tuple(option.id for option in question.options)
    return Item(question.id, points, options, frozenset(question.correct))


def _questions(session: Session, paper_version_id: int) -> tuple[list[Question], int]:
    """The questions that are analysed, and how many were asked of too few."""
    made = corrections.in_force(session, paper_version_id)
    paper = corrections.over(frozen.paper(session, paper_version_id), made)
    if paper.blueprint is None:
        return list(paper.questions), 0
    lines = paper.blueprint.lines
    asked: Counter[int] = Counter()
    by_line: dict[int, Line] = {}
    rows = session.execute(
        sa.select(Attempt.person_id, Attempt.drawn)
        .where(Attempt.paper_version_id == paper_version_id, *_FIRST)
        .order_by(Attempt.person_id, Attempt.id)
        .execution_options(yield_per=500)
    )
    before = None
    for person_id, drawn in rows:
        if person_id == before or drawn is None:
            continue
        before = person_id
        for line, ids in zip(lines, drawn["versions"], strict=True):
            asked.update(ids)
            for id in ids:
                by_line.setdefault(id, line)
    often = sorted(asked, key=lambda id: (-asked[id], id))[:MOST_ITEMS]
    kept = sorted(id for id in often if asked[id] >= analysis.FEWEST)
    drawn_, _texts = pools.drawn(session, [(by_line[id], [id]) for id in kept])
    under = [corrections.corrected(question, made) for question in drawn_]
    return [*paper.questions, *under], len(asked) - len(kept)


def _sheets(
    session: Session, paper_version_id: int, questions: Sequence[Question]
) -> Iterator[Sheet]:
    worth = {question.id: _hundredths(question.points) for question in questions}
    blueprint = frozen.paper(session, paper_version_id).blueprint
    rows = session.execute(
        sa.select(Attempt.person_id, Attempt.result, Attempt.answers, Attempt.drawn)
        .where(Attempt.paper_version_id == paper_version_id, *_FIRST)
        .order_by(Attempt.person_id, Attempt.id)
        .execution_options(yield_per=500)
    )
    before = None
    for person_id, result, answers, drawn in rows:
        if person_id == before or result is None:
            continue
        before = person_id
        offered = dict(worth)
        if blueprint is not None and drawn is not None:
            for line, ids in zip(blueprint.lines, drawn["versions"], strict=True):
                offered |= dict.fromkeys(map(drawn_id, ids), _hundredths(line.points))
        points, got, most = {}, 0, 0
        for id, mark in result["questions"].items():
            score = _hundredths(mark["score"])
            if id not in worth:
                got, most = got + score, most + offered[id]
            elif worth[id] == offered[id]:
                points[id] = score
            else:  # another line gave other points for it
                points[id] = score * worth[id] // offered[id]
        yield Sheet(points, answers, (got, most))


def _hundredths(points: Decimal | str) -> int:
    return int(Decimal(points) * 100)


def document(
    found: Analysis, questions: Sequence[Question], maximum: Decimal, left_out: int = 0
) -> dict[str, Any]:
    """An analysis as it is kept: numbers to four places, or why there is none, in a word."""
    by_id = {question.id: question for question in questions}
    return {
        "learners": found.learners,
        "mean": _plain(found.mean),
        "deviation": _plain(found.deviation),
        "maximum": float(maximum),
        "alpha": _plain(found.alpha),
        "error": _plain(found.error),
        "items": [_result(result, by_id[result.item.id]) for result in found.items],
    } | ({"left_out": left_out} if left_out else {})


def _result(result: ItemResult, question: Question) -> dict[str, Any]:
    texts = {o.id: o.text for o in question.options} if isinstance(question, Choice) else {}
    return {
        "id": result.item.id,
        "kind": str(question.kind),
        "stem": question.stem[:MOST_KEPT],
        "points": float(question.points),
        "asked": result.asked,
        "facility": _plain(result.facility),
        "together": _plain(result.together),
        "grouped": _plain(result.grouped),
        "without": _plain(result.without),
        "flags": [str(flag) for flag in result.flags],
        "choices": [
            {
                "text": None if choice.option is None else texts[choice.option][:MOST_KEPT],
                "right": choice.option in result.item.correct,
                "unused": choice.option in result.unused,
                "attractive": choice.option in result.attractive,
                **{
                    name: _plain(getattr(choice, name))
                    for name in ("upper", "middle", "lower", "all")
                },
            }
            for choice in result.choices
        ],
    }


def _plain(value: Fraction | float | StrEnum) -> float | str:
    return str(value) if isinstance(value, StrEnum) else round(float(value), 4)
