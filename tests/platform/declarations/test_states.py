"""The table of a declaration's way, walked at random."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhixin.declarations.states import (
    EDITABLE,
    STEPS,
    WAITING,
    Desk,
    IllegalStep,
    State,
    Transition,
    advance,
    possible,
)  # fmt: skip

walks = st.lists(st.tuples(st.sampled_from(Transition), st.sampled_from(Desk)), max_size=60)


def _walk(tries: list[tuple[Transition, Desk]]) -> list[tuple[State, Transition, Desk, State]]:
    state, taken = State.DRAFT, []
    for transition, desk in tries:
        try:
            after = advance(state, transition, desk)
        except IllegalStep:
            continue
        taken.append((state, transition, desk, after))
        state = after
    return taken


@given(walks)
def test_only_the_bureau_verifies_and_only_what_was_submitted(
    tries: list[tuple[Transition, Desk]],
) -> None:
    """No way leads to hours but through a submission and the bureau's word, which ends it."""
    taken = _walk(tries)
    for place, (_before, _transition, desk, after) in enumerate(taken):
        if after is State.VERIFIED:
            assert desk is Desk.BUREAU
            assert place == len(taken) - 1
            submissions = {Transition.SUBMIT, Transition.SUBMIT_DIRECTLY}
            assert submissions & {step for _b, step, _d, _a in taken[:place]}


@given(walks)
def test_the_learner_never_decides(tries: list[tuple[Transition, Desk]]) -> None:
    """What a learner may do leads to a desk, or back to nothing."""
    for _before, _transition, desk, after in _walk(tries):
        if desk is Desk.LEARNER:
            assert after in (*WAITING, State.WITHDRAWN)


@given(walks)
def test_a_decision_ends_it(tries: list[tuple[Transition, Desk]]) -> None:
    """After verified, refused or withdrawn nothing more happens."""
    for before, *_rest in _walk(tries):
        assert before not in (State.VERIFIED, State.REFUSED, State.WITHDRAWN)


@pytest.mark.parametrize("state", [*WAITING, *EDITABLE])
def test_a_learner_may_withdraw_until_it_is_decided(state: State) -> None:
    """While it is written or looked at, it is the learner's to take back."""
    assert Transition.WITHDRAW in possible(state, Desk.LEARNER)


def test_every_state_is_reached() -> None:
    """The table has no state that nothing leads to."""
    assert {step.after for step in STEPS.values()} | {State.DRAFT} == set(State)
