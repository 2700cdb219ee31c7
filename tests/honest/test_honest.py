"""Honest time is never lost, and never exceeds what was really watched.

``HONEST_EXAMPLES=500 pytest tests/honest/test_honest.py`` tells longer stories of more people.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from media import intervals
from tests.adversaries.viewer import UNITS
from tests.honest.learner import Learner
from tests.honest.world import RATES, World

EXAMPLES = int(os.environ.get("HONEST_EXAMPLES", "40"))
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
FATES = ("lost", "answer lost", "delayed", "doubled")


class Story(RuleBasedStateMachine):
    """What may happen to somebody who learns."""

    world: World
    learner: Learner
    slept = 0

    @initialize(course=st.sampled_from(sorted(RATES)), chance=st.integers(0, 1000))
    def arrive(self, course: str, chance: int) -> None:
        """``chance`` decides where prompts come up."""
        self.world.chance.seed(chance)
        self.learner = Learner(self.world, course)

    @rule(ms=st.integers(1, 180 * SECOND))
    def play(self, ms: int) -> None:
        self.learner.play(ms)

    @rule(ms=st.integers(1, 30 * MINUTE))
    def pause(self, ms: int) -> None:
        self.world.forward(ms)

    @rule(ms=st.integers(-300 * SECOND, 300 * SECOND))
    def seek(self, ms: int) -> None:
        self.learner.position = min(1199 * SECOND, max(0, self.learner.position + ms))

    @rule(percent=st.sampled_from([75, 100, 125, 150, 200]))
    def change_speed(self, percent: int) -> None:
        self.learner.speed = percent

    @rule(fate=st.sampled_from(FATES), ms=st.integers(1, 40 * SECOND))
    def trouble(self, fate: str, ms: int) -> None:
        """The next report meets its fate."""
        self.learner.fate = fate
        self.learner.play(ms)

    @rule()
    def reload(self) -> None:
        self.learner.open()

    @rule()
    def go_on_elsewhere(self) -> None:
        self.learner.open(1 - self.learner.device)

    @rule()
    def go_to_the_other_video(self) -> None:
        learner = self.learner
        learner.open(unit=UNITS[1 - UNITS.index(learner.lease.unit)])

    @rule(ms=st.integers(1, 10 * MINUTE))
    def tunnel(self, ms: int) -> None:
        self.learner.tunnel(ms)

    @rule(ms=st.integers(1, 5 * HOUR))
    @precondition(lambda self: self.slept < 3)
    def close_the_lid(self, ms: int) -> None:
        """Never a day altogether: late reports are taken for 24 hours."""
        self.slept += 1
        self.world.forward(ms)

    @rule(data=st.data())
    @precondition(lambda self: self.learner.stuck)
    def arrive_late(self, data: Any) -> None:
        """A report that was under way for long arrives, out of order; nobody reads the answer."""
        learner = self.learner
        place = data.draw(st.integers(0, len(learner.stuck) - 1))
        learner.report(*learner.stuck.pop(place))

    @rule()
    def restart(self) -> None:
        self.world.restart()

    @rule()
    def flush(self) -> None:
        self.world.deliveries.flush()

    @rule(ms=st.sampled_from([0, 5 * SECOND, 50 * SECOND, 5 * MINUTE]))
    def react(self, ms: int) -> None:
        """How long this person takes to answer from now on; the last is too late."""
        self.learner.reaction_ms = ms

    @invariant()
    def nothing_but_the_truth(self) -> None:
        """All that is credited was really watched."""
        if not hasattr(self, "learner"):
            return
        for unit, credited in self.world.covered(self.learner.arrived.person_id).items():
            assert not intervals.subtract(credited, self.learner.truth[unit])

    def teardown(self) -> None:
        """When all has arrived, all that was watched is credited, but for what late answers cost
        and what more than fifteen minutes of ended playbacks waited at a time."""
        if not hasattr(self, "learner"):
            return
        learner = self.learner
        learner.come_home()
        for each in learner.stuck:
            learner.report(*each)
        self.nothing_but_the_truth()
        credited = self.world.covered(learner.arrived.person_id)
        lost = sum(
            intervals.total(intervals.subtract(watched, credited.get(unit, ())))
            for unit, watched in learner.truth.items()
        )
        assert lost <= learner.may_lose_ms, (lost, learner.may_lose_ms)


def test_honest_time_is_never_lost_and_never_exceeds(world: World) -> None:
    """Whatever becomes of network, server, page and device: credited is what was watched. Only a
    prompt that waited longer than its time costs what was watched beyond it, and what pages that
    were left meanwhile had not yet sent when it was answered; and what pages that were left had
    not sent is taken up to fifteen minutes at a time, of all videos together."""

    class Told(Story):
        pass

    Told.world = world
    run_state_machine_as_test(
        Told,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=25, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
