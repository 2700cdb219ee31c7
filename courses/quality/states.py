"""The life of a round, an application, an objection and a mark: one table each."""

from __future__ import annotations

from enum import StrEnum

from zhixin.errors import Conflict
from zhixin.steps import Steps


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


class IllegalQualityStep(Conflict):
    code = "illegal-quality-step"
    title = "评审的当前状态不允许此操作，请刷新查看"


ROUND_STEPS = Steps(
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
    },
    IllegalQualityStep,
)
APPLICATION_STEPS = Steps(
    {
        (ApplicationState.SUBMITTED, ApplicationStep.WITHDRAW): ApplicationState.WITHDRAWN,
        (ApplicationState.SUBMITTED, ApplicationStep.SELECT): ApplicationState.SELECTED,
        (ApplicationState.SUBMITTED, ApplicationStep.DECLINE): ApplicationState.DECLINED,
        (ApplicationState.SELECTED, ApplicationStep.REFUSE): ApplicationState.REFUSED,
        (ApplicationState.SELECTED, ApplicationStep.AWARD): ApplicationState.AWARDED,
    },
    IllegalQualityStep,
)
OBJECTION_STEPS = Steps(
    {
        (ObjectionState.OPEN, ObjectionStep.UPHOLD): ObjectionState.UPHELD,
        (ObjectionState.OPEN, ObjectionStep.DISMISS): ObjectionState.DISMISSED,
    },
    IllegalQualityStep,
)
MARK_STEPS = Steps(
    {
        (MarkState.ACTIVE, MarkStep.EXPIRE): MarkState.EXPIRED,
        (MarkState.ACTIVE, MarkStep.WITHDRAW): MarkState.WITHDRAWN,
    },
    IllegalQualityStep,
)
