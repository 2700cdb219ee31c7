"""The life of an award."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.hours.states import TRANSITIONS, IllegalTransition, State, Transition, advance

LEGAL = [
    ("earned", "hold", "held"),
    ("earned", "verify", "verified"),
    ("earned", "reject", "rejected"),
    ("held", "verify", "verified"),
    ("held", "reject", "rejected"),
    ("rejected", "reinstate", "earned"),
    ("verified", "record", "recorded"),
    ("recorded", "reverse", "reversed"),
    ("recorded", "correct", "corrected"),
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
def test_what_was_verified_never_waits_again(steps):
    """Only a rejection can be undone by a step; from verified on an award moves forward."""
    seen = [State.EARNED]
    for step in steps:
        try:
            seen.append(advance(seen[-1], step))
        except IllegalTransition:
            continue
    if State.VERIFIED in seen:
        after = seen[seen.index(State.VERIFIED) :]
        assert len(after) == len(set(after)) <= 3
        assert not set(after) & {State.EARNED, State.HELD, State.REJECTED}
