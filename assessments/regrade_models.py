"""Keys that were wrong, and what each attempt was worth before and after: nothing is lost."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of
from zhixin.errors import Conflict
from zhixin.steps import Steps


class RegradeState(StrEnum):
    """Where a corrected key stands."""

    PROPOSED = "proposed"  # waits for another person
    RUNNING = "running"  # in force; the attempts from before are graded one by one
    DONE = "done"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class RegradeStep(StrEnum):
    CONFIRM = "confirm"
    FINISH = "finish"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


class IllegalRegradeStep(Conflict):
    code = "illegal-step"
    title = "改判的当前状态不允许此操作"


REGRADE_STEPS = Steps(
    {
        (RegradeState.PROPOSED, RegradeStep.CONFIRM): RegradeState.RUNNING,
        (RegradeState.PROPOSED, RegradeStep.DECLINE): RegradeState.DECLINED,
        (RegradeState.PROPOSED, RegradeStep.WITHDRAW): RegradeState.WITHDRAWN,
        (RegradeState.RUNNING, RegradeStep.FINISH): RegradeState.DONE,
    },
    lambda: IllegalRegradeStep("这次改判刚刚已被处理，请刷新查看"),
)
#: The new key counts from here on.
IN_FORCE = (RegradeState.RUNNING, RegradeState.DONE)


class KeyCorrection(Base):
    """A question of a published paper with another key. What is published stays as it was; this
    stands over it."""

    __tablename__ = "key_correction"
    __table_args__ = (
        one_of("state", RegradeState),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by_id IS NULL)"
            " AND (decided_by_id IS NULL) = (decided_at IS NULL)",
            name="decided_whole",
        ),
        sa.CheckConstraint(
            "state NOT IN ('running', 'done', 'declined') OR decided_by_id <> proposed_by_id",
            name="second_person",
        ),
        sa.CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished_whole"),
        sa.CheckConstraint("seen >= 0 AND total >= 0", name="counts"),
        sa.Index(
            "uq_key_correction_open",
            "paper_id",
            "question_id",
            unique=True,
            sqlite_where=sa.text("state IN ('proposed', 'running')"),
            postgresql_where=sa.text("state IN ('proposed', 'running')"),
        ),
        sa.Index("ix_key_correction_paper_id", "paper_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    paper_id: Mapped[int] = mapped_column(sa.ForeignKey("paper.id", ondelete="RESTRICT"))
    question_id: Mapped[str] = mapped_column(sa.String(64))
    before: Mapped[dict[str, Any]]  # the question's document as it was published
    before_sha256: Mapped[str] = mapped_column(sa.String(64))
    document: Mapped[dict[str, Any]]  # the same with the right key
    reason: Mapped[str] = mapped_column(sa.String(500))
    state: Mapped[RegradeState] = mapped_column(sa.String(16))
    proposed_by_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT")
    )
    decided_at: Mapped[datetime | None]
    decision: Mapped[str | None] = mapped_column(sa.String(500))  # why it was declined
    claimed_until: Mapped[datetime | None]
    seen: Mapped[int] = mapped_column(default=0)  # attempts looked at
    total: Mapped[int] = mapped_column(default=0)  # attempts to look at
    last_attempt_id: Mapped[int] = mapped_column(default=0)  # all up to this one are done
    finished_at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]  # who put it forward has read the decision


class AttemptRegrade(Base):
    """What an attempt was worth under the wrong key and under the right one: never changed.

    ``applied``: the attempt has the new result. A pass is never taken: of whom the right key
    would fail the old result stands, and people decide.
    """

    __tablename__ = "attempt_regrade"
    __table_args__ = (
        sa.UniqueConstraint("correction_id", "attempt_id"),
        sa.CheckConstraint("applied = (NOT passed_before OR passed_after)", name="no_pass_taken"),
        sa.Index("ix_attempt_regrade_attempt_id", "attempt_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    correction_id: Mapped[int] = mapped_column(
        sa.ForeignKey("key_correction.id", ondelete="RESTRICT")
    )
    attempt_id: Mapped[int] = mapped_column(sa.ForeignKey("attempt.id", ondelete="RESTRICT"))
    result_before: Mapped[dict[str, Any]]
    fraction_before: Mapped[int]  # millionths
    passed_before: Mapped[bool]
    result_after: Mapped[dict[str, Any]]
    fraction_after: Mapped[int]
    passed_after: Mapped[bool]
    applied: Mapped[bool]
    at: Mapped[datetime]


class GainRead(Base):
    """A learner has read that a regrade made their attempt pass."""

    __tablename__ = "regrade_gain_read"

    regrade_id: Mapped[int] = mapped_column(
        sa.ForeignKey("attempt_regrade.id", ondelete="RESTRICT"), primary_key=True
    )
    read_at: Mapped[datetime]
