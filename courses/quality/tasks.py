"""Jobs of the quality mark."""

from __future__ import annotations

from courses.quality import marks, objections
from zhixin import clock, db
from zhixin.jobs import job


@job(name="courses.quality", time_limit_s=300, every_s=600)
def follow_days() -> None:
    """Marks end with their day; who objected is forgotten in time. Its own sweeper."""
    marks.expire(db.session(), clock.now())
    objections.erase_contacts(db.session(), clock.now())
