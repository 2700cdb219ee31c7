"""Figures are gathered at night, and when somebody asks for them."""

from __future__ import annotations

import structlog

from courses.insight import gathering
from zhixin import clock, db
from zhixin.jobs import job

log = structlog.get_logger()


@job(name="courses.gather_figures", time_limit_s=900)
def gather_figures(course_id: int) -> None:
    gathering.gather(db.database(), course_id, clock.now())


@job(name="courses.figures", time_limit_s=3000, every_s=120)
def find_figures() -> None:
    """What was asked for and not done, and by night all courses; its own sweeper."""
    now, database = clock.now(), db.database()
    with database.session(writes=False) as session:
        due = gathering.due(session, now, night=clock.is_night(now))
    for course_id in due:
        try:
            gathering.gather(database, course_id, clock.now())
        except Exception:  # one that fails keeps no other back
            log.exception("figures not gathered", course=course_id)
