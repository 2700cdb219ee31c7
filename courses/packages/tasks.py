"""Packages are written, read and made into courses; those past their time are forgotten."""

from __future__ import annotations

from flask import current_app

from courses.packages import running
from zhixin import clock, db
from zhixin.jobs import enqueue, job


def place() -> running.Place:
    """Where this application keeps packages."""
    extensions = current_app.extensions
    return running.Place.of(extensions["settings"], extensions["media_store"])


@job(name="courses.package", time_limit_s=4 * 3600)
def work(package_id: str) -> None:
    running.run(db.database(), place(), package_id, clock.now)


@job(name="courses.packages", time_limit_s=300, every_s=60)
def sweep() -> None:
    session, now = db.session(), clock.now()
    running.forget(session, place(), now)
    for package_id in running.stranded(session, now):
        enqueue(session, work, package_id)
