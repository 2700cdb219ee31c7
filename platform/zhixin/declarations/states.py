"""The way of a declaration: one table that says what may be done, by whom, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from zhixin.errors import Conflict


class State(StrEnum):
    """Where a declaration stands."""

    DRAFT = "draft"  # being written
    SUBMITTED = "submitted"  # the employer looks
    ESCALATED = "escalated"  # the employer was late: the bureau may decide as well
    ENDORSED = "endorsed"  # the bureau looks
    RETURNED = "returned"  # the learner mends it
    DECLINED = "declined"  # the employer said no; the learner may ask the bureau
    VERIFIED = "verified"  # the bureau said yes: hours were awarded
    REFUSED = "refused"  # the bureau said no
    WITHDRAWN = "withdrawn"  # by the learner, before a decision


class Transition(StrEnum):
    """What may be done to a declaration."""

    SUBMIT = "submit"
    SUBMIT_DIRECTLY = "submit-directly"  # nobody at an employer could look
    ENDORSE = "endorse"
    RETURN = "return"
    DECLINE = "decline"
    ESCALATE = "escalate"
    APPEAL = "appeal"
    VERIFY = "verify"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


class Desk(StrEnum):
    """Who acts."""

    LEARNER = "learner"
    EMPLOYER = "employer"
    BUREAU = "bureau"
    RULE = "rule"


@dataclass(frozen=True)
class Step:
    """What comes of a transition, and who may do it."""

    after: State
    by: frozenset[Desk]


def _step(after: State, *by: Desk) -> Step:
    return Step(after, frozenset(by))


STEPS: Mapping[tuple[State, Transition], Step] = MappingProxyType(
    {
        (State.DRAFT, Transition.SUBMIT): _step(State.SUBMITTED, Desk.LEARNER),
        (State.DRAFT, Transition.SUBMIT_DIRECTLY): _step(State.ENDORSED, Desk.LEARNER),
        (State.DRAFT, Transition.WITHDRAW): _step(State.WITHDRAWN, Desk.LEARNER),
        (State.SUBMITTED, Transition.ENDORSE): _step(State.ENDORSED, Desk.EMPLOYER),
        (State.SUBMITTED, Transition.RETURN): _step(State.RETURNED, Desk.EMPLOYER),
        (State.SUBMITTED, Transition.DECLINE): _step(State.DECLINED, Desk.EMPLOYER),
        (State.SUBMITTED, Transition.ESCALATE): _step(State.ESCALATED, Desk.RULE),
        (State.SUBMITTED, Transition.WITHDRAW): _step(State.WITHDRAWN, Desk.LEARNER),
        (State.ESCALATED, Transition.ENDORSE): _step(State.ENDORSED, Desk.EMPLOYER),
        (State.ESCALATED, Transition.RETURN): _step(State.RETURNED, Desk.EMPLOYER, Desk.BUREAU),
        (State.ESCALATED, Transition.DECLINE): _step(State.DECLINED, Desk.EMPLOYER),
        (State.ESCALATED, Transition.VERIFY): _step(State.VERIFIED, Desk.BUREAU),
        (State.ESCALATED, Transition.REFUSE): _step(State.REFUSED, Desk.BUREAU),
        (State.ESCALATED, Transition.WITHDRAW): _step(State.WITHDRAWN, Desk.LEARNER),
        (State.ENDORSED, Transition.VERIFY): _step(State.VERIFIED, Desk.BUREAU),
        (State.ENDORSED, Transition.RETURN): _step(State.RETURNED, Desk.BUREAU),
        (State.ENDORSED, Transition.REFUSE): _step(State.REFUSED, Desk.BUREAU),
        (State.ENDORSED, Transition.WITHDRAW): _step(State.WITHDRAWN, Desk.LEARNER),
        (State.RETURNED, Transition.SUBMIT): _step(State.SUBMITTED, Desk.LEARNER),
        (State.RETURNED, Transition.SUBMIT_DIRECTLY): _step(State.ENDORSED, Desk.LEARNER),
        (State.RETURNED, Transition.WITHDRAW): _step(State.WITHDRAWN, Desk.LEARNER),
        (State.DECLINED, Transition.APPEAL): _step(State.ENDORSED, Desk.LEARNER),
    }
)

#: For those who ask only where a transition leads.
TRANSITIONS: Mapping[tuple[State, Transition], State] = MappingProxyType(
    {key: step.after for key, step in STEPS.items()}
)

#: The learner may change what is declared.
EDITABLE = (State.DRAFT, State.RETURNED)
#: A desk has to look, by a day.
WAITING = (State.SUBMITTED, State.ESCALATED, State.ENDORSED)
#: Decisions that the learner must be told the reason of.
EXPLAINED = (Transition.RETURN, Transition.DECLINE, Transition.REFUSE)


class IllegalStep(Conflict):
    """The declaration is not, or no longer, where this can be done."""

    code = "illegal-declaration-step"
    title = "申报的当前状态不允许此操作，请刷新后查看"


def advance(state: State, transition: Transition, by: Desk) -> State:
    """The state after ``transition`` by ``by``.

    Raises:
        IllegalStep: the table has no such step, or not for this desk.
    """
    step = STEPS.get((state, transition))
    if step is None or by not in step.by:
        raise IllegalStep(state=state.value, transition=transition.value)
    return step.after


def possible(state: State, by: Desk) -> frozenset[Transition]:
    """What ``by`` may do to a declaration in ``state``."""
    return frozenset(
        transition
        for (before, transition), step in STEPS.items()
        if before == state and by in step.by
    )
