"""Quiz units: the attempts of a learner at a unit's paper, under the version's policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from assessments import attempts
from assessments.models import Attempt, AttemptState
from courses import scopes
from courses.documents import Unit
from courses.models import CourseVersion, Enrolment, EnrolmentState, UnitKind
from zhixin.errors import Conflict, NotFound
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule


def open(session: Session, enrolment: Enrolment, unit: Unit, now: datetime) -> Attempt:
    """Begin an attempt, or go on with the open one.

    Raises:
        NotFound: the unit is not a quiz.
        Conflict: the course is completed, the quiz passed, or no attempt is left.
    """
    paper = _paper(unit)
    if enrolment.state != EnrolmentState.ACTIVE:
        raise Conflict("课程已完成，无需再次作答", code="not-active")
    rule = _rule(session, enrolment)
    return attempts.open(
        session,
        person_id=enrolment.person_id,
        scope=scopes.of_version(enrolment.version_id),
        paper_version_id=paper,
        pass_mark=rule.pass_mark,
        attempts_allowed=rule.attempts_allowed,
        now=now,
    )


def submit(
    session: Session,
    enrolment: Enrolment,
    unit: Unit,
    attempt_id: int,
    answers: Mapping[str, Sequence[str]],
    now: datetime,
) -> Attempt:
    """Hand in an attempt at this unit's paper. Handed in twice, the first result stands.

    Raises:
        NotFound: not this person's, or of another unit or course.
    """
    _attempt(session, enrolment, unit, attempt_id)
    return attempts.submit(session, attempt_id, enrolment.person_id, answers, now)


def facts(session: Session, enrolment: Enrolment, unit: Unit) -> dict[str, Any]:
    """What a quiz unit's page shows.

    Returns:
        ``attempt``: the open one as the learner may see it, or None; ``result``: the review of
        the last closed one, or None; ``history``: all closed ones, first to last;
        ``attempts_allowed`` and ``attempts_left`` (None: any number).
    """
    paper, rule = _paper(unit), _rule(session, enrolment)
    made = attempts.history(
        session, enrolment.person_id, scopes.of_version(enrolment.version_id), paper
    )
    under_way = next((each for each in made if each.state == AttemptState.OPEN), None)
    closed = [each for each in made if each.state == AttemptState.CLOSED]
    allowed = rule.attempts_allowed
    return {
        "attempt": attempts.view(session, under_way) if under_way else None,
        "result": attempts.review(session, closed[-1], attempts_allowed=allowed)
        if closed
        else None,
        "history": closed,
        "attempts_allowed": allowed,
        "attempts_left": None if allowed is None else max(0, allowed - len(made)),
        "pass_mark": rule.pass_mark,
    }


def _attempt(session: Session, enrolment: Enrolment, unit: Unit, attempt_id: int) -> Attempt:
    attempt = attempts.get(session, attempt_id, enrolment.person_id)
    scope = scopes.of_version(enrolment.version_id)
    if attempt.scope != scope or attempt.paper_version_id != _paper(unit):
        raise NotFound
    return attempt


def _paper(unit: Unit) -> int:
    if unit.kind != UnitKind.QUIZ or unit.paper_version_id is None:
        raise NotFound("这一节没有测验")
    return unit.paper_version_id


def _rule(session: Session, enrolment: Enrolment) -> CreditRule:
    version = session.get_one(CourseVersion, enrolment.version_id)
    return policies.rule(session.get_one(Policy, version.policy_id))
