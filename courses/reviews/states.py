"""The life of a reviewer's seat and of a comment: one table each."""

from __future__ import annotations

from enum import StrEnum

from zhixin.errors import Conflict
from zhixin.steps import Steps


class SeatState(StrEnum):
    OPEN = "open"  # is judging
    APPROVED = "approved"
    RETURNED = "returned"
    RELEASED = "released"  # given back, or taken away by an administrator
    LAPSED = "lapsed"  # nothing came in time
    CLOSED = "closed"  # decided without this one


class SeatStep(StrEnum):
    APPROVE = "approve"
    SEND_BACK = "send-back"
    RELEASE = "release"
    LAPSE = "lapse"
    CLOSE = "close"


class CommentState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"  # its author says so
    CLOSED = "closed"  # a reviewer agrees


class CommentStep(StrEnum):
    RESOLVE = "resolve"
    REOPEN = "reopen"
    CLOSE = "close"


class IllegalReviewStep(Conflict):
    code = "illegal-review-step"
    title = "审核的当前状态不允许此操作，请刷新查看"


SEAT_STEPS = Steps(
    {
        (SeatState.OPEN, SeatStep.APPROVE): SeatState.APPROVED,
        (SeatState.OPEN, SeatStep.SEND_BACK): SeatState.RETURNED,
        (SeatState.OPEN, SeatStep.RELEASE): SeatState.RELEASED,
        (SeatState.OPEN, SeatStep.LAPSE): SeatState.LAPSED,
        (SeatState.OPEN, SeatStep.CLOSE): SeatState.CLOSED,
    },
    IllegalReviewStep,
)
COMMENT_STEPS = Steps(
    {
        (CommentState.OPEN, CommentStep.RESOLVE): CommentState.RESOLVED,
        (CommentState.OPEN, CommentStep.CLOSE): CommentState.CLOSED,
        (CommentState.RESOLVED, CommentStep.REOPEN): CommentState.OPEN,
        (CommentState.RESOLVED, CommentStep.CLOSE): CommentState.CLOSED,
        (CommentState.CLOSED, CommentStep.REOPEN): CommentState.OPEN,
    },
    IllegalReviewStep,
)
