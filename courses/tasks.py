"""Jobs of the courses: the search index follows the database, awards are checked at night."""

from __future__ import annotations

import structlog
from flask import current_app

from assessments import handing_in
from courses import evidence_checks, forecasts, quizzes, regrades, search
from courses.learning import sampling_seed
from courses.reviews import publication, seats
from zhixin import clock, db
from zhixin.jobs import enqueue, job

log = structlog.get_logger()


@job(name="courses.index", time_limit_s=600, every_s=60)
def index_courses() -> None:
    """Bring the index up to date; runs after each publication and as its own sweeper."""
    search.sync(db.session(), current_app.extensions["course_index"])


@job(name="courses.close_attempts", time_limit_s=120, every_s=10)
def close_attempts() -> None:
    """Hand in what ran out of time, one transaction each: a job and its own sweeper.

    Who hands in at the same moment, or another worker, changes nothing: an attempt is closed
    once, by the database.
    """
    database, now = db.database(), clock.now()
    with database.session(writes=False) as session:
        due = handing_in.due(session, now)
    for attempt_id, person_id in due:
        try:
            with database.transaction() as session:
                quizzes.close_due(
                    session, attempt_id, person_id, sampling_seed=sampling_seed(), now=now
                )
        except Exception:  # one that can't be graded keeps nobody else waiting
            log.exception("attempt not closed", attempt=attempt_id)


@job(name="courses.regrade", time_limit_s=3000)
def regrade(correction_id: int) -> None:
    regrades.run(db.database(), correction_id, sampling_seed(), clock.now)


@job(name="courses.regrades", time_limit_s=3000, every_s=60)
def find_regrades() -> None:
    """What was confirmed and is not done, and no worker is at it."""
    database = db.database()
    with database.session(writes=False) as session:
        due = regrades.due(session, clock.now())
    for correction_id in due:
        regrades.run(database, correction_id, sampling_seed(), clock.now)


@job(name="courses.foresee", time_limit_s=3000)
def foresee(forecast_id: int) -> None:
    forecasts.run(db.database(), forecast_id, clock.now)


@job(name="courses.forecasts", time_limit_s=60, every_s=60)
def find_forecasts() -> None:
    """Forecasts of regrades that nobody is making."""
    for forecast_id in forecasts.due(db.session(), clock.now()):
        enqueue(db.session(), foresee, forecast_id)


@job(name="courses.verify", time_limit_s=3000, every_s=1800)
def verify_awards() -> None:
    """At night: rebuild the awards of the day from their raw records, until none is left or the
    next run begins."""
    begun, database = clock.now(), db.database()
    while clock.is_night(now := clock.now()) and now < begun + evidence_checks.ONE_RUN:
        with database.session(writes=False) as session:
            due = evidence_checks.due(session, now)
        if not due:
            return
        for found in evidence_checks.check(database, due, now):
            if not found.holds:
                log.error(
                    "award differs from its records",
                    award=found.award_id,
                    differences=len(found.differences),
                )


@job(name="courses.publish", time_limit_s=300, every_s=30)
def publish_due() -> None:
    """Publish approved versions whose moment has come; it is its own sweeper."""
    now, database = clock.now(), db.database()
    with database.session(writes=False) as session:
        due = publication.due(session, now)
    for version_id in due:
        try:
            with database.transaction() as session:
                publication.publish(session, version_id, now)
        except Exception:  # one that fails keeps no other back
            log.exception("version not published", version=version_id)


@job(name="courses.reviews", time_limit_s=300, every_s=300)
def free_late_seats() -> None:
    """Nothing lies with a reviewer for ever."""
    seats.lapse(db.session(), clock.now())
