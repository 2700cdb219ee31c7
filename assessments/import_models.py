"""Questions on their way in: the file that was sent, and what was understood of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class ImportState(StrEnum):
    """Where an import stands."""

    WAITING = "waiting"  # for a job
    READING = "reading"
    READY = "ready"  # for its author's decision
    FAILED = "failed"
    ACCEPTED = "accepted"  # its author wants the questions in a bank: for a job
    TAKING = "taking"
    TAKEN = "taken"


IMPORT_STEPS: Mapping[ImportState, frozenset[ImportState]] = MappingProxyType(
    {
        ImportState.WAITING: frozenset({ImportState.READING}),
        ImportState.READING: frozenset(
            {ImportState.READING, ImportState.READY, ImportState.FAILED}
        ),
        ImportState.READY: frozenset({ImportState.ACCEPTED, ImportState.TAKEN}),
        ImportState.ACCEPTED: frozenset({ImportState.TAKING}),
        ImportState.TAKING: frozenset({ImportState.TAKING, ImportState.READY, ImportState.TAKEN}),
        ImportState.FAILED: frozenset(),
        ImportState.TAKEN: frozenset(),
    }
)


class QuestionImport(Base):
    """One file of an author. ``content`` is there until it is read, ``result`` from then on.

    ``taking``: how its author wants the questions in a bank (``skip``, ``propose``), then what
    became of them (``added``, ``skipped``).
    """

    __tablename__ = "question_import"
    __table_args__ = (
        one_of("state", ImportState),
        sa.CheckConstraint(
            "(state IN ('waiting', 'reading')) = (content IS NOT NULL)", name="content_while_unread"
        ),
        sa.CheckConstraint(
            "(state IN ('ready', 'accepted', 'taking', 'taken')) = (result IS NOT NULL)",
            name="result_when_read",
        ),
        sa.CheckConstraint("done >= 0 AND tries >= 0", name="counts"),
        sa.Index("ix_question_import_owner_id_id", "owner_id", "id"),
        sa.Index("ix_question_import_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    #: What it is for, in words of whoever started it: ``paper:12``.
    target: Mapped[str] = mapped_column(sa.String(32))
    file_name: Mapped[str] = mapped_column(sa.String(200))
    format: Mapped[str] = mapped_column(sa.String(16))
    content: Mapped[bytes | None] = mapped_column(sa.LargeBinary, deferred=True)
    state: Mapped[ImportState] = mapped_column(sa.String(16))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    tries: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(sa.String(16))
    beat_at: Mapped[datetime]
    result: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    taking: Mapped[dict[str, Any] | None]
    failure: Mapped[str | None] = mapped_column(sa.String(500))
    created_at: Mapped[datetime]
