"""The life of a reviewer's seat and of a comment: one table each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from zhixin.errors import Conflict


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


SEAT_STEPS: Mapping[tuple[SeatState, SeatStep], SeatState] = MappingProxyType(
    {
        (SeatState.OPEN, SeatStep.APPROVE): SeatState.APPROVED,
        (SeatState.OPEN, SeatStep.SEND_BACK): SeatState.RETURNED,
        (SeatState.OPEN, SeatStep.RELEASE): SeatState.RELEASED,
        (SeatState.OPEN, SeatStep.LAPSE): SeatState.LAPSED,
        (SeatState.OPEN, SeatStep.CLOSE): SeatState.CLOSED,
    }
)
COMMENT_STEPS: Mapping[tuple[CommentState, CommentStep], CommentState] = MappingProxyType(
    {
        (CommentState.OPEN, CommentStep.RESOLVE): CommentState.RESOLVED,
        (CommentState.OPEN, CommentStep.CLOSE): CommentState.CLOSED,
        (CommentState.RESOLVED, CommentStep.REOPEN): CommentState.OPEN,
        (CommentState.RESOLVED, CommentStep.CLOSE): CommentState.CLOSED,
        (CommentState.CLOSED, CommentStep.REOPEN): CommentState.OPEN,
    }
)


class IllegalReviewStep(Conflict):
    code = "illegal-review-step"
    title = "审核的当前状态不允许此操作，请刷新查看"


def after_seat(state: SeatState, step: SeatStep) -> SeatState:
    """The state after ``step``.

    Raises:
        IllegalReviewStep: the table has no such step.
    """
    try:
        return SEAT_STEPS[state, step]
    except KeyError:
        raise IllegalReviewStep from None


def after_comment(state: CommentState, step: CommentStep) -> CommentState:
    """The state after ``step``.

    Raises:
        IllegalReviewStep: the table has no such step.
    """
    try:
        return COMMENT_STEPS[state, step]
    except KeyError:
        raise IllegalReviewStep from None
