"""The lives of an award, of an appeal and of a proposal: one table each, drawn from nowhere else.

A verified award can no longer be rejected: it is recorded, and what was recorded in error is
reversed or corrected by a new ledger entry, never undone, and by two people, never by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from zhixin.errors import Conflict


class State(StrEnum):
    """Where an award stands."""

    EARNED = "earned"  # the conditions are met; not yet looked at
    HELD = "held"  # a person looks closer, for a reason that the learner reads
    VERIFIED = "verified"  # found good, by rule or by a person
    REJECTED = "rejected"  # found wanting, by a person with a reason
    RECORDED = "recorded"  # in the ledger
    REVERSED = "reversed"  # taken back by a later ledger entry
    CORRECTED = "corrected"  # a later entry, of another award, stands in its place


class Transition(StrEnum):
    """What may be done to an award."""

    HOLD = "hold"
    VERIFY = "verify"
    REJECT = "reject"
    REINSTATE = "reinstate"
    RECORD = "record"
    REVERSE = "reverse"
    CORRECT = "correct"


TRANSITIONS: Mapping[tuple[State, Transition], State] = MappingProxyType(
    {
        (State.EARNED, Transition.HOLD): State.HELD,
        (State.EARNED, Transition.VERIFY): State.VERIFIED,
        (State.EARNED, Transition.REJECT): State.REJECTED,
        (State.HELD, Transition.VERIFY): State.VERIFIED,
        (State.HELD, Transition.REJECT): State.REJECTED,
        (State.REJECTED, Transition.REINSTATE): State.EARNED,
        (State.VERIFIED, Transition.RECORD): State.RECORDED,
        (State.RECORDED, Transition.REVERSE): State.REVERSED,
        (State.RECORDED, Transition.CORRECT): State.CORRECTED,
    }
)

#: Steps by which a person loses hours, for now or for good: a human being takes them, with words.
TAKING = (Transition.HOLD, Transition.REJECT, Transition.REVERSE, Transition.CORRECT)

#: An award that waits for a decision.
PENDING = (State.EARNED, State.HELD)
#: An award whose hours count in a year. Verified ones reach the ledger within seconds.
COUNTED = (State.VERIFIED, State.RECORDED)
#: An award that counts, or may still come to count: one per person, source and year.
IN_FORCE = (*PENDING, *COUNTED)


class AppealState(StrEnum):
    """Where a learner's appeal stands."""

    OPEN = "open"  # the clock runs
    GRANTED = "granted"  # what was appealed against is undone
    UPHELD = "upheld"  # it stays


class AppealStep(StrEnum):
    """What an auditor may do with an appeal."""

    GRANT = "grant"
    UPHOLD = "uphold"


APPEAL_STEPS: Mapping[tuple[AppealState, AppealStep], AppealState] = MappingProxyType(
    {
        (AppealState.OPEN, AppealStep.GRANT): AppealState.GRANTED,
        (AppealState.OPEN, AppealStep.UPHOLD): AppealState.UPHELD,
    }
)


class Against(StrEnum):
    """What an appeal is against."""

    HOLD = "hold"
    REJECTION = "rejection"
    REVERSAL = "reversal"
    PROPOSAL = "proposal"  # of a reversal or a correction, before it is confirmed


class ProposalKind(StrEnum):
    """What one auditor proposes and another confirms."""

    REVERSE = "reverse"
    CORRECT = "correct"


class ProposalState(StrEnum):
    """Where a proposal stands."""

    OPEN = "open"
    CONFIRMED = "confirmed"  # by another person: done, and in the ledger's outbox
    DECLINED = "declined"  # by another person
    WITHDRAWN = "withdrawn"  # by whoever proposed it


class ProposalStep(StrEnum):
    """What may be done with a proposal."""

    CONFIRM = "confirm"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


PROPOSAL_STEPS: Mapping[tuple[ProposalState, ProposalStep], ProposalState] = MappingProxyType(
    {
        (ProposalState.OPEN, ProposalStep.CONFIRM): ProposalState.CONFIRMED,
        (ProposalState.OPEN, ProposalStep.DECLINE): ProposalState.DECLINED,
        (ProposalState.OPEN, ProposalStep.WITHDRAW): ProposalState.WITHDRAWN,
    }
)

_STATE_NAMES = {
    State.EARNED: "待核验",
    State.HELD: "暂缓认定",
    State.VERIFIED: "已核验",
    State.REJECTED: "已驳回",
    State.RECORDED: "已入账",
    State.REVERSED: "已冲销",
    State.CORRECTED: "已更正",
}
_TRANSITION_NAMES = {
    Transition.HOLD: "暂缓认定",
    Transition.VERIFY: "核验通过",
    Transition.REJECT: "驳回",
    Transition.REINSTATE: "恢复",
    Transition.RECORD: "入账",
    Transition.REVERSE: "冲销",
    Transition.CORRECT: "更正",
}


class IllegalTransition(Conflict):
    """The award is not in a state in which this can be done."""

    code = "illegal-transition"
    title = "学时记录的当前状态不允许此操作"


def advance(state: State, transition: Transition) -> State:
    """The state after ``transition``.

    Raises:
        IllegalTransition: the table has no such step.
    """
    try:
        return TRANSITIONS[state, transition]
    except KeyError:
        raise IllegalTransition(
            f"学时记录{_STATE_NAMES[state]}，不能{_TRANSITION_NAMES[transition]}",
            state=state.value,
            transition=transition.value,
        ) from None
