"""How the demonstration's learners watch: most of them honestly, a few as cheaters do.

All of it goes through the platform's own beats, so its evidence is what real study leaves,
refusals, presence prompts and risk signals included.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from courses import presence, progress, scopes
from courses.models import CourseVersion
from media import delivery, watching
from media import presence as prompts
from media.api_models import BeatIn
from media.models import Asset, Playback, Prompt
from media.presence import Cadence
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.people.models import Person

DEVICES = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/142.0 Mobile",
)


@dataclass(frozen=True)
class Manner:
    """How somebody watches.

    Attributes:
        beat_s: media seconds between beats, on average.
        jitter: how much they vary, as a part of that.
        pauses: how likely something comes between two beats.
        hurried_s: claimed at once in the middle of a video, far more than time had passed.
        unsent: claims the second half of each video before its segments were fetched.
        answer_s: how long a prompt waits for each choice.
        wrong: how likely a choice is wrong.
        place: address and device; else one of the learner's own.
    """

    beat_s: float = 15
    jitter: float = 0.2
    pauses: float = 0.08
    hurried_s: float = 0
    unsent: bool = False
    answer_s: tuple[float, float] = (2.5, 9)
    wrong: float = 0.06
    place: tuple[str, str] | None = None


HONEST = Manner()
#: What auditors are to find. (A script's beats come every three seconds here only so that a
#: short video has enough of them.)
SUSPECT = (
    Manner(pauses=0, hurried_s=110),
    Manner(pauses=0, beat_s=3, jitter=0, answer_s=(0.1, 0.2), wrong=0),
    Manner(pauses=0, unsent=True),
    Manner(wrong=0.8),
)
#: One pair of hands that studies for many.
ONE_DEVICE = Manner(pauses=0, place=("203.0.113.77", DEVICES[0]))


class Sitting:
    """One opening of a video by one learner, under a clock of its own."""

    def __init__(
        self,
        session: Session,
        learner: Person,
        version: CourseVersion,
        asset: Asset,
        at: datetime,
        chance: random.Random,
        manner: Manner = HONEST,
    ) -> None:
        self._session, self._learner, self._asset = session, learner, asset
        self._chance, self._manner, self.at = chance, manner, at
        rule = policies.rule(session.get_one(Policy, version.policy_id))
        self._cadence: Cadence | None = presence.cadence(rule, learner)
        self._needed_ms = progress.needed_ms(asset.duration_ms or 0, rule.coverage_needed)
        self._seq = 0
        own = f"10.{learner.id % 200}.3.{chance.randrange(2, 250)}", chance.choice(DEVICES)
        address, device = manner.place or own
        self._playback: Playback = watching.open(
            session, person_id=learner.id, asset=asset, scope=scopes.of_version(version.id),
            cadence=self._cadence, needed_ms=self._needed_ms,
            address=address, user_agent=device, now=at,
        )  # fmt: skip

    def watch(self, share: float) -> datetime:
        """Watch that part of the video with a pause or two; returns when it was over."""
        everything = delivery.everything(self._asset)
        half = (1 << everything.bit_length() // 2) - 1
        self._deliver(half if self._manner.unsent else everything)
        length = (self._asset.duration_ms or 0) / 1000 * share
        position = 0.0
        self.at += timedelta(seconds=1)
        while position < length:
            step = min(self._step(), length - position)
            if self._chance.random() < self._manner.pauses:
                self.at += timedelta(seconds=self._chance.randrange(20, 300))  # a phone call
            self.at += timedelta(seconds=step)
            before, position = position, self._beat(position, position + step)
            if self._seq == 2 and self._manner.hurried_s:
                position = self._beat(position, min(length, position + self._manner.hurried_s))
            if position == before:  # what was not fetched is fetched now
                self._deliver(everything)
        watching.close(
            self._session, playback_id=self._playback.id, person_id=self._learner.id, now=self.at
        )
        return self.at + timedelta(seconds=20)

    def _step(self) -> float:
        jitter = self._manner.jitter
        return self._manner.beat_s * self._chance.uniform(1 - jitter, 1 + jitter)

    def _deliver(self, segments: int) -> None:
        delivery.merge(self._session, {self._playback.id: segments})

    def _beat(self, start: float, end: float) -> float:
        """Report one stretch, answer what is asked; returns how far from ``start`` is confirmed."""
        self._seq += 1
        if self._manner.unsent and self._seq == 3:
            end = (self._asset.duration_ms or 0) / 1000
        beat = BeatIn(seq=self._seq, played=[(start, end)], position=end)
        reply = watching.record(
            self._session, playback_id=self._playback.id, person_id=self._learner.id, beat=beat,
            cadence=self._cadence, now=self.at,
        )  # fmt: skip
        if reply.prompt is not None:
            self._answer(reply.prompt.id)
        return max((until for begun, until in reply.covered if begun <= start), default=start)

    def _answer(self, prompt_id: str) -> None:
        asked = self._session.get_one(Prompt, prompt_id)
        while asked.answered_at is None:
            self.at += timedelta(seconds=self._chance.uniform(*self._manner.answer_s))
            choice: int = asked.question["right"]
            if self._chance.random() < self._manner.wrong:
                choice = (choice + 1) % prompts.CHOICES
            answer = prompts.answer(
                self._session, playback_id=self._playback.id, person_id=self._learner.id,
                prompt_id=prompt_id, choice=choice, cadence=self._cadence,
                needed_ms=self._needed_ms, now=self.at,
            )  # fmt: skip
            self.at += timedelta(seconds=answer.wait_s)
