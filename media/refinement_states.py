"""What may happen to the rest of the work on a video that was taken over: one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from media.refinement_models import RefinementState as State
from media.work_states import Step

TRANSITIONS: Mapping[tuple[State, Step], State] = MappingProxyType(
    {
        (State.WAITING, Step.CLAIM): State.WORKING,
        (State.WORKING, Step.CLAIM): State.WORKING,
        (State.WORKING, Step.RELEASE): State.WAITING,
        (State.WORKING, Step.FINISH): State.DONE,
        (State.WORKING, Step.FAIL): State.FAILED,
        (State.WAITING, Step.CANCEL): State.CANCELLED,
        (State.WORKING, Step.CANCEL): State.CANCELLED,
        (State.FAILED, Step.RETRY): State.WAITING,
        (State.CANCELLED, Step.RETRY): State.WAITING,
    }
)


def before(step: Step) -> tuple[State, ...]:
    """The states in which ``step`` may be taken."""
    return tuple(state for state, taken in TRANSITIONS if taken is step)


def after(step: Step) -> State:
    """Where ``step`` leads: each leads to one state."""
    return next(state for (_before, taken), state in TRANSITIONS.items() if taken is step)
