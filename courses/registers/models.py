"""Experts, textbooks, and which of them a course names."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from courses.registers.states import EntryState
from zhixin.db import Base, one_of


class Expert(Base):
    """Somebody who teaches (专家师资库). Courses keep what was said of them when they were frozen."""

    __tablename__ = "expert"
    __table_args__ = (
        one_of("state", EntryState),
        sa.UniqueConstraint("name", "unit"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(64))
    title: Mapped[str] = mapped_column(sa.String(64))  # 职称
    unit: Mapped[str] = mapped_column(sa.String(120))
    field_codes: Mapped[list[Any]]
    biography: Mapped[str]  # as zhixin.richtext reads it, without pictures
    picture_id: Mapped[str | None] = mapped_column(
        sa.String(32), sa.ForeignKey("picture.id", ondelete="RESTRICT")
    )
    state: Mapped[EntryState] = mapped_column(sa.String(16), index=True)
    proposed_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Textbook(Base):
    """A book that courses go with (教材)."""

    __tablename__ = "textbook"
    __table_args__ = (
        one_of("state", EntryState),
        sa.UniqueConstraint("isbn"),
        sa.CheckConstraint("isbn IS NULL OR length(isbn) = 13", name="isbn_whole"),
        sa.CheckConstraint("year BETWEEN 1900 AND 2100", name="year_range"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    authors: Mapped[str] = mapped_column(sa.String(200))
    publisher: Mapped[str] = mapped_column(sa.String(120))
    isbn: Mapped[str | None] = mapped_column(sa.String(13))  # digits only
    edition: Mapped[str] = mapped_column(sa.String(40))
    year: Mapped[int | None]
    field_code: Mapped[str | None] = mapped_column(sa.ForeignKey("field.code", ondelete="RESTRICT"))
    licence: Mapped[str] = mapped_column(sa.String(300))  # or where to get it
    file_id: Mapped[str | None] = mapped_column(
        sa.String(32), sa.ForeignKey("attachment.id", ondelete="RESTRICT")
    )
    state: Mapped[EntryState] = mapped_column(sa.String(16), index=True)
    proposed_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CourseTeacher(Base):
    """An expert whom a course in the making names, in this order."""

    __tablename__ = "course_teacher"

    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), primary_key=True
    )
    entry_id: Mapped[int] = mapped_column(
        "expert_id",
        sa.ForeignKey("expert.id", ondelete="RESTRICT"),
        primary_key=True,
        index=True,
    )
    position: Mapped[int]


class CourseTextbook(Base):
    """A textbook that a course in the making names, in this order."""

    __tablename__ = "course_textbook"

    course_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), primary_key=True
    )
    entry_id: Mapped[int] = mapped_column(
        "textbook_id",
        sa.ForeignKey("textbook.id", ondelete="RESTRICT"),
        primary_key=True,
        index=True,
    )
    position: Mapped[int]


class VersionTeacher(Base):
    """An expert whom a frozen version names: finds an expert's published courses."""

    __tablename__ = "version_teacher"

    version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course_version.id", ondelete="CASCADE"), primary_key=True
    )
    expert_id: Mapped[int] = mapped_column(
        sa.ForeignKey("expert.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
