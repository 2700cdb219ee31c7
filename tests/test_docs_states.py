"""The drawings of states in the manual are the tables in the code."""

from __future__ import annotations

import re

import pytest

from assessments.banks.states import STEPS as BANK_QUESTION
from assessments.regrade_models import REGRADE_STEPS
from courses.quality.states import (
    APPLICATION_STEPS,
    MARK_STEPS,
    OBJECTION_STEPS,
    ROUND_STEPS,
)
from courses.ratings.states import RATING_STEPS
from courses.registers.states import ENTRY_STEPS
from courses.reviews.states import COMMENT_STEPS, SEAT_STEPS
from courses.version_states import STEPS
from media.refinement_states import TRANSITIONS as REFINEMENT
from media.work_states import TRANSITIONS as WORK
from zhixin.config import ROOT
from zhixin.declarations import states as declarations
from zhixin.hours.draft_states import DRAFT_STEPS
from zhixin.hours.states import APPEAL_STEPS, PROPOSAL_STEPS, TRANSITIONS

DRAWINGS = re.findall(
    r"```mermaid\n(.*?)```", (ROOT / "docs/developer/states.md").read_text(), re.S
)
each_drawing = pytest.mark.parametrize(
    ("drawing", "table"),
    list(
        zip(
            DRAWINGS,
            (
                TRANSITIONS,
                APPEAL_STEPS,
                PROPOSAL_STEPS,
                STEPS,
                SEAT_STEPS,
                COMMENT_STEPS,
                RATING_STEPS,
                ENTRY_STEPS,
                ROUND_STEPS,
                APPLICATION_STEPS,
                OBJECTION_STEPS,
                MARK_STEPS,
                declarations.TRANSITIONS,
                DRAFT_STEPS,
                WORK,
                REFINEMENT,
                BANK_QUESTION,
                REGRADE_STEPS,
            ),
            strict=True,
        )
    ),
)


@each_drawing
def test_a_drawing_shows_its_table_and_nothing_else(
    drawing: str, table: dict[tuple[str, str], str]
) -> None:
    """Every step of the table is an arrow with its name, and every arrow a step."""
    arrows = re.findall(r"^ +([\w-]+) --> ([\w-]+): ([\w-]+)$", drawing, re.M)
    wanted = {(state, step): after for (state, step), after in table.items()}
    assert {(before, step): after for before, after, step in arrows} == wanted


@each_drawing
def test_a_drawing_ends_where_the_table_ends(
    drawing: str, table: dict[tuple[str, str], str]
) -> None:
    """States without a way on are drawn as final."""
    final = set(re.findall(r"^ +([\w-]+) --> \[\*\]$", drawing, re.M))
    assert final == set(table.values()) - {state for state, _step in table}
