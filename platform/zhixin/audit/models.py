"""The audit trail (who looked at what and did what) and samples for review; guarded by triggers."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zhixin.db import Base
from zhixin.hours.models import Award
from zhixin.people.models import Organisation


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


class Draw(Base):
    """A random sample for review: announced with its population, drawn by a later checkpoint."""

    __tablename__ = "audit_draw"
    __table_args__ = (
        sa.CheckConstraint("wanted > 0 AND population_count > 0", name="something_drawn"),
        sa.CheckConstraint(
            "(tree_size IS NULL) = (root IS NULL) AND (tree_size IS NULL) = (drawn_at IS NULL)",
            name="drawn_whole",
        ),
        # Nobody could know the root when the draw was announced.
        sa.CheckConstraint("tree_size > announced_size", name="later_tree"),
        # Serves the sweeper: those that wait for a checkpoint.
        sa.Index(
            "ix_audit_draw_waiting",
            "announced_size",
            sqlite_where=sa.text("tree_size IS NULL"),
            postgresql_where=sa.text("tree_size IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int]
    # Of whose people; none: of the whole city.
    organisation_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("organisation.id", ondelete="RESTRICT")
    )
    wanted: Mapped[int]
    announced_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    announced_at: Mapped[datetime]
    announced_size: Mapped[int] = mapped_column(sa.BigInteger)  # entries in the ledger then
    population: Mapped[str] = mapped_column(deferred=True)  # see zhixin.audit.sampling
    population_count: Mapped[int]
    population_sha256: Mapped[str] = mapped_column(sa.String(64))
    tree_size: Mapped[int | None] = mapped_column(sa.BigInteger)
    root: Mapped[str | None] = mapped_column(sa.String(64))
    drawn_at: Mapped[datetime | None]

    organisation: Mapped[Organisation | None] = relationship(lazy="raise_on_sql")

    @property
    def label(self) -> str:
        """What tells this draw from others under the same tree."""
        return f"{self.year}/{self.organisation_id or 'all'}/{self.id}"


class DrawnAward(Base):
    """One award of a sample, in the order drawn, and who reviewed it."""

    __tablename__ = "audit_draw_award"
    __table_args__ = (
        sa.UniqueConstraint("draw_id", "award_id"),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by_id IS NULL)", name="reviewed_whole"
        ),
    )

    draw_id: Mapped[int] = mapped_column(
        sa.ForeignKey("audit_draw.id", ondelete="RESTRICT"), primary_key=True
    )
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1
    award_id: Mapped[int] = mapped_column(
        sa.ForeignKey("award.id", ondelete="RESTRICT"), index=True
    )
    reviewed_at: Mapped[datetime | None]
    reviewed_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    finding: Mapped[str | None]

    award: Mapped[Award] = relationship(lazy="raise_on_sql")
