"""What an engine is asked to write down, and where that stands."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of
from zhixin.steps import Steps


class SpeechState(StrEnum):
    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


class SpeechStep(StrEnum):
    CLAIM = "claim"  # a worker takes it; also after another's claim has run out
    FINISH = "finish"
    FAIL = "fail"


SPEECH_STEPS = Steps(
    {
        (SpeechState.WAITING, SpeechStep.CLAIM): SpeechState.WORKING,
        (SpeechState.WORKING, SpeechStep.CLAIM): SpeechState.WORKING,
        (SpeechState.WORKING, SpeechStep.FINISH): SpeechState.DONE,
        (SpeechState.WORKING, SpeechStep.FAIL): SpeechState.FAILED,
    }
)
UNFINISHED = (SpeechState.WAITING, SpeechState.WORKING)
_UNFINISHED = sa.text("state IN ('waiting', 'working')")


class SpeechRun(Base):
    """One video's sound to be written down in one language. ``failure_code``: see
    ``media.speech_words``."""

    __tablename__ = "speech_run"
    __table_args__ = (
        one_of("state", SpeechState),
        sa.CheckConstraint("state <> 'working' OR claim IS NOT NULL", name="working_claimed"),
        sa.CheckConstraint("(state = 'failed') = (failure_code IS NOT NULL)", name="failure_said"),
        sa.CheckConstraint("tries >= 0", name="tries_counted"),
        sa.Index(
            "uq_speech_run_unfinished",
            "asset_id",
            "language",
            unique=True,
            sqlite_where=_UNFINISHED,
            postgresql_where=_UNFINISHED,
        ),
        sa.Index("ix_speech_run_asset_id", "asset_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(sa.ForeignKey("asset.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(sa.String(16))
    asked_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    state: Mapped[SpeechState] = mapped_column(sa.String(16), default=SpeechState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(sa.String(32))
    claimed_until: Mapped[datetime | None]
    failure_code: Mapped[str | None] = mapped_column(sa.String(32))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
