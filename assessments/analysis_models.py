"""Item analyses as they were made last. They can be made again at any time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base


class PaperAnalysis(Base):
    """The item analysis of a frozen paper (``assessments.analysing``).

    A worker claims it by a conditional UPDATE of ``claimed_until``; ``asked_at`` later than
    ``gathered_at`` asks for a new one.
    """

    __tablename__ = "paper_analysis"
    __table_args__ = (
        sa.CheckConstraint("(gathered_at IS NULL) = (document IS NULL)", name="gathered_whole"),
    )

    paper_version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("paper_version.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    gathered_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)  # first ones with a result, by then
    document: Mapped[dict[str, Any] | None]
