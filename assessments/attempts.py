"""Attempts: opened under a limit, saved while answering, graded once, then never changed.

``view`` is all that a learner under test is ever sent; ``review`` is for closed attempts and
shows keys and explanations only when they can no longer help.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments import drafting, papers
from assessments.errors import AlreadyPassed, AttemptClosed, NoAttemptsLeft
from assessments.grading import Result, grade_paper
from assessments.models import Attempt, AttemptState, PaperVersion
from zhixin.errors import Conflict, NotFound

MILLION = 1_000_000


def open(
    session: Session,
    *,
    person_id: int,
    scope: str,
    paper_version_id: int,
    pass_mark: Decimal,
    attempts_allowed: int | None,
    now: datetime,
) -> Attempt:
    """The person's open attempt at this paper, or a new one.

    Args:
        pass_mark: the policy's, 0 to 1; the paper's own may be stricter and then counts.
        attempts_allowed: in all, for this scope and paper; ``None``: as many as they like.

    Raises:
        NotFound: there is no such paper version.
        AlreadyPassed: the paper is passed in this scope.
        NoAttemptsLeft: the limit is reached.
    """
    before = history(session, person_id, scope, paper_version_id)
    if before and before[-1].state == AttemptState.OPEN:
        return before[-1]
    if any(attempt.passed for attempt in before):
        raise AlreadyPassed
    if attempts_allowed is not None and len(before) >= attempts_allowed:
        raise NoAttemptsLeft(attempts_allowed)
    own = drafting.load(_version(session, paper_version_id)).pass_mark or Decimal(0)
    attempt = Attempt(
        person_id=person_id,
        scope=scope,
        paper_version_id=paper_version_id,
        number=len(before) + 1,  # unique: two at once cannot slip past the limit
        seed=secrets.token_hex(16),
        state=AttemptState.OPEN,
        answers={},
        opened_at=now,
        saved_at=now,
        pass_mark_millionths=_millionths(max(pass_mark, own)),
    )
    try:
        with session.begin_nested():
            session.add(attempt)
    except IntegrityError:
        return _opened_meanwhile(session, person_id, scope, paper_version_id)
    return attempt


def get(session: Session, attempt_id: int, person_id: int) -> Attempt:
    """The person's own attempt.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    return _own(session, attempt_id, person_id, lock=False)


def save(
    session: Session,
    attempt_id: int,
    person_id: int,
    answers: Mapping[str, Any],
    now: datetime,
) -> Attempt:
    """Keep the whole sheet as it stands; nothing is graded.

    Args:
        answers: option ids chosen, by question id; questions left out are unanswered.

    Raises:
        NotFound: not this person's attempt.
        AttemptClosed: it was handed in.
        AnswerRefused: not a sheet of this paper.
    """
    attempt = _own(session, attempt_id, person_id, lock=True)
    if attempt.state != AttemptState.OPEN:
        raise AttemptClosed
    sheet, _result = _graded(session, attempt, answers)
    saved = _write(session, attempt, answers=sheet, saved_at=now)
    if saved is None:
        raise AttemptClosed
    return saved


def submit(
    session: Session,
    attempt_id: int,
    person_id: int,
    answers: Mapping[str, Any] | None,
    now: datetime,
) -> Attempt:
    """Hand in: grade once and close for good. Handed in again, the first result stands.

    Args:
        answers: the whole sheet; ``None``: what was saved last.

    Raises:
        NotFound: not this person's attempt.
        AnswerRefused: not a sheet of this paper; the attempt stays open.
    """
    attempt = _own(session, attempt_id, person_id, lock=True)
    if attempt.state == AttemptState.CLOSED:
        return attempt
    sheet, result = _graded(session, attempt, attempt.answers if answers is None else answers)
    fraction = _millionths(result.fraction)
    closed = _write(
        session,
        attempt,
        state=AttemptState.CLOSED,
        answers=sheet,
        saved_at=now,
        closed_at=now,
        fraction_millionths=fraction,
        result=_result_document(result),
        passed=fraction >= attempt.pass_mark_millionths,
    )
    return closed or _own(session, attempt_id, person_id, lock=True)


def passed(session: Session, person_id: int, scope: str) -> set[int]:
    """Ids of the paper versions that the person has passed in ``scope``."""
    query = sa.select(Attempt.paper_version_id).where(
        Attempt.person_id == person_id, Attempt.scope == scope, Attempt.passed.is_(True)
    )
    return set(session.scalars(query))


def history(
    session: Session, person_id: int, scope: str, paper_version_id: int
) -> Sequence[Attempt]:
    """The person's attempts at one paper, first to last; only the last may be open."""
    query = (
        sa.select(Attempt)
        .where(
            Attempt.person_id == person_id,
            Attempt.scope == scope,
            Attempt.paper_version_id == paper_version_id,
        )
        .order_by(Attempt.number)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def view(session: Session, attempt: Attempt) -> dict[str, Any]:
    """What the learner may read while answering: no key, no explanation, no correctness.

    ``{id, number, state, title, questions: [{id, kind, stem, options, points}], answers,
    answered, saved_at}`` in this attempt's own order; ``answers`` are the saved ones.
    """
    seen = papers.public(papers.shuffled(_paper(session, attempt), attempt.seed))
    return {
        "id": attempt.id,
        "number": attempt.number,
        "state": str(attempt.state),
        "title": seen["title"],
        "questions": seen["questions"],
        "answers": attempt.answers,
        "answered": len(attempt.answers),
        "saved_at": _instant(attempt.saved_at),
    }


def review(session: Session, attempt: Attempt, *, attempts_allowed: int | None) -> dict[str, Any]:
    """What the learner may read of a closed attempt.

    Which answers were right is always told. ``keys_shown`` says whether each question also
    holds ``correct`` and ``explanation``: after passing or when no attempt is left, and never
    while the person has this paper open anywhere.

    Raises:
        Conflict: the attempt is still open.
    """
    if attempt.state != AttemptState.CLOSED or attempt.result is None:
        raise Conflict("交卷之后才能查看结果", code="attempt-open")
    made = history(session, attempt.person_id, attempt.scope, attempt.paper_version_id)
    left = None if attempts_allowed is None else max(0, attempts_allowed - len(made))
    over = any(each.passed for each in made)
    shown = (over or left == 0) and not _open_anywhere(session, attempt)
    paper = papers.shuffled(_paper(session, attempt), attempt.seed)
    return {
        **{key: value for key, value in view(session, attempt).items() if key != "questions"},
        "passed": attempt.passed,
        "score": attempt.result["score"],
        "maximum": attempt.result["maximum"],
        "fraction": str(attempt.fraction),
        "pass_mark": str(Decimal(attempt.pass_mark_millionths) / MILLION),
        "closed_at": _instant(attempt.closed_at),
        "attempts_left": 0 if over else left,
        "keys_shown": shown,
        "questions": [
            asked | attempt.result["questions"][asked["id"]] | (_key(question) if shown else {})
            for asked, question in zip(
                papers.public(paper)["questions"], paper.questions, strict=True
            )
        ],
    }


def evidence(
    session: Session, person_id: int, scope: str, *, until: datetime
) -> list[dict[str, Any]]:
    """The attempts of ``scope`` closed by ``until`` as an award's evidence: JSON without floats.

    The answers stand in by their hash; they themselves stay with the attempt.
    """
    query = (
        sa.select(Attempt, PaperVersion.sha256)
        .join(PaperVersion, PaperVersion.id == Attempt.paper_version_id)
        .where(
            Attempt.person_id == person_id,
            Attempt.scope == scope,
            Attempt.state == AttemptState.CLOSED,
            Attempt.closed_at <= until,
        )
        .order_by(Attempt.paper_version_id, Attempt.number)
    )
    return [_evidence(attempt, sha256) for attempt, sha256 in session.execute(query)]


def characters(session: Session, paper_version_id: int) -> int:
    """How long a paper is to read: its questions and options."""
    return drafting.load(_version(session, paper_version_id)).characters


def _evidence(attempt: Attempt, paper_sha256: str) -> dict[str, Any]:
    assert attempt.result is not None  # closed
    return {
        "attempt": attempt.id,
        "number": attempt.number,
        "paper_version": attempt.paper_version_id,
        "paper_sha256": paper_sha256,
        "opened_at": _instant(attempt.opened_at),
        "closed_at": _instant(attempt.closed_at),
        "score": attempt.result["score"],
        "maximum": attempt.result["maximum"],
        "fraction_millionths": attempt.fraction_millionths,
        "pass_mark_millionths": attempt.pass_mark_millionths,
        "passed": attempt.passed,
        "answers_sha256": hashlib.sha256(rfc8785.dumps(attempt.answers)).hexdigest(),
    }


def _own(session: Session, attempt_id: int, person_id: int, *, lock: bool) -> Attempt:
    query = sa.select(Attempt).where(Attempt.id == attempt_id, Attempt.person_id == person_id)
    if lock:  # whoever else saves or hands in waits until this transaction ends
        query = query.with_for_update()
    attempt = session.scalar(query.execution_options(populate_existing=True))
    if attempt is None:
        raise NotFound
    return attempt


def _write(session: Session, attempt: Attempt, **values: Any) -> Attempt | None:
    """Change an attempt if it is still open: the one place that does."""
    change = (
        sa.update(Attempt)
        .where(Attempt.id == attempt.id, Attempt.state == AttemptState.OPEN)
        .values(**values)
        .returning(Attempt)
    )
    return session.scalar(change, execution_options={"populate_existing": True})


def _opened_meanwhile(
    session: Session, person_id: int, scope: str, paper_version_id: int
) -> Attempt:
    last = history(session, person_id, scope, paper_version_id)[-1:]
    if not last or last[0].state != AttemptState.OPEN:
        raise Conflict
    return last[0]


def _open_anywhere(session: Session, attempt: Attempt) -> bool:
    """Is this person answering this paper now, perhaps in another scope?"""
    query = sa.select(Attempt.id).where(
        Attempt.person_id == attempt.person_id,
        Attempt.paper_version_id == attempt.paper_version_id,
        Attempt.state == AttemptState.OPEN,
    )
    return session.scalar(query.limit(1)) is not None


def _version(session: Session, paper_version_id: int) -> PaperVersion:
    version = session.get(PaperVersion, paper_version_id)
    if version is None:
        raise NotFound
    return version


def _paper(session: Session, attempt: Attempt) -> papers.Paper:
    return drafting.load(_version(session, attempt.paper_version_id))


def _graded(
    session: Session, attempt: Attempt, answers: Mapping[str, Any]
) -> tuple[dict[str, list[str]], Result]:
    """The sheet as it is kept, and what it is worth; grading is also what checks a sheet."""
    result = grade_paper(_paper(session, attempt), answers)
    return {question: list(chosen) for question, chosen in answers.items() if chosen}, result


def _result_document(result: Result) -> dict[str, Any]:
    return {
        "score": str(result.score),
        "maximum": str(result.maximum),
        "questions": {
            question: {"score": str(mark.score), "right": mark.fraction == 1}
            for question, mark in result.per_question.items()
        },
    }


def _key(question: papers.Question) -> dict[str, Any]:
    return {"correct": list(question.correct), "explanation": question.explanation}


def _millionths(share: Decimal) -> int:
    return int((share * MILLION).to_integral_value(ROUND_CEILING))


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")
