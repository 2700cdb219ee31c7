"""Jobs of the catalogue: the search index follows the database."""

from __future__ import annotations

from flask import current_app

from courses import search
from zhixin import db
from zhixin.jobs import job


@job(name="courses.index", time_limit_s=600, every_s=60)
def index_courses() -> None:
    """Bring the index up to date; runs after each publication and as its own sweeper."""
    search.sync(db.session(), current_app.extensions["course_index"])
