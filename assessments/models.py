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


class PaperVersion(Base):
    """A paper as it was published: never changed, named by its hash."""

    __tablename__ = "paper_version"

    id: Mapped[int] = mapped_column(primary_key=True)
    paper_id: Mapped[int] = mapped_column(sa.ForeignKey("paper.id", ondelete="RESTRICT"))
    document: Mapped[str]  # canonical JSON with keys: never sent to a learner as it is
    sha256: Mapped[str] = mapped_column(sa.String(64))
    frozen_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("paper_id", "sha256"),)


class Attempt(Base):
    """One try of one person at one paper version. A closed one is never changed."""

    __tablename__ = "attempt"
    __table_args__ = (
        one_of("state", AttemptState),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_whole"),
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
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    scope: Mapped[str] = mapped_column(sa.String(32))  # what it counts for, as in media
    paper_version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("paper_version.id", ondelete="RESTRICT"), index=True
    )
    number: Mapped[int]  # 1, 2, …
    seed: Mapped[str] = mapped_column(sa.String(32))  # order of questions and options
    state: Mapped[AttemptState] = mapped_column(sa.String(16), default=AttemptState.OPEN)
    answers: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
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
