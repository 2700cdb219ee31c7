"""Question papers, their frozen versions, and attempts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class AttemptState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Ending(StrEnum):
    LEARNER = "learner"  # handed in
    DEADLINE = "deadline"  # its time was over: closed by the server with what was saved


class Paper(Base):
    """A quiz being written: its questions live in ``document`` (see assessments.papers)."""

    __tablename__ = "paper"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    document: Mapped[dict[str, Any]]
    revision: Mapped[int] = mapped_column(default=0)  # for lost-update detection
    updated_at: Mapped[datetime]


class PaperEditor(Base):
    """Somebody who may write a paper beside its owner."""

    __tablename__ = "paper_editor"

    paper_id: Mapped[int] = mapped_column(
        sa.ForeignKey("paper.id", ondelete="CASCADE"), primary_key=True
    )
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), primary_key=True, index=True
    )


class PaperVersion(Base):
    """A paper as it was published: never changed, named by its hash."""

    __tablename__ = "paper_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    paper_id: Mapped[int] = mapped_column(sa.ForeignKey("paper.id", ondelete="RESTRICT"))
    document: Mapped[str]  # canonical JSON with keys: never sent to a learner as it is
    sha256: Mapped[str] = mapped_column(sa.String(64))
    frozen_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("paper_id", "sha256"),)


class Practice(Base):
    """A run of questions that never counts (assessments.practice)."""

    __tablename__ = "practice"
    __table_args__ = (
        sa.CheckConstraint("(scope IS NULL) = (paper_version_id IS NULL)", name="of_a_unit"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    scope: Mapped[str | None] = mapped_column(sa.String(32))  # None: of the mistakes book
    paper_version_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("paper_version.id", ondelete="RESTRICT")
    )
    questions: Mapped[list[Any]]  # [scope, paper version, question id] in this run's order
    seed: Mapped[str] = mapped_column(sa.String(32))  # order of the options
    opened_at: Mapped[datetime]


class PracticeAnswer(Base):
    """The answer to one question of a run: the first one stands."""

    __tablename__ = "practice_answer"

    practice_id: Mapped[int] = mapped_column(
        sa.ForeignKey("practice.id", ondelete="RESTRICT"), primary_key=True
    )
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    scope: Mapped[str] = mapped_column(sa.String(32))
    paper_version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("paper_version.id", ondelete="RESTRICT")
    )
    question_id: Mapped[str] = mapped_column(sa.String(64))
    answer: Mapped[list[Any]]
    right: Mapped[bool | None]  # None: for people to say
    answered_at: Mapped[datetime]


class Attempt(Base):
    """One try of one person at one paper version. A closed one is never changed, but by a regrade
    (``assessments.regrading``), which keeps what it was worth before."""

    __tablename__ = "attempt"
    __table_args__ = (
        one_of("state", AttemptState),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_whole"),
        one_of("ended_by", Ending),
        sa.CheckConstraint("deadline_at > opened_at", name="deadline_after"),
        sa.CheckConstraint("fraction_millionths BETWEEN 0 AND 1000000", name="fraction_range"),
        sa.UniqueConstraint("person_id", "scope", "paper_version_id", "number"),
        sa.Index(
            "uq_attempt_open",
            "person_id",
            "scope",
            "paper_version_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(
            "ix_attempt_due",
            "deadline_at",
            sqlite_where=sa.text("state = 'open' AND deadline_at IS NOT NULL"),
            postgresql_where=sa.text("state = 'open' AND deadline_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    scope: Mapped[str] = mapped_column(sa.String(32))  # what it counts for, as in media
    paper_version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("paper_version.id", ondelete="RESTRICT"), index=True
    )
    number: Mapped[int]  # 1, 2, …
    #: Order of questions and options, and what is drawn.
    seed: Mapped[str] = mapped_column(sa.String(32))
    #: What a blueprint drew for it (``banks.pools.draw``); None: the paper has none.
    drawn: Mapped[dict[str, Any] | None]
    state: Mapped[AttemptState] = mapped_column(sa.String(16), default=AttemptState.OPEN)
    answers: Mapped[dict[str, Any]]  # the graded sheet; while open see SavedAnswer
    opened_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    deadline_at: Mapped[datetime | None]  # None: no time limit
    closed_at: Mapped[datetime | None]
    ended_by: Mapped[Ending | None] = mapped_column(sa.String(16))  # None: open, or from before
    pass_mark_millionths: Mapped[int]  # the mark in force when the attempt was opened
    fraction_millionths: Mapped[int | None]
    result: Mapped[dict[str, Any] | None]  # per question, for after closing
    passed: Mapped[bool | None]

    @property
    def fraction(self) -> Decimal | None:
        """Score as a fraction of the maximum; None while open."""
        return (
            None
            if self.fraction_millionths is None
            else Decimal(self.fraction_millionths) / 1_000_000
        )


class SavedAnswer(Base):
    """The last answer to a question of an attempt, numbered by who gave it (assessments.sheets)."""

    __tablename__ = "attempt_answer"
    __table_args__ = (sa.CheckConstraint("seq > 0", name="seq_positive"),)

    attempt_id: Mapped[int] = mapped_column(
        sa.ForeignKey("attempt.id", ondelete="RESTRICT"), primary_key=True
    )
    question_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    seq: Mapped[int]
    writer: Mapped[str] = mapped_column(sa.String(32))  # a page; decides between equal numbers
    answer: Mapped[list[Any]]
    saved_at: Mapped[datetime]


class GradingState(StrEnum):
    WAITING = "waiting"  # graders have not all said
    THIRD = "third"  # two differ by more than they may: a third reads it
    FINAL = "final"


class Grading(Base):
    """People's grading of an attempt with written answers; until it is final the attempt has
    neither a fraction nor a verdict."""

    __tablename__ = "attempt_grading"
    __table_args__ = (
        one_of("state", GradingState),
        sa.CheckConstraint("(state = 'final') = (final_at IS NOT NULL)", name="final_whole"),
        sa.CheckConstraint("bound_millionths BETWEEN 0 AND 1000000", name="bound_range"),
        sa.CheckConstraint("state <> 'third' OR bound_millionths IS NOT NULL", name="third_of_two"),
    )

    attempt_id: Mapped[int] = mapped_column(
        sa.ForeignKey("attempt.id", ondelete="RESTRICT"), primary_key=True, autoincrement=False
    )
    scope: Mapped[str] = mapped_column(sa.String(32), index=True)  # the attempt's, for the queue
    state: Mapped[GradingState] = mapped_column(sa.String(16))
    bound_millionths: Mapped[int | None]  # of a question's points; None: one grader is enough
    handed_in_at: Mapped[datetime]
    final_at: Mapped[datetime | None]


class GraderMark(Base):
    """One grader's points for all written answers of an attempt: never changed."""

    __tablename__ = "grader_mark"
    __table_args__ = (
        sa.UniqueConstraint("attempt_id", "grader_id"),
        sa.CheckConstraint("place BETWEEN 1 AND 3", name="place_known"),
    )

    attempt_id: Mapped[int] = mapped_column(
        sa.ForeignKey("attempt_grading.attempt_id", ondelete="RESTRICT"),
        primary_key=True,
        autoincrement=False,
    )
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    grader_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    points: Mapped[dict[str, Any]]  # question → criterion → points
    comment: Mapped[str]
    marked_at: Mapped[datetime]
