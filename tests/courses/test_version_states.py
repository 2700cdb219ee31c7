"""One table of transitions, and nothing besides."""

from __future__ import annotations

from itertools import product

import pytest

from courses.models import VersionState
from courses.version_states import STEPS, IllegalStep, VersionStep


@pytest.mark.parametrize(("state", "step"), list(product(VersionState, VersionStep)))
def test_table(state: VersionState, step: VersionStep) -> None:
    """A step that the table does not name is refused, whatever the state."""
    if (state, step) in STEPS:
        assert STEPS.after(state, step) == STEPS[state, step]
    else:
        with pytest.raises(IllegalStep):
            STEPS.after(state, step)


def test_nothing_returns_to_review() -> None:
    """A decided version is never undecided again: a correction is a new version."""
    assert VersionState.SUBMITTED not in STEPS.values()
