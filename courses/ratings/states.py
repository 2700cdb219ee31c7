"""The life of a rating's words: one table."""

from __future__ import annotations

from enum import StrEnum

from zhixin.errors import Conflict
from zhixin.steps import Steps


class RatingState(StrEnum):
    SHOWN = "shown"
    HIDDEN = "hidden"  # by a moderator with a reason; the stars still count


class RatingStep(StrEnum):
    EDIT = "edit"  # by its writer
    HIDE = "hide"
    SHOW = "show"


#: What was hidden stays so, whatever its writer makes of it, until a moderator has read it.
RATING_STEPS = Steps(
    {
        (RatingState.SHOWN, RatingStep.EDIT): RatingState.SHOWN,
        (RatingState.SHOWN, RatingStep.HIDE): RatingState.HIDDEN,
        (RatingState.HIDDEN, RatingStep.EDIT): RatingState.HIDDEN,
        (RatingState.HIDDEN, RatingStep.SHOW): RatingState.SHOWN,
    },
    lambda: Conflict("这条评价的状态已经变化，请刷新查看"),
)
