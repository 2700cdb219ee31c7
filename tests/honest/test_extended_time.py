"""Who has been given more time has it at a presence prompt, whichever way the beats take."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from media.models import Coverage, Playback, Prompt
from tests.adversaries.seeding import ANSWER_S
from tests.honest.world import Arrived, World, lane
from zhixin.people.models import Person

BEAT_S = 10


class Watcher:
    """Somebody before the first video of the course "asked", at normal speed."""

    def __init__(self, world: World, learner: Arrived) -> None:
        self.world, self.client, self.at = world, world.browser(learner.person_id), 0
        self.seq = 0
        opened = self.client.post(
            f"/api/v1/enrolments/{learner.enrolment_id}/playbacks", json={"unit": "u1"}
        ).get_json()
        self.playback = opened["playback"]
        with world.database.transaction() as session:  # faster, one would have time left over
            session.execute(sa.update(Playback).values(rate_percent=100))

    def play(self, seconds: int) -> Any:
        """All that was played so far is claimed, as players do."""
        self.world.forward(seconds * 1000)
        self.at, self.seq = self.at + seconds, self.seq + 1
        for segment in range(self.at // 4 + 1):
            self.world.deliveries.note(self.playback, segment)
        body = {"seq": self.seq, "played": [[0, self.at]], "position": self.at}
        return self.client.post(f"/api/v1/playbacks/{self.playback}/beats", json=body).get_json()

    def until_asked(self) -> Any:
        for _beat in range(100):
            if prompt := self.play(BEAT_S)["prompt"]:
                return prompt
        raise AssertionError("never asked")

    def answer(self, prompt: Any) -> None:
        with self.world.database.session(writes=False) as session:
            right = session.get_one(Prompt, prompt["id"]).question["right"]
        body = {"prompt": prompt["id"], "choice": right}
        path = f"/api/v1/playbacks/{self.playback}/presence"
        assert self.client.post(path, json=body).get_json()["right"]


@pytest.mark.parametrize("express", [True, False], ids=["express", "ordinary"])
@pytest.mark.parametrize("percent", [100, 200])
def test_twice_the_time_to_answer(
    world: World, percent: int, express: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an absence of one and a half times the usual time all counts for who has twice of it,
    and only the usual time for others."""
    if not express:
        served = lane(world.app)
        monkeypatch.setattr(type(served), "__call__", lambda self, *given: self._inner(*given))
    learner = world.arrive("asked")
    with world.database.transaction() as session:
        person = sa.update(Person).where(Person.id == learner.person_id)
        session.execute(person.values(extended_time_percent=percent))
    watcher = Watcher(world, learner)
    prompt = watcher.until_asked()
    assert prompt["seconds_left"] == ANSWER_S * percent / 100
    before = watcher.play(0)["unit"]["confirmed_ms"]
    late_s = ANSWER_S * 3 // 2
    assert watcher.play(late_s)["credited_ms"] == 0
    watcher.answer(prompt)
    with world.database.transaction() as session:  # the next one is another story
        session.execute(
            sa.update(Coverage).values(prompt_at_ms=None, revision=Coverage.revision + 1)
        )
    after = watcher.play(0)["unit"]["confirmed_ms"]
    waited_ms = watcher.at * 1000 - before
    lost_ms = 0 if percent == 200 else (late_s - ANSWER_S) * 1000
    assert after - before == waited_ms - lost_ms
