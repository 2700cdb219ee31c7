"""A life is its table, and nothing besides."""

from __future__ import annotations

from enum import StrEnum
from itertools import product

import pytest

from zhixin.errors import Conflict
from zhixin.steps import Steps


class Lamp(StrEnum):
    OFF = "off"
    ON = "on"
    BROKEN = "broken"


class Hand(StrEnum):
    PRESS = "press"
    DROP = "drop"


class Shattered(Conflict):
    pass


LAMP = Steps(
    {
        (Lamp.OFF, Hand.PRESS): Lamp.ON,
        (Lamp.ON, Hand.PRESS): Lamp.OFF,
        (Lamp.OFF, Hand.DROP): Lamp.BROKEN,
        (Lamp.ON, Hand.DROP): Lamp.BROKEN,
    },
    lambda: Shattered("它已经坏了"),
)


@pytest.mark.parametrize(("state", "step"), list(product(Lamp, Hand)))
def test_a_step_leads_where_the_table_says_and_every_other_is_refused(
    state: Lamp, step: Hand
) -> None:
    if (state, step) in LAMP:
        assert LAMP.after(state, step) is LAMP[state, step]
    else:
        with pytest.raises(Shattered, match="已经坏了"):
            LAMP.after(state, step)


def test_a_step_knows_where_it_is_taken_and_where_it_leads() -> None:
    assert LAMP.before(Hand.DROP) == (Lamp.OFF, Lamp.ON)
    assert LAMP.end(Hand.DROP) is Lamp.BROKEN
    with pytest.raises(ValueError, match="unpack"):
        LAMP.end(Hand.PRESS)  # it depends on the state


def test_nobody_changes_a_table() -> None:
    with pytest.raises(TypeError):
        LAMP[Lamp.BROKEN, Hand.PRESS] = Lamp.ON  # type: ignore[index]
