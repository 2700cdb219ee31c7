"""The life of a rating's words: one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from zhixin.errors import Conflict


class RatingState(StrEnum):
    SHOWN = "shown"
    HIDDEN = "hidden"  # by a moderator with a reason; the stars still count


class RatingStep(StrEnum):
    EDIT = "edit"  # by its writer
    HIDE = "hide"
    SHOW = "show"


#: What was hidden stays so, whatever its writer makes of it, until a moderator has read it.
RATING_STEPS: Mapping[tuple[RatingState, RatingStep], RatingState] = MappingProxyType(
    {
        (RatingState.SHOWN, RatingStep.EDIT): RatingState.SHOWN,
        (RatingState.SHOWN, RatingStep.HIDE): RatingState.HIDDEN,
        (RatingState.HIDDEN, RatingStep.EDIT): RatingState.HIDDEN,
        (RatingState.HIDDEN, RatingStep.SHOW): RatingState.SHOWN,
    }
)


def after(state: RatingState, step: RatingStep) -> RatingState:
    """The state after ``step``.

    Raises:
        Conflict: the table has no such step.
    """
    try:
        return RATING_STEPS[state, step]
    except KeyError:
        raise Conflict("这条评价的状态已经变化，请刷新查看") from None
