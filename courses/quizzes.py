"""Quiz and practice units: the attempts of a learner at a unit's paper, under the version's policy.

Practice never counts: it may be repeated without end, also when the course is completed, and
shows its keys after each attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from assessments import attempts, frozen, handing_in, timing
from assessments.models import Attempt, AttemptState
from courses import completion, kinds, progress, scopes
from courses.documents import Unit
from courses.models import CourseVersion, Enrolment, EnrolmentState, UnitKind
from zhixin.errors import Conflict, NotFound
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule
from zhixin.people.models import Person


def open(session: Session, enrolment: Enrolment, unit: Unit, now: datetime) -> Attempt:
    """Begin an attempt, or go on with the open one.

    Raises:
        NotFound: the unit is not a quiz.
        Conflict: the course is completed, the quiz passed, or no attempt is left.
    """
    paper = _paper(unit)
    if enrolment.state != EnrolmentState.ACTIVE and unit.kind != UnitKind.PRACTICE:
        raise Conflict("课程已完成，无需再次作答", code="not-active")
    rule = _rule(session, enrolment)
    practice = unit.kind == UnitKind.PRACTICE
    return attempts.open(
        session,
        person_id=enrolment.person_id,
        scope=_scope(enrolment.version_id, unit),
        paper_version_id=paper,
        pass_mark=rule.pass_mark,
        attempts_allowed=None if practice else rule.attempts_allowed,
        practice=practice,
        time_percent=session.get_one(Person, enrolment.person_id).extended_time_percent,
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
    return handing_in.submit(session, attempt_id, enrolment.person_id, answers, now)


def find(session: Session, attempt_id: int, person_id: int) -> tuple[Attempt, Enrolment, Unit]:
    """An attempt with the enrolment and the unit that it is for.

    Raises:
        NotFound: not this person's, or not for a unit of a course.
    """
    attempt = attempts.get(session, attempt_id, person_id)
    query = (
        sa.select(Enrolment)
        .where(
            Enrolment.person_id == person_id,
            Enrolment.version_id == scopes.version_of(attempt.scope),
        )
        .order_by(Enrolment.id.desc())
        .options(joinedload(Enrolment.version))
    )
    enrolment = session.scalars(query).first()
    if enrolment is None:
        raise NotFound
    return attempt, enrolment, _unit(enrolment.version, attempt.scope, attempt.paper_version_id)


def unit_of(session: Session, scope: str, paper_version_id: int) -> Unit:
    """The unit that attempts of this scope at this paper are for.

    Raises:
        NotFound: it is not for a unit of a course.
    """
    version = session.get(CourseVersion, scopes.version_of(scope))
    if version is None:
        raise NotFound
    return _unit(version, scope, paper_version_id)


def close_due(
    session: Session, attempt_id: int, person_id: int, *, sampling_seed: str, now: datetime
) -> None:
    """Hand in for somebody whose time is over, and see whether the course is complete."""
    _attempt, enrolment, _unit = find(session, attempt_id, person_id)
    handing_in.submit(session, attempt_id, person_id, None, now)
    completion.check(session, enrolment.id, sampling_seed=sampling_seed, now=now)


def facts(session: Session, enrolment: Enrolment, unit: Unit, now: datetime) -> dict[str, Any]:
    """What a quiz unit's page shows.

    Returns:
        ``attempt``: the open one as the learner may see it, or None; ``result``: the review of
        the last closed one, or None; ``history``: all closed ones, first to last;
        ``attempts_allowed`` and ``attempts_left`` (None: any number); ``next_at``: when the next
        may begin, if not yet; ``time_limit_s``: for this person, or None; ``remaining_ms``: of
        the open attempt, or None; ``time_over``: it is being closed.
    """
    paper, rule = _paper(unit), _rule(session, enrolment)
    practice = unit.kind == UnitKind.PRACTICE
    made = attempts.history(session, enrolment.person_id, _scope(enrolment.version_id, unit), paper)
    under_way = next((each for each in made if each.state == AttemptState.OPEN), None)
    closed = [each for each in made if each.state == AttemptState.CLOSED]
    whole = frozen.paper(session, paper)
    allowed = None if practice else rule.attempts_allowed
    left = attempts.allowance(made, whole, allowed, now)
    person = session.get_one(Person, enrolment.person_id)
    end = under_way.deadline_at if under_way else None
    limit = timing.deadline(now, whole.time_limit_minutes, person.extended_time_percent)
    return {
        "attempt": attempts.view(session, under_way) if under_way else None,
        # What was right before helps now: not while the next attempt is under way.
        "result": attempts.review(session, closed[-1], attempts_allowed=allowed, practice=practice)
        if closed and not under_way
        else None,
        "history": closed,
        "attempts_allowed": timing.fewest(allowed, whole.attempts),
        "attempts_left": left.left,
        "next_at": left.next_at,
        "cooldown_minutes": whole.cooldown_minutes,
        "pass_mark": rule.pass_mark,
        "time_limit_s": int((limit - now).total_seconds()) if limit else None,
        "remaining_ms": timing.remaining_ms(end, now),
        "time_over": not timing.takes_answers(end, now),
    }


def _attempt(session: Session, enrolment: Enrolment, unit: Unit, attempt_id: int) -> Attempt:
    attempt = attempts.get(session, attempt_id, enrolment.person_id)
    at = _scope(enrolment.version_id, unit), _paper(unit)
    if (attempt.scope, attempt.paper_version_id) != at:
        raise NotFound
    return attempt


def _unit(version: CourseVersion, scope: str, paper_version_id: int) -> Unit:
    at = scope, paper_version_id
    for unit in progress.document(version.document).units():
        if kinds.of(unit.kind).paper and (_scope(version.id, unit), unit.paper_version_id) == at:
            return unit
    raise NotFound


def _paper(unit: Unit) -> int:
    if not kinds.of(unit.kind).paper or unit.paper_version_id is None:
        raise NotFound("这一节没有测验")
    return unit.paper_version_id


def _scope(version_id: int, unit: Unit) -> str:
    """Practice has a scope of its own: what reads the version's never sees it."""
    if unit.kind == UnitKind.PRACTICE:
        return scopes.of_practice(version_id)
    return scopes.of_version(version_id)


def _rule(session: Session, enrolment: Enrolment) -> CreditRule:
    version = session.get_one(CourseVersion, enrolment.version_id)
    return policies.rule(session.get_one(Policy, version.policy_id))
