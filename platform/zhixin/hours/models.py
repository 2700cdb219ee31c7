"""Credit policies, awards, and what is contested about them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from zhixin.db import Base, Hours, one_of
from zhixin.hours.draft_states import DraftState, Effect, RunState
from zhixin.hours.rules import SubjectKind
from zhixin.hours.states import (
    IN_FORCE,
    Against,
    AppealState,
    ProposalKind,
    ProposalState,
    State,
)
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


class PolicyDraft(Base):
    """Credit rules that are being written and reviewed. The revision counts its writer's saves."""

    __tablename__ = "policy_draft"
    __table_args__ = (
        one_of("state", DraftState),
        sa.CheckConstraint("(state = 'published') = (policy_id IS NOT NULL)", name="published"),
        # Four eyes, unless the city has one administrator only (``alone``).
        sa.CheckConstraint(
            "state <> 'published' OR alone OR decided_by_id <> written_by_id", name="four_eyes"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area: Mapped[str] = mapped_column(sa.String(32))
    title: Mapped[str]
    source: Mapped[str]
    effective_from: Mapped[date]
    document: Mapped[dict[str, Any]]
    revision: Mapped[int]
    state: Mapped[DraftState] = mapped_column(sa.String(16), index=True)
    written_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    written_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]  # for which it was sent back
    alone: Mapped[bool] = mapped_column(default=False)
    policy_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("policy.id", ondelete="RESTRICT"), unique=True
    )

    written_by: Mapped[Person] = relationship(foreign_keys=written_by_id, lazy="raise_on_sql")
    decided_by: Mapped[Person | None] = relationship(
        foreign_keys=decided_by_id, lazy="raise_on_sql"
    )


class PolicyDryRun(Base):
    """What a draft would change, worked out by a job in chunks of people."""

    __tablename__ = "policy_dry_run"
    __table_args__ = (one_of("state", RunState),)

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(
        sa.ForeignKey("policy_draft.id", ondelete="CASCADE"), unique=True
    )
    revision: Mapped[int]  # of the draft
    state: Mapped[RunState] = mapped_column(sa.String(16))
    # Of the job at work: another takes over when its last sign of life is old.
    claim: Mapped[str | None] = mapped_column(sa.String(32))
    beat_at: Mapped[datetime]
    people: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None]  # see hours.dry_run.Tally
    created_at: Mapped[datetime]


class PolicyEffect(Base):
    """What a draft would change for one person's year."""

    __tablename__ = "policy_effect"
    __table_args__ = (
        one_of("effect", Effect),
        sa.UniqueConstraint("run_id", "year", "person_id"),
        # Serves the paged list, all or one effect of it.
        sa.Index(None, "run_id", "effect", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(sa.ForeignKey("policy_dry_run.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    year: Mapped[int]
    effect: Mapped[Effect] = mapped_column(sa.String(16))
    counted_before: Mapped[Decimal] = mapped_column(Hours)
    counted_after: Mapped[Decimal] = mapped_column(Hours)
    to_go_before: Mapped[Decimal] = mapped_column(Hours)
    to_go_after: Mapped[Decimal] = mapped_column(Hours)


class Evidence(Base):
    """The canonical record an award stands on (RFC 8785 JSON), named by its SHA-256. Never changed."""

    __tablename__ = "evidence"

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    document: Mapped[str]
    created_at: Mapped[datetime]


class EvidenceCheck(Base):
    """One rebuilding of an award from its raw records, or one holding of it against the log, and
    where they differed. Append-only; of each the latest counts."""

    __tablename__ = "evidence_check"
    __table_args__ = (
        # Serves the warning on the auditor's desk: those that differ are few.
        sa.Index(
            "ix_evidence_check_differing",
            "award_id",
            sqlite_where=sa.text("holds IS 0"),
            postgresql_where=sa.text("holds IS false"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    award_id: Mapped[int] = mapped_column(
        sa.ForeignKey("award.id", ondelete="RESTRICT"), index=True
    )
    checked_at: Mapped[datetime]
    holds: Mapped[bool]
    differences: Mapped[list[Any]]  # in words; empty when it holds
    of_log: Mapped[bool] = mapped_column(default=False, server_default=sa.false())

    @classmethod
    def differing(cls) -> sa.Select[int, bool]:
        """Awards whose latest check differed, and whether it was one of the log."""
        later = sa.orm.aliased(cls)
        newer = (later.award_id == cls.award_id, later.of_log == cls.of_log, later.id > cls.id)
        return sa.select(cls.award_id, cls.of_log).where(
            cls.holds.is_(False), ~sa.exists().where(*newer)
        )


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
        # These serve the auditor's desk: what waits by risk, what is held by its deadline, and
        # what was decided, the latest first; and the deadlines' sweeper.
        sa.Index(
            "ix_award_waiting",
            "calm",
            "earned_at",
            "id",
            sqlite_where=sa.text("state = 'earned'"),
            postgresql_where=sa.text("state = 'earned'"),
        ),
        sa.Index(
            "ix_award_held",
            "due_at",
            "id",
            sqlite_where=sa.text("state = 'held'"),
            postgresql_where=sa.text("state = 'held'"),
        ),
        sa.Index(None, "state", "decided_at", "id"),
        # And its filters: a field, flags, hours from elsewhere than courses.
        sa.Index(None, "field_code", "state", "decided_at", "id"),
        sa.Index(
            "ix_award_flagged",
            "state",
            "decided_at",
            "id",
            sqlite_where=sa.text("calm < 0"),
            postgresql_where=sa.text("calm < 0"),
        ),
        sa.Index(
            "ix_award_elsewhere",
            "source_kind",
            "state",
            "decided_at",
            "id",
            sqlite_where=sa.text("source_kind <> 'course'"),
            postgresql_where=sa.text("source_kind <> 'course'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    source_kind: Mapped[str] = mapped_column(sa.String(16))  # 'course', 'class', 'declaration'
    source_id: Mapped[int]
    source_version: Mapped[int]
    title: Mapped[str]  # of the source as it was
    field_code: Mapped[str | None] = mapped_column(sa.String(32))
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
    # Minus the weight of the flags: an index then reads the riskiest first, oldest first.
    calm: Mapped[int] = mapped_column(sa.SmallInteger, default=0, server_default="0")
    earned_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    reason: Mapped[str | None]
    due_at: Mapped[datetime | None]  # of one that is held: by when a person decides
    overdue_at: Mapped[datetime | None]  # when it was noticed that nobody had
    submission_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("ledger_submission.id", ondelete="RESTRICT"), unique=True
    )

    # The award that this one stands in the place of: corrected, or reversed and restored.
    corrects_id: Mapped[int | None] = mapped_column(sa.ForeignKey("award.id", ondelete="RESTRICT"))

    person: Mapped[Person] = relationship(foreign_keys=person_id, lazy="raise_on_sql")
    policy: Mapped[Policy] = relationship(lazy="raise_on_sql")


class Proposal(Base):
    """One auditor's proposal to reverse or correct an award; another one confirms or declines.

    The database refuses that it be the same person, and a second open one for an award.
    """

    __tablename__ = "award_proposal"
    __table_args__ = (
        one_of("kind", ProposalKind),
        one_of("state", ProposalState),
        sa.CheckConstraint("subject_kind IN ('general', 'professional')", name="subject_known"),
        sa.CheckConstraint(
            "state = 'withdrawn' OR decided_by_id <> proposed_by_id", name="four_eyes"
        ),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_once"),
        sa.CheckConstraint("(state = 'open') = (decided_by_id IS NULL)", name="decided_by_one"),
        sa.CheckConstraint(
            "(kind = 'correct') = (hours IS NOT NULL AND subject_kind IS NOT NULL)",
            name="correction_whole",
        ),
        sa.CheckConstraint("hours > 0", name="hours_positive"),
        # Also serves the desk: open ones, by their deadline, are few.
        sa.Index(
            "uq_award_proposal_open",
            "award_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.Index(None, "award_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    award_id: Mapped[int] = mapped_column(sa.ForeignKey("award.id", ondelete="RESTRICT"))
    kind: Mapped[ProposalKind] = mapped_column(sa.String(16))
    hours: Mapped[Decimal | None] = mapped_column(Hours)  # what a correction comes to
    subject_kind: Mapped[SubjectKind | None] = mapped_column(sa.String(16))
    reason: Mapped[str]
    proposed_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    proposed_at: Mapped[datetime]
    # Not confirmed before, so that the learner can be heard; unless they agree.
    objections_until: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]
    state: Mapped[ProposalState] = mapped_column(sa.String(16))
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None]

    award: Mapped[Award] = relationship(lazy="raise_on_sql")


class Appeal(Base):
    """A learner's appeal; decided, with a reason, by somebody who did not decide before.

    One is open for an award at a time, and each decision is appealed against once.
    """

    __tablename__ = "appeal"
    __table_args__ = (
        one_of("against", Against),
        one_of("state", AppealState),
        sa.CheckConstraint("(against = 'proposal') = (proposal_id IS NOT NULL)", name="proposal"),
        sa.CheckConstraint(
            "decided_by_id <> contested_by_id AND decided_by_id <> person_id", name="other_eyes"
        ),
        sa.CheckConstraint("decided_by_id <> proposed_by_id", name="not_the_proposer"),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided_once"),
        sa.CheckConstraint("(state = 'open') = (decided_by_id IS NULL)", name="decided_by_one"),
        sa.CheckConstraint("(state = 'open') = (outcome IS NULL)", name="decided_with_a_reason"),
        sa.Index(
            "uq_appeal_open",
            "award_id",
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
        sa.UniqueConstraint("award_id", "contested_at"),
        sa.Index(None, "person_id"),
        # Serves the desk and the sweeper: the open ones by their deadline.
        sa.Index(None, "state", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    award_id: Mapped[int] = mapped_column(sa.ForeignKey("award.id", ondelete="RESTRICT"))
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    against: Mapped[Against] = mapped_column(sa.String(16))
    proposal_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("award_proposal.id", ondelete="RESTRICT")
    )
    # Who made the decision appealed against, and when; of a reversal also who had proposed it.
    contested_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    proposed_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    contested_at: Mapped[datetime]
    contested_reason: Mapped[str]  # as the learner read it
    text: Mapped[str]  # the learner's words; may be empty
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]
    state: Mapped[AppealState] = mapped_column(sa.String(16))
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    decided_at: Mapped[datetime | None]
    outcome: Mapped[str | None]  # why, in the auditor's words

    award: Mapped[Award] = relationship(lazy="raise_on_sql")
