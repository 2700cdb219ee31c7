"""Fields, courses in the making, their frozen versions, reviews and enrolments."""

from __future__ import annotations

import secrets
from collections.abc import Callable
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
    """What a unit is; all else about the kinds is said in ``courses.kinds``."""

    VIDEO = "video"
    QUIZ = "quiz"
    PAGE = "page"
    PRACTICE = "practice"  # a quiz that never counts
    LIVE = "live"  # a meeting at a time, elsewhere
    FILE = "file"  # to be taken home
    SCORM = "scorm"  # interactive courseware of others, see courses.courseware


def _key(letter: str) -> Callable[[], str]:
    return lambda: letter + secrets.token_hex(6)


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
    # 精品课程: the last day of the running mark; follows ``courses.quality`` by trigger.
    quality_mark_until: Mapped[date | None]
    revision: Mapped[int] = mapped_column(default=0)  # for lost-update detection
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    chapters: Mapped[list[Chapter]] = relationship(
        order_by="Chapter.position", cascade="all, delete-orphan", lazy="raise_on_sql"
    )
    owner: Mapped[Person] = relationship(lazy="raise_on_sql")


class Chapter(Base):
    __tablename__ = "chapter"
    __table_args__ = (sa.Index("uq_chapter_key", "key", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Names it for good: in the history it stays the same chapter when it comes back.
    key: Mapped[str] = mapped_column(sa.String(32), default=_key("c"))
    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), index=True
    )
    position: Mapped[int]
    title: Mapped[str] = mapped_column(sa.String(120))

    units: Mapped[list[Unit]] = relationship(
        order_by="Unit.position", cascade="all, delete-orphan", lazy="raise_on_sql"
    )


class Unit(Base):
    """One step of a course in the making, of one of the kinds."""

    __tablename__ = "unit"
    __table_args__ = (
        one_of("kind", UnitKind),
        sa.CheckConstraint("kind = 'video' OR asset_id IS NULL", name="asset_of_video"),
        sa.CheckConstraint(
            "(kind IN ('quiz', 'practice')) = (paper_id IS NOT NULL)", name="paper_of_quiz"
        ),
        sa.CheckConstraint(
            "kind = 'live' OR (starts_at IS NULL AND minutes IS NULL AND address IS NULL)",
            name="times_of_live",
        ),
        sa.CheckConstraint("kind = 'file' OR file_id IS NULL", name="file_of_file"),
        sa.CheckConstraint("kind = 'scorm' OR courseware_id IS NULL", name="courseware_of_scorm"),
        sa.CheckConstraint(
            "(launch IS NULL) = (courseware_id IS NULL)", name="launch_of_courseware"
        ),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes_range"),
        sa.Index("uq_unit_key", "key", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    chapter_id: Mapped[int] = mapped_column(
        sa.ForeignKey("chapter.id", ondelete="CASCADE"), index=True
    )
    #: Names it for good, in the history and in the versions that learners study.
    key: Mapped[str] = mapped_column(sa.String(32), default=_key("u"))
    position: Mapped[int]
    kind: Mapped[UnitKind] = mapped_column(sa.String(16))
    title: Mapped[str] = mapped_column(sa.String(120))
    body: Mapped[str] = mapped_column(default="")  # as zhixin.richtext reads it
    #: Completion asks for it; an optional one is offered.
    required: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    asset_id: Mapped[int | None] = mapped_column(sa.ForeignKey("asset.id", ondelete="RESTRICT"))
    paper_id: Mapped[int | None] = mapped_column(sa.ForeignKey("paper.id", ondelete="RESTRICT"))
    # Of a video: questions asked while it is watched, see courses.documents.VideoCheck.
    checks: Mapped[list[Any] | None]
    # Of a video: what begins where, see courses.documents.ChapterMark.
    chapter_marks: Mapped[list[Any] | None]
    file_id: Mapped[str | None] = mapped_column(
        sa.String(32), sa.ForeignKey("attachment.id", ondelete="RESTRICT")
    )
    #: Of courseware: the package, and the file of it that begins (with its parameters).
    courseware_id: Mapped[str | None] = mapped_column(
        sa.String(32), sa.ForeignKey("courseware.id", ondelete="RESTRICT")
    )
    launch: Mapped[str | None] = mapped_column(sa.String(1000))
    # Of a live meeting: when, how long and where.
    starts_at: Mapped[datetime | None]
    minutes: Mapped[int | None]
    address: Mapped[str | None] = mapped_column(sa.String(500))

    waits: Mapped[list[Waiting]] = relationship(
        cascade="all, delete-orphan", lazy="raise_on_sql", foreign_keys="Waiting.unit_id"
    )


class Waiting(Base):
    """A unit waits for another: it stays closed until that one is done."""

    __tablename__ = "unit_waiting"
    __table_args__ = (sa.CheckConstraint("unit_id <> for_id", name="not_itself"),)

    unit_id: Mapped[int] = mapped_column(
        sa.ForeignKey("unit.id", ondelete="CASCADE"), primary_key=True
    )
    for_id: Mapped[int] = mapped_column(
        sa.ForeignKey("unit.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class AuthorRole(StrEnum):
    OWNER = "owner"  # course.owner_id: never in the table
    CO_AUTHOR = "co-author"
    VIEWER = "viewer"


class CourseAuthor(Base):
    """Somebody whom a course's owner let in."""

    __tablename__ = "course_author"
    __table_args__ = (sa.CheckConstraint("role IN ('co-author', 'viewer')", name="role_given"),)

    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), primary_key=True
    )
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
    role: Mapped[AuthorRole] = mapped_column(sa.String(16))
    added_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    added_at: Mapped[datetime]


class CourseChange(Base):
    """One step in a course's making and what the course was after it (courses.history).

    ``state`` is as courses.snapshots has it, its texts by their hashes in ``course_text``.
    """

    __tablename__ = "course_change"

    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    act: Mapped[str] = mapped_column(sa.String(16))
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    at: Mapped[datetime]
    about: Mapped[str | None] = mapped_column(sa.String(32))  # key of the unit that was written
    undoes: Mapped[int | None]  # number of the step that it takes back
    state: Mapped[dict[str, Any]]


class CourseText(Base):
    """A text that some step of a course's making held, once for all of them."""

    __tablename__ = "course_text"

    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    text: Mapped[str]


class VersionState(StrEnum):
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"  # waits for the moment of its publication
    WITHDRAWN = "withdrawn"  # taken back by its authors, or before its publication
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
        sa.CheckConstraint("state <> 'approved' OR publish_at IS NOT NULL", name="approved_dated"),
        # One waits at a time, for its review or for its day.
        sa.Index(
            "uq_course_version_waiting",
            "course_id",
            unique=True,
            sqlite_where=sa.text("state IN ('submitted', 'approved')"),
            postgresql_where=sa.text("state IN ('submitted', 'approved')"),
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
    publish_at: Mapped[datetime | None]  # of an approved one that waits for its day

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
