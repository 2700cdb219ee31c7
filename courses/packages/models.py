"""A course on its way out or in: the job, its file, and what was understood of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class Way(StrEnum):
    EXPORT = "export"
    IMPORT = "import"


class PackageState(StrEnum):
    """Where a package stands. An export ends in READY: its file lies there to be fetched."""

    WAITING = "waiting"  # for a job
    WORKING = "working"  # being written, or being read
    READY = "ready"  # to be fetched, or for its author's decision
    ACCEPTED = "accepted"  # an import: its author wants the course
    MAKING = "making"
    MADE = "made"
    FAILED = "failed"


PACKAGE_STEPS: Mapping[PackageState, frozenset[PackageState]] = MappingProxyType(
    {
        PackageState.WAITING: frozenset({PackageState.WORKING}),
        PackageState.WORKING: frozenset(
            {PackageState.WORKING, PackageState.READY, PackageState.FAILED}
        ),
        PackageState.READY: frozenset({PackageState.ACCEPTED}),
        PackageState.ACCEPTED: frozenset({PackageState.MAKING}),
        PackageState.MAKING: frozenset(
            {PackageState.MAKING, PackageState.MADE, PackageState.FAILED}
        ),
        PackageState.MADE: frozenset(),
        PackageState.FAILED: frozenset(),
    }
)


class CoursePackage(Base):
    """One archive. Its file lies in the vault under ``key`` until the row is forgotten.

    ``result``: of an import what was understood (``reading.Found``), of an export what could not
    be taken along.
    """

    __tablename__ = "course_package"
    __table_args__ = (
        one_of("way", Way),
        one_of("state", PackageState),
        sa.CheckConstraint(
            "way = 'import' OR state IN ('waiting', 'working', 'ready', 'failed')",
            name="exports_are_not_made",
        ),
        sa.CheckConstraint(
            "way = 'export' OR (state = 'made') = (course_id IS NOT NULL)",
            name="made_into_a_course",
        ),
        sa.CheckConstraint("way = 'import' OR course_id IS NOT NULL", name="export_of_a_course"),
        sa.CheckConstraint("done >= 0 AND tries >= 0 AND size_bytes >= 0", name="counts"),
        sa.Index("ix_course_package_owner_id_created_at", "owner_id", "created_at"),
        sa.Index("ix_course_package_state", "state"),
        sa.Index("ix_course_package_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # random
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    way: Mapped[Way] = mapped_column(sa.String(16))
    #: What is exported, or what the import became.
    course_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("course.id", ondelete="CASCADE"), index=True
    )
    version_number: Mapped[int | None]  # of an export; None: the draft
    field_code: Mapped[str | None] = mapped_column(sa.String(32))  # chosen for an import
    file_name: Mapped[str] = mapped_column(sa.String(255))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    state: Mapped[PackageState] = mapped_column(sa.String(16))
    done: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    total: Mapped[int | None] = mapped_column(sa.BigInteger)
    tries: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(sa.String(16))
    beat_at: Mapped[datetime]
    result: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    failure: Mapped[str | None] = mapped_column(sa.String(500))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    @property
    def key(self) -> str:
        """In the vault."""
        return f"packages/{self.id[:2]}/{self.id}"

    @property
    def at_work(self) -> bool:
        return self.state in WORKED_ON


#: Waiting for a job, or in one's hands.
WORKED_ON = (
    PackageState.WAITING,
    PackageState.WORKING,
    PackageState.ACCEPTED,
    PackageState.MAKING,
)
