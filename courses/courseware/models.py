"""Courseware that authors brought, and what it says of its learners."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class Edition(StrEnum):
    SCORM_12 = "1.2"
    SCORM_2004 = "2004"


class Courseware(Base):
    """The files of one package. Never changed: another package is another row.

    ``files``: ``[name, bytes]`` in order; the file at place n lies in the vault under
    ``folder/n``, so that no stranger's name is ever a path.
    """

    __tablename__ = "courseware"
    __table_args__ = (
        one_of("edition", Edition),
        sa.UniqueConstraint("owner_id", "sha256"),
        sa.CheckConstraint("size_bytes >= 0", name="size_range"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # random
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    edition: Mapped[Edition] = mapped_column(sa.String(8))
    files: Mapped[list[Any]]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))  # of the names and contents of all
    created_at: Mapped[datetime]
    #: Since when nothing refers to it, see ``media.collecting``.
    unused_since: Mapped[datetime | None]

    @property
    def folder(self) -> str:
        """In the vault."""
        return f"courseware/{self.id[:2]}/{self.id}"


class CoursewareClaim(Base):
    """What a unit's courseware says of one learner: its own data model, kept for its next start.

    None of it is evidence: it is written by a stranger's script in the learner's browser. It
    gives no watch time and no hours; that it says "done" is worth as much as a learner's own
    "I have read this page".
    """

    __tablename__ = "courseware_claim"
    __table_args__ = (sa.CheckConstraint("claimed_ms >= 0", name="claimed_range"),)

    enrolment_id: Mapped[int] = mapped_column(
        sa.ForeignKey("enrolment.id", ondelete="RESTRICT"), primary_key=True
    )
    unit_key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    values: Mapped[dict[str, Any]]  # cmi.… → text
    #: Time that it says to have taken, all sittings together: shown, never counted.
    claimed_ms: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    updated_at: Mapped[datetime]
