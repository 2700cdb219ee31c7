"""Whom a regrade changes, a page at a time: foreseen before it is decided, as written down
afterwards. A page costs the same few queries however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import regrading
from assessments.models import Attempt
from assessments.regrade_models import IN_FORCE, KeyCorrection
from courses import scopes
from courses.forecast_models import ForeseenChange, RegradeForecast
from courses.models import CourseVersion, Enrolment
from zhixin.hours.models import Award
from zhixin.people.models import Person

PAGE = 50


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to one attempt. Fractions in millionths.

    Attributes:
        hours: that the pass brings, or that rest on a pass which the right key would not give;
            None: none are touched.
        award_id: the award that carries them.
    """

    attempt: Attempt
    person: Person
    course: str
    before: int
    after: int
    passed_before: bool
    passed_after: bool
    hours: Decimal | None = None
    award_id: int | None = None

    @property
    def gains(self) -> bool:
        return self.passed_after and not self.passed_before

    @property
    def loses(self) -> bool:
        return self.passed_before and not self.passed_after


@dataclass(slots=True)
class Effects:
    """A page, those first whose verdict changes or would have; and the sums of all.

    Attributes:
        hours: that would come, in all; None: not summed, it was done.
    """

    rows: list[Effect] = field(default_factory=list)
    changed: int = 0
    gain: int = 0
    lose: int = 0
    hours: Decimal | None = None
    page: int = 1

    @property
    def pages(self) -> int:
        return max(1, -(-self.changed // PAGE))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """``hours``: foreseen; ``at``: when it was done."""

    before: int
    after: int
    was: bool
    becomes: bool
    hours: Decimal | None = None
    at: datetime | None = None


def of(session: Session, correction: KeyCorrection, number: int) -> Effects:
    """One page (1-based; beyond the end is the last)."""
    if correction.state in IN_FORCE:
        found = Effects([], *regrading.sums(session, correction, scopes.PRACTICE))
    else:
        found = _foreseen_sums(session, correction)
    found.page = min(max(1, number), found.pages)
    at = slice((found.page - 1) * PAGE, found.page * PAGE)
    read = _made if correction.state in IN_FORCE else _foreseen
    found.rows = _shown(session, read(session, correction, at))
    return found


def _made(session: Session, correction: KeyCorrection, at: slice) -> list[tuple[Attempt, _Verdict]]:
    return [
        (attempt, _Verdict(
            m.fraction_before, m.fraction_after, m.passed_before, m.passed_after, at=m.at
        ))
        for m, attempt in regrading.made(session, correction, at)
    ]  # fmt: skip


def _foreseen(
    session: Session, correction: KeyCorrection, at: slice
) -> list[tuple[Attempt, _Verdict]]:
    unchanged = ForeseenChange.passed_before == ForeseenChange.passed_after
    rows = session.execute(
        sa.select(ForeseenChange, Attempt)
        .join(Attempt, Attempt.id == ForeseenChange.attempt_id)
        .where(ForeseenChange.forecast_id == _forecast(correction))
        .order_by(sa.case((unchanged, 1), else_=0), ForeseenChange.attempt_id)
        .offset(at.start)
        .limit(at.stop - at.start)
    )
    return [
        (attempt, _Verdict(
            f.fraction_before, f.fraction_after, f.passed_before, f.passed_after, f.hours
        ))
        for f, attempt in rows
    ]  # fmt: skip


def _foreseen_sums(session: Session, correction: KeyCorrection) -> Effects:
    before, after = ForeseenChange.passed_before, ForeseenChange.passed_after
    counted = ~Attempt.scope.startswith(scopes.PRACTICE)
    query = (
        sa.select(
            sa.func.count(),
            sa.func.count(sa.case((sa.and_(counted, after, ~before), 1))),
            sa.func.count(sa.case((sa.and_(counted, before, ~after), 1))),
            sa.func.sum(ForeseenChange.hours),
        )
        .select_from(ForeseenChange)
        .join(Attempt, Attempt.id == ForeseenChange.attempt_id)
        .where(ForeseenChange.forecast_id == _forecast(correction))
    )
    changed, gain, lose, hours = session.execute(query).one()
    return Effects([], changed, gain, lose, hours or Decimal(0))


def _forecast(correction: KeyCorrection) -> sa.ScalarSelect[int]:
    own = RegradeForecast.correction_id == correction.id
    return sa.select(RegradeForecast.id).where(own).scalar_subquery()


def _shown(session: Session, verdicts: Sequence[tuple[Attempt, _Verdict]]) -> list[Effect]:
    attempts = [attempt for attempt, _verdict in verdicts]
    people = {attempt.person_id for attempt in attempts}
    versions = {scopes.version_of(attempt.scope) or 0 for attempt in attempts}
    named = {p.id: p for p in session.scalars(sa.select(Person).where(Person.id.in_(people)))}
    courses = sa.select(CourseVersion.id, CourseVersion.title)
    titles = {
        row.id: row.title for row in session.execute(courses.where(CourseVersion.id.in_(versions)))
    }
    awards = {
        (enrolment.person_id, enrolment.version_id): (award, enrolment.completed_at)
        for enrolment, award in session.execute(
            sa.select(Enrolment, Award)
            .join(Award, Award.id == Enrolment.award_id)
            .where(Enrolment.person_id.in_(people), Enrolment.version_id.in_(versions))
        )
    }
    effects = []
    for attempt, verdict in verdicts:
        version = scopes.version_of(attempt.scope) or 0
        award, completed = awards.get((attempt.person_id, version), (None, None))
        if award is not None and not _touched(attempt, verdict, completed):
            award = None
        effects.append(
            Effect(
                attempt, named[attempt.person_id], titles.get(version, ""),
                verdict.before, verdict.after, verdict.was, verdict.becomes,
                hours=award.hours if award else None if completed else verdict.hours,
                award_id=award.id if award else None,
            )
        )  # fmt: skip
    return effects


def _touched(attempt: Attempt, verdict: _Verdict, completed: datetime | None) -> bool:
    """Does an award rest on a pass that the right key would not give, or came by one that it
    gave? One that was there before a pass was given gains nothing by it."""
    if attempt.scope.startswith(scopes.PRACTICE) or verdict.was == verdict.becomes:
        return False
    if verdict.was:
        return True
    return verdict.at is not None and completed is not None and completed >= verdict.at
