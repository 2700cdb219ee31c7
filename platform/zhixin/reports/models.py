"""The plan's yearly targets: reference data that changes with each round."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class TargetCode(StrEnum):
    """What is counted."""

    PEOPLE = "people"  # people with hours of the year
    FIELD_PEOPLE = "field-people"  # of them, those with hours in one of the fields
    SEMINARS = "seminars"  # advanced seminars whose hours are of the year
    SEMINAR_PEOPLE = "seminar-people"  # people with hours of one of them


class Target(Base):
    """So many from a year on, until a later row says otherwise. Append-only."""

    __tablename__ = "programme_target"
    __table_args__ = (
        one_of("code", TargetCode),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.Index(None, "code", "from_year"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[TargetCode] = mapped_column(sa.String(16))
    from_year: Mapped[int]
    amount: Mapped[int]
    source: Mapped[str]
    set_by_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    set_at: Mapped[datetime]
