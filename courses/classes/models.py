"""Classes, their sessions, their roster and who was there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zhixin.db import Base, one_of
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Organisation, Person


class ClassState(StrEnum):
    OPEN = "open"  # planned or running: everything may still change
    CLOSING = "closing"  # attendance is final, hours are being given
    CLOSED = "closed"
    CANCELLED = "cancelled"


class TrainingClass(Base):
    """One run. ``attendance_percent``: of the sessions' time, to be given any hours."""

    __tablename__ = "training_class"
    __table_args__ = (
        one_of("state", ClassState),
        one_of("subject_kind", SubjectKind),
        sa.CheckConstraint("attendance_percent BETWEEN 1 AND 100", name="attendance_percent"),
        sa.CheckConstraint(
            "(state IN ('closing', 'closed')) = (closed_at IS NOT NULL)", name="closed_whole"
        ),
        # Serves the sweeper: classes whose hours are still to be given.
        sa.Index(
            "ix_training_class_closing",
            "id",
            sqlite_where=sa.text("state = 'closing'"),
            postgresql_where=sa.text("state = 'closing'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organiser_id: Mapped[int] = mapped_column(
        sa.ForeignKey("organisation.id", ondelete="RESTRICT"), index=True
    )
    title: Mapped[str] = mapped_column(sa.String(120))
    field_code: Mapped[str | None] = mapped_column(sa.ForeignKey("field.code", ondelete="RESTRICT"))
    subject_kind: Mapped[SubjectKind] = mapped_column(sa.String(16))
    #: One of the plan's advanced seminars (高级研修班), which have targets of their own.
    seminar: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    place: Mapped[str] = mapped_column(sa.String(120))
    attendance_percent: Mapped[int]
    state: Mapped[ClassState] = mapped_column(sa.String(16))
    created_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )

    organiser: Mapped[Organisation] = relationship(lazy="raise_on_sql")
    sessions: Mapped[list[ClassSession]] = relationship(
        lazy="raise_on_sql", order_by="ClassSession.begins_at"
    )
    members: Mapped[list[ClassMember]] = relationship(
        lazy="raise_on_sql", order_by="ClassMember.id"
    )


class ClassSession(Base):
    """One sitting of a class."""

    __tablename__ = "class_session"
    __table_args__ = (sa.CheckConstraint("ends_at > begins_at", name="period"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(
        sa.ForeignKey("training_class.id", ondelete="RESTRICT"), index=True
    )
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    topic: Mapped[str] = mapped_column(sa.String(120))
    teacher: Mapped[str] = mapped_column(sa.String(64))

    @property
    def minutes(self) -> int:
        """How long it is, in whole minutes."""
        return int((self.ends_at - self.begins_at).total_seconds()) // 60


class ClassMember(Base):
    """Somebody on the roster."""

    __tablename__ = "class_member"
    __table_args__ = (sa.UniqueConstraint("class_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[int] = mapped_column(sa.ForeignKey("training_class.id", ondelete="RESTRICT"))
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    added_at: Mapped[datetime]
    award_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("award.id", ondelete="RESTRICT"), unique=True
    )

    person: Mapped[Person] = relationship(lazy="raise_on_sql")


class Attendance(Base):
    """What was written down of one member at one session. Append-only: the last row counts."""

    __tablename__ = "attendance"
    __table_args__ = (
        sa.CheckConstraint("minutes >= 0", name="minutes_positive"),
        sa.Index(None, "session_id", "person_id"),
        sa.Index(None, "person_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(sa.ForeignKey("class_session.id", ondelete="RESTRICT"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    minutes: Mapped[int]  # of the session that the person was there; 0: absent
    recorded_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    recorded_at: Mapped[datetime]
