"""What may happen to a video between its upload and its showing: one table."""

from __future__ import annotations

from enum import StrEnum

from media.models import AssetState as State
from zhixin.steps import Steps


class Step(StrEnum):
    CLAIM = "claim"  # a worker takes it; also after another's claim has run out
    RELEASE = "release"  # left to a later try
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"  # its author no longer wants it
    RETRY = "retry"  # its author wants it again


TRANSITIONS = Steps(
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
