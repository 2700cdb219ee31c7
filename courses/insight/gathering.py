"""Gathering a course's figures: at night for all, and when somebody asks for one.

Whatever thousands of learners did is read here, in a job, and kept as a few rows. A video
whose coverage nobody added to since is not read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses import progress, scopes
from courses.insight.curves import Curve
from courses.insight.models import CourseFigure, ViewingCurve
from courses.models import CourseVersion, Enrolment, EnrolmentState, UnitKind, VersionState
from media import intervals
from media.models import Asset, Coverage
from zhixin import clock
from zhixin.db import Database
from zhixin.hours.models import Award
from zhixin.hours.states import COUNTED

log = structlog.get_logger()

#: So many courses in one run; the next one goes on.
AT_ONCE = 200
#: A worker that has not finished by then is gone.
CLAIM = timedelta(minutes=15)
#: Asked for again sooner, the figures are what they were.
AGAIN_AFTER = timedelta(minutes=5)
#: A beat that was under way while coverage was read carries an instant from before.
UNDER_WAY = timedelta(minutes=10)
OFFERED = (VersionState.PUBLISHED, VersionState.SUPERSEDED)


@dataclass(frozen=True)
class _Video:
    """A video of a course, as its newest version that shows it calls it."""

    title: str
    position: int
    current: bool


@dataclass
class Found:
    """What one gathering brought."""

    values: dict[str, object] = field(default_factory=dict)
    curves: list[ViewingCurve] = field(default_factory=list)
    videos: Mapping[int, _Video] = field(default_factory=dict)


def due(session: Session, now: datetime, *, night: bool) -> Sequence[int]:
    """Courses that wait for their figures: those asked for, and at ``night`` all that were last
    looked at before today (Asia/Shanghai)."""
    figure = CourseFigure
    free = sa.or_(figure.claimed_until.is_(None), figure.claimed_until < now)
    wanted = sa.or_(figure.gathered_at.is_(None), figure.asked_at > figure.gathered_at)
    asked = session.scalars(
        sa.select(figure.course_id).where(figure.asked_at.is_not(None), wanted, free).limit(AT_ONCE)
    ).all()
    if not night:
        return asked
    today = clock.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    stale = (
        sa.select(CourseVersion.course_id)
        .outerjoin(figure, figure.course_id == CourseVersion.course_id)
        .where(
            CourseVersion.state.in_(OFFERED),
            sa.or_(figure.gathered_at.is_(None), figure.gathered_at < today),
            free,
        )
        .distinct()
        .limit(AT_ONCE)
    )
    return list(dict.fromkeys([*asked, *session.scalars(stale)]))


def ask(session: Session, course_id: int, now: datetime) -> bool:
    """Ask for a course's figures; False: they were just asked for."""
    figure = _row(session, course_id)
    if figure.asked_at is not None and figure.asked_at > now - AGAIN_AFTER:
        return False
    figure.asked_at = now
    session.flush()
    return True


def gather(database: Database, course_id: int, now: datetime) -> bool:
    """Gather one course's figures; False: another worker is at it.

    Read in a session of its own, written in a short transaction: no learner waits for it.
    """
    with database.transaction() as session:
        if not _claim(session, course_id, now):
            return False
    with database.session(writes=False) as reading:
        found = _read(reading, course_id, now)
    with database.transaction() as session:
        _write(session, course_id, found, now)
    return True


def _row(session: Session, course_id: int) -> CourseFigure:
    found = session.get(CourseFigure, course_id)
    if found is None:
        try:
            with session.begin_nested():
                session.add(CourseFigure(course_id=course_id, months=[]))
        except IntegrityError:  # another was faster
            pass
        found = session.get_one(CourseFigure, course_id)
    return found


def _claim(session: Session, course_id: int, now: datetime) -> bool:
    _row(session, course_id)
    claimed = session.execute(
        sa.update(CourseFigure)
        .where(
            CourseFigure.course_id == course_id,
            sa.or_(CourseFigure.claimed_until.is_(None), CourseFigure.claimed_until < now),
        )
        .values(claimed_until=now + CLAIM)
        .execution_options(synchronize_session=False)
    )
    return bool(claimed.rowcount == 1)  # type: ignore[attr-defined]


def _read(session: Session, course_id: int, now: datetime) -> Found:
    versions = session.execute(
        sa.select(CourseVersion.id, CourseVersion.document)
        .where(CourseVersion.course_id == course_id, CourseVersion.state.in_(OFFERED))
        .order_by(CourseVersion.number)
    ).all()
    videos = _videos([text for _id, text in versions])
    scopes_ = [scopes.of_version(id) for id, _text in versions]
    count, hours = _hours(session, course_id)
    return Found(
        {**_people(session, course_id), "awards": count, "hours": hours},
        [
            made
            for asset_id in _changed(session, course_id, scopes_, list(videos))
            if (made := _curve(session, course_id, scopes_, asset_id, videos[asset_id], now))
        ],
        videos,
    )


def _videos(documents: Sequence[str]) -> dict[int, _Video]:
    """The videos of all versions, by asset, the newest version's word on each."""
    videos: dict[int, _Video] = {}
    for at, text in enumerate(documents):
        units = [u for u in progress.document(text).units() if u.kind is UnitKind.VIDEO]
        for position, unit in enumerate(units):
            assert unit.asset_id is not None
            videos[unit.asset_id] = _Video(unit.title, position, at == len(documents) - 1)
    return videos


def _people(session: Session, course_id: int) -> dict[str, object]:
    """Who came when and how far; somebody who left and came back is one person."""
    rows = session.execute(
        sa.select(
            Enrolment.person_id, Enrolment.state, Enrolment.enrolled_at, Enrolment.completed_at
        )
        .where(Enrolment.course_id == course_id)
        .order_by(Enrolment.person_id, Enrolment.id)
        .execution_options(yield_per=2000)
    )
    enrolled: Counter[str] = Counter()
    completed: Counter[str] = Counter()
    active = 0
    for _person, mine in groupby(rows, key=lambda row: row.person_id):
        each = list(mine)
        enrolled[_month(each[0].enrolled_at)] += 1
        done = next((row.completed_at for row in each if row.completed_at is not None), None)
        if done is not None:
            completed[_month(done)] += 1
        else:
            active += any(row.state == EnrolmentState.ACTIVE for row in each)
    months = [[m, enrolled[m], completed[m]] for m in sorted(enrolled | completed)]
    return {
        "enrolled": enrolled.total(),
        "active": active,
        "completed": completed.total(),
        "months": months,
    }


def _month(instant: datetime) -> str:
    return f"{clock.local(instant):%Y-%m}"


def _hours(session: Session, course_id: int) -> tuple[int, Decimal]:
    """Awards for the course that count, and their hours; what waits for a decision is not in it."""
    learners = sa.select(Enrolment.person_id).where(Enrolment.course_id == course_id).distinct()
    count, hours = session.execute(
        sa.select(sa.func.count(), sa.func.sum(Award.hours)).where(
            Award.person_id.in_(learners),
            Award.source_kind == "course",
            Award.source_id == course_id,
            Award.state.in_(COUNTED),
        )
    ).one()
    return count, hours or Decimal(0)


def _changed(
    session: Session, course_id: int, scopes_: Sequence[str], assets: Sequence[int]
) -> list[int]:
    """The videos that were watched since their curve was made."""
    made: dict[int, datetime] = dict(
        session.execute(
            sa.select(ViewingCurve.asset_id, ViewingCurve.gathered_at).where(
                ViewingCurve.course_id == course_id
            )
        ).all()
    )
    watched = session.execute(
        sa.select(Coverage.asset_id, sa.func.max(Coverage.updated_at))
        .where(Coverage.scope.in_(scopes_), Coverage.asset_id.in_(assets))
        .group_by(Coverage.asset_id)
    )
    return [id for id, at in watched if id not in made or at > made[id] - UNDER_WAY]


def _curve(
    session: Session,
    course_id: int,
    scopes_: Sequence[str],
    asset_id: int,
    video: _Video,
    now: datetime,
) -> ViewingCurve | None:
    duration_ms = session.scalar(sa.select(Asset.duration_ms).where(Asset.id == asset_id))
    if not duration_ms:
        return None
    rows = session.execute(
        sa.select(Coverage.person_id, Coverage.spans)
        .where(Coverage.scope.in_(scopes_), Coverage.asset_id == asset_id)
        .order_by(Coverage.person_id)
        .execution_options(yield_per=1000)
    )
    curve = Curve(duration_ms)
    for _person, mine in groupby(rows, key=lambda row: row.person_id):
        spans: intervals.Spans = ()
        for row in mine:  # of several versions with the same video
            try:
                spans = intervals.union(spans, intervals.decode(row.spans))
            except ValueError:  # the night's verification says whose; here it is one of many
                log.warning("coverage not readable", asset=asset_id)
        curve.add(spans)
    return ViewingCurve(
        course_id=course_id, asset_id=asset_id, title=video.title, position=video.position,
        current=video.current, duration_ms=duration_ms, learners=curve.learners,
        covered=curve.covered, stopped=curve.stopped, gathered_at=now,
    )  # fmt: skip


def _write(session: Session, course_id: int, found: Found, now: datetime) -> None:
    figure = session.get_one(CourseFigure, course_id, populate_existing=True)
    for name, value in found.values.items():
        setattr(figure, name, value)
    figure.gathered_at, figure.claimed_until = now, None
    for made in found.curves:
        session.merge(made)
    session.flush()
    # Names, places and versions change without a beat.
    kept = sa.select(ViewingCurve).where(ViewingCurve.course_id == course_id)
    for curve in session.scalars(kept):
        video = found.videos.get(curve.asset_id)
        curve.current = video is not None and video.current
        if video is not None:
            curve.title, curve.position = video.title, video.position
    session.flush()
