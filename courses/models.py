"""Fields, courses in the making, their frozen versions, reviews and enrolments."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zhixin.db import Base, Hours, one_of
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Person, TitleLevel


class FieldGroup(StrEnum):
    PRIORITY = "priority"  # 重点领域
    MODERN_SERVICE = "modern-service"  # 现代服务业领域


class Field(Base):
    """One of the programme's fields, in a list that has changed before and will again."""

    __tablename__ = "field"
    __table_args__ = (
        one_of('"group"', FieldGroup, name="group_known"),
        sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="valid_period"),
    )

    code: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    group: Mapped[FieldGroup] = mapped_column(sa.String(16))
    zh: Mapped[str] = mapped_column(sa.String(32))
    en: Mapped[str] = mapped_column(sa.String(64))
    aliases: Mapped[list[Any]]
    position: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]  # exclusive


class UnitKind(StrEnum):
    VIDEO = "video"
    QUIZ = "quiz"
    PAGE = "page"


class Course(Base):
    """A course as its author edits it; learners study its published versions."""

    __tablename__ = "course"
    __table_args__ = (
        one_of("subject_kind", SubjectKind),
        one_of("level", TitleLevel),
        sa.CheckConstraint("rate_percent BETWEEN 100 AND 200", name="rate"),
        sa.CheckConstraint("declared_hours >= 0", name="declared_hours_range"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    title: Mapped[str] = mapped_column(sa.String(120))
    summary: Mapped[str]
    teacher: Mapped[str] = mapped_column(sa.String(64))
    teacher_title: Mapped[str] = mapped_column(sa.String(120))
    field_code: Mapped[str] = mapped_column(sa.ForeignKey("field.code", ondelete="RESTRICT"))
    subject_kind: Mapped[SubjectKind] = mapped_column(sa.String(16))
    level: Mapped[TitleLevel] = mapped_column(
        sa.String(16)
    )  # for whom: 初级 / 中级 / 高级; none: all
    declared_hours: Mapped[Decimal] = mapped_column(Hours, default=Decimal(0))
    # Media time that may be credited per time passed: 100 is normal speed.
    rate_percent: Mapped[int] = mapped_column(default=100, server_default="100")
    quality_mark_until: Mapped[date | None]  # 精品课程, with its expiry
    revision: Mapped[int] = mapped_column(default=0)  # for lost-update detection
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    chapters: Mapped[list[Chapter]] = relationship(
        order_by="Chapter.position", cascade="all, delete-orphan", lazy="raise_on_sql"
    )
    owner: Mapped[Person] = relationship(lazy="raise_on_sql")


class Chapter(Base):
    __tablename__ = "chapter"

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    title: Mapped[str] = mapped_column(sa.String(120))

    units: Mapped[list[Unit]] = relationship(
        order_by="Unit.position", cascade="all, delete-orphan", lazy="raise_on_sql"
    )


class Unit(Base):
    """One step of a course in the making: a video, a quiz or a page."""

    __tablename__ = "unit"
    __table_args__ = (
        one_of("kind", UnitKind),
        sa.CheckConstraint("kind = 'video' OR asset_id IS NULL", name="asset_of_video"),
        sa.CheckConstraint("(kind = 'quiz') = (paper_id IS NOT NULL)", name="paper_of_quiz"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    chapter_id: Mapped[int] = mapped_column(
        sa.ForeignKey("chapter.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    kind: Mapped[UnitKind] = mapped_column(sa.String(16))
    title: Mapped[str] = mapped_column(sa.String(120))
    body: Mapped[str] = mapped_column(
        default=""
    )  # of a page: plain text with blank-line paragraphs
    asset_id: Mapped[int | None] = mapped_column(sa.ForeignKey("asset.id", ondelete="RESTRICT"))
    paper_id: Mapped[int | None] = mapped_column(sa.ForeignKey("paper.id", ondelete="RESTRICT"))
    # Of a video: questions asked while it is watched, see courses.documents.VideoCheck.
    checks: Mapped[list[Any] | None]


class VersionState(StrEnum):
    SUBMITTED = "submitted"
    RETURNED = "returned"
    PUBLISHED = "published"  # the one that new learners get
    SUPERSEDED = "superseded"  # published once; who is half way keeps it


class CourseVersion(Base):
    """The frozen form of a course: what a reviewer judges, learners study and awards name.

    ``document`` (canonical JSON, see courses.document) never changes after submission.
    """

    __tablename__ = "course_version"
    __table_args__ = (
        one_of("state", VersionState),
        sa.UniqueConstraint("course_id", "number"),
        # Serves the catalogue: published ones, the newest first.
        sa.Index(None, "state", "decided_at", "id"),
        # One submission waits at a time.
        sa.Index(
            "uq_course_version_submitted",
            "course_id",
            unique=True,
            sqlite_where=sa.text("state = 'submitted'"),
            postgresql_where=sa.text("state = 'submitted'"),
        ),
        sa.Index(
            "uq_course_version_published",
            "course_id",
            unique=True,
            sqlite_where=sa.text("state = 'published'"),
            postgresql_where=sa.text("state = 'published'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="RESTRICT"), index=True
    )
    number: Mapped[int]
    state: Mapped[VersionState] = mapped_column(sa.String(16))
    document: Mapped[str]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    # Facts of the document that lists and filters need.
    title: Mapped[str] = mapped_column(sa.String(120))
    field_code: Mapped[str] = mapped_column(
        sa.ForeignKey("field.code", ondelete="RESTRICT"), index=True
    )
    subject_kind: Mapped[SubjectKind] = mapped_column(sa.String(16))
    level: Mapped[TitleLevel] = mapped_column(sa.String(16))
    duration_ms: Mapped[int]  # of all videos
    declared_hours: Mapped[Decimal] = mapped_column(Hours)
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policy.id", ondelete="RESTRICT"))
    submitted_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    reason: Mapped[str | None]

    course: Mapped[Course] = relationship(lazy="raise_on_sql")


class EnrolmentState(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class Enrolment(Base):
    """A person studying one version of a course; half way, they keep theirs."""

    __tablename__ = "enrolment"
    __table_args__ = (
        one_of("state", EnrolmentState),
        # The same course taken again gives nothing (避免重复建设).
        sa.Index(
            "uq_enrolment_once",
            "person_id",
            "course_id",
            unique=True,
            sqlite_where=sa.text("state <> 'withdrawn'"),
            postgresql_where=sa.text("state <> 'withdrawn'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="RESTRICT"), index=True
    )
    version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course_version.id", ondelete="RESTRICT"), index=True
    )
    state: Mapped[EnrolmentState] = mapped_column(sa.String(16))
    pages_read: Mapped[list[Any]]  # keys of page units opened
    enrolled_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    award_id: Mapped[int | None] = mapped_column(sa.ForeignKey("award.id", ondelete="RESTRICT"))

    version: Mapped[CourseVersion] = relationship(lazy="raise_on_sql")
    course: Mapped[Course] = relationship(lazy="raise_on_sql")
