"""Rounds of the quality mark, applications, panel and scores, objections, and the marks."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from courses.models import Course, CourseVersion
from courses.quality.states import ApplicationState, MarkState, ObjectionState, RoundState
from zhixin.db import Base, Hours, one_of
from zhixin.people.models import Person


class QualityRound(Base):
    """One call. What is announced (criteria, times, rule of ranking) never changes (trigger)."""

    __tablename__ = "quality_round"
    __table_args__ = (
        one_of("state", RoundState),
        sa.CheckConstraint("closes_at > opens_at", name="period"),
        sa.CheckConstraint("published_at IS NULL OR published_at < opens_at", name="told_before"),
        sa.CheckConstraint("scores_needed BETWEEN 1 AND 15", name="scores_needed"),
        sa.CheckConstraint("notice_days BETWEEN 5 AND 60", name="notice_days"),
        sa.CheckConstraint("mark_years BETWEEN 1 AND 10", name="mark_years"),
        sa.CheckConstraint(
            "state NOT IN ('notice', 'concluded')"
            " OR (notice_from IS NOT NULL AND notice_until > notice_from)",
            name="noticed",
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled') OR published_at IS NOT NULL", name="told"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(120))
    call: Mapped[str]  # what is called for, plain text
    criteria: Mapped[list[Any]]  # see courses.quality.criteria
    trimmed: Mapped[bool]  # with five scores or more, without the highest and the lowest
    scores_needed: Mapped[int]
    notice_days: Mapped[int]
    mark_years: Mapped[int]
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]  # exclusive
    state: Mapped[RoundState] = mapped_column(sa.String(16))
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    notice_from: Mapped[datetime | None]
    notice_until: Mapped[datetime | None]  # exclusive
    reason: Mapped[str | None]  # of a selection that leaves the ranking, or of the end


class QualityPanelist(Base):
    """Somebody appointed to score a round."""

    __tablename__ = "quality_panelist"
    __table_args__ = (sa.UniqueConstraint("round_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(sa.ForeignKey("quality_round.id", ondelete="RESTRICT"))
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    appointed_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    appointed_at: Mapped[datetime]

    person: Mapped[Person] = relationship(lazy="raise_on_sql", foreign_keys=[person_id])


class QualityApplication(Base):
    """A published version that its author puts forward."""

    __tablename__ = "quality_application"
    __table_args__ = (
        one_of("state", ApplicationState),
        sa.CheckConstraint("score BETWEEN 0 AND 10000", name="score_range"),
        sa.CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refused_why"),
        sa.Index(
            "uq_quality_application_once",
            "round_id",
            "course_id",
            unique=True,
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(
        sa.ForeignKey("quality_round.id", ondelete="RESTRICT"), index=True
    )
    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="RESTRICT"), index=True
    )
    version_id: Mapped[int] = mapped_column(sa.ForeignKey("course_version.id", ondelete="RESTRICT"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    statement: Mapped[str]
    state: Mapped[ApplicationState] = mapped_column(sa.String(16))
    applied_at: Mapped[datetime]
    # Final once the round is ranked: of 100 points, and the place.
    score: Mapped[Decimal | None] = mapped_column(Hours)
    place: Mapped[int | None]
    reason: Mapped[str | None]

    version: Mapped[CourseVersion] = relationship(lazy="raise_on_sql")
    course: Mapped[Course] = relationship(lazy="raise_on_sql")


class QualityAbstention(Base):
    """A panelist says that they can't judge an application."""

    __tablename__ = "quality_abstention"
    __table_args__ = (sa.UniqueConstraint("application_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(
        sa.ForeignKey("quality_application.id", ondelete="RESTRICT")
    )
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    reason: Mapped[str]
    made_at: Mapped[datetime]


class QualityScore(Base):
    """One panelist's sheet for one application; ``total`` is of 100 points."""

    __tablename__ = "quality_score"
    __table_args__ = (
        sa.UniqueConstraint("application_id", "person_id"),
        sa.CheckConstraint("total BETWEEN 0 AND 10000", name="total_range"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(
        sa.ForeignKey("quality_application.id", ondelete="RESTRICT")
    )
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    points: Mapped[dict[str, Any]]  # criterion → points as decimal text
    remarks: Mapped[dict[str, Any]]
    total: Mapped[Decimal] = mapped_column(Hours)
    saved_at: Mapped[datetime]


class QualityObjection(Base):
    """What somebody, signed in or not, objects to on a notice. Name and contact are erased when
    they are not needed any more."""

    __tablename__ = "quality_objection"
    __table_args__ = (
        one_of("state", ObjectionState),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint(
            "state = 'open' OR (decided_by_id IS NOT NULL AND answer IS NOT NULL)", name="answered"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(
        sa.ForeignKey("quality_application.id", ondelete="RESTRICT"), index=True
    )
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(sa.String(64))
    contact: Mapped[str] = mapped_column(sa.String(120))
    text: Mapped[str]
    state: Mapped[ObjectionState] = mapped_column(sa.String(16))
    received_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    answer: Mapped[str | None]
    erased_at: Mapped[datetime | None]

    application: Mapped[QualityApplication] = relationship(lazy="raise_on_sql")


class QualityMark(Base):
    """The mark of a course. ``course.quality_mark_until`` follows by trigger."""

    __tablename__ = "quality_mark"
    __table_args__ = (
        one_of("state", MarkState),
        sa.UniqueConstraint("year", "serial"),
        sa.CheckConstraint("valid_until >= valid_from", name="period"),
        sa.CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint(
            "state <> 'withdrawn' OR (reason IS NOT NULL AND ended_by_id IS NOT NULL)",
            name="withdrawn_why",
        ),
        sa.Index(
            "uq_quality_mark_active",
            "course_id",
            unique=True,
            sqlite_where=sa.text("state = 'active'"),
            postgresql_where=sa.text("state = 'active'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="RESTRICT"), index=True
    )
    application_id: Mapped[int | None] = mapped_column(  # none: from before rounds were kept here
        sa.ForeignKey("quality_application.id", ondelete="RESTRICT"), unique=True
    )
    year: Mapped[int]
    serial: Mapped[int]
    given_at: Mapped[datetime]
    valid_from: Mapped[date]
    valid_until: Mapped[date]  # inclusive
    state: Mapped[MarkState] = mapped_column(sa.String(16))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    reason: Mapped[str | None]

    course: Mapped[Course] = relationship(lazy="raise_on_sql")

    @property
    def number(self) -> str:
        """As it is printed."""
        return f"知精课〔{self.year}〕{self.serial}号"
