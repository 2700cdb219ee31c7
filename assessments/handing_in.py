"""Handing in: an attempt is graded once and closed for good, by its learner or when its time ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from assessments import corrections, frozen, marking, results, sheets, timing
from assessments.grading import grade_sheet
from assessments.grading import sheet as checked
from assessments.models import Attempt, AttemptState, Ending, PaperVersion
from assessments.sheets import Change
from zhixin.errors import Conflict, NotFound


def submit(
    session: Session,
    attempt_id: int,
    person_id: int,
    answers: Mapping[str, Any] | None,
    now: datetime,
    *,
    changes: Sequence[Change] = (),
) -> Attempt:
    """Hand in: grade once and close for good. Handed in again, the first result stands.

    When the time and the grace are over, it is closed with what was saved by then, and what
    comes with this call is not counted.

    Args:
        answers: the whole sheet; ``None``: what was saved, and ``changes``.

    Raises:
        NotFound: not this person's attempt.
        AnswerRefused: not a sheet of this paper; the attempt stays open.
    """
    attempt, sha256 = _own(session, attempt_id, person_id)
    if attempt.state == AttemptState.CLOSED:
        return attempt
    corrections.hold(session, attempt.paper_version_id)
    paper = frozen.with_keys(session, attempt, sha256)
    in_time = timing.takes_answers(attempt.deadline_at, now)
    if in_time and answers is None:
        sheets.write(session, attempt.id, sheets.checked(paper, changes), now)
    given = checked(
        paper, sheets.so_far(session, attempt) if answers is None or not in_time else answers
    )
    result = grade_sheet(paper, given)
    fraction = results.millionths(result.fraction)
    _close(
        session,
        attempt,
        answers={question: list(answer) for question, answer in given.items()},
        saved_at=now,
        closed_at=now,
        ended_by=Ending.LEARNER if in_time else Ending.DEADLINE,
        fraction_millionths=None if result.waiting else fraction,
        result=results.document(result),
        passed=None if result.waiting else fraction >= attempt.pass_mark_millionths,
    )
    if result.waiting:
        marking.begin(session, attempt, paper, now)
    return attempt


def due(session: Session, now: datetime, limit: int = 500) -> Sequence[tuple[int, int]]:
    """Open attempts whose time and grace are over, the oldest first: (id, person's id)."""
    query = (
        sa.select(Attempt.id, Attempt.person_id)
        .where(
            Attempt.state == AttemptState.OPEN,
            Attempt.deadline_at.is_not(None),
            Attempt.deadline_at < now - timing.GRACE,
        )
        .order_by(Attempt.deadline_at)
        .limit(limit)
    )
    return [(row.id, row.person_id) for row in session.execute(query)]


def _own(session: Session, attempt_id: int, person_id: int) -> tuple[Attempt, str]:
    """The person's attempt, kept from who else saves or hands in until the transaction ends, and
    the hash of its paper."""
    found = session.execute(_OWN, {"attempt_id": attempt_id, "person_id": person_id}).one_or_none()
    if found is None:
        raise NotFound
    return found.Attempt, found.sha256


def _close(session: Session, attempt: Attempt, **values: Any) -> None:
    """Close an attempt that ``_own`` keeps: the one place that does."""
    values["state"] = AttemptState.CLOSED
    changed = session.connection().execute(_CLOSE, {"attempt_id": attempt.id} | values)
    if changed.rowcount != 1:
        raise Conflict
    for name, value in values.items():
        set_committed_value(attempt, name, value)


# Built once: while an examination ends they are all there is to do.
_OWN = (
    sa.select(Attempt, PaperVersion.sha256)
    .join(PaperVersion, PaperVersion.id == Attempt.paper_version_id)
    .where(Attempt.id == sa.bindparam("attempt_id"), Attempt.person_id == sa.bindparam("person_id"))
    .with_for_update(of=Attempt)
    .execution_options(populate_existing=True)
)
_CLOSING = (
    "state", "answers", "saved_at", "closed_at", "ended_by", "fraction_millionths", "result",
    "passed",
)  # fmt: skip
_CLOSE = (
    sa.update(Attempt.__table__)  # type: ignore[arg-type]
    .where(
        Attempt.__table__.c.id == sa.bindparam("attempt_id"),
        Attempt.__table__.c.state == AttemptState.OPEN,
    )
    .values({name: sa.bindparam(name) for name in _CLOSING})
)
