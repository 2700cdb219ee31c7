"""Attempts: opened under a limit, saved while answering, graded once, then never changed.

``view`` is all that a learner under test is ever sent; ``review`` is for closed attempts and
shows keys and explanations only when they can no longer help.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments import (
    corrections,
    frozen,
    handing_in,
    kept_passes,
    marking,
    papers,
    results,
    sheets,
    timing,
)
from assessments.banks import pools
from assessments.errors import (
    AlreadyPassed,
    AttemptClosed,
    BeingGraded,
    NoAttemptsLeft,
    NotYet,
    TimeOver,
)
from assessments.models import Attempt, AttemptState, PaperVersion
from assessments.sheets import Change
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
    time_percent: int = 100,
    practice: bool = False,
    now: datetime,
) -> Attempt:
    """The person's open attempt at this paper, or a new one.

    Args:
        pass_mark: the policy's, 0 to 1; the paper's own may be stricter and then counts.
        attempts_allowed: in all, for this scope and paper; ``None``: as many as they like. The
            paper's own number may be smaller and then counts.
        time_percent: how much of the paper's time limit this person has; over 100: extended.
        practice: it goes on without end, after passing too, and without waiting.

    Raises:
        NotFound: there is no such paper version.
        AlreadyPassed: the paper is passed in this scope.
        NoAttemptsLeft: the limit is reached.
        NotYet: the paper's time between two attempts has not passed.
    """
    before = history(session, person_id, scope, paper_version_id)
    if before and before[-1].state == AttemptState.OPEN:
        if timing.takes_answers(before[-1].deadline_at, now):
            return before[-1]
        handing_in.submit(session, before[-1].id, person_id, None, now)
        before = history(session, person_id, scope, paper_version_id)
    if before and before[-1].passed is None and not practice:
        raise BeingGraded
    paper = frozen.paper(session, paper_version_id)
    left = allowance(before, paper, attempts_allowed, now)
    if practice:
        left = timing.Allowance(passed=False, left=None, next_at=None)
    if left.passed:
        raise AlreadyPassed
    if left.left == 0:
        raise NoAttemptsLeft(timing.fewest(attempts_allowed, paper.attempts) or 0)
    if left.next_at is not None:
        raise NotYet(left.next_at)
    seed = secrets.token_hex(16)
    attempt = Attempt(
        person_id=person_id,
        scope=scope,
        paper_version_id=paper_version_id,
        number=len(before) + 1,  # unique: two at once cannot slip past the limit
        seed=seed,
        drawn=_drawn(session, paper, paper_version_id, person_id, seed),
        state=AttemptState.OPEN,
        answers={},
        opened_at=now,
        saved_at=now,
        deadline_at=timing.deadline(now, paper.time_limit_minutes, time_percent),
        pass_mark_millionths=results.millionths(max(pass_mark, paper.pass_mark or Decimal(0))),
    )
    try:
        with session.begin_nested():
            session.add(attempt)
    except IntegrityError:
        return _opened_meanwhile(session, person_id, scope, paper_version_id)
    return attempt


def _drawn(
    session: Session, paper: papers.Paper, paper_version_id: int, person_id: int, seed: str
) -> dict[str, Any] | None:
    """What a blueprint draws for this person's next attempt: what they were not asked yet in any
    version of the paper, as far as the pool goes."""
    if paper.blueprint is None:
        return None
    of_paper = sa.select(PaperVersion.paper_id).where(PaperVersion.id == paper_version_id)
    query = (
        sa.select(Attempt.drawn)
        .join(PaperVersion, PaperVersion.id == Attempt.paper_version_id)
        .where(
            Attempt.person_id == person_id,
            PaperVersion.paper_id == of_paper.scalar_subquery(),
            Attempt.drawn.is_not(None),
        )
    )
    before = [drawn for drawn in session.scalars(query) if drawn is not None]
    return pools.draw(session, paper.blueprint, seed, pools.questions_of(session, before))


def redrawn(session: Session, attempt: Attempt) -> dict[str, Any] | None:
    """What an attempt's paper, seed and record of what was seen give when drawn again: the same
    as ``attempt.drawn``, or somebody changed it. None: nothing was drawn."""
    paper = frozen.paper(session, attempt.paper_version_id)
    if paper.blueprint is None or attempt.drawn is None:
        return None
    return pools.draw(session, paper.blueprint, attempt.seed, attempt.drawn["seen"])


def allowance(
    made: Sequence[Attempt], paper: papers.Paper, attempts_allowed: int | None, now: datetime
) -> timing.Allowance:
    """What the person may still do with a paper, after all attempts ``made`` at it."""
    return timing.allowance(
        [timing.ended_at(each.closed_at or now, each.deadline_at) for each in made],
        allowed=timing.fewest(attempts_allowed, paper.attempts),
        cooldown_minutes=paper.cooldown_minutes,
        passed=any(each.passed for each in made),
        now=now,
    )


def get(session: Session, attempt_id: int, person_id: int) -> Attempt:
    """The person's own attempt.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    query = sa.select(Attempt).where(Attempt.id == attempt_id, Attempt.person_id == person_id)
    attempt = session.scalar(query.execution_options(populate_existing=True))
    if attempt is None:
        raise NotFound
    return attempt


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of some answers; the same whether they are right or wrong.

    Attributes:
        saved_at: by the server's clock.
        deadline_at: when the attempt ends; None: no time limit.
        overtaken: later answers that stand instead of those which were sent.
    """

    saved_at: datetime
    deadline_at: datetime | None
    overtaken: list[Change]


def save(
    session: Session, attempt_id: int, person_id: int, changes: Sequence[Change], now: datetime
) -> Saved:
    """Keep some answers of an open attempt; nothing is graded. See ``assessments.sheets``.

    Several may save at once; who hands in waits for them, and they for who hands in.

    Raises:
        NotFound: not this person's attempt.
        AttemptClosed: it was handed in.
        TimeOver: its time is over, and so is the grace for what was on its way.
        AnswerRefused: an answer that this paper cannot have; none is kept.
    """
    query = (
        sa.select(
            Attempt.state, Attempt.deadline_at, Attempt.paper_version_id, Attempt.drawn,
            PaperVersion.sha256,
        )
        .join(PaperVersion, PaperVersion.id == Attempt.paper_version_id)
        .where(Attempt.id == attempt_id, Attempt.person_id == person_id)
        .with_for_update(read=True, of=Attempt)
    )  # fmt: skip
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound
    if found.state != AttemptState.OPEN:
        raise AttemptClosed
    if not timing.takes_answers(found.deadline_at, now):
        raise TimeOver
    base = frozen.kept(session, found.paper_version_id, found.sha256)
    paper = frozen.whole(session, base, found.drawn)
    sheets.write(session, attempt_id, sheets.checked(paper, changes), now)
    kept = sheets.of(session, attempt_id, [change.question for change in changes])
    return Saved(now, found.deadline_at, sheets.overtaken(changes, kept))


def saved(session: Session, attempt_id: int, person_id: int) -> tuple[Attempt, list[Change]]:
    """An open attempt and what is saved of it.

    Raises:
        NotFound: not this person's attempt.
        AttemptClosed: it was handed in.
    """
    attempt = get(session, attempt_id, person_id)
    if attempt.state != AttemptState.OPEN:
        raise AttemptClosed
    return attempt, sheets.of(session, attempt_id)


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
    answered, seq, saved_at, deadline_at}`` in this attempt's own order; ``answers`` are the
    saved ones, ``seq`` the highest number among them.
    """
    seen = papers.public(papers.shuffled(_paper(session, attempt), attempt.seed))
    saved = sheets.of(session, attempt.id) if attempt.state == AttemptState.OPEN else []
    answers = sheets.sheet(attempt.answers, saved)
    return {
        "id": attempt.id,
        "number": attempt.number,
        "state": str(attempt.state),
        "title": seen["title"],
        "questions": seen["questions"],
        "passages": seen.get("passages", []),
        "answers": answers,
        "answered": len(answers),
        "seq": max((change.seq for change in saved), default=0),
        "saved_at": _instant(attempt.saved_at),
        "deadline_at": _instant(attempt.deadline_at),
    }


def review(
    session: Session, attempt: Attempt, *, attempts_allowed: int | None, practice: bool = False
) -> dict[str, Any]:
    """What the learner may read of a closed attempt.

    Which answers were right is always told. ``keys_shown`` says whether each question also
    holds ``correct`` and ``explanation``: see :func:`keys_may_be_read`; in
    ``practice`` after each attempt. ``pass_kept``: a corrected key would not give this pass, which
    stands; what was marked by the key of before is ``by_old_key``.

    Raises:
        Conflict: the attempt is still open.
    """
    if attempt.state != AttemptState.CLOSED or attempt.result is None:
        raise Conflict("交卷之后才能查看结果", code="attempt-open")
    made = history(session, attempt.person_id, attempt.scope, attempt.paper_version_id)
    whole = _paper(session, attempt)
    left = allowance(made, whole, attempts_allowed, attempt.closed_at or attempt.saved_at).left
    if practice:
        left = None
    shown = keys_may_be_read(session, made, whole, attempts_allowed, practice=practice)
    # Which question's key was corrected against the answer says as much as the key.
    kept = kept_passes.contradicted(session, attempt, whole) if shown else frozenset[str]()
    paper = papers.shuffled(whole, attempt.seed)
    return {
        **{key: value for key, value in view(session, attempt).items() if key != "questions"},
        "passed": attempt.passed,
        "waiting": attempt.passed is None,
        "ended_by": attempt.ended_by and str(attempt.ended_by),
        "score": attempt.result["score"],
        "maximum": attempt.result["maximum"],
        "fraction": str(attempt.fraction or 0),
        "regraded": bool(corrections.of_attempt(session, attempt.id)),
        "pass_kept": bool(kept),
        "comments": marking.comments(session, attempt.id) if attempt.passed is not None else [],
        "pass_mark": str(Decimal(attempt.pass_mark_millionths) / MILLION),
        "closed_at": _instant(attempt.closed_at),
        "attempts_left": left,
        "keys_shown": shown,
        "questions": [
            asked
            # The verdict is called as a matching's second column is.
            | ({"right_items": asked["right"]} if "right" in asked else {})
            | attempt.result["questions"][asked["id"]]
            | (question.key() if shown else {})
            | ({"by_old_key": True} if question.id in kept else {})
            for asked, question in zip(
                papers.public(paper)["questions"], paper.questions, strict=True
            )
        ],
    }


def keys_may_be_read(
    session: Session,
    made: Sequence[Attempt],
    paper: papers.Paper,
    attempts_allowed: int | None,
    *,
    practice: bool = False,
) -> bool:
    """May the person of these attempts (all at one paper in one scope) read its keys?

    After passing, when no attempt is left or in practice, and never while they answer a paper
    that holds one of its questions, in whatever scope, version or other paper.
    """
    if not made or made[-1].state == AttemptState.OPEN or made[-1].passed is None:
        return False
    allowed = timing.fewest(attempts_allowed, paper.attempts)
    used_up = allowed is not None and len(made) >= allowed
    if not practice and not used_up and not any(each.passed for each in made):
        return False
    asked = frozen.under_examination(session, made[-1].person_id)
    if not asked:
        return True
    # Of a drawn paper whatever any of these attempts was asked.
    prints = frozenset[str]().union(
        *(frozen.fingerprints(frozen.whole(session, paper, each.drawn)) for each in made)
    )
    return not asked & prints


def characters(session: Session, attempt_id: int) -> int:
    """How long an attempt's paper is to read: its questions and options."""
    return frozen.of_attempt(session, session.get_one(Attempt, attempt_id)).characters


def _opened_meanwhile(
    session: Session, person_id: int, scope: str, paper_version_id: int
) -> Attempt:
    last = history(session, person_id, scope, paper_version_id)[-1:]
    if not last or last[0].state != AttemptState.OPEN:
        raise Conflict
    return last[0]


def _paper(session: Session, attempt: Attempt) -> papers.Paper:
    return frozen.of_attempt(session, attempt)


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")
