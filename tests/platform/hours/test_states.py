"""The life of an award."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.hours.states import TRANSITIONS, IllegalTransition, State, Transition, advance

LEGAL = [
    ("earned", "verify", "verified"),
    ("earned", "reject", "rejected"),
    ("verified", "record", "recorded"),
    ("recorded", "reverse", "reversed"),
]


@pytest.mark.parametrize(("state", "transition", "after"), LEGAL)
def test_the_table(state, transition, after):
    """An award is earned, then verified or rejected, then recorded, then perhaps reversed."""
    assert advance(State(state), Transition(transition)) == State(after)


@pytest.mark.parametrize(
    ("state", "transition"), sorted(set(itertools.product(State, Transition)) - set(TRANSITIONS))
)
def test_every_other_step_is_a_conflict(state, transition):
    """What the table does not name is refused: a verified award can no longer be rejected."""
    with pytest.raises(IllegalTransition) as refused:
        advance(state, transition)
    assert refused.value.status == 409
    assert refused.value.facts == {"state": state.value, "transition": transition.value}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(list(Transition)), max_size=12))
def test_nothing_returns_to_an_earlier_state(steps):
    """Whatever is tried, an award moves forward at most three times and never comes back."""
    seen = [State.EARNED]
    for step in steps:
        try:
            seen.append(advance(seen[-1], step))
        except IllegalTransition:
            continue
    assert len(seen) == len(set(seen)) <= 4
