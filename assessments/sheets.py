"""The answers of an open attempt, saved one by one while they are given.

Each answer is one row, the last of its question. Which one is the last is the client's to say:
it numbers its answers (``seq``), higher than any that it has seen. Of two with the same number
the writer's name decides. So saves may come late, twice or in any order, from two tabs or two
devices: the sheet comes out the same, and who was overtaken is told.

Nothing here knows what is right: an answer is only held against what its question can have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from assessments.models import Attempt, SavedAnswer
from assessments.papers import Paper
from assessments.questions import AnswerRefused

#: Numbers that a client may give.
MOST_SEQ = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Change:
    """One answer, as a client numbered it."""

    question: str
    answer: tuple[str, ...]
    seq: int
    writer: str = ""

    @property
    def order(self) -> tuple[int, bytes]:
        return self.seq, self.writer.encode()


def merge(changes: Iterable[Change]) -> dict[str, Change]:
    """The last of each question, whatever the order."""
    last: dict[str, Change] = {}
    for change in changes:
        if change.question not in last or last[change.question].order < change.order:
            last[change.question] = change
    return last


def checked(paper: Paper, changes: Sequence[Change]) -> list[Change]:
    """The answers as they are kept; what is right plays no part.

    Raises:
        AnswerRefused: of another paper, or an answer that its question cannot have.
    """
    asked = {question.id: question for question in paper.questions}
    if not asked.keys() >= {change.question for change in changes}:
        raise AnswerRefused("作答了不属于本试卷的题目")
    return [
        replace(change, answer=asked[change.question].answer(change.answer)) for change in changes
    ]


def write(session: Session, attempt_id: int, changes: Iterable[Change], now: datetime) -> None:
    """Write changes down where they are later than what is there. The caller holds the attempt."""
    rows = [
        {
            "attempt_id": attempt_id,
            "question_id": change.question,
            "seq": change.seq,
            "writer": change.writer,
            "answer": list(change.answer),
            "saved_at": now,
        }
        # In one order, so that no two wait for each other.
        for change in sorted(merge(changes).values(), key=lambda each: each.question)
    ]
    if rows:
        dialect = session.get_bind().dialect.name
        session.execute(_PUT["sqlite" if dialect == "sqlite" else "postgresql"], rows)


def of(session: Session, attempt_id: int, questions: Sequence[str] | None = None) -> list[Change]:
    """What is saved of an attempt, by question; of these questions only, if given."""
    query = _SAVED
    if questions is not None:
        query = query.where(SavedAnswer.question_id.in_(questions))
    return [
        Change(question, tuple(answer), seq, writer)
        for question, answer, seq, writer in session.execute(query, {"attempt_id": attempt_id})
    ]


_SAVED = (
    sa.select(SavedAnswer.question_id, SavedAnswer.answer, SavedAnswer.seq, SavedAnswer.writer)
    .where(SavedAnswer.attempt_id == sa.bindparam("attempt_id"))
    .order_by(SavedAnswer.question_id)
)


def overtaken(sent: Iterable[Change], kept: Iterable[Change]) -> list[Change]:
    """What stands instead of those that were sent and lost."""
    stands = {change.question: change for change in kept}
    return [
        stands[change.question]
        for change in merge(sent).values()
        if stands[change.question].order > change.order
    ]


def sheet(before: Mapping[str, Any], saved: Iterable[Change]) -> dict[str, list[str]]:
    """Answers by question: the rows over what an older attempt holds itself."""
    answers = {**before} | {change.question: list(change.answer) for change in saved}
    return {question: chosen for question, chosen in answers.items() if chosen}


def so_far(session: Session, attempt: Attempt) -> dict[str, list[str]]:
    """What is saved of an open attempt, by question."""
    return sheet(attempt.answers, of(session, attempt.id))


def put_where(held: sa.Select[Any], *, sqlite_: bool) -> Any:
    """Write one answer down if ``held`` finds its attempt, and it is later than what is there.

    Parameters: those of ``held``, ``question``, ``seq``, ``writer``, ``answer``, ``now``.
    """
    columns = SavedAnswer.__table__.c
    attempt = held.subquery("held")
    given = {
        "question": columns.question_id, "seq": columns.seq, "writer": columns.writer,
        "answer": columns.answer, "now": columns.saved_at,
    }  # fmt: skip
    row = sa.select(
        attempt.c.id, *(sa.bindparam(name, type_=column.type) for name, column in given.items())
    ).where(sa.true())  # without a condition SQLite takes ON CONFLICT for a join's
    names = ["attempt_id", *(column.name for column in given.values())]
    dialect: Any = sqlite if sqlite_ else postgresql
    return _unless_later(dialect, dialect.insert(SavedAnswer.__table__).from_select(names, row))


def _unless_later(dialect: Any, insert: Any) -> Any:
    table, sent = SavedAnswer.__table__, insert.excluded
    # By bytes on both databases, whatever the database's language is.
    mine: sa.ColumnElement[str] = sent.writer
    theirs: sa.ColumnElement[str] = table.c.writer
    if dialect is postgresql:
        mine, theirs = mine.collate("C"), theirs.collate("C")
    later = sa.or_(
        sent.seq > table.c.seq,
        sa.and_(sent.seq == table.c.seq, mine > theirs),
    )
    return insert.on_conflict_do_update(
        index_elements=[table.c.attempt_id, table.c.question_id],
        set_={name: sent[name] for name in ("seq", "writer", "answer", "saved_at")},
        where=later,
    )


_PUT = {
    "sqlite": _unless_later(sqlite, sqlite.insert(SavedAnswer)),
    "postgresql": _unless_later(postgresql, postgresql.insert(SavedAnswer)),
}
