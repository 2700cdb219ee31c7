"""A course's figures as they were gathered last. They can be gathered again at any time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, Hours


class CourseFigure(Base):
    """What a course's learners came to, all versions together.

    A worker claims it by a conditional UPDATE of ``claimed_until``; ``asked_at`` later than
    ``gathered_at`` asks for a new gathering.
    """

    __tablename__ = "course_figure"
    __table_args__ = (
        sa.CheckConstraint("completed <= enrolled AND active <= enrolled", name="parts"),
    )

    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    gathered_at: Mapped[datetime | None]  # None: never yet
    asked_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    enrolled: Mapped[int] = mapped_column(default=0)  # people, whoever left again too
    active: Mapped[int] = mapped_column(default=0)
    completed: Mapped[int] = mapped_column(default=0)
    awards: Mapped[int] = mapped_column(default=0)  # that count
    hours: Mapped[Decimal] = mapped_column(Hours, default=Decimal(0))
    months: Mapped[list[Any]] = mapped_column(default=list)  # [["2026-11", enrolled, completed]]


class ViewingCurve(Base):
    """How much of a video its learners covered and where they stopped (insight.curves)."""

    __tablename__ = "viewing_curve"
    __table_args__ = (sa.CheckConstraint("learners >= 0", name="learners_positive"),)

    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    asset_id: Mapped[int] = mapped_column(
        sa.ForeignKey("asset.id", ondelete="RESTRICT"), primary_key=True, autoincrement=False
    )
    title: Mapped[str] = mapped_column(sa.String(120))  # of the unit, in the newest version
    position: Mapped[int]  # among the course's videos
    current: Mapped[bool]  # the newest version shows it
    duration_ms: Mapped[int]
    learners: Mapped[int]  # with anything covered
    covered: Mapped[list[Any]]  # by part of the video: learners who covered it
    stopped: Mapped[list[Any]]  # by part: learners whose furthest moment lies there
    gathered_at: Mapped[datetime]
