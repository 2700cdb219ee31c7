"""Declared outside activities, their proofs, and every step of their way."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zhixin.db import Base, Hours, one_of
from zhixin.declarations.states import Desk, State, Transition
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Organisation, Person

#: What was withdrawn was never decided; everything else stays one activity, once.
_STANDING = sa.text("state <> 'withdrawn'")


class Declaration(Base):
    """An outside activity that a person asks to be counted.

    The partial unique index is the law "the same activity can't be declared twice": a refused
    one stays taken, because declaring it anew would go round the decision.
    """

    __tablename__ = "declaration"
    __table_args__ = (
        one_of("state", State),
        one_of("subject_kind", SubjectKind),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint("hours > 0", name="hours_positive"),
        sa.CheckConstraint("starts_on <= ends_on", name="days_in_order"),
        sa.CheckConstraint("(state = 'verified') = (award_id IS NOT NULL)", name="award_given"),
        sa.Index(
            "uq_declaration_activity",
            "person_id",
            "fingerprint",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        # Serves the desks, the most urgent first, and the sweeper.
        sa.Index(None, "state", "due_on"),
        sa.Index(None, "employer_id", "state"),
        sa.Index(None, "person_id", "ends_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    activity: Mapped[str] = mapped_column(sa.String(32))  # the policy's code
    activity_name: Mapped[str] = mapped_column(sa.String(64))  # as the policy called it
    unit: Mapped[str] = mapped_column(sa.String(16))  # what ``amount`` counts
    subject_kind: Mapped[SubjectKind] = mapped_column(sa.String(16))
    title: Mapped[str] = mapped_column(sa.String(200))
    organiser: Mapped[str] = mapped_column(sa.String(200))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Hours)  # in units; two decimals, like hours
    note: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    # What the amount is worth by the rule of the last day; settled anew at each submission.
    hours: Mapped[Decimal] = mapped_column(Hours)
    policy_id: Mapped[int] = mapped_column(sa.ForeignKey("policy.id", ondelete="RESTRICT"))

    state: Mapped[State] = mapped_column(sa.String(16))
    last_step: Mapped[int]  # number of the last row of its steps
    # The employer that looks at it, as at its submission; none: the bureau does at once.
    employer_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("organisation.id", ondelete="RESTRICT")
    )
    # Whose people these are, for the bureau's desk, whether or not an employer looks first.
    organisation_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("organisation.id", ondelete="RESTRICT"), index=True
    )
    due_on: Mapped[date | None]  # the last day on which the desk that has it is in time
    bureau_at: Mapped[datetime | None]  # since when a bureau may see it
    award_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("award.id", ondelete="RESTRICT"), unique=True
    )
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]

    person: Mapped[Person] = relationship(foreign_keys=person_id, lazy="raise_on_sql")
    organisation: Mapped[Organisation | None] = relationship(
        foreign_keys=organisation_id, lazy="raise_on_sql"
    )
    policy: Mapped[Policy] = relationship(lazy="raise_on_sql")
    award: Mapped[Award | None] = relationship(lazy="raise_on_sql")


class DeclarationStep(Base):
    """One step of a declaration's way. Append-only by trigger."""

    __tablename__ = "declaration_step"
    __table_args__ = (
        one_of("transition", Transition),
        one_of("desk", Desk),
        sa.CheckConstraint("(desk = 'rule') = (actor_id IS NULL)", name="somebody_acts"),
        sa.CheckConstraint(
            "transition NOT IN ('return', 'decline', 'refuse') OR reason <> ''",
            name="explained",
        ),
        sa.UniqueConstraint("declaration_id", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    declaration_id: Mapped[int] = mapped_column(
        sa.ForeignKey("declaration.id", ondelete="RESTRICT")
    )
    number: Mapped[int]
    at: Mapped[datetime]
    desk: Mapped[Desk] = mapped_column(sa.String(16))
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    transition: Mapped[Transition] = mapped_column(sa.String(16))
    reason: Mapped[str] = mapped_column(sa.String(32))  # a code of ``words.REASONS``, or empty
    words: Mapped[str]  # free text for the learner, or for the next desk
    due_on: Mapped[date | None]  # until when the next desk has time
    # At a submission: all that was declared, with the proofs by their SHA-256.
    facts: Mapped[dict[str, Any] | None]


class Proof(Base):
    """A file that proves a declaration: checked, re-encoded if a picture, kept by its SHA-256."""

    __tablename__ = "declaration_proof"
    __table_args__ = (
        sa.CheckConstraint(
            "media_type IN ('application/pdf', 'image/jpeg', 'image/png')", name="media_type_known"
        ),
        sa.CheckConstraint("bytes > 0", name="bytes_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    declaration_id: Mapped[int] = mapped_column(
        sa.ForeignKey("declaration.id", ondelete="RESTRICT"), index=True
    )
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)  # of what is kept
    # Of what was sent: the same file sent by two people is found by it.
    sent_sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    media_type: Mapped[str] = mapped_column(sa.String(32))
    bytes: Mapped[int]
    file_name: Mapped[str] = mapped_column(sa.String(100))  # as the person knows it; for screens
    added_at: Mapped[datetime]
    # Taken away by the learner after it had been submitted: still part of what was decided on.
    removed_at: Mapped[datetime | None]
