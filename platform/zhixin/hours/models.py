"""Credit policies and awards."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zhixin.db import Base, Hours, one_of
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import IN_FORCE, State
from zhixin.people.models import Person


class Policy(Base):
    """The credit rules of a period, with their source. Published ones are never changed."""

    __tablename__ = "policy"
    __table_args__ = (sa.UniqueConstraint("area", "effective_from", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(sa.String(32))
    version: Mapped[int]
    title: Mapped[str]
    source: Mapped[str]  # regulation, article, date; or "example"
    effective_from: Mapped[date]
    document: Mapped[dict[str, Any]]  # see hours.rules.CreditRule
    sha256: Mapped[str] = mapped_column(sa.String(64))
    published_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    published_at: Mapped[datetime]


class Evidence(Base):
    """The canonical record an award stands on (RFC 8785 JSON), named by its SHA-256. Never changed."""

    __tablename__ = "evidence"

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    document: Mapped[str]
    created_at: Mapped[datetime]


class EvidenceCheck(Base):
    """One rebuilding of an award from its raw records, and where they differed. Append-only."""

    __tablename__ = "evidence_check"

    id: Mapped[int] = mapped_column(primary_key=True)
    award_id: Mapped[int] = mapped_column(
        sa.ForeignKey("award.id", ondelete="RESTRICT"), index=True
    )
    checked_at: Mapped[datetime]
    holds: Mapped[bool]
    differences: Mapped[list[Any]]  # in words; empty when it holds


#: What the partial unique index covers; a migration keeps it to ``states.IN_FORCE``.
_IN_FORCE = sa.text("state IN ({})".format(", ".join(f"'{state}'" for state in IN_FORCE)))


class Award(Base):
    """Hours given to one person for one source.

    The partial unique index is the law "exactly once": one award in force per person,
    source and year, whatever races.
    """

    __tablename__ = "award"
    __table_args__ = (
        one_of("state", State),
        one_of("subject_kind", SubjectKind),
        sa.CheckConstraint("hours > 0", name="hours_positive"),
        sa.Index(
            "uq_award_in_force",
            "person_id",
            "source_kind",
            "source_id",
            "year",
            unique=True,
            sqlite_where=_IN_FORCE,
            postgresql_where=_IN_FORCE,
        ),
        # An award is corrected once; what came of it may be corrected again.
        sa.Index("uq_award_corrects_id", "corrects_id", unique=True),
        sa.Index(None, "person_id", "year"),
        # Serves a year's figures.
        sa.Index(None, "year", "state"),
        # Serves the auditor's queue: oldest first within a state.
        sa.Index(None, "state", "earned_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    source_kind: Mapped[str] = mapped_column(sa.String(16))  # 'course', 'class', 'declaration'
    source_id: Mapped[int]
    source_version: Mapped[int]
    title: Mapped[str]  # of the source as it was
    field_code: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    subject_kind: Mapped[SubjectKind] = mapped_column(sa.String(16))
    # The policy's code of the kind of outside activity; none for a course.
    activity: Mapped[str | None] = mapped_column(sa.String(32))
    day: Mapped[date]  # on which the learning ended, in Asia/Shanghai: for caps by the day
    year: Mapped[int]
    hours: Mapped[Decimal] = mapped_column(Hours)
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policy.id", ondelete="RESTRICT"))
    evidence_sha256: Mapped[str] = mapped_column(
        sa.ForeignKey("evidence.sha256", ondelete="RESTRICT")
    )
    state: Mapped[State] = mapped_column(sa.String(16))
    sampled: Mapped[bool]  # chosen for a person's eyes although clean
    flags: Mapped[list[Any]]  # why the evidence is not clean, as codes; empty when it is
    earned_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    reason: Mapped[str | None]
    submission_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("ledger_submission.id", ondelete="RESTRICT"), unique=True
    )

    # The award that this one stands in the place of.
    corrects_id: Mapped[int | None] = mapped_column(sa.ForeignKey("award.id", ondelete="RESTRICT"))

    person: Mapped[Person] = relationship(foreign_keys=person_id, lazy="raise_on_sql")
    policy: Mapped[Policy] = relationship(lazy="raise_on_sql")
