"""Ratings of courses."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from courses.ratings.states import RatingState
from zhixin.db import Base, one_of


class CourseRating(Base):
    """What one learner says of a course. Its stars count whether or not its words are shown."""

    __tablename__ = "course_rating"
    __table_args__ = (
        one_of("state", RatingState),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars_range"),
        sa.CheckConstraint(
            "(state = 'hidden') = (hidden_reason IS NOT NULL AND moderator_id IS NOT NULL)",
            name="hidden_with_reason",
        ),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_whole"),
        # Once per person and course, whatever races.
        sa.UniqueConstraint("course_id", "person_id"),
        # Serves the list under a course, the latest first.
        sa.Index(None, "course_id", "changed_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(sa.ForeignKey("course.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("course_version.id", ondelete="RESTRICT"))
    stars: Mapped[int]
    words: Mapped[str] = mapped_column(default="")
    state: Mapped[RatingState] = mapped_column(sa.String(16), default=RatingState.SHOWN)
    hidden_reason: Mapped[str | None]
    moderator_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    answer: Mapped[str | None]  # of the course's authors
    answered_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    answered_at: Mapped[datetime | None]
    rated_at: Mapped[datetime]
    changed_at: Mapped[datetime]
