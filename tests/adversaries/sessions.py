"""Adversaries with many tabs, devices, videos, courses and sign-ins, or somebody else's."""

from __future__ import annotations

from collections import Counter

from tests.adversaries.adversary import BEAT, Adversary, Attempt, at_once
from tests.adversaries.site import Records
from tests.adversaries.viewer import Viewer

Refused = Counter[tuple[str, int]]
OPEN = "learning_api.open_playback"


class ManyTabs(Adversary):
    """Ten tabs of one video, each another part of it, all of them playing."""

    def run(self, me: Viewer, at: Attempt) -> None:
        tabs = [at.tab() for _tab in range(10)]
        assert me.open()["playback"]
        refused = tabs[0].try_open("u1", take_over=False)
        assert (refused.status, refused.code) == (409, "playing-elsewhere")
        for number, tab in enumerate(tabs):
            tab.open("u1")
            tab.fetch(60 * number, 60 * number + 60)
        for _beat in range(4):
            at.wait(15)
            replies = [tab.beat([(60 * n, 60 * n + 60)]).json for n, tab in enumerate(tabs)]
        assert [reply["ended"] for reply in replies] == ["taken-over"] * 9 + [None]

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends["taken-over"] == 10
        assert found.refusals == {"faster-than-time"}
        assert refused[OPEN, 409] == 1


class TwoVideosAtOnce(Adversary):
    """Two videos of the course side by side, opened by turns, each claimed as if it never stopped."""

    def run(self, me: Viewer, at: Attempt) -> None:
        tabs = {"u1": me, "u2": at.tab()}
        for _turn in range(6):
            for unit, tab in tabs.items():
                tab.open(unit)
                tab.fetch(0, 120)
                at.wait(10)
                tab.beat([(0, 120)])

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends["taken-over"] == 11
        assert found.refusals == {"faster-than-time"}


class TwoCoursesAtOnce(Adversary):
    """The same moments, for two courses."""

    def run(self, me: Viewer, at: Attempt) -> None:
        other = at.tab()
        other.enrolment = at.site.enrol(other.browser, "asked")
        for _turn in range(4):
            me.open()
            other.open()
            me.fetch(0, 120)
            other.fetch(0, 60)
            at.wait(15)
            for tab in (me, other):
                tab.beat([(0, 120 if tab is me else 60)])

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends["taken-over"] == 7
        assert "faster-than-time" in found.refusals


class TwoSessionsAlternating(Adversary):
    """Two sign-ins, a phone and a desktop, take over from each other every five seconds and both
    claim the whole time; the beats of the ended ones come late."""

    def run(self, me: Viewer, at: Attempt) -> None:
        desktop, phone = me, at.device()
        for turn in range(12):
            now, before = (desktop, phone) if turn % 2 else (phone, desktop)
            now.open()
            now.fetch(0, 120)
            at.wait(5)
            now.beat([(0, 60)])
            if before.playback:
                before.beat([(60, 120)])

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends["taken-over"] == 11
        assert len({each.user_agent for each in found.playbacks}) == 2
        assert "faster-than-time" in found.refusals


class OpensAtTheSameMoment(Adversary):
    """Ten devices open at the same instant, each wants to be the one; then all beat at once."""

    def run(self, me: Viewer, at: Attempt) -> None:
        tabs = [at.tab() for _tab in range(10)]
        for _round in range(3):
            answers = at_once(*[lambda tab=tab: tab.try_open("u1", take_over=True) for tab in tabs])
            assert {answer.status for answer in answers} <= {200, 409}
            opened = [tab for tab in tabs if tab.playback]
            for number, tab in enumerate(opened):
                tab.fetch(40 * number, 40 * number + 40)
            at.wait(20)
            at_once(*[
                lambda tab=tab, n=n: tab.beat([(40 * n, 40 * n + 40)])
                for n, tab in enumerate(opened)
            ])  # fmt: skip

    def shows(self, found: Records, refused: Refused) -> None:
        assert len(found.playbacks) == 1 + sum(found.ends.values()), found.ends
        assert found.ends["taken-over"] > 5
        assert "faster-than-time" in found.refusals


class OpensManyTimes(Adversary):
    """Sixty openings, each claiming a little at once: a slack that would add up."""

    def run(self, me: Viewer, at: Attempt) -> None:
        for number in range(60):
            me.open()
            me.fetch(4 * number, 4 * number + 4)
            me.beat([(4 * number, 4 * number + 4)])

    def shows(self, found: Records, refused: Refused) -> None:
        assert len(found.playbacks) == 60
        assert found.refused_ms > 200_000


class SomebodyElsesPlayback(Adversary):
    """Books on, closes and answers for somebody else's playback and enrolment, by their ids."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        at.wait(30)
        me.playback = at.honest.playback
        before = at.site.records(at.honest_name).covered_ms
        assert me.beat([(0, 30)], seq=900).status == 404
        assert me.beat([(100, 130)], seq=901).status == 404
        assert me.close().status == 404
        assert me.choose("x", 0).status == 404
        mine, me.enrolment = me.enrolment, at.honest.enrolment
        assert me.try_open("u1").status == 404
        assert me.browser.get(f"/api/v1/enrolments/{me.enrolment}/progress").status == 404
        me.enrolment = mine
        assert me.try_open("u1", person_id=1).status == 422
        assert at.site.records(at.honest_name).covered_ms == before
        assert not at.site.records(at.honest_name).ends

    def shows(self, found: Records, refused: Refused) -> None:
        assert refused[BEAT, 404] == 2
        assert refused["learning_api.close_playback", 404] == 1
        assert refused[OPEN, 404] == 1


class AfterLeaving(Adversary):
    """Leaves the course, plays on and beats; enrols anew and sends the old beats again."""

    def run(self, me: Viewer, at: Attempt) -> None:
        opened = at.site.clock.seconds()
        me.open()
        me.fetch(0, 400)
        at.wait(30)
        me.beat([(0, 30)])
        assert me.browser.form(f"/learn/{me.enrolment}/withdraw").status == 303
        self.lease_ms = (at.site.clock.seconds() - opened) * 1000
        at.wait(60)
        assert me.beat([(30, 90)]).status == 404
        assert me.try_open("u1").status == 404
        me.enrolment = at.site.enrol(me.browser, "plain")
        reply = me.beat([(30, 90)]).json
        assert reply["ended"] == "left"
        assert reply["credited_ms"] <= self.lease_ms - 30_000
        self.confirmed_ms = reply["unit"]["confirmed_ms"]

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.covered_ms == self.confirmed_ms <= self.lease_ms
        assert found.ends == {"left": 1}
        assert refused[BEAT, 404] == 1
        assert "faster-than-time" in found.refusals


class AfterClosing(Adversary):
    """Ends the playback and goes on claiming under it; a day later as well."""

    def run(self, me: Viewer, at: Attempt) -> None:
        opened = at.site.clock.seconds()
        me.open()
        me.fetch(0, 400)
        at.wait(15)
        me.close()
        self.lease_ms = (at.site.clock.seconds() - opened) * 1000
        at.wait(120)
        assert me.beat([(0, 135)]).json["ended"] == "closed"
        at.leap(25 * 3600)
        me.browser.sign_in(at.name, "learn to learn 2026")
        assert me.beat([(0, 135)]).status == 410

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.covered_ms <= self.lease_ms
        assert found.refusals == {"faster-than-time"}
        assert refused[BEAT, 410] == 1


class EndedSignIn(Adversary):
    """Copies the cookie, signs out and goes on with the copy; waits until a sign-in has expired."""

    def run(self, me: Viewer, at: Attempt) -> None:
        copied = at.tab()
        me.open()
        me.fetch(0, 400)
        copied.playback = me.playback
        at.wait(15)
        assert me.beat([(0, 15)]).status == 200
        assert me.browser.form("/sign-out").status == 303
        at.wait(30)
        assert copied.beat([(15, 45)], seq=50).status == 401
        assert copied.try_open("u1").status == 401
        other = at.device()
        other.playback, other.seq = me.playback, 60
        assert other.beat([(15, 20)]).status == 200  # the same person, signed in anew
        at.leap(121 * 60)
        assert other.beat([(20, 40)]).status == 401

    def shows(self, found: Records, refused: Refused) -> None:
        assert refused[BEAT, 401] == 2
        assert refused[OPEN, 401] == 1
        assert found.covered_ms <= 20_000


class NobodySignedIn(Adversary):
    """A playback's id alone: without cookie, with a forged one, with somebody else's, without the
    header that no other site can send."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 60)
        at.wait(30)
        path = f"/api/v1/playbacks/{me.playback}/beats"
        body = {"seq": 1, "played": [[0, 30]], "position": 30}
        stranger = at.stranger()
        forged = at.stranger()
        forged.cookies = {"zhixin": me.browser.cookies["zhixin"][:-3] + "abc"}
        tampered = at.stranger()
        tampered.cookies = {"zhixin": "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"}
        self.statuses = [each.call(path, body).status for each in (stranger, forged, tampered)]
        assert at.honest.browser.call(path, body).status == 404
        bearer = stranger.call(
            path, body, Authorization="Bearer aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        )
        self.statuses.append(bearer.status)
        plain = me.browser.send(
            "POST",
            path,
            b'{"seq":1,"played":[[0,30]],"position":30}',
            {"Content-Type": "text/plain"},
        )
        self.statuses.append(plain.status)
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            answer = me.browser.call(path, body, method=method)
            assert answer.status == 405, method
        query = "?seq=1&played=0,30&position=30&_method=POST"
        assert me.browser.get(path + query, X_HTTP_Method_Override="POST").status == 405

    def shows(self, found: Records, refused: Refused) -> None:
        assert not found.beats
        assert set(self.statuses) <= {400, 401}
        assert refused[BEAT, 401] + refused[BEAT, 400] == len(self.statuses)
