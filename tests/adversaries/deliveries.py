"""Adversaries who claim what was never sent to them, or fetch what is not theirs."""

from __future__ import annotations

from collections import Counter

from tests.adversaries.adversary import Adversary, Attempt
from tests.adversaries.site import Records
from tests.adversaries.viewer import SEGMENT_S, VIDEO_S, Viewer, grant_of, with_grant

Refused = Counter[tuple[str, int]]
STREAM = "media.stream"


class FetchesNothing(Adversary):
    """Beats at the right pace without ever fetching a segment: no bandwidth, no picture."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        opened = me.open()
        assert me.browser.get(opened["playlist"]).status == 200
        assert me.browser.get(f"{me.folder}/v0/index.m3u8").status == 200
        assert me.browser.get(f"{me.folder}/v0/init.mp4").status == 200
        for number in range(1, 7):
            at.wait(15)
            reply = me.beat([(0, 15 * number)]).json
            assert (reply["credited_ms"], reply["reason"]) == (0, "not-delivered")

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"not-delivered"}
        assert len(found.beats) == 6


class AsksWithoutTaking(Adversary):
    """Heads, single bytes, "not modified", broken names: requests that carry no segment away."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        for number in range(15):
            path = f"{me.folder}/v0/s{number:05}.m4s"
            assert me.browser.send("HEAD", path).status == 200
            byte = me.segment(number, Range="bytes=0-0")
            assert byte.status == 206
            assert me.segment(number, If_None_Match=byte.headers["ETag"]).status == 304
            since = byte.headers["Last-Modified"]
            assert me.segment(number, If_Modified_Since=since).status == 304
            for wrong in ("s0.m4s", f"s{number:05}.m4s/", f"../v0/s{number:05}.m4s", "s99999.m4s"):
                assert me.browser.get(f"{me.folder}/v0/{wrong}").status in (404, 308)
        at.wait(30)
        reply = me.beat([(0, 30)]).json
        assert (reply["credited_ms"], reply["reason"]) == (0, "not-delivered")

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"not-delivered"}


class OneSegmentForAll(Adversary):
    """Fetches the first segment over and over, in every rendition, and claims the others too."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        for _time in range(20):
            assert me.segment(0).status == 200
            assert me.browser.get(f"{me.folder}/v1/s00000.m4s").status == 200
            assert me.browser.get(f"{me.folder}/v2/s00000.m4s").status == 404
        at.wait(60)
        reply = me.beat([(0, 60)]).json
        assert (reply["credited_ms"], reply["reason"]) == (SEGMENT_S * 1000, "not-delivered")

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.covered_ms == SEGMENT_S * 1000
        assert found.refusals == {"not-delivered"}


class AnotherPlaybacksAddress(Adversary):
    """Fetches by an address of an earlier playback, or of somebody else's, and claims under its
    own: one download for many accounts."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        first = me.folder
        me.open()
        mine = me.folder
        for folder in (first, at.honest.folder):
            me.folder = folder
            for number in range(15):
                assert me.segment(number).status == 200
        me.folder = mine
        at.wait(30)
        reply = me.beat([(0, 30)]).json
        assert (reply["credited_ms"], reply["reason"]) == (0, "not-delivered")

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.refusals == {"not-delivered"}
        assert found.ends == {"taken-over": 1}


class ForgedAddresses(Adversary):
    """Changes an address's playback, times, run, asset and signature."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        right = me.folder
        honest = grant_of(at.honest.folder)
        run, whose, opened, expires, signature = grant_of(right)
        forged = [
            [run, honest[1], opened, expires, signature],
            [run, whose.replace("p-", "v-"), opened, expires, signature],
            [run, whose, "0", expires, signature],
            [run, whose, opened, str(int(expires) + 86_400), signature],
            [run, whose, opened, expires, honest[4]],
            [run, whose, opened, expires, signature[:-1]],
            [run, whose, opened, expires, ""],
            ["run2", whose, opened, expires, signature],
            [run, whose, opened, expires],
        ]
        for parts in forged:
            me.folder = with_grant(right, parts)
            assert me.segment(0).status == 403, parts
        asset = int(right.split("/")[2])
        me.folder = right.replace(f"/media/{asset}/", f"/media/{asset + 1}/")
        assert me.segment(0).status == 403
        at.wait(4)
        assert me.beat([(0, 4)]).json["reason"] == "not-delivered"

    def shows(self, found: Records, refused: Refused) -> None:
        assert refused[STREAM, 403] == 10
        assert found.refusals == {"not-delivered"}


class OldAddresses(Adversary):
    """Keeps an address for longer than it lasts: twice the video and half an hour."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 4)
        at.wait(2 * VIDEO_S + 1800 - 60)
        assert me.segment(1).status == 200
        at.wait(62)
        assert me.segment(2).status == 403
        reply = me.beat([(0, 60)]).json
        assert (reply["credited_ms"], reply["reason"]) == (8_000, "not-delivered")

    def shows(self, found: Records, refused: Refused) -> None:
        assert refused[STREAM, 403] == 1
        assert found.refusals == {"not-delivered"}


class FetchesEverythingAtOnce(Adversary):
    """Downloads the whole video in a second, to be gone for the rest of its length."""

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        begun = at.site.clock.seconds()
        answers = [me.segment(number) for number in range(VIDEO_S // SEGMENT_S)]
        took_s = at.site.clock.seconds() - begun
        sent = [answer.status for answer in answers].count(200)
        # A slow machine lets some time pass by itself.
        assert 900 + SEGMENT_S <= sent * SEGMENT_S <= 900 + 2 * SEGMENT_S + 2 * (took_s + 1)
        assert {answer.status for answer in answers} == {200, 429}
        last = next(answer for answer in reversed(answers) if answer.status == 429)
        assert int(last.headers["Retry-After"]) > 0
        assert me.segment(3).status == 200  # what was sent may be sent again
        at.wait(10)
        me.beat([(0, VIDEO_S)])

    def shows(self, found: Records, refused: Refused) -> None:
        assert refused[STREAM, 429] > 60
        assert found.refusals == {"not-delivered"}
        assert found.refused_ms > 1_100_000
