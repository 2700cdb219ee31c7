"""Adversaries who lie in what a beat claims."""

from __future__ import annotations

from collections import Counter

from tests.adversaries.adversary import BEAT, Adversary, Attempt
from tests.adversaries.site import Records
from tests.adversaries.viewer import VIDEO_S, Viewer, dumps

Refused = Counter[tuple[str, int]]


class ClaimsEverything(Adversary):
    """One beat that claims the whole video, a second after opening."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 600)
        at.wait(1)
        reply = me.beat([(0, VIDEO_S)]).json
        assert reply["reason"] in ("faster-than-time", "not-delivered")
        assert reply["credited_ms"] < 10_000

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refused_ms > 1_000_000
        assert found.beats[0].claimed == f"0-{VIDEO_S * 1000}"


class SeeksToTheEnd(Adversary):
    """Jumps to the last second again and again: the position says "finished"."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(VIDEO_S - 1, VIDEO_S)
        for _jump in range(8):
            at.wait(15)
            reply = me.beat([(VIDEO_S - 1, VIDEO_S)], position=VIDEO_S).json
        assert reply["unit"]["confirmed_ms"] == 1000
        assert not reply["unit"]["done"]

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.covered_ms == 1000
        assert {beat.claimed for beat in found.beats} == {"1199000-1200000"}


class ForgedIntervals(Adversary):
    """Numbers that cannot be media time: negative, reversed, endless, not numbers, too many."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 60)
        at.wait(30)
        forged: list[object] = [
            [[-60, 0]], [[-5, 5]], [[30, 0]], [[0, 1e9]], [[0, VIDEO_S + 60]], [[0, 1e308]],
            [[0, float("nan")]], [[0, float("inf")]], [[float("-inf"), 10]], [["x", 5]],
            [[None, 5]], [[0]], [[0, 1, 2]], [{"0": 1}], {"0": 10}, "0-30000", None, 30, [[True, []]],
            [[0, 30]] * 201, [[0, 10**400]],
        ]  # fmt: skip
        self.sent = len(forged)
        for number, played in enumerate(forged, 1):
            body = dumps({"seq": number, "played": played, "position": 1})
            answer = me.browser.call(f"/api/v1/playbacks/{me.playback}/beats", body)
            assert answer.status == 422, (played, answer.body)
        for raw in (b"", b"[]", b"{", b"null", b"\xff\xfe", b'{"seq":1}', b'"' * 100):
            answer = me.browser.call(f"/api/v1/playbacks/{me.playback}/beats", raw)
            assert 400 <= answer.status < 500, raw
            self.sent += 1

    def shows(self, found: Records, refused: Refused) -> None:
        assert not found.beats
        assert sum(n for (where, _status), n in refused.items() if where == BEAT) == self.sent


class UnknownFields(Adversary):
    """Thresholds, flags and results that the client would like to decide."""

    gains_nothing_at_all = True
    fields = {
        "finished": True, "completed": True, "progress": 100, "credited_ms": 1_200_000,
        "covered": [[0, VIDEO_S]], "duration": 1, "minStudyTime": 0, "timeToFinish": 0,
        "needed_ms": 0, "rate_percent": 1600, "rate": 16, "booked_ms": 0, "lapsed_ms": 0,
        "now": "2030-01-01T00:00:00Z", "at": 1_900_000_000, "opened_at": "2020-01-01T00:00:00Z",
        "person_id": 1, "playback_id": "x", "prompt": None, "presence": True, "delivered": "0-300",
    }  # fmt: skip

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 30)
        at.wait(15)
        for name, value in self.fields.items():
            assert me.beat([(0, 15)], **{name: value}).status == 422, name
        for name, value in self.fields.items():
            answer = me.try_open("u1", **{name: value or 1})
            assert answer.status == 422, name

    def shows(self, found: Records, refused: Refused) -> None:
        assert not found.beats
        assert refused[BEAT, 422] == len(self.fields)
        assert refused["learning_api.open_playback", 422] == len(self.fields)


class RateSixteen(Adversary):
    """Plays at sixteen times the speed and fetches as fast."""

    rate = 16

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        position = 0.0
        for _beat in range(4):
            at.wait(15)
            following = position + 15 * self.rate
            me.fetch(position, following)
            reply = me.beat([(0, following)]).json
            position = following
        assert reply["reason"] == "faster-than-time"
        assert reply["refused_ms"] > 60_000 * (self.rate - 1) - 10_000

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"faster-than-time"}


class RateTwo(RateSixteen):
    """Plays what is new at double speed, where the course allows normal speed."""

    rate = 2


class ThousandsOfTinyIntervals(Adversary):
    """Many pieces of a few milliseconds: to round each up, or to make a beat's work grow."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 800)
        at.wait(60)
        for block in range(20):
            start = block * 40
            pieces = [(start + n * 0.2 + 0.0005, start + n * 0.2 + 0.0015) for n in range(200)]
            reply = me.beat(pieces).json
            assert reply["credited_ms"] <= 400
        assert reply["reason"] == "too-scattered"
        assert len(reply["covered"]) <= 1000
        assert me.beat([(0.0001 * n, 0.0001 * n + 0.00049) for n in range(200)]).status == 200

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"too-scattered"}
        assert found.covered_ms < 60_000


class WatchesOnePartForAll(Adversary):
    """The same fifteen seconds, played forty times: ten minutes by the sum."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 15)
        for _round in range(40):
            at.wait(15)
            reply = me.beat([(0, 15), (5, 15), (0, 15)]).json
        assert reply["unit"]["confirmed_ms"] == 15_000

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.covered_ms == 15_000
        assert len(found.beats) == 40


class PagesThatOnlyStandOpen(Adversary):
    """The page is open, the video is paused, the position moves by itself."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        for number in range(1, 9):
            at.wait(15)
            assert me.beat([], position=15 * number).json["credited_ms"] == 0
        assert me.beat([(7, 7)], position=VIDEO_S).json["credited_ms"] == 0

    def shows(self, found: Records, refused: Refused) -> None:
        assert [beat.claimed for beat in found.beats] == [""] * 9
