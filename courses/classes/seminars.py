"""What became of a year's advanced seminars (高级研修班), for the plan's targets."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.classes.models import TrainingClass
from zhixin.hours.models import Award
from zhixin.hours.states import COUNTED


def of_year(session: Session, year: int) -> tuple[int, int]:
    """How many of them gave hours of the year, and to how many people: hours that count."""
    classes, people = session.execute(
        sa.select(
            sa.func.count(Award.source_id.distinct()), sa.func.count(Award.person_id.distinct())
        )
        .join(TrainingClass, TrainingClass.id == Award.source_id)
        .where(
            Award.source_kind == "class",
            TrainingClass.seminar,
            Award.year == year,
            Award.state.in_(COUNTED),
        )
    ).one()
    return classes, people
