"""What learners answered where a video stopped."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base


class StopAnswer(Base):
    """One person's choices at one stop of a course version; who enrols again keeps them.

    ``place``: of the question among its unit's ``checks``. Once it is answered rightly nothing
    changes any more.
    """

    __tablename__ = "stop_answer"
    __table_args__ = (sa.CheckConstraint("place >= 0", name="place_counted"),)

    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), primary_key=True
    )
    version_id: Mapped[int] = mapped_column(
        sa.ForeignKey("course_version.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
    unit_key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tries: Mapped[list[Any]]  # {"at", "right"}, in their order
    answered_at: Mapped[datetime | None]
