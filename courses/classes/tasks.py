"""Hours of classes that were closed."""

from __future__ import annotations

import sqlalchemy as sa
import structlog

from courses.classes import closing
from courses.classes.models import ClassState, TrainingClass
from courses.learning import sampling_seed
from zhixin import db
from zhixin.jobs import job

log = structlog.get_logger()


@job(name="classes.award", time_limit_s=600, every_s=30)
def award_classes() -> None:
    """Give the hours of each closing class; one class is one transaction, and stops no other."""
    waiting = sa.select(TrainingClass.id).where(TrainingClass.state == ClassState.CLOSING)
    for class_id in db.session().scalars(waiting).all():
        try:
            closing.award_all(db.session(), class_id, sampling_seed())
            db.finish(keep=True)
        except Exception as error:
            db.finish(keep=False)
            log.error("class not awarded", class_id=class_id, exc_info=error)
