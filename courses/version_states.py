"""The life of a course version: one table."""

from __future__ import annotations

from enum import StrEnum

from courses.models import VersionState
from zhixin.errors import Conflict
from zhixin.steps import Steps


class VersionStep(StrEnum):
    SEND_BACK = "send-back"
    APPROVE = "approve"  # to be published at a moment
    WITHDRAW = "withdraw"
    PUBLISH = "publish"
    SUPERSEDE = "supersede"


class IllegalStep(Conflict):
    code = "illegal-step"
    title = "课程版本的当前状态不允许此操作"


STEPS = Steps(
    {
        (VersionState.SUBMITTED, VersionStep.SEND_BACK): VersionState.RETURNED,
        (VersionState.SUBMITTED, VersionStep.PUBLISH): VersionState.PUBLISHED,
        (VersionState.SUBMITTED, VersionStep.APPROVE): VersionState.APPROVED,
        (VersionState.SUBMITTED, VersionStep.WITHDRAW): VersionState.WITHDRAWN,
        (VersionState.APPROVED, VersionStep.PUBLISH): VersionState.PUBLISHED,
        (VersionState.APPROVED, VersionStep.WITHDRAW): VersionState.WITHDRAWN,
        (VersionState.PUBLISHED, VersionStep.SUPERSEDE): VersionState.SUPERSEDED,
    },
    lambda: IllegalStep("这个版本刚刚已被处理，请刷新查看"),
)
