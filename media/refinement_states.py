"""What may happen to the rest of the work on a video that was taken over: one table."""

from __future__ import annotations

from media.refinement_models import RefinementState as State
from media.work_states import Step
from zhixin.steps import Steps

TRANSITIONS = Steps(
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
