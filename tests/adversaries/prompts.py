"""Adversaries against presence prompts: scripts that nobody sits before."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from tests.adversaries.adversary import Adversary, Attempt, at_once
from tests.adversaries.site import Records
from tests.adversaries.viewer import UNITS, Viewer, read

Refused = Counter[tuple[str, int]]
ANSWER = "learning_api.answer_prompt"
#: The policy of the course under test: the time to answer, and between two prompts at most (s).
WINDOW_S, LONGEST_S = 60, 180


class Asked(Adversary):
    """Plays at an honest speed until the first prompt comes; each subclass has its own way on."""

    course = "asked"

    def until_asked(self, me: Viewer, at: Attempt) -> Any:
        me.open()
        self.position = 0.0
        while True:
            prompt = self.play(me, at, 15)["prompt"]
            if prompt is not None:
                self.asked_at = at.site.clock.seconds()
                return prompt

    def play(self, me: Viewer, at: Attempt, seconds: float) -> Any:
        """Wait and claim all that was played, as players do."""
        at.wait(seconds)
        me.fetch(self.position, self.position + seconds)
        self.position += seconds
        return me.beat([(0, self.position)]).json

    def run(self, me: Viewer, at: Attempt) -> None:
        self.go_on(me, at, self.until_asked(me, at))

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        raise NotImplementedError


class IgnoresPrompts(Asked):
    """Drops the prompt from the answer, as a script in the page would, and plays on."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        confirmed = me.progress()["units"][0]["confirmed_ms"]
        for _beat in range(20):
            reply = self.play(me, at, 15)
            assert (reply["credited_ms"], reply["reason"]) == (0, "presence")
        assert reply["unit"]["confirmed_ms"] == confirmed
        assert confirmed <= LONGEST_S * 1000

    def shows(self, found: Records, refused: Refused) -> None:
        assert "presence" in found.refusals
        assert found.refused_ms > 300_000
        assert not found.prompts[0].tries
        assert found.prompts[0].answered_at is None


class AnswersBeforeItIsAsked(Adversary):
    """Sends answers to prompts that are not there yet, with guessed ids and every choice."""

    course = "asked"

    def run(self, me: Viewer, at: Attempt) -> None:
        opened = me.open()
        assert opened["prompt"] is None
        for prompt in ("1", "0", "prompt", me.playback, "a" * 32, "-", "_"):
            for choice in range(4):
                assert me.choose(prompt, choice).status == 404
        for prompt in ("", "a" * 33, "../x"):
            assert me.choose(prompt, 0).status == 422
        for choice in (-1, 21, 10**9):
            assert me.choose("x", choice).status == 422
        me.fetch(0, 240)
        at.wait(240)
        reply = me.beat([(0, 240)]).json
        assert reply["prompt"] is not None
        assert reply["unit"]["confirmed_ms"] <= LONGEST_S * 1000

    def shows(self, found: Records, refused: Refused) -> None:
        assert (refused[ANSWER, 404], refused[ANSWER, 422]) == (28, 6)
        assert found.tries == []
        assert found.refusals == {"presence"}


class RepeatsAnOldAnswer(Asked):
    """Answers once, then sends that same answer for each prompt that follows."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        choice = read(prompt)
        assert me.choose(prompt["id"], choice).json["right"]
        while (following := self.play(me, at, 15)["prompt"]) is None:
            pass
        assert following["id"] != prompt["id"]
        me.choose(prompt["id"], choice)
        me.choose(prompt["id"], (choice + 1) % 3)
        for _beat in range(6):
            assert self.play(me, at, 15)["credited_ms"] == 0

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.tries == [True]
        assert [prompt.answered_at is None for prompt in found.prompts] == [False, True]
        assert "presence" in found.refusals


class BlindFirstOption(Asked):
    """Presses the first option whatever is asked, as often as it may, for ten minutes."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        for _time in range(40):
            self.reply = self.play(me, at, 15)
            if self.reply["prompt"] is not None:
                me.choose(self.reply["prompt"]["id"], 0)

    def shows(self, found: Records, refused: Refused) -> None:
        assert len(found.tries) + refused[ANSWER, 429] >= len(found.prompts)
        assert found.tries


class EveryOptionInAHurry(Asked):
    """Sends all four choices in one moment, from four connections and one after the other."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        tabs = [at.tab() for _choice in range(4)]
        for tab in tabs:
            tab.playback = me.playback
        wrong = [n for n in range(len(prompt["options"])) if n != read(prompt)]
        at_once(*[
            lambda tab=tab, n=n: tab.choose(prompt["id"], wrong[n % len(wrong)])
            for n, tab in enumerate(tabs)
        ])  # fmt: skip
        assert len(at.records().tries) == 1
        for choice in range(4):
            assert me.choose(prompt["id"], choice).status in (422, 429)
        assert me.choose(prompt["id"], 20).status == 422
        assert self.play(me, at, 2)["credited_ms"] == 0

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.tries == [False]
        assert refused[ANSWER, 429] >= 3 + 2
        assert "presence" in found.refusals


class ReopensInsteadOfAnswering(Asked):
    """A reload, another device, another tab, closing and opening: perhaps the prompt is gone."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        phone = at.device()
        for viewer in (me, phone, me, at.tab(), me):
            if viewer.playback:
                viewer.close()
            opened = viewer.open()
            assert opened["prompt"]["id"] == prompt["id"]
            at.wait(10)
            viewer.fetch(self.position, self.position + 10)
            reply = viewer.beat([(self.position, self.position + 10)]).json
            assert (reply["credited_ms"], reply["reason"]) == (0, "presence")
        assert me.open("u1")["prompt"]["text"] == prompt["text"]

    def shows(self, found: Records, refused: Refused) -> None:
        assert len(found.prompts) == 1
        assert sum(found.ends.values()) == 6
        assert "presence" in found.refusals


class LeavesAndComesBack(Asked):
    """Leaves the course and enrols anew: perhaps the prompt is gone."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        assert me.browser.form(f"/learn/{me.enrolment}/withdraw").status == 303
        me.enrolment = at.site.enrol(me.browser, "asked")
        assert me.open()["prompt"]["id"] == prompt["id"]
        me.fetch(self.position, self.position + 60)
        at.wait(60)
        assert me.beat([(self.position, self.position + 60)]).json["reason"] == "presence"

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends == {"left": 1}
        assert len(found.prompts) == 1


class AnswersAtTheEnd(Asked):
    """Lets the script play for twenty minutes beside the waiting prompt, then comes, answers,
    and claims all of it."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        before = at.records().covered_ms
        at.wait(1200)
        me.fetch(self.position, 800)
        prompt = me.beat([(0, 800)]).json["prompt"]
        assert prompt["seconds_left"] == 0
        came = at.site.clock.seconds()
        assert me.choose(prompt["id"], read(prompt)).json["right"]
        reply = me.beat([(0, 800)]).json
        there_ms = (at.site.clock.seconds() - came) * 1000
        self.gained_ms = reply["unit"]["confirmed_ms"] - before
        # What had been played when the prompt came up is everybody's.
        played_ms = self.position * 1000 - before
        assert self.gained_ms <= played_ms + WINDOW_S * 1000 + 2000 + there_ms

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.tries == [True]
        assert (found.prompts[0].answered_at - found.prompts[0].issued_at).total_seconds() > 1000
        assert found.playbacks[0].lapsed_ms > 900_000


class ReopensWhileAsked(Asked):
    """Opens anew every fifty seconds while the prompt waits, so that no playback is ever asked
    for longer than the time to answer; then answers and claims under each of them."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        before = at.records().covered_ms
        tabs = []
        for number in range(20):
            tab = at.tab()
            tabs.append(tab)
            tab.open()
            tab.fetch(self.position + 50 * number, self.position + 50 * number + 50)
            at.wait(50)
        prompt = tabs[-1].beat([]).json["prompt"]
        gained_ms = 0
        for number, tab in enumerate(tabs):
            if prompt is not None:
                assert tabs[-1].choose(prompt["id"], read(prompt)).json["right"]
            part = (self.position + 50 * number, self.position + 50 * number + 50)
            prompt = tab.beat([part]).json["prompt"]
            gained_ms = at.records().covered_ms - before
        # One time to answer for all the ended ones, one for that where the answer was given.
        assert gained_ms <= 2 * WINDOW_S * 1000 + 5_000

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends["taken-over"] == 20
        assert "faster-than-time" in found.refusals


class SavesUpThroughTheNight(Adversary):
    """Opens anew every quarter of an hour without a single beat, so that each playback keeps its
    fifteen minutes and no prompt comes up; in the morning claims them all, answering in a row."""

    course = "asked"
    openings = 4

    def run(self, me: Viewer, at: Attempt) -> None:
        self.enrolments = (me.enrolment,)
        self.night(at)

    def video(self, number: int) -> tuple[int, str]:
        """What is opened at that turn: an enrolment and a unit."""
        return self.enrolments[0], "u1"

    def night(self, at: Attempt) -> None:
        leases, part_of = [], Counter[tuple[int, str]]()
        for number in range(self.openings):
            video, tab = self.video(number), at.tab()
            tab.enrolment = video[0]
            tab.open(video[1])
            part = (300 * part_of[video], 300 * part_of[video] + 300)
            part_of[video] += 1
            tab.fetch(*part)
            leases.append((tab, video, part))
            at.wait(890)
        began = at.site.clock.seconds()
        for _round in range(2):
            for tab, (enrolment, unit), part in reversed(leases):
                while (prompt := tab.beat([part]).json["prompt"]) is not None:
                    here = at.tab()
                    here.enrolment = enrolment
                    here.open(unit)
                    assert here.choose(prompt["id"], read(prompt)).json["right"]
        # What the open one kept, and what all the ended ones keep together.
        passed = at.site.clock.seconds() - began
        assert at.records().covered_ms <= (2 * 900 + passed) * 1000

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends["taken-over"] >= self.openings - 1
        answered = [p.answered_at for p in found.prompts if p.answered_at]
        assert max(answered) - min(answered) < timedelta(minutes=10)
        reported = min(beat.received_at for beat in found.beats)
        assert reported - min(each.opened_at for each in found.playbacks) > timedelta(minutes=55)


class SavesUpInManyVideos(SavesUpThroughTheNight):
    """The same with another video each time, in two courses: each has leases and prompts of its
    own, and their ended playbacks have one bank together."""

    openings = 16

    def run(self, me: Viewer, at: Attempt) -> None:
        self.enrolments = (me.enrolment, at.site.enrol(me.browser, "plain"))
        self.night(at)

    def video(self, number: int) -> tuple[int, str]:
        return self.enrolments[number // 2 % 2], UNITS[number % 2]

    def shows(self, found: Records, refused: Refused) -> None:
        super().shows(found, refused)
        assert "faster-than-time" in found.refusals
        assert len({each.asset_id for each in found.playbacks}) == 2
        assert len({each.scope for each in found.playbacks}) == 2


class PlaysAnotherVideoMeanwhile(Asked):
    """While a prompt waits at one video, goes on with the other, and comes back to both."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        first, other = me, at.tab()
        for _turn in range(5):
            other.open("u2")
            other.fetch(0, 200)
            at.wait(15)
            other.beat([(0, 200)])
            assert first.open("u1")["prompt"]["id"] == prompt["id"]
            first.fetch(self.position, self.position + 60)
            at.wait(15)
            assert first.beat([(0, self.position + 60)]).json["credited_ms"] == 0

    def shows(self, found: Records, refused: Refused) -> None:
        assert found.ends["taken-over"] == 10
        assert {"presence", "faster-than-time"} <= found.refusals


class AnswersForAnother(Asked):
    """One person who answers for many: by their prompt's id, signed in as oneself."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        other = at.site.viewer(at.site.arrive(), "asked")
        at.browsers.append(other.browser)
        other.open()
        for playback in (other.playback, me.playback):
            other.playback = playback
            assert other.choose(prompt["id"], read(prompt)).status == 404
        assert self.play(me, at, 15)["credited_ms"] == 0

    def shows(self, found: Records, refused: Refused) -> None:
        assert refused[ANSWER, 404] == 2
        assert not found.tries


class ReadsAndAnswersByScript(Asked):
    """A program that reads every prompt and answers in the same instant, at honest speed. It
    cannot be told by time: it earns what an honest person does and not more, and what it did
    stands in the evidence."""

    def go_on(self, me: Viewer, at: Attempt, prompt: Any) -> None:
        for _beat in range(40):
            if prompt is not None:
                me.choose(prompt["id"], read(prompt))
            prompt = self.play(me, at, 15)["prompt"]

    def shows(self, found: Records, refused: Refused) -> None:
        answered = [prompt for prompt in found.prompts if prompt.answered_at]
        assert len(answered) >= 3
        assert all((p.answered_at - p.issued_at).total_seconds() < 5 for p in answered)
