"""Forecasts of regrades: whom a corrected key would change, worked out before anybody decides.

A job grades the paper's attempts in chunks and writes down what would change; nothing that
counts is touched. It can be killed at any time: another goes on behind the last chunk once its
claim is over. What was foreseen grows old as people hand in and learn: it is told so, and a
regrade is confirmed on a forecast that is fresh enough.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from assessments import regrading
from assessments.models import Attempt, Paper
from assessments.regrade_models import KeyCorrection, RegradeState
from courses import evidence, progress, scopes
from courses.forecast_models import ForeseenChange, RegradeForecast
from courses.models import CourseVersion, Enrolment, EnrolmentState
from zhixin.db import Database
from zhixin.errors import Conflict
from zhixin.hours import policies
from zhixin.hours.models import Policy

log = structlog.get_logger()

CHUNK = 100
CLAIM = timedelta(minutes=5)
#: Hours depend on what people learn meanwhile.
FRESH_FOR = timedelta(days=1)
#: So many in a hundred of the attempts may have come since.
MOST_CAME = 1


class StaleForecast(Conflict):
    code = "forecast-stale"
    title = "还没有最新的影响预估，请重新预估后再确认"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a forecast is worth now.

    Attributes:
        came: attempts that were handed in or marked since.
        moved: another regrade of the paper came into force or was finished since.
        old: it was finished longer ago than ``FRESH_FOR``.
    """

    forecast: RegradeForecast
    came: int
    moved: bool
    old: bool

    @property
    def done(self) -> bool:
        return self.forecast.finished_at is not None

    @property
    def fresh(self) -> bool:
        """Good enough to decide by."""
        few = self.came * 100 <= self.forecast.seen * MOST_CAME
        return self.done and few and not self.moved and not self.old


def start(session: Session, correction: KeyCorrection, now: datetime) -> RegradeForecast:
    """The forecast that is being made, or a new one in the place of the last.

    Raises:
        Conflict: it is decided.
    """
    session.refresh(correction, with_for_update=True)
    if correction.state != RegradeState.PROPOSED:
        raise Conflict("这次改判已有决定")
    found = of(session, correction)
    if found is not None and found.finished_at is None:
        return found
    session.execute(sa.delete(RegradeForecast).where(_of(correction)))
    made = RegradeForecast(
        correction_id=correction.id,
        asked_at=now,
        others=regrading.progress(session, correction.paper_id),
        total=regrading.graded(session, correction),
    )
    session.add(made)
    session.flush()
    return made


def of(session: Session, correction: KeyCorrection) -> RegradeForecast | None:
    return session.scalar(sa.select(RegradeForecast).where(_of(correction)))


def standing(session: Session, correction: KeyCorrection, now: datetime) -> Standing | None:
    """What its forecast is worth now; None: none was asked for."""
    found = of(session, correction)
    if found is None:
        return None
    return Standing(
        found,
        came=max(0, regrading.graded(session, correction) - found.seen),
        moved=regrading.progress(session, correction.paper_id) != found.others,
        old=found.finished_at is not None and found.finished_at < now - FRESH_FOR,
    )


def demand_fresh(session: Session, correction: KeyCorrection, now: datetime) -> None:
    """Before a confirmation, which this transaction then has to itself.

    Raises:
        StaleForecast: nobody can know what it would do.
    """
    session.refresh(correction, with_for_update=True)
    session.get_one(Paper, correction.paper_id, with_for_update=True)  # nobody hands in meanwhile
    found = standing(session, correction, now)
    if found is None or not found.fresh:
        raise StaleForecast


def due(session: Session, now: datetime) -> Sequence[int]:
    """Forecasts that wait for a job, or whose job is dead."""
    query = (
        sa.select(RegradeForecast.id)
        .join(KeyCorrection, KeyCorrection.id == RegradeForecast.correction_id)
        .where(_free(now), KeyCorrection.state == RegradeState.PROPOSED)
    )
    return session.scalars(query.order_by(RegradeForecast.id)).all()


def run(
    database: Database, forecast_id: int, now: Callable[[], datetime], *, chunk: int = CHUNK
) -> None:
    """Work a forecast out, unless another job does."""
    claim = secrets.token_hex(8)
    with database.transaction() as session:
        taken = session.execute(
            sa.update(RegradeForecast)
            .where(RegradeForecast.id == forecast_id, _free(now()))
            .values(claim=claim, claimed_until=now() + CLAIM)
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]
            return
    while _next(database, forecast_id, claim, now, chunk):
        pass


def _next(
    database: Database, forecast_id: int, claim: str, now: Callable[[], datetime], chunk: int
) -> bool:
    """One chunk; False: that was the last, or it is another's or nobody's business by now.

    Read in a session of its own and written in a short transaction: no learner waits for it.
    """
    with database.session(writes=False) as session:
        forecast = session.get(RegradeForecast, forecast_id)
        if forecast is None:
            return False
        correction = session.get_one(KeyCorrection, forecast.correction_id)
        if correction.state != RegradeState.PROPOSED:
            return False
        last = forecast.last_attempt_id
        ids = regrading.next_attempts(session, correction, last, chunk)
        rows, failed = _foresee(session, forecast, correction, ids)
    with database.transaction() as session:
        values = {
            "seen": RegradeForecast.seen + len(ids),
            "failed": RegradeForecast.failed + failed,
            "last_attempt_id": ids[-1] if ids else last,
            "claimed_until": now() + CLAIM,
        }
        if not ids:
            values |= {"finished_at": now(), "claim": None, "claimed_until": None}
        kept = session.execute(
            sa.update(RegradeForecast)
            .where(RegradeForecast.id == forecast_id, RegradeForecast.claim == claim)
            .values(values)
            .execution_options(synchronize_session=False)
        )
        if kept.rowcount != 1:  # type: ignore[attr-defined]
            return False  # made again from the start, or another job took over
        if rows:
            session.execute(sa.insert(ForeseenChange), rows)
    return bool(ids)


def _foresee(
    session: Session, forecast: RegradeForecast, correction: KeyCorrection, ids: Sequence[int]
) -> tuple[list[dict[str, object]], int]:
    """The rows of these attempts, and how many of them could not be graded."""
    reader, rows, failed = regrading.Reader(session, correction), list[dict[str, object]](), 0
    attempts = regrading.attempts(session, ids)
    counted, studying = _counted(session, forecast, attempts), _studying(session, attempts)
    for attempt in attempts:
        try:
            change = reader.change(attempt)
        except SQLAlchemyError:
            raise
        except Exception:  # a damaged row; the others are foreseen
            log.exception("an attempt's regrade cannot be foreseen", attempt=attempt.id)
            failed += 1
            continue
        if change is None:
            continue
        hours = None
        who = attempt.person_id, attempt.scope
        if change.gains and who in studying and who not in counted:
            hours = _hours(session, studying[who], attempt)
        if hours is not None:
            counted.add(who)
        rows.append(
            {
                "forecast_id": forecast.id,
                "attempt_id": attempt.id,
                "fraction_before": attempt.fraction_millionths or 0,
                "fraction_after": change.fraction,
                "passed_before": bool(attempt.passed),
                "passed_after": change.passed,
                "hours": hours,
            }
        )
    return rows, failed


#: A person, and the scope that they were asked in.
Who = tuple[int, str]


def _counted(session: Session, forecast: RegradeForecast, attempts: Sequence[Attempt]) -> set[Who]:
    """Whom of these another attempt, in an earlier chunk, brings the hours already."""
    rows = session.execute(
        sa.select(Attempt.person_id, Attempt.scope)
        .join(ForeseenChange, ForeseenChange.attempt_id == Attempt.id)
        .where(ForeseenChange.forecast_id == forecast.id, ForeseenChange.hours.is_not(None))
        .where(Attempt.person_id.in_({each.person_id for each in attempts}))
    )
    return {(person_id, scope) for person_id, scope in rows}


def _studying(session: Session, attempts: Sequence[Attempt]) -> dict[Who, Enrolment]:
    """The enrolments of these, as far as they are not completed; practice is in none."""
    rows = session.scalars(
        sa.select(Enrolment).where(
            Enrolment.person_id.in_({each.person_id for each in attempts}),
            Enrolment.version_id.in_({scopes.version_of(each.scope) or 0 for each in attempts}),
            Enrolment.state == EnrolmentState.ACTIVE,
        )
    )
    return {(each.person_id, scopes.of_version(each.version_id)): each for each in rows}


def _hours(session: Session, enrolment: Enrolment, attempt: Attempt) -> Decimal | None:
    """What completing the course by this pass gives; None: it does not."""
    if not progress.with_passed(session, enrolment, attempt.paper_version_id).complete:
        return None
    version = session.get_one(CourseVersion, enrolment.version_id)
    rule = policies.rule(session.get_one(Policy, version.policy_id))
    return evidence.hours_of(version, rule) or None


def _of(correction: KeyCorrection) -> sa.ColumnElement[bool]:
    return RegradeForecast.correction_id == correction.id


def _free(now: datetime) -> sa.ColumnElement[bool]:
    claimed = RegradeForecast.claimed_until
    return sa.and_(RegradeForecast.finished_at.is_(None), sa.or_(claimed.is_(None), claimed < now))
