"""Pieces of long videos."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class PieceState(StrEnum):
    """waiting → making (a claim) → made, or back to waiting."""

    WAITING = "waiting"
    MAKING = "making"
    MADE = "made"


class Piece(Base):
    """A part of a long video that one worker makes: segments ``first`` up to ``end``, without it;
    NULL: to the end. Number 0 is the sound of the whole. Gone when the video is finished."""

    __tablename__ = "piece"
    __table_args__ = (
        one_of("state", PieceState),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress_percent"),
        sa.CheckConstraint('"end" IS NULL OR "end" > first', name="span_forward"),
        sa.CheckConstraint("state <> 'making' OR claim IS NOT NULL", name="making_claimed"),
    )

    asset_id: Mapped[int] = mapped_column(
        sa.ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first: Mapped[int]
    end: Mapped[int | None]
    state: Mapped[PieceState] = mapped_column(sa.String(16), default=PieceState.WAITING)
    progress: Mapped[int] = mapped_column(default=0)  # percent
    tries: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    claim: Mapped[str | None] = mapped_column(sa.String(32))
    failure_code: Mapped[str | None] = mapped_column(sa.String(32))  # of the last try
