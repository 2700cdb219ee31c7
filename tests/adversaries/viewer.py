"""Those who watch: what every player can do, and the honest one that all others are held against."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.adversaries.browser import Answer, Browser

if TYPE_CHECKING:
    from tests.adversaries.clocked import Clock

#: Videos of the courses under test, in order, and their length (s).
UNITS = ("u1", "u2")
VIDEO_S = 1200
SEGMENT_S = 4
#: When the first video of the course "stopping" stops for everybody (s).
STOP_S = 600
#: What the author's questions ask, and what everybody who saw the video answers.
QUESTION, RIGHT = "刚才的例子发生在哪一年？", "二〇〇三年"

Played = Iterable[tuple[float, float]]


class Viewer:
    """A player under the control of a program: one open playback at most."""

    def __init__(self, browser: Browser, clock: Clock, enrolment: int) -> None:
        self.browser, self.clock, self.enrolment = browser, clock, enrolment
        self.playback = ""
        self.folder = ""
        self.seq = 0
        self.sent: set[int] = set()

    def tab(self) -> Viewer:
        """Another tab of the same browser."""
        return Viewer(self.browser.twin(), self.clock, self.enrolment)

    def open(self, unit: str = "u1", *, take_over: bool = True, after: str | None = None) -> Any:
        """Open a video; returns the server's answer, when it is one."""
        answer = self.try_open(unit, take_over=take_over, after=after)
        assert answer.status == 200, answer.body.decode()
        return answer.json

    def try_open(self, unit: str = "u1", **how: Any) -> Answer:
        body = {"unit": unit, **{name: value for name, value in how.items() if value is not None}}
        answer = self.browser.call(f"/api/v1/enrolments/{self.enrolment}/playbacks", body)
        if answer.status == 200:
            opened = answer.json
            self.playback = opened["playback"]
            self.folder = opened["playlist"].rpartition("/")[0]
            self.seq = 0
            self.sent = set()
        return answer

    def segment(self, number: int, **headers: str) -> Answer:
        return self.browser.get(f"{self.folder}/v0/s{number:05}.m4s", **headers)

    def fetch(self, start: float, end: float) -> None:
        """The segments of ``[start, end)`` seconds that were not fetched yet."""
        first, last = int(start // SEGMENT_S), int(min(end, VIDEO_S) / SEGMENT_S - 1e-9)
        for number in range(first, last + 1):
            if number not in self.sent:
                answer = self.segment(number)
                assert answer.status == 200, (answer.status, answer.body)
                self.sent.add(number)

    def beat(self, played: Played, *, position: float | None = None, **fields: Any) -> Answer:
        """Claim ``played``, with the next sequence number unless ``seq`` says another."""
        self.seq += 1
        spans = [list(each) for each in played]
        at = max((end for _start, end in spans), default=0) if position is None else position
        body = {"seq": self.seq, "played": spans, "position": at, **fields}
        return self.browser.call(f"/api/v1/playbacks/{self.playback}/beats", body)

    def choose(self, prompt: str, choice: int) -> Answer:
        body = {"prompt": prompt, "choice": choice}
        return self.browser.call(f"/api/v1/playbacks/{self.playback}/presence", body)

    def close(self) -> Answer:
        return self.browser.call(f"/api/v1/playbacks/{self.playback}/close")

    def progress(self) -> Any:
        return self.browser.get(f"/api/v1/enrolments/{self.enrolment}/progress").json


class Honest(Viewer):
    """Somebody who sits there: plays from the beginning at normal speed, fetches segments as it
    goes, sends a beat every fifteen seconds, answers prompts, goes on to the next video."""

    #: Seconds that this person really watched.
    watched_s = 0.0

    def begin(self, unit: str = "u1") -> None:
        self.unit = unit
        self.asked(self.open(unit)["prompt"])
        self.began = self.clock.seconds()
        self.before_s = self.watched_s
        self.confirmed = 0.0
        self.resting = False

    def stop(self) -> None:
        """Have enough of it."""
        self.tick()
        self.resting = True

    def tick(self) -> None:
        """What a player does now, some seconds after it did so last."""
        if self.resting:
            return
        position = min(VIDEO_S, self.clock.seconds() - self.began)
        self.watched_s = self.before_s + position
        if position > self.confirmed:
            self.fetch(self.confirmed, position)
            self._claim(position)
        if self.confirmed >= VIDEO_S:
            following = UNITS.index(self.unit) + 1
            if following < len(UNITS):
                self.begin(UNITS[following])
            else:
                self.resting = True

    def _claim(self, position: float) -> None:
        for _try in range(5):
            answer = self.beat([(self.confirmed, position)])
            assert answer.status == 200, answer.body.decode()
            reply = answer.json
            self.confirmed = max((end for _start, end in reply["covered"]), default=0)
            if reply["prompt"] is None:
                return
            self.asked(reply["prompt"])  # and claim what it held up

    def asked(self, prompt: Any) -> None:
        """Read the prompt and choose as a person does."""
        if prompt is None:
            return
        answer = self.choose(prompt["id"], read(prompt))
        assert answer.status == 200, answer.body.decode()
        assert answer.json["right"], prompt


def read(prompt: Any) -> int:
    """What a person sees in a prompt."""
    if prompt["kind"] == "question":
        assert prompt["text"] == QUESTION
        return int(prompt["options"].index(RIGHT))
    word = prompt["text"].partition("：")[2]
    return int(prompt["options"].index(word))


def grant_of(folder: str) -> list[str]:
    """The parts of the signed grant in a playlist's folder."""
    return re.split(r"\.", folder.rpartition("/")[2])


def with_grant(folder: str, parts: list[str]) -> str:
    return f"{folder.rpartition('/')[0]}/{'.'.join(parts)}"


def dumps(body: Any) -> bytes:
    """JSON with the numbers that JSON does not have."""
    return json.dumps(body, allow_nan=True).encode()
