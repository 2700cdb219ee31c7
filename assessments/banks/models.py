"""Banks, their questions with all versions, where accepted ones are drawn, and what is alike."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from assessments.banks.states import QuestionState
from assessments.questions import QuestionKind
from zhixin.db import Base, one_of

MOST_POINT = 60


class BankKind(StrEnum):
    OWN = "own"  # of one author and those whom they let in
    SHARED = "shared"  # of a field: every author reads and brings questions


class Bank(Base):
    """A shelf of questions of one field."""

    __tablename__ = "bank"
    __table_args__ = (one_of("kind", BankKind),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[BankKind] = mapped_column(sa.String(16))
    field_code: Mapped[str] = mapped_column(sa.String(64), index=True)  # of the floor above's list
    owner_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    created_at: Mapped[datetime]


class BankEditor(Base):
    """Somebody who keeps a bank beside its owner."""

    __tablename__ = "bank_editor"

    bank_id: Mapped[int] = mapped_column(
        sa.ForeignKey("bank.id", ondelete="CASCADE"), primary_key=True
    )
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), primary_key=True, index=True
    )


class BankCell(Base):
    """The accepted questions of one knowledge point, kind and difficulty.

    They have the places 0 to ``count`` - 1 without a hole, so that some of them are drawn by
    place, without looking at the others.
    """

    __tablename__ = "bank_cell"
    __table_args__ = (
        one_of("kind", QuestionKind),
        sa.CheckConstraint("difficulty BETWEEN 1 AND 5", name="difficulty_range"),
        sa.CheckConstraint("count >= 0", name="count_positive"),
        sa.UniqueConstraint("bank_id", "point", "kind", "difficulty"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bank_id: Mapped[int] = mapped_column(sa.ForeignKey("bank.id", ondelete="RESTRICT"))
    point: Mapped[str] = mapped_column(sa.String(MOST_POINT))
    kind: Mapped[QuestionKind] = mapped_column(sa.String(16))
    difficulty: Mapped[int]
    count: Mapped[int]


class BankQuestion(Base):
    """A question of a bank: what its newest version is, and which one is drawn.

    ``point``, ``difficulty``, ``kind`` and ``stem`` are the newest version's, for lists.
    """

    __tablename__ = "bank_question"
    __table_args__ = (
        one_of("state", QuestionState),
        one_of("kind", QuestionKind),
        sa.CheckConstraint("difficulty BETWEEN 1 AND 5", name="difficulty_range"),
        sa.CheckConstraint(
            "(accepted_number IS NULL) = (cell_id IS NULL)"
            " AND (accepted_number IS NULL) = (place IS NULL)"
            " AND (accepted_number IS NULL) = (accepted_print IS NULL)",
            name="drawn_whole",
        ),
        sa.CheckConstraint(
            "state <> 'accepted' OR accepted_number = newest_number", name="accepted_newest"
        ),
        sa.CheckConstraint("state <> 'retired' OR accepted_number IS NULL", name="retired_undrawn"),
        sa.CheckConstraint("(state = 'returned') = (reason IS NOT NULL)", name="returned_reason"),
        sa.UniqueConstraint("cell_id", "place"),
        sa.UniqueConstraint("bank_id", "accepted_print"),
        sa.Index("ix_bank_question_bank_id_state_id", "bank_id", "state", "id"),
        sa.Index("ix_bank_question_bank_id_point_id", "bank_id", "point", "id"),
        sa.Index("ix_bank_question_bank_id_id", "bank_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    bank_id: Mapped[int] = mapped_column(sa.ForeignKey("bank.id", ondelete="RESTRICT"))
    point: Mapped[str] = mapped_column(sa.String(MOST_POINT))
    difficulty: Mapped[int]
    kind: Mapped[QuestionKind] = mapped_column(sa.String(16))
    stem: Mapped[str] = mapped_column(sa.String(160))
    state: Mapped[QuestionState] = mapped_column(sa.String(16))
    reason: Mapped[str | None] = mapped_column(sa.String(500))  # why it was returned
    writer_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    newest_number: Mapped[int]
    accepted_number: Mapped[int | None]
    accepted_print: Mapped[str | None] = mapped_column(sa.String(64))  # the same question once
    cell_id: Mapped[int | None] = mapped_column(sa.ForeignKey("bank_cell.id", ondelete="RESTRICT"))
    place: Mapped[int | None]
    changed_at: Mapped[datetime]


class BankVersion(Base):
    """One version of a question, with its key: never changed."""

    __tablename__ = "bank_version"
    __table_args__ = (
        sa.UniqueConstraint("question_id", "number"),
        sa.CheckConstraint("difficulty BETWEEN 1 AND 5", name="difficulty_range"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(sa.ForeignKey("bank_question.id", ondelete="RESTRICT"))
    number: Mapped[int]  # 1, 2, …
    document: Mapped[str]  # canonical JSON: {"question": …, "passage": … or none}
    sha256: Mapped[str] = mapped_column(sa.String(64))
    print: Mapped[str] = mapped_column(
        sa.String(64)
    )  # of what it shows, see ``assessments.prints``
    point: Mapped[str] = mapped_column(sa.String(MOST_POINT))
    difficulty: Mapped[int]
    writer_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    written_at: Mapped[datetime]


class BankReview(Base):
    """Who took which step with which version, and why: never changed."""

    __tablename__ = "bank_review"
    __table_args__ = (one_of("state", QuestionState),)

    id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[int] = mapped_column(
        sa.ForeignKey("bank_question.id", ondelete="RESTRICT"), index=True
    )
    number: Mapped[int]
    state: Mapped[QuestionState] = mapped_column(sa.String(16))  # after the step
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    at: Mapped[datetime]


class QuestionPool(Base):
    """What a published paper draws from (``assessments.banks.pools``): never changed, named by
    the hash of its questions and their contents."""

    __tablename__ = "question_pool"

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    document: Mapped[dict[str, Any]]  # {"bank", "cells": [point, kind, difficulty, count], …}
    #: Of each cell the questions' ids, then those of their versions: whole numbers of 8 bytes,
    #: the lowest first.
    members: Mapped[bytes]
    made_at: Mapped[datetime]


class BankBand(Base):
    """A band of the newest version's sketch: questions that share one may be alike."""

    __tablename__ = "bank_band"
    __table_args__ = (sa.Index("ix_bank_band_question_id", "question_id"),)

    bank_id: Mapped[int] = mapped_column(
        sa.ForeignKey("bank.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    band: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    question_id: Mapped[int] = mapped_column(
        sa.ForeignKey("bank_question.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
