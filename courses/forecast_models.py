"""What a proposed regrade would change, as a job worked it out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, Hours


class RegradeForecast(Base):
    """The last forecast of a regrade; made again, it stands in the place of the one before."""

    __tablename__ = "regrade_forecast"
    __table_args__ = (
        sa.CheckConstraint("seen >= failed AND failed >= 0 AND total >= 0", name="counts"),
        sa.CheckConstraint("finished_at IS NULL OR claim IS NULL", name="finished_free"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    correction_id: Mapped[int] = mapped_column(
        sa.ForeignKey("key_correction.id", ondelete="CASCADE"), unique=True
    )
    asked_at: Mapped[datetime]
    #: How far the paper's other regrades were, see ``regrading.progress``.
    others: Mapped[int]
    total: Mapped[int]  # attempts to look at
    seen: Mapped[int] = mapped_column(default=0)  # attempts looked at
    failed: Mapped[int] = mapped_column(default=0)  # of them, those that could not be graded
    last_attempt_id: Mapped[int] = mapped_column(default=0)  # all up to this one are done
    # Of the job at work: another goes on in its place once this is over.
    claim: Mapped[str | None] = mapped_column(sa.String(32))
    claimed_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ForeseenChange(Base):
    """What one attempt is worth and would be. Fractions in millionths of the maximum."""

    __tablename__ = "foreseen_change"
    __table_args__ = (
        sa.UniqueConstraint("forecast_id", "attempt_id"),
        sa.Index("ix_foreseen_change_attempt_id", "attempt_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    forecast_id: Mapped[int] = mapped_column(
        sa.ForeignKey("regrade_forecast.id", ondelete="CASCADE")
    )
    attempt_id: Mapped[int] = mapped_column(sa.ForeignKey("attempt.id", ondelete="CASCADE"))
    fraction_before: Mapped[int]
    fraction_after: Mapped[int]
    passed_before: Mapped[bool]
    passed_after: Mapped[bool]
    hours: Mapped[Decimal | None] = mapped_column(Hours)  # that the pass would bring
