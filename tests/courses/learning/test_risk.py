"""Risk signals: what a program leaves behind, and what honest people leave is not one."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from courses import risk, scopes
from media import watching
from media.models import Asset, Playback
from zhixin.people.models import Person

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)  # 12:00 in Shanghai
MIDNIGHT = datetime(2026, 11, 22, 16, tzinfo=UTC)


def watched(
    begun: datetime, gaps: list[float], *, credited_ms: int = 10_000, **beat: Any
) -> dict[str, Any]:
    """Evidence of one playback whose beats come with these gaps (s)."""
    beats, at = [], begun
    for seq, gap in enumerate(gaps, 1):
        at += timedelta(seconds=gap)
        start = (seq - 1) * credited_ms
        span = f"{start}-{start + credited_ms}"
        beats.append(
            {"seq": seq, "at": at.isoformat(), "claimed": span, "credited": span, "refused_ms": 0,
             "refusal": None} | beat
        )  # fmt: skip
    playback = {"id": "p", "opened_at": begun.isoformat(), "ended_at": None,
                "rate_percent": 100, "beats": beats}  # fmt: skip
    return {"watching": {"playbacks": [playback], "prompts": []}, "attempts": []}


def prompted(*answers: tuple[float, list[bool]]) -> dict[str, Any]:
    """Evidence of prompts: seconds to the first try, and which tries were right."""
    document = watched(NOON, [10])
    for seconds, tries in answers:
        document["watching"]["prompts"].append(
            {
                "issued_at": NOON.isoformat(),
                "tries": [
                    {"at": (NOON + timedelta(seconds=seconds + n * 5)).isoformat(), "right": right}
                    for n, right in enumerate(tries)
                ],
            }
        )
    return document


def test_beats_of_a_timer_are_clockwork_and_ours_are_not() -> None:
    """Our player's interval varies by a fifth; a loop with a sleep does not."""
    chance = random.Random(1)
    ours = [chance.uniform(8, 12) for _ in range(100)]
    loop = [15 + chance.uniform(-0.05, 0.05) for _ in range(100)]
    assert not risk.clockwork(watched(NOON, ours))
    assert risk.clockwork(watched(NOON, loop))
    assert not risk.clockwork(watched(NOON, loop[:20])), "too few to say"


def test_watching_reported_long_after_it_was_played_is_seen() -> None:
    """Most of the time, and more than one loss of network holds back, came when its playback was
    over, or in heaps: somebody comes by now and then and has reported what was saved up. A
    quarter of an hour in a tunnel, or a short video, are nobody's fault."""

    def over(after_s: float, beats: int) -> dict[str, Any]:
        document = watched(NOON, [60.0] * beats, credited_ms=60_000)
        ended_at = (NOON + timedelta(seconds=after_s)).isoformat()
        document["watching"]["playbacks"][0]["ended_at"] = ended_at
        return document

    assert risk.late_reports(over(30, 16))
    assert not risk.late_reports(over(30, 15)), "one bank, by a device that came back"
    assert not risk.late_reports(over(60 * 29 + 30, 45)), "a third of it"
    assert not risk.late_reports(watched(NOON, [60.0] * 60, credited_ms=60_000)), "as it is played"
    heap = watched(NOON, [900.0] * 4, credited_ms=900_000)
    assert risk.late_reports(heap)
    assert not risk.late_reports(watched(NOON, [900.0], credited_ms=900_000)), "one tunnel"
    faster = watched(NOON, [100.0] * 20, credited_ms=150_000)
    assert risk.late_reports(faster)
    faster["watching"]["playbacks"][0]["rate_percent"] = 150
    assert not risk.late_reports(faster), "a hundred seconds each"


def test_a_night_of_study_is_seen_an_evening_is_not() -> None:
    """By the city's clock, and only in bulk."""
    hours = [60.0] * 200
    assert risk.night_study(watched(MIDNIGHT + timedelta(hours=1), hours, credited_ms=60_000))
    assert not risk.night_study(watched(MIDNIGHT - timedelta(hours=4), hours, credited_ms=60_000))
    assert not risk.night_study(watched(MIDNIGHT, hours[:30], credited_ms=60_000))


def test_answers_faster_than_reading() -> None:
    """Once may be luck with a click, twice is a program."""
    assert risk.instant_prompts(prompted((0.2, [True]), (0.3, [True])))
    assert not risk.instant_prompts(prompted((0.2, [True]), (3, [True])))
    assert not risk.instant_prompts(prompted((0.2, [False, True]), (0.2, [False, True])))


@pytest.mark.parametrize(
    ("seconds", "characters", "seen"), [(5, 3000, True), (200, 3000, False), (0, 100, False)]
)
def test_a_paper_passed_unread(seconds: int, characters: int, seen: bool) -> None:
    """Three thousand characters in five seconds; a short paper says nothing."""
    attempt = {
        "attempt": 1,
        "passed": True,
        "opened_at": NOON.isoformat(),
        "closed_at": (NOON + timedelta(seconds=seconds)).isoformat(),
    }
    assert risk.instant_attempts({"attempts": [attempt]}, lambda _id: characters) == seen


def test_trying_blindly() -> None:
    """Most choices wrong, several times; a single slip is human."""
    assert risk.blind_answers(prompted((3, [False, False, True]), (3, [False, False, True])))
    assert not risk.blind_answers(prompted((3, [False, True]), (3, [True]), (3, [True])))


def test_refused_time_within_the_lease() -> None:
    """More than a minute too much in one beat; what was refused for other reasons is no sign."""
    facts = {"refused_ms": 90_000}
    assert risk.refused_time(watched(NOON, [10], refusal="faster-than-time", **facts))
    assert not risk.refused_time(watched(NOON, [10], refusal="presence", **facts))
    late = watched(NOON, [10], refusal="faster-than-time", **facts)
    late["watching"]["playbacks"][0]["ended_at"] = NOON.isoformat()
    assert not risk.refused_time(late)


def test_many_accounts_on_one_device(
    session: Session, create_offer: Any, create_person: Any, now: datetime
) -> None:
    """Five people on one address and browser within an hour; an office of four is an office."""
    offer = create_offer(("video",))

    def watch(person: Person, address: str) -> Playback:
        return watching.open(
            session, person_id=person.id, asset=session.get_one(Asset, offer.asset.id),
            scope=scopes.of_version(offer.version.id), address=address, user_agent="t", now=now,
        )  # fmt: skip

    playbacks = [watch(create_person(f"person{n}"), "10.0.0.1") for n in range(4)]
    document = {"watching": {"playbacks": [{"id": playbacks[0].id}]}}
    session.flush()
    assert not risk.shared_device(session, document)
    watch(create_person("person4"), "10.0.0.1")
    watch(create_person("person5"), "10.0.0.2")
    session.flush()
    assert risk.shared_device(session, document)
