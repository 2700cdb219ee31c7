"""The audit trail: who looked at what and did what. Append-only by trigger."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base


class Trace(Base):
    """One act of a person (or of a rule: no actor) on one object."""

    __tablename__ = "audit_trace"
    __table_args__ = (sa.Index(None, "object_kind", "object_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    act: Mapped[str] = mapped_column(sa.String(32))  # 'view', 'verify', 'reject', …
    object_kind: Mapped[str] = mapped_column(sa.String(32))
    object_id: Mapped[str] = mapped_column(sa.String(64))
    reason: Mapped[str | None]
    address: Mapped[str | None] = mapped_column(sa.String(45))
