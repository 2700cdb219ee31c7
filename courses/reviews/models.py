"""What reviewers go by, who judges which version, and comments pinned to units and moments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from courses.models import CourseVersion, UnitKind
from courses.reviews.states import CommentState, SeatState
from zhixin.db import Base, one_of
from zhixin.people.models import Person


class ReviewRule(Base):
    """One version of checklist, number of reviewers and deadlines. Append-only."""

    __tablename__ = "review_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(unique=True)
    document: Mapped[dict[str, Any]]  # see courses.reviews.rules.RuleDocument
    published_at: Mapped[datetime]
    published_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )


class CourseReview(Base):
    """The review of one version: it keeps the rule that it began under."""

    __tablename__ = "course_review"

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course_version.id", ondelete="RESTRICT"), unique=True
    )
    rule_id: Mapped[int] = mapped_column(sa.ForeignKey("review_rule.id", ondelete="RESTRICT"))
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]  # when it was noticed that nobody had decided in time

    rule: Mapped[ReviewRule] = relationship(lazy="raise_on_sql")
    version: Mapped[CourseVersion] = relationship(lazy="raise_on_sql")


class ReviewSeat(Base):
    """One reviewer's place at a review, taken or given, with their checklist and verdict."""

    __tablename__ = "review_seat"
    __table_args__ = (
        one_of("state", SeatState),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint("state <> 'returned' OR reason IS NOT NULL", name="reason_given"),
        sa.Index(
            "uq_review_seat_once",
            "review_id",
            "person_id",
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'approved', 'returned')"),
            postgresql_where=sa.text("state IN ('open', 'approved', 'returned')"),
        ),
        # Serves the sweeper.
        sa.Index(
            "ix_review_seat_open",
            "due_at",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course_review.id", ondelete="RESTRICT"), index=True
    )
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    state: Mapped[SeatState] = mapped_column(sa.String(16))
    given_by_id: Mapped[int | None] = mapped_column(  # none: taken from the queue
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    given_at: Mapped[datetime]
    due_at: Mapped[datetime]
    marks: Mapped[dict[str, Any]]  # item → {"mark", "remark"}
    publish_at: Mapped[datetime | None]  # not before, asked for with an approval
    reason: Mapped[str | None]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise_on_sql", foreign_keys=[person_id])


class ReviewComment(Base):
    """A remark on a course, one of its units, or a moment of a video. Its text never changes."""

    __tablename__ = "review_comment"
    __table_args__ = (
        one_of("state", CommentState),
        # Kinds of units grow: a new one needs no new CHECK here.
        sa.CheckConstraint("unit_key IS NULL OR length(unit_key) > 0", name="unit_named"),
        sa.CheckConstraint("(unit_key IS NULL) = (unit_kind IS NULL)", name="unit_whole"),
        sa.CheckConstraint(
            "at_ms IS NULL OR (at_ms >= 0 AND unit_kind = 'video')", name="moment_of_video"
        ),
        sa.CheckConstraint("(settled_at IS NULL) = (settled_by_id IS NULL)", name="settled_whole"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="RESTRICT"), index=True
    )
    version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course_version.id", ondelete="RESTRICT"), index=True
    )
    unit_key: Mapped[str | None] = mapped_column(sa.String(32))
    unit_kind: Mapped[UnitKind | None] = mapped_column(sa.String(16))
    unit_title: Mapped[str | None] = mapped_column(sa.String(120))
    at_ms: Mapped[int | None]
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    text: Mapped[str]
    state: Mapped[CommentState] = mapped_column(sa.String(16))
    made_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )

    person: Mapped[Person] = relationship(lazy="raise_on_sql", foreign_keys=[person_id])
    version: Mapped[CourseVersion] = relationship(lazy="raise_on_sql")
    replies: Mapped[list[ReviewReply]] = relationship(
        lazy="raise_on_sql", order_by="ReviewReply.id"
    )


class ReviewReply(Base):
    """What was answered to a comment. Append-only."""

    __tablename__ = "review_reply"

    id: Mapped[int] = mapped_column(primary_key=True)
    comment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("review_comment.id", ondelete="RESTRICT"), index=True
    )
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    text: Mapped[str]
    made_at: Mapped[datetime]

    person: Mapped[Person] = relationship(lazy="raise_on_sql")
