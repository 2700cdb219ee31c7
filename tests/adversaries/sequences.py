"""Adversaries who play with when and how often a beat comes."""

from __future__ import annotations

from collections import Counter

from tests.adversaries.adversary import BEAT, Adversary, Attempt, at_once
from tests.adversaries.site import Records
from tests.adversaries.viewer import UNITS, VIDEO_S, Viewer

Refused = Counter[tuple[str, int]]


class BurstOfFifty(Adversary):
    """Fifty beats in a loop without waiting, ten seconds each."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 500)
        at.wait(30)
        for number in range(50):
            assert me.beat([(10 * number, 10 * number + 10)]).status == 200

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"faster-than-time"}
        assert found.refused_ms > 450_000


class ReplaysABeat(Adversary):
    """Captures a beat that was credited and sends it again, as it was and changed."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 600)
        at.wait(15)
        assert me.beat([(0, 15)]).json["credited_ms"] == 15_000
        for _time in range(20):
            at.wait(3)
            assert me.beat([(0, 15)], seq=1).json["credited_ms"] == 0
            assert me.beat([(15, 30)], seq=1).status == 409

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.covered_ms == 15_000
        assert len(found.beats) == 1
        assert refused[BEAT, 409] == 20


class SequenceGames(Adversary):
    """Numbers backwards, with gaps, at the edge of what they can be, and beyond it."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 600)
        at.wait(20)
        for number, seq in enumerate((2**31 - 1, 900, 899, 5, 1, 10**6)):
            assert me.beat([(number * 100, number * 100 + 100)], seq=seq).status == 200
        for seq in (0, -1, 2**31, 1.5, "x", None, [1], 10**30):
            assert me.beat([(0, 20)], seq=seq).status == 422

    def shows(self, found: Records, refused: Refused) -> None:
        assert len(found.beats) == 6
        assert found.refusals == {"faster-than-time"}
        assert refused[BEAT, 422] == 8


class Reordered(Adversary):
    """Holds all beats back and sends them last first, then first to last, under new numbers."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 400)
        at.wait(60)
        for number in range(20, 0, -1):
            me.beat([(20 * number - 20, 20 * number)], seq=number)
        for number in range(1, 21):
            me.beat([(20 * number - 20, 20 * number)], seq=100 - number)

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"faster-than-time"}
        assert len(found.beats) == 40


class TheSameBeatAtOnce(Adversary):
    """Twelve connections send beats in the same moment: some the same, some each another part,
    to be credited before any of them is seen."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 600)
        tabs = [at.tab() for _tab in range(12)]
        at.wait(40)
        me.beat([])  # where the server stands, in one of its processes
        for number, tab in enumerate(tabs):
            tab.playback, tab.seq = me.playback, 10 + number // 3
        for round_ in range(3):
            at_once(*[
                lambda tab=tab, part=number // 2 * 40: tab.beat([(part, part + 40)])
                for number, tab in enumerate(tabs)
            ])  # fmt: skip
            for number, tab in enumerate(tabs):
                tab.seq = 100 * (round_ + 1) + number

    def shows(self, found: Records, refused: Refused) -> None:
        assert "faster-than-time" in found.refusals
        assert refused[BEAT, 409] > 0


class EmptiesTheBankAtOnce(Adversary):
    """Eight playbacks of two videos, unheard and ended; then reports for all of them in the same
    moment, from eight connections, so that each finds the bank still full. And again, in case
    that opening and closing fills it."""

    def run(self, me: Viewer, at: Attempt) -> None:
        tabs = [at.tab() for _tab in range(8)]
        for number, tab in enumerate(tabs):
            part = 240 * (number // 2)
            tab.open(UNITS[number % 2])
            tab.fetch(part, part + 240)
            at.wait(600)
        tabs[-1].close()
        began = at.site.clock.seconds()
        for _round in range(3):
            at_once(*[
                lambda tab=tab, part=240 * (number // 2): tab.beat([(part, part + 240)])
                for number, tab in enumerate(tabs)
            ])  # fmt: skip
            for _time in range(20):
                me.open(UNITS[0])
                me.close()
        passed = at.site.clock.seconds() - began
        assert at.records().covered_ms <= (900 + passed) * 1000

    def shows(self, found: Records, refused: Refused) -> None:
        assert "faster-than-time" in found.refusals
        late = sorted(beat.bank_ms for beat in found.beats if beat.bank_ms is not None)
        assert len(late) == len(found.beats)
        assert late[-1] == 900_000
        assert late[0] < 100_000


class ClientClock(Adversary):
    """The client's clock runs ahead an hour; whatever a header can say of time or address."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 600)
        at.wait(15)
        me.seq += 1
        answer = me.browser.call(
            f"/api/v1/playbacks/{me.playback}/beats",
            {"seq": me.seq, "played": [[0, 600]], "position": 600},
            Date="Sun, 01 Jan 2040 00:00:00 GMT",
            X_Client_Time="2040-01-01T00:00:00Z",
            X_Forwarded_For="203.0.113.7",
            X_Playback_Rate="16",
            If_Unmodified_Since="Sun, 01 Jan 2040 00:00:00 GMT",
        )
        assert answer.json["credited_ms"] < 20_000

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"faster-than-time"}
        assert {each.address for each in found.playbacks} == {"127.0.0.1"}


class IdleHourThenBurst(Adversary):
    """Opens, fetches what it may, sleeps for an hour and claims it in one beat."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 880)
        at.wait(3600)
        me.fetch(880, VIDEO_S)
        reply = me.beat([(0, VIDEO_S)]).json
        assert 899_000 <= reply["credited_ms"] <= 900_000  # the bank: fifteen minutes
        assert reply["reason"] == "faster-than-time"
        assert me.beat([(0, VIDEO_S)]).json["credited_ms"] < 5_000

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refused_ms >= 300_000
        assert found.playbacks[0].lapsed_ms > 2_600_000
