"""The life of a policy's draft: one table."""

from __future__ import annotations

from enum import StrEnum

from zhixin.errors import Conflict
from zhixin.steps import Steps


class DraftState(StrEnum):
    """Where a draft stands."""

    WRITING = "writing"  # its writer changes it
    REVIEW = "review"  # frozen, for another administrator's eyes
    PUBLISHED = "published"
    DISCARDED = "discarded"


class DraftStep(StrEnum):
    """What may be done to a draft."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    SEND_BACK = "send-back"
    PUBLISH = "publish"
    DISCARD = "discard"


class DraftMoved(Conflict):
    """Somebody else was quicker, or the step is not one of this state."""

    code = "draft-moved"
    title = "草案的状态已经变化，请刷新查看"


DRAFT_STEPS = Steps(
    {
        (DraftState.WRITING, DraftStep.SUBMIT): DraftState.REVIEW,
        (DraftState.WRITING, DraftStep.DISCARD): DraftState.DISCARDED,
        (DraftState.REVIEW, DraftStep.WITHDRAW): DraftState.WRITING,
        (DraftState.REVIEW, DraftStep.SEND_BACK): DraftState.WRITING,
        (DraftState.REVIEW, DraftStep.PUBLISH): DraftState.PUBLISHED,
    },
    DraftMoved,
)

#: A draft that somebody still has to do something about.
OPEN_DRAFTS = (DraftState.WRITING, DraftState.REVIEW)


class RunState(StrEnum):
    """Where a dry run stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Effect(StrEnum):
    """What a draft would change for a person's year."""

    NEWLY_MET = "newly-met"
    NO_LONGER_MET = "no-longer-met"
    LESS_TO_GO = "less-to-go"
    MORE_TO_GO = "more-to-go"
    HOURS_ONLY = "hours-only"  # other hours count, and as many are missing as before
