"""The life of a bank's question: one table."""

from __future__ import annotations

from enum import StrEnum

from zhixin.errors import Conflict
from zhixin.steps import Steps


class QuestionState(StrEnum):
    """Where the newest version of a question stands. An earlier one that was accepted is drawn
    until the newer is, or until the question is retired."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    RETIRED = "retired"


class QuestionStep(StrEnum):
    EDIT = "edit"
    PROPOSE = "propose"
    ACCEPT = "accept"
    RETURN = "return"
    RETIRE = "retire"
    RESTORE = "restore"


class IllegalQuestionStep(Conflict):
    code = "illegal-step"
    title = "题目的当前状态不允许此操作"


STEPS = Steps(
    {
        (QuestionState.DRAFT, QuestionStep.EDIT): QuestionState.DRAFT,
        (QuestionState.DRAFT, QuestionStep.PROPOSE): QuestionState.PROPOSED,
        (QuestionState.DRAFT, QuestionStep.RETIRE): QuestionState.RETIRED,
        (QuestionState.PROPOSED, QuestionStep.EDIT): QuestionState.DRAFT,
        (QuestionState.PROPOSED, QuestionStep.ACCEPT): QuestionState.ACCEPTED,
        (QuestionState.PROPOSED, QuestionStep.RETURN): QuestionState.RETURNED,
        (QuestionState.RETURNED, QuestionStep.EDIT): QuestionState.DRAFT,
        (QuestionState.RETURNED, QuestionStep.RETIRE): QuestionState.RETIRED,
        (QuestionState.ACCEPTED, QuestionStep.EDIT): QuestionState.DRAFT,
        (QuestionState.ACCEPTED, QuestionStep.RETIRE): QuestionState.RETIRED,
        (QuestionState.RETIRED, QuestionStep.RESTORE): QuestionState.DRAFT,
    },
    lambda: IllegalQuestionStep("这道题刚刚已被处理，请刷新查看"),
)
