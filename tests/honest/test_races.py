"""Many devices at the same moment: what is done is done once. Real connections, real commits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from random import Random
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from media import evidence, intervals
from media.intervals import Spans
from media.models import Beat, Coverage, Playback
from tests.adversaries.viewer import SEGMENT_S, VIDEO_S
from tests.honest.world import Arrived, World
from zhixin import clock
from zhixin.hours.models import Award
from zhixin.ledger.models import Submission

COPIES = 50
MINUTE = 60_000


def together(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """All at the same moment, each in a thread of its own."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def opened(world: World, client: Any, learner: Arrived, unit: str) -> str | None:
    """The playback, all of whose segments are then sent; None when another was quicker."""
    path = f"/api/v1/enrolments/{learner.enrolment_id}/playbacks"
    answer = client.post(path, json={"unit": unit, "take_over": True})
    if answer.status_code == 409:
        return None
    assert answer.status_code == 200, answer.text
    playback = str(answer.json["playback"])
    for number in range(VIDEO_S // SEGMENT_S):
        world.deliveries.note(playback, number)
    return playback


def beat(client: Any, playback: str, seq: int, *played: tuple[float, float]) -> Any:
    return client.post(
        f"/api/v1/playbacks/{playback}/beats",
        json={"seq": seq, "played": [list(each) for each in played], "position": played[-1][1]},
    )


def test_fifty_copies_of_the_last_beat_award_once(world: World) -> None:
    """The report that completes a course, fifty times at the same moment: one award, one entry in
    the ledger's outbox, and everybody is told the same."""
    learner = world.arrive("short")
    clients = [world.browser(learner.person_id) for _copy in range(COPIES)]
    playback = opened(world, clients[0], learner, "u1")
    assert playback is not None
    for seq in range(1, 10):  # as it is played: reports in heaps would be looked at first
        world.forward(108_000)
        assert beat(clients[0], playback, seq, (108 * seq - 108, 108 * seq)).status_code == 200
    with world.database.session(writes=False) as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(Submission))
    world.forward(228_000)
    answers = together([
        partial(beat, client, playback, 10, (972, VIDEO_S)) for client in clients
    ])  # fmt: skip
    assert {each.status_code for each in answers} == {200}
    assert [each.json["covered"] for each in answers] == [[[0, VIDEO_S]]] * COPIES
    assert sorted({each.json["credited_ms"] for each in answers}) == [0, 228_000]
    assert sum(each.json["credited_ms"] for each in answers) == 228_000
    with world.database.session(writes=False) as session:
        of_learner = Award.person_id == learner.person_id
        assert len(session.scalars(sa.select(Award).where(of_learner)).all()) == 1
        assert (
            session.scalar(sa.select(sa.func.count()).select_from(Submission)) == (before or 0) + 1
        )


@pytest.mark.parametrize("skew_ms", [0, 40])
def test_racing_devices_book_each_second_once(
    world: World, skew_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two devices take over from one another for an hour and claim all they can, the same video
    and different ones, answered by processes whose clocks differ: never more is credited than
    time passed, every credited moment is in one report, and the records rebuild all of it."""
    learner = world.arrive("plain")
    clocks = Random(7)
    monkeypatch.setattr(
        clock, "now",
        lambda: world.now + timedelta(milliseconds=clocks.uniform(-skew_ms, skew_ms)),
    )  # fmt: skip
    clients = [world.browser(learner.person_id) for _device in range(2)]
    chance = Random(2026)

    def act(client: Any, unit: str, seq: int) -> None:
        playback = opened(world, client, learner, unit)
        held = playback or playing.get(id(client))
        if held is None:
            return
        playing[id(client)] = held
        assert beat(client, held, seq, (0, VIDEO_S)).status_code == 200

    def claim(client: Any, seq: int) -> None:
        if (playback := playing.get(id(client))) is not None:
            assert beat(client, playback, seq, (0, VIDEO_S)).status_code == 200

    playing: dict[int, str] = {}
    began = world.now
    for minute in range(60):
        world.forward(MINUTE)
        claims = [partial(claim, client, 10 * minute + 1) for client in clients]
        together(claims)
        units = [chance.choice(("u1", "u2")) for _device in clients]
        together([
            partial(act, client, unit, 10 * minute + 2)
            for client, unit in zip(clients, units, strict=True)
        ])  # fmt: skip
        credited_ms = _adds_up(world, learner)
        assert credited_ms <= (world.now - began).total_seconds() * 1000 + 2 * skew_ms
    assert credited_ms >= 20 * MINUTE, "what is raced for is not lost altogether"
    with world.database.session(writes=False) as session:
        [scope] = session.scalars(
            sa.select(Playback.scope).where(Playback.person_id == learner.person_id).distinct()
        )
        late = sa.select(sa.func.count()).where(Beat.bank_ms.is_not(None))
        assert session.scalar(late), "some came when their playback was over"
        at = world.now + timedelta(hours=1)
        found = evidence.records(session, learner.person_id, scope, at)
        assert evidence.replay(found).differences == []


def _adds_up(world: World, learner: Arrived) -> int:
    """Reports, playbacks and coverage say the same; returns all that is credited, in ms."""
    of_reports: dict[int, Spans] = defaultdict(tuple)
    with world.database.session(writes=False) as session:
        mine = Playback.person_id == learner.person_id
        rows = session.execute(
            sa.select(Playback.id, Playback.asset_id, Beat.credited).join(
                Beat, Beat.playback_id == Playback.id
            ).where(mine)
        ).all()  # fmt: skip
        booked_ms = session.scalar(sa.select(sa.func.sum(Playback.booked_ms)).where(mine)) or 0
        coverages = session.scalars(
            sa.select(Coverage).where(Coverage.person_id == learner.person_id)
        ).all()
        all_ms = 0
        for _playback, asset_id, text in rows:
            credited = intervals.decode(text)
            assert not intervals.intersect(of_reports[asset_id], credited), "in two reports"
            of_reports[asset_id] = intervals.union(of_reports[asset_id], credited)
            all_ms += intervals.total(credited)
        for each in coverages:
            assert intervals.decode(each.spans) == of_reports[each.asset_id]
            assert each.covered_ms == intervals.total(of_reports[each.asset_id])
        assert all_ms == booked_ms
    return all_ms
