"""An honest learner's devices: they play, report and report again as our player does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient

from media import booking, intervals
from media.intervals import Spans
from media.models import Prompt
from tests.adversaries.viewer import SEGMENT_S, UNITS, VIDEO_S, read
from tests.honest.world import RATES, World
from zhixin.clock import epoch_ms

#: A player reports this often and plays this much ahead of what it has fetched.
BEAT_MS = 10_000
BUFFER_MS = 30_000
END_MS, SEGMENT_MS = VIDEO_S * 1000, SEGMENT_S * 1000


@dataclass
class Lease:
    """One playback as its page keeps it: what was played under it, and what is confirmed."""

    playback: str
    unit: str
    ended_ms: int = 0
    played: Spans = ()
    confirmed: Spans = ()
    seq: int = 1
    ended: str | None = None
    fetched: set[int] = field(default_factory=set)

    @property
    def pending(self) -> Spans:
        return intervals.subtract(self.played, self.confirmed)


class Learner:
    """Somebody who sits there. ``truth`` is what this person has really watched."""

    def __init__(self, world: World, course: str) -> None:
        self.world, self.rate = world, RATES[course]
        self.arrived = world.arrive(course)
        self.devices = [world.browser(self.arrived.person_id) for _device in range(2)]
        self.device = 0
        self.truth: dict[str, Spans] = dict.fromkeys(UNITS, ())
        self.moments: list[tuple[str, int, int]] = []
        self.position = 0
        self.speed = self.rate
        self.online = True
        self.fate = "arrives"
        self.stuck: list[tuple[int, str, dict[str, Any]]] = []
        self.leases: list[tuple[int, Lease]] = []
        self.prompt: Any = None
        self.deadline = 0
        self.reaction_ms = 5_000
        self.answer_at = 0
        self.late_ms = self.most_unsent_ms = 0
        self.open(unit=UNITS[0])

    @property
    def now_ms(self) -> int:
        return epoch_ms(self.world.now)

    @property
    def lease(self) -> Lease:
        return self.leases[-1][1]

    @property
    def ended(self) -> list[Lease]:
        return [lease for _device, lease in self.leases[:-1]]

    @property
    def may_lose_ms(self) -> int:
        """What the rules take: for late answers, and beyond what ended leases keep together.
        A lease's ends are whole milliseconds, and so is what a report takes from the bank."""
        over_ms = max(0, self.most_unsent_ms - booking.OFFLINE_MS) * self.rate // 100
        return self.late_ms + over_ms + sum(lease.seq for _device, lease in self.leases)

    @property
    def client(self) -> FlaskClient:
        return self.devices[self.device]

    def post(self, device: int, path: str, body: dict[str, Any]) -> Any:
        """A request; who was signed out meanwhile signs in again first."""
        answer = self.devices[device].post(path, json=body)
        if answer.status_code == 401:
            self.devices[device] = self.world.browser(self.arrived.person_id)
            answer = self.devices[device].post(path, json=body)
        return answer

    # Opening

    def open(self, device: int | None = None, unit: str | None = None) -> None:
        """A page is loaded: by a reload, for another video, or on another device, which takes
        over."""
        unit = unit or self.lease.unit
        other = device is not None and device != self.device
        after = self.lease.playback if self.leases and not other else None
        self.device = self.device if device is None else device
        path = f"/api/v1/enrolments/{self.arrived.enrolment_id}/playbacks"
        body = {"unit": unit, "after": after, "take_over": other}
        answer = self.post(self.device, path, body)
        assert answer.status_code == 200, answer.text
        opened = answer.json
        if self.leases:
            self.lease.ended_ms = self.now_ms
        lease = Lease(opened["playback"], unit, confirmed=spans(opened["covered"]))
        self.leases.append((self.device, lease))
        unsent_ms = sum(intervals.total(each.pending) for each in self.ended) * 100 // self.rate
        self.most_unsent_ms = max(self.most_unsent_ms, unsent_ms)
        self.position = round(opened["position"] * 1000)
        self.asked(opened["prompt"])
        self.resend()

    def resend(self) -> None:
        """What earlier pages of this device could not send, each to its own playback."""
        for device, lease in self.leases[:-1]:
            if device == self.device and lease.pending:
                self.send(lease, device)

    # Reporting

    def beat(self) -> None:
        self.send(self.lease, self.device)

    def send(self, lease: Lease, device: int) -> None:
        """Claim all that is pending; what becomes of the request is its fate."""
        body = {
            "seq": lease.seq,
            "played": [[start / 1000, end / 1000] for start, end in lease.pending],
            "position": self.position / 1000,
        }
        lease.seq += 1
        fate, self.fate = self.fate, "arrives"
        if not self.online or fate == "lost":
            return
        if fate in ("delayed", "doubled"):
            self.stuck.append((device, lease.playback, body))
        if fate == "delayed":
            return
        reply = self.report(device, lease.playback, body)
        if fate == "answer lost":
            return
        lease.confirmed = intervals.union(lease.confirmed, spans(reply["covered"]))
        lease.ended = reply["ended"]
        if lease.unit == self.lease.unit:
            self.asked(reply["prompt"])

    def report(self, device: int, playback: str, body: dict[str, Any]) -> Any:
        answer = self.post(device, f"/api/v1/playbacks/{playback}/beats", body)
        assert answer.status_code == 200, answer.text
        return answer.json

    # Presence

    def asked(self, prompt: Any) -> None:
        if prompt is not None and (self.prompt is None or self.prompt["id"] != prompt["id"]):
            self.answer_at = self.now_ms + self.reaction_ms
        if prompt is not None:
            self.deadline = self.now_ms + round(prompt["seconds_left"] * 1000)
        self.prompt = prompt

    def answer(self) -> None:
        """Choose what is asked for. What a late answer costs is noted as the rules say it."""
        if self.prompt is None or not self.online:
            return
        with self.world.database.session(writes=False) as session:
            prompt = session.get_one(Prompt, self.prompt["id"])
            issued = epoch_ms(prompt.issued_at)
            until = issued + prompt.answer_within_ms
            waiting = prompt.answered_at is None
        path = f"/api/v1/playbacks/{self.lease.playback}/presence"
        answer = self.post(
            self.device, path, {"prompt": self.prompt["id"], "choice": read(self.prompt)}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json["right"]
        self.prompt = None
        if waiting and self.now_ms > until:
            unit = self.lease.unit
            late = sum(
                max(0, end - max(start, until)) for each, start, end in self.moments if each == unit
            )
            meanwhile = sum(
                intervals.total(lease.pending)
                for lease in self.ended
                if lease.unit == unit and lease.ended_ms > issued
            )
            # shown to a tenth of a second
            self.late_ms += late * self.rate // 100 + meanwhile + 100

    # Playing

    def play(self, ms: int) -> None:
        """Sit there for so long. The player reports, stalls and waits as it must."""
        until = self.now_ms + ms
        next_beat = self.now_ms + BEAT_MS
        while (now := self.now_ms) < until:
            if self.prompt is not None and now >= self.answer_at and self.online:
                self.answer()
                self.beat()
                continue
            step = min(until, next_beat, *self._wakes(now)) - now
            step = self._show(step)
            self.world.forward(step)
            if self.now_ms >= next_beat:
                self.beat()
                next_beat = self.now_ms + BEAT_MS

    def _wakes(self, now: int) -> list[int]:
        if self.prompt is None:
            return []
        return [at for at in (self.answer_at, self.deadline) if at > now]

    def _show(self, most_ms: int) -> int:
        """Show the next part; returns how long (ms) it took, or was waited for."""
        if self.prompt is not None and self.now_ms >= self.deadline:
            return most_ms  # the player stands still until the answer
        self._fetch(BUFFER_MS)
        at, lease = self.position, self.lease
        known = next((end for start, end in lease.confirmed if start <= at < end), None)
        if known is None:
            speed = min(self.speed, self.rate)
            ends = [start for start, _end in lease.confirmed if start > at]
        else:
            speed, ends = self.speed, [known]
        edge = min([self._buffered(), END_MS, *ends])
        took = min(most_ms, (edge - at) * 100 // speed)
        shown = took * speed // 100
        if shown <= 0:
            if edge >= END_MS or edge == self._buffered():
                return most_ms  # at the end, or nothing to show without network
            shown, took = edge - at, 1  # less than a millisecond's worth
        part = ((at, at + shown),)
        if intervals.subtract(part, self.truth[lease.unit]):
            self.moments.append((lease.unit, self.now_ms, self.now_ms + took))
        self.truth[lease.unit] = intervals.union(self.truth[lease.unit], part)
        lease.played = intervals.union(lease.played, part)
        self.position = at + shown
        return took

    def _fetch(self, ahead_ms: int) -> None:
        if not self.online:
            return
        last = (min(END_MS, self.position + ahead_ms) - 1) // SEGMENT_MS
        for number in range(self.position // SEGMENT_MS, last + 1):
            if number not in self.lease.fetched:
                self.world.deliveries.note(self.lease.playback, number)
                self.lease.fetched.add(number)

    def _buffered(self) -> int:
        number = self.position // SEGMENT_MS
        while number in self.lease.fetched:
            number += 1
        return min(END_MS, number * SEGMENT_MS)

    def tunnel(self, ms: int) -> None:
        """Ride on without network, on what was fetched before."""
        self._fetch(ms * 2)
        self.online = False
        self.play(ms)
        self.online = True
        self.beat()

    # The end of it

    def come_home(self) -> None:
        """Network everywhere: all is sent, all is answered, at each of the videos."""
        self.online, self.fate = True, "arrives"
        for _round in range(60):
            if self.prompt is not None:
                self.answer()
            for device, lease in self.leases:
                if lease.pending or lease is self.lease:
                    self.send(lease, device)
            if self.prompt is None:
                waiting = {lease.unit for _device, lease in self.leases if lease.pending}
                if not waiting:
                    return
                if others := waiting - {self.lease.unit}:
                    self.open(unit=others.pop())


def spans(seconds: list[list[float]]) -> Spans:
    return intervals.normalise((round(s * 1000), round(e * 1000)) for s, e in seconds)
