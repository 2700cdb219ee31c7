"""The life of a round, an application, an objection and a mark: one table each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from zhixin.errors import Conflict


class RoundState(StrEnum):
    DRAFT = "draft"
    ANNOUNCED = "announced"  # criteria are public; applications come in their time
    SCORING = "scoring"
    RANKED = "ranked"  # scores are final
    NOTICE = "notice"  # 公示
    CONCLUDED = "concluded"
    CANCELLED = "cancelled"


class RoundStep(StrEnum):
    ANNOUNCE = "announce"
    START_SCORING = "start-scoring"
    CLOSE_SCORING = "close-scoring"
    POST_NOTICE = "post-notice"
    CONCLUDE = "conclude"
    CANCEL = "cancel"


class ApplicationState(StrEnum):
    SUBMITTED = "submitted"
    WITHDRAWN = "withdrawn"
    SELECTED = "selected"  # is on the notice
    DECLINED = "declined"
    REFUSED = "refused"  # an objection was upheld
    AWARDED = "awarded"


class ApplicationStep(StrEnum):
    WITHDRAW = "withdraw"
    SELECT = "select"
    DECLINE = "decline"
    REFUSE = "refuse"
    AWARD = "award"


class ObjectionState(StrEnum):
    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class ObjectionStep(StrEnum):
    UPHOLD = "uphold"
    DISMISS = "dismiss"


class MarkState(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class MarkStep(StrEnum):
    EXPIRE = "expire"
    WITHDRAW = "withdraw"


ROUND_STEPS: Mapping[tuple[RoundState, RoundStep], RoundState] = MappingProxyType(
    {
        (RoundState.DRAFT, RoundStep.ANNOUNCE): RoundState.ANNOUNCED,
        (RoundState.ANNOUNCED, RoundStep.START_SCORING): RoundState.SCORING,
        (RoundState.SCORING, RoundStep.CLOSE_SCORING): RoundState.RANKED,
        (RoundState.RANKED, RoundStep.POST_NOTICE): RoundState.NOTICE,
        (RoundState.NOTICE, RoundStep.CONCLUDE): RoundState.CONCLUDED,
        (RoundState.DRAFT, RoundStep.CANCEL): RoundState.CANCELLED,
        (RoundState.ANNOUNCED, RoundStep.CANCEL): RoundState.CANCELLED,
        (RoundState.SCORING, RoundStep.CANCEL): RoundState.CANCELLED,
        (RoundState.RANKED, RoundStep.CANCEL): RoundState.CANCELLED,
        (RoundState.NOTICE, RoundStep.CANCEL): RoundState.CANCELLED,
    }
)
APPLICATION_STEPS: Mapping[tuple[ApplicationState, ApplicationStep], ApplicationState] = (
    MappingProxyType(
        {
            (ApplicationState.SUBMITTED, ApplicationStep.WITHDRAW): ApplicationState.WITHDRAWN,
            (ApplicationState.SUBMITTED, ApplicationStep.SELECT): ApplicationState.SELECTED,
            (ApplicationState.SUBMITTED, ApplicationStep.DECLINE): ApplicationState.DECLINED,
            (ApplicationState.SELECTED, ApplicationStep.REFUSE): ApplicationState.REFUSED,
            (ApplicationState.SELECTED, ApplicationStep.AWARD): ApplicationState.AWARDED,
        }
    )
)
OBJECTION_STEPS: Mapping[tuple[ObjectionState, ObjectionStep], ObjectionState] = MappingProxyType(
    {
        (ObjectionState.OPEN, ObjectionStep.UPHOLD): ObjectionState.UPHELD,
        (ObjectionState.OPEN, ObjectionStep.DISMISS): ObjectionState.DISMISSED,
    }
)
MARK_STEPS: Mapping[tuple[MarkState, MarkStep], MarkState] = MappingProxyType(
    {
        (MarkState.ACTIVE, MarkStep.EXPIRE): MarkState.EXPIRED,
        (MarkState.ACTIVE, MarkStep.WITHDRAW): MarkState.WITHDRAWN,
    }
)

State = TypeVar("State", bound=StrEnum)
Step = TypeVar("Step", bound=StrEnum)


class IllegalQualityStep(Conflict):
    code = "illegal-quality-step"
    title = "评审的当前状态不允许此操作，请刷新查看"


def after(table: Mapping[tuple[State, Step], State], state: State, step: Step) -> State:
    """The state after ``step``.

    Raises:
        IllegalQualityStep: the table has no such step.
    """
    try:
        return table[state, step]
    except KeyError:
        raise IllegalQualityStep from None
