"""What is still to be done for a video that was taken over as it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class RefinementState(StrEnum):
    """Waits for a worker that has nothing else to do → being worked on → done."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"  # by its author


class Refinement(Base):
    """Lower renditions, hover previews and the right loudness of a READY video whose picture was
    taken over (``media.copying``). Its learners notice nothing but more qualities."""

    __tablename__ = "refinement"
    __table_args__ = (
        one_of("state", RefinementState),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress_percent"),
        sa.CheckConstraint("state <> 'working' OR claim IS NOT NULL", name="working_claimed"),
        sa.CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done_dated"),
        # Serves the sweeper.
        sa.Index(
            "ix_refinement_unfinished",
            "claimed_until",
            sqlite_where=sa.text("state IN ('waiting', 'working')"),
            postgresql_where=sa.text("state IN ('waiting', 'working')"),
        ),
    )

    asset_id: Mapped[int] = mapped_column(
        sa.ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[RefinementState] = mapped_column(sa.String(16), default=RefinementState.WAITING)
    progress: Mapped[int] = mapped_column(default=0)  # percent
    tries: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    claim: Mapped[str | None] = mapped_column(sa.String(32))  # the claiming worker's random mark
    failure_code: Mapped[str | None] = mapped_column(sa.String(32))
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]  # of the last try
    done_at: Mapped[datetime | None]
    # The run of renditions before: who had it open plays it to the end, then it goes.
    replaced: Mapped[str | None]
