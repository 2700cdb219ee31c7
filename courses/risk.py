"""Risk signals: why a person should look at an award. They never take hours by themselves.

Each is a pure function of the evidence document; only who else used the same device is asked
of the database, and how long a paper is to read. See docs/auditor/risk.md for what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.classes import meanwhile
from media import booking, intervals
from media.models import Playback
from zhixin import clock

REFUSED_TIME = "refused-time"
CLOCKWORK = "clockwork"
NIGHT_STUDY = "night-study"
INSTANT_ANSWERS = "instant-answers"
BLIND_ANSWERS = "blind-answers"
SHARED_DEVICE = "shared-device"
LATE_REPORTS = "late-reports"

#: A single beat refused by more than this (ms of media time) was not made by an honest clock:
#: our player reports every ten seconds and does not hurry through what is not confirmed.
REFUSED_BOUND_MS = 60_000
#: Our player beats every ten seconds, a fifth more or less by chance. So many beats that vary
#: by less than this part of their mean were timed by a program.
REGULAR_BEATS, REGULAR_PART = 40, 0.02
#: Hours of the city's night, and how much study in them is "in bulk".
NIGHT_ENDS, NIGHT_BULK_MS, NIGHT_PART = 5, 3 * 3_600_000, 0.8
#: A prompt must be received, read and answered: nobody does it so fast, twice.
INSTANT_S, INSTANT_PROMPTS = 0.8, 2
#: Characters a second that nobody reads (Chinese is read at 5 to 10); shorter papers say nothing.
READING_SPEED, LEAST_CHARACTERS = 30, 300
#: Wrong choices at prompts, in all.
BLIND_TRIES = 4
#: Accounts on one address with one browser within an hour. An office shares its address and
#: often its make of computer, so a few mean nothing.
SHARED_ACCOUNTS, SHARED_WITHIN = 5, timedelta(hours=1)
#: A beat that brings more than this (ms of time) was not sent while it was played; our player
#: reports every ten seconds.
AT_ONCE_MS = 120_000
#: More watching than one loss of network can hold back, and such a part of all of it, reported
#: long after it was played: whoever comes by now and then keeps what was saved up meanwhile.
LATE_MS, LATE_PART = booking.OFFLINE_MS, 0.5


def flags(
    session: Session, document: Mapping[str, Any], characters: Callable[[int], int]
) -> list[str]:
    """The signals of an award's evidence, as codes.

    Args:
        characters: how long a paper version is to read.
    """
    found = [
        (REFUSED_TIME, refused_time(document)),
        (CLOCKWORK, clockwork(document)),
        (NIGHT_STUDY, night_study(document)),
        (INSTANT_ANSWERS, instant_prompts(document) or instant_attempts(document, characters)),
        (BLIND_ANSWERS, blind_answers(document)),
        (SHARED_DEVICE, shared_device(session, document)),
        (LATE_REPORTS, late_reports(document)),
        (meanwhile.IN_CLASS, meanwhile.attended(session, document)),
    ]
    return [code for code, holds in found if holds]


def refused_time(document: Mapping[str, Any]) -> bool:
    """More was claimed than time had passed. What came in after a playback had ended is refused
    by nature (a second device, a late resend) and is not held against anybody."""
    return any(
        beat["refusal"] == booking.FASTER_THAN_TIME
        and beat["refused_ms"] > REFUSED_BOUND_MS
        and (playback["ended_at"] is None or _at(beat) <= _instant(playback["ended_at"]))
        for playback in document["watching"]["playbacks"]
        for beat in playback["beats"]
    )


def clockwork(document: Mapping[str, Any]) -> bool:
    """Beats as regular as a clock."""
    for playback in document["watching"]["playbacks"]:
        arrivals = sorted(map(_at, playback["beats"]))
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(arrivals)]
        if len(gaps) >= REGULAR_BEATS and pstdev(gaps) < REGULAR_PART * fmean(gaps):
            return True
    return False


def night_study(document: Mapping[str, Any]) -> bool:
    """Hours of study, nearly all of it in the city's night."""
    night = total = 0
    for playback in document["watching"]["playbacks"]:
        for beat in playback["beats"]:
            credited = intervals.total(intervals.decode(beat["credited"]))
            total += credited
            night += credited if clock.local(_at(beat)).hour < NIGHT_ENDS else 0
    return night >= NIGHT_BULK_MS and night >= NIGHT_PART * total


def instant_prompts(document: Mapping[str, Any]) -> bool:
    """Prompts answered rightly before they could be read."""
    instant = [
        prompt
        for prompt in document["watching"]["prompts"]
        if prompt["tries"]
        and prompt["tries"][0]["right"]
        and (_at(prompt["tries"][0]) - _instant(prompt["issued_at"])).total_seconds() < INSTANT_S
    ]
    return len(instant) >= INSTANT_PROMPTS


def instant_attempts(document: Mapping[str, Any], characters: Callable[[int], int]) -> bool:
    """A paper passed in less time than reading it takes anybody."""
    for attempt in document["attempts"]:
        took = _instant(attempt["closed_at"]) - _instant(attempt["opened_at"])
        length = characters(attempt["attempt"]) if attempt["passed"] else 0
        if length >= LEAST_CHARACTERS and took.total_seconds() < length / READING_SPEED:
            return True
    return False


def blind_answers(document: Mapping[str, Any]) -> bool:
    """Prompts answered by trying."""
    tries = [each for prompt in document["watching"]["prompts"] for each in prompt["tries"]]
    wrong = sum(not each["right"] for each in tries)
    return wrong >= BLIND_TRIES and wrong * 2 > len(tries)


def shared_device(session: Session, document: Mapping[str, Any]) -> bool:
    """Many accounts watched on this person's device at about the same time."""
    ids = [each["id"] for each in document["watching"]["playbacks"]]
    own, other = sa.orm.aliased(Playback), sa.orm.aliased(Playback)
    devices = session.execute(
        sa.select(own.address, own.user_agent, own.opened_at).where(own.id.in_(ids))
    ).all()
    for address, user_agent, opened_at in devices:
        if not address:
            continue
        people = session.scalar(
            sa.select(sa.func.count(other.person_id.distinct())).where(
                other.address == address,
                other.user_agent == user_agent,
                other.opened_at.between(opened_at - SHARED_WITHIN, opened_at + SHARED_WITHIN),
            )
        )
        if (people or 0) >= SHARED_ACCOUNTS:
            return True
    return False


def late_reports(document: Mapping[str, Any]) -> bool:
    """Most of the watching was reported in heaps, or when its playbacks were over."""
    late = total = 0
    for playback in document["watching"]["playbacks"]:
        ended_at, rate = playback["ended_at"], playback["rate_percent"]
        for beat in playback["beats"]:
            took = booking.time_ms(intervals.total(intervals.decode(beat["credited"])), rate)
            total += took
            over = ended_at is not None and _at(beat) > _instant(ended_at)
            late += took if over or took > AT_ONCE_MS else 0
    return late > LATE_MS and late >= LATE_PART * total


def _at(record: Mapping[str, Any]) -> datetime:
    return _instant(record["at"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
