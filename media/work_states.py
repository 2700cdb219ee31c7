"""What may happen to a video between its upload and its showing: one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from media.models import AssetState as State


class Step(StrEnum):
    CLAIM = "claim"  # a worker takes it; also after another's claim has run out
    RELEASE = "release"  # left to a later try
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"  # its author no longer wants it
    RETRY = "retry"  # its author wants it again


TRANSITIONS: Mapping[tuple[State, Step], State] = MappingProxyType(
    {
        (State.UPLOADED, Step.CLAIM): State.TRANSCODING,
        (State.TRANSCODING, Step.CLAIM): State.TRANSCODING,
        (State.TRANSCODING, Step.RELEASE): State.UPLOADED,
        (State.TRANSCODING, Step.FINISH): State.READY,
        (State.TRANSCODING, Step.FAIL): State.FAILED,
        (State.UPLOADED, Step.CANCEL): State.CANCELLED,
        (State.TRANSCODING, Step.CANCEL): State.CANCELLED,
        (State.FAILED, Step.RETRY): State.UPLOADED,
        (State.CANCELLED, Step.RETRY): State.UPLOADED,
    }
)


def before(step: Step) -> tuple[State, ...]:
    """The states in which ``step`` may be taken."""
    return tuple(state for state, taken in TRANSITIONS if taken is step)


def after(step: Step) -> State:
    """Where ``step`` leads: each leads to one state."""
    return next(state for (_before, taken), state in TRANSITIONS.items() if taken is step)
