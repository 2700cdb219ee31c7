"""Jobs of the courses: the search index follows the database, awards are checked at night."""

from __future__ import annotations

import structlog
from flask import current_app

from courses import evidence_checks, search
from zhixin import clock, db
from zhixin.jobs import job

log = structlog.get_logger()


@job(name="courses.index", time_limit_s=600, every_s=60)
def index_courses() -> None:
    """Bring the index up to date; runs after each publication and as its own sweeper."""
    search.sync(db.session(), current_app.extensions["course_index"])


@job(name="courses.verify", time_limit_s=3000, every_s=1800)
def verify_awards() -> None:
    """At night: rebuild the awards of the day from their raw records."""
    now = clock.now()
    if clock.local(now).hour not in evidence_checks.NIGHT:
        return
    database = db.database()
    with database.session(writes=False) as session:
        due = evidence_checks.due(session, now)
    for found in evidence_checks.check(database, due, now):
        if not found.holds:
            log.error(
                "award differs from its records",
                award=found.award_id,
                differences=len(found.differences),
            )
