"""Adversaries who look for the request that says "finished"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from courses.courseware.claims import MOST_SITTING_MS
from tests.adversaries.adversary import Adversary, Attempt
from tests.adversaries.browser import Answer
from tests.adversaries.seeding import CHOICES
from tests.adversaries.site import Records
from tests.adversaries.viewer import STOP_S, VIDEO_S, Viewer

Refused = Counter[tuple[str, int]]
#: They end what the others need, or change the account itself; ``sessions`` tries them.
LEFT_OUT = {
    "people.sign_out", "people.end_sign_in", "people.change_password", "people.sign_in",
    "learning.withdraw",
}  # fmt: skip
FINISHED: dict[str, Any] = {
    "finished": True, "completed": True, "complete": True, "done": True, "status": "completed",
    "state": "completed", "progress": 100, "percent": 100, "covered": [[0, VIDEO_S]],
    "covered_ms": VIDEO_S * 1000, "hours": "4", "award": 1, "transition": "verify", "decision": "verify",
    "reason": "看过了", "person_id": 1, "unit": "u1", "answers": {"q1": ["b"]}, "q1": "b",
}  # fmt: skip


class CallsEveryRoute(Adversary):
    """Every route that takes a POST, PUT, PATCH or DELETE, with its own ids and what a route that
    completes would like to read, as JSON and as a form; every page with it in the address."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        me.open()
        me.fetch(0, 40)
        self.answers: Counter[int] = Counter()
        for method, endpoint, path in self._routes(me, at):
            if method == "GET":
                self.answers[me.browser.get(path + "?finished=1&progress=100").status] += 1
                continue
            if method == "POST":
                fields = {name: str(value) for name, value in FINISHED.items()}
                self.answers[me.browser.form(path, **fields).status] += 1
            answer = me.browser.call(path, FINISHED, method=method)
            assert answer.status < 500, (method, endpoint, answer.body)
            self.answers[answer.status] += 1
        shown = me.progress()
        assert [unit["confirmed_ms"] for unit in shown["units"][:2]] == [0, 0]
        assert not shown["course"]["complete"]
        assert shown["course"]["award"] is None

    def _routes(self, me: Viewer, at: Attempt) -> Iterator[tuple[str, str, str]]:
        values: dict[str, Any] = {
            "enrolment_id": me.enrolment, "playback_id": me.playback, "unit_key": "u1",
            "course_id": at.site.courses["plain"], "question_id": "q1", "code": "x", "year": 2026,
            "upload_id": "x", "filename": "x", "grant": "x", "name": "x",
        }  # fmt: skip
        for rule in at.site.app.url_map.iter_rules():
            if rule.endpoint in LEFT_OUT:
                continue
            wanted = {name: values.get(name, 1) for name in rule.arguments}
            if rule.endpoint.startswith("banks."):  # whose questions have numbers
                wanted |= dict.fromkeys(wanted.keys() & {"question_id"}, 1)
            units = ("u1", "p1", "q1") if "unit_key" in rule.arguments else ("",)
            for unit in units:
                built = rule.build(wanted | ({"unit_key": unit} if unit else {}))
                assert built is not None
                for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                    yield method, rule.endpoint, built[1]

    def shows(self, found: Records, refused: Refused) -> None:
        assert sum(refused.values()) > 60
        assert not found.beats
        assert not any(status >= 500 for _endpoint, status in refused)


class ReadsAndPassesEverythingElse(Adversary):
    """Reads the page, passes the quiz, claims the videos: all but watching them."""

    gains_nothing_at_all = True

    def run(self, me: Viewer, at: Attempt) -> None:
        assert me.browser.form(f"/learn/{me.enrolment}/p1/read").status == 303
        assert me.browser.form(f"/learn/{me.enrolment}/q1/attempt").status == 303
        page = me.browser.get(f"/learn/{me.enrolment}/q1").body.decode()
        attempt = page.partition(f"/learn/{me.enrolment}/q1/attempts/")[2].partition('"')[0]
        answer = me.browser.form(f"/learn/{me.enrolment}/q1/attempts/{attempt}", **{"q-q1": "b"})
        assert answer.status == 303, answer.body.decode()[:500]
        for unit in ("u1", "u2"):
            me.open(unit)
            me.beat([(0, VIDEO_S)])
            assert me.browser.form(f"/learn/{me.enrolment}/{unit}/read").status == 404
        self.units = {unit["key"]: unit["done"] for unit in me.progress()["units"]}

    def shows(self, found: Records, refused: Refused) -> None:
        assert self.units == {"u1": False, "u2": False, "p1": True, "q1": True}
        assert found.refusals == {"not-delivered"}


class SpeaksForItsCourseware(Adversary):
    """Says in its courseware's place that it is done and took days, in the words of both editions;
    answers the stop of the video before it has come, with every choice, before and after a claim
    of the whole video."""

    course = "stopping"
    gains_nothing_at_all = True
    said = (
        {"cmi.core.lesson_status": "completed", "cmi.core.session_time": "9999:59:59"},
        {"cmi.completion_status": "completed", "cmi.session_time": "P9999DT99999H"},
        {"cmi.core.score.raw": "100", "cmi.success_status": "passed", "cmi.session_time": "PT24H"},
    )

    def run(self, me: Viewer, at: Attempt) -> None:
        for values in self.said:
            answer = self._say(me, "g1", values)
            assert (answer.status, answer.json) == (200, {"done": True})
            assert self._say(me, "u1", values).status == 404  # a video is no courseware
        assert self._say(me, "g1", {"hours": "4"}).status == 422
        me.open()
        self.early = 0
        for _claim in range(2):
            self._answer_ahead(me)
            at.wait(15)
            assert me.beat([(0, VIDEO_S)]).json["reason"] == "not-delivered"
        self._answer_ahead(me)
        shown = me.progress()
        units = {each["key"]: (each["confirmed_ms"], each["done"]) for each in shown["units"]}
        assert units == {"u1": (0, False), "g1": (0, True)}
        assert not shown["course"]["complete"]
        assert shown["course"]["award"] is None

    def _say(self, me: Viewer, unit: str, values: dict[str, str]) -> Answer:
        address = f"/api/v1/enrolments/{me.enrolment}/courseware/{unit}"
        return me.browser.call(address, {"values": values})

    def _answer_ahead(self, me: Viewer) -> None:
        address = f"/api/v1/enrolments/{me.enrolment}/units/u1/stops"
        (stop,) = me.browser.get(address).json["stops"]
        assert (stop["at"], stop["reached"], stop["answered"]) == (STOP_S, False, False)
        assert (stop["text"], stop["options"], stop["right"]) == ("", [], None)
        for choice in range(len(CHOICES)):
            answer = me.browser.call(
                f"{address}/{stop['place']}", {"choice": choice, "tries": stop["tries"]}
            )
            assert (answer.status, answer.code) == (409, "stop-not-reached")
            self.early += 1

    def shows(self, found: Records, refused: Refused) -> None:
        assert refused["learning_api.answer_stop", 409] == self.early
        assert found.stops == 0
        assert found.refusals == {"not-delivered"}
        (claim,) = found.claims.values()
        assert claim.unit_key == "g1"
        assert claim.claimed_ms == len(self.said) * MOST_SITTING_MS  # shown, never counted
        assert claim.values == {
            "cmi.core.lesson_status": "completed", "cmi.completion_status": "completed",
            "cmi.core.score.raw": "100", "cmi.success_status": "passed",
        }  # fmt: skip
