"""The life of an entry of a register: one table for experts and textbooks."""

from __future__ import annotations

from enum import StrEnum

from zhixin.errors import Conflict
from zhixin.steps import Steps


class EntryState(StrEnum):
    PROPOSED = "proposed"  # by an author
    IN_FORCE = "in-force"  # courses may name it
    DECLINED = "declined"
    RETIRED = "retired"  # what names it already keeps its snapshot


class EntryStep(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    RETIRE = "retire"


ENTRY_STEPS = Steps(
    {
        (EntryState.PROPOSED, EntryStep.ACCEPT): EntryState.IN_FORCE,
        (EntryState.PROPOSED, EntryStep.DECLINE): EntryState.DECLINED,
        (EntryState.DECLINED, EntryStep.ACCEPT): EntryState.IN_FORCE,
        (EntryState.IN_FORCE, EntryStep.RETIRE): EntryState.RETIRED,
        (EntryState.RETIRED, EntryStep.ACCEPT): EntryState.IN_FORCE,
    },
    lambda: Conflict("这条记录的状态已经变化，请刷新查看"),
)
