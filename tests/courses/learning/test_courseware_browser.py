"""Courseware in a real browser: packages of others run, and a hostile one gets nowhere."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug.serving import make_server

from courses import enrolments
from courses.courseware import keeping
from courses.courseware.models import CoursewareClaim, Edition
from courses.packages import reading
from tests.courses.learning.conftest import make_offer
from zhixin import archives, clock, db, schema
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people import accounts
from zhixin.people.models import Role

pytestmark = pytest.mark.browser
OTHERS = Path(__file__).resolve().parents[3].parent / "shared/fixtures/interop/scorm"
if not OTHERS.is_dir():
    OTHERS = Path(__file__).resolve().parents[4].parent / "shared/fixtures/interop/scorm"
PASSWORD = "correct horse 马"

#: Tries all that it must not, and tells what it got by the one way that it has.
HOSTILE = """<html><head></head><body><iframe src="inner.html"></iframe><script>
var got = {}, called = null;
function tried(name, what) { try { got[name] = String(what()); } catch (error) { got[name] = "refused"; } }
function RecordTest(score) { called = score; }
tried("cookie", function () { return document.cookie; });
tried("page", function () { return top.document.body.innerHTML.length; });
tried("frame", function () { return window.frameElement === null ? "refused" : "seen"; });
tried("away", function () { top.location.href = "https://example.org/"; return top.location.href; });
localStorage.setItem("a", "b"); got.storage = localStorage.getItem("a");
API.LMSInitialize("");
var rest = [fetch("/my/learning", { credentials: "include" }), fetch("/api/v1/me"), fetch("https://example.org/"),
  new Promise(function (yes, no) { var i = new Image(); i.onload = yes; i.onerror = no; i.src = "/static/x.png"; })];
Promise.all(rest.map(function (each) { return each.then(function () { return "reached"; }, function () { return "refused"; }); }))
  .then(function (all) {
    got.network = all.join(); got.called = called;
    setTimeout(function () { got.called = called; API.LMSSetValue("cmi.suspend_data", JSON.stringify(got)); API.LMSCommit(""); }, 500);
  });
</script></body></html>"""
#: Says what it may not between things that it may, and tells how it was answered.
WILD = """<!doctype html><title>t</title><script>
API.LMSInitialize("");
var answers = [API.LMSSetValue("cmi.core.lesson_location", "7")];
answers.push(API.LMSSetValue("cmi.not-a-name", "x"), API.LMSGetLastError());
answers.push(API.LMSSetValue("cmi.suspend_data", "x".repeat(64001)));
for (var at = 0; at < 5; at++) answers.push(API.LMSSetValue("cmi.comments." + at, "\\u5b66".repeat(60000)));
answers.push(document.compatMode);
API.LMSSetValue("cmi.suspend_data", answers.join()); API.LMSCommit("");
</script>"""
INNER = "<html><head></head><body><script>parent.RecordTest(80);</script></body></html>"


class Stage:
    """An application that answers on a port, with a learner and courseware."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = create_app(
            Settings(data_dir=folder, broker_url="memory://", log_level="ERROR"), testing=True
        )
        with self.app.extensions["db"].engine.connect() as connection:
            schema.upgrade(connection)
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def offer(self, edition: Edition, files: dict[str, bytes], launch: str) -> int:
        """Publish a course with this courseware, and enrol the learner; the enrolment's id."""
        with self.app.app_context():
            session, now = db.session(), clock.now()
            author, learner = (
                accounts.create(
                    session, sign_in_name=n, password=PASSWORD, name=n, now=now, roles=(r,)
                )
                for n, r in (("author", Role.AUTHOR), ("learner", Role.LEARNER))
            )
            local = {}
            for at, (name, content) in enumerate(files.items()):
                local[name] = self.folder / f"f{at}"
                local[name].write_bytes(content)
            store = self.app.extensions["media_store"]
            store.root.mkdir(parents=True, exist_ok=True)
            brought = keeping.bring(store, author.id, edition, local, now)
            kept = keeping.keep(session, store, brought)
            unit = {
                "key": "g",
                "kind": "scorm",
                "title": "课件",
                "courseware_id": kept.id,
                "launch": launch,
            }
            offer = make_offer(session, author.id, now, ("video",), more=(unit,))
            made = enrolments.enrol(session, learner.id, offer.course.id, now)
            db.finish(keep=True)
            return made.id

    def said(self, enrolment_id: int) -> dict[str, Any]:
        with self.app.app_context():
            claim = db.session().get(CoursewareClaim, (enrolment_id, "g"))
            return dict(claim.values) if claim else {}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()
    made.app.extensions["db"].engine.dispose()


@pytest.fixture
def page(stage: Stage, chromium: Browser) -> Iterator[Page]:
    browser = chromium.browser_type.launch(
        executable_path=os.environ.get("TEST_CHROMIUM", "/usr/bin/chromium"),
        args=["--no-sandbox", "--disable-background-networking"],
    )
    yield browser.new_page(base_url=stage.url)
    browser.close()


def enter(page: Page, enrolment_id: int) -> None:
    page.goto("/sign-in")
    page.locator("[name=login], [name=sign_in_name], [name=username]").first.fill("learner")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.goto(f"/learn/{enrolment_id}/g")


def until(page: Page, true: Callable[[], bool]) -> None:
    for _each in range(300):
        if true():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come to that within thirty seconds")


def test_a_hostile_package_gets_nowhere(stage: Stage, page: Page) -> None:
    """No cookie, no page around it, no other address of ours or of others; what its own frames
    call of each other arrives, and it is heard by the one way that it has."""
    files = {"begin.html": HOSTILE.encode(), "inner.html": INNER.encode()}
    enrolment_id = stage.offer(Edition.SCORM_12, files, "begin.html")
    enter(page, enrolment_id)
    until(page, lambda: "cmi.suspend_data" in stage.said(enrolment_id))
    got = json.loads(stage.said(enrolment_id)["cmi.suspend_data"])
    assert got == {
        "cookie": "refused", "page": "refused", "frame": "refused", "away": "refused", "storage": "b",
        "network": "refused,refused,refused,refused", "called": 80,
    }  # fmt: skip
    assert page.url.endswith(f"/learn/{enrolment_id}/g")
    expect(page.locator("[data-courseware-status]")).to_have_text("课件的进度已保存")


def test_what_it_may_not_say_takes_nothing_else_along(stage: Stage, page: Page) -> None:
    """A name that is none, a value too long, more than all may hold: each is refused to its face,
    and the bookmark beside it is kept. A page without a head is drawn as it wants to be."""
    enrolment_id = stage.offer(Edition.SCORM_12, {"begin.html": WILD.encode()}, "begin.html")
    enter(page, enrolment_id)
    until(page, lambda: "cmi.suspend_data" in stage.said(enrolment_id))
    said = stage.said(enrolment_id)
    assert said["cmi.core.lesson_location"] == "7"
    assert said["cmi.suspend_data"] == "true,false,401,false,true,true,true,false,false,CSS1Compat"


def test_what_it_says_first_is_heard_on_a_slow_network(stage: Stage, page: Page) -> None:
    """The page's script comes long after the page: what the courseware says at once is not lost."""
    begin = """<!doctype html><script>API.LMSInitialize("");
    API.LMSSetValue("cmi.core.lesson_location", "1"); API.LMSCommit("");</script>"""
    enrolment_id = stage.offer(Edition.SCORM_12, {"begin.html": begin.encode()}, "begin.html")

    def late(route: Route) -> None:
        page.wait_for_timeout(3000)
        route.continue_()

    page.route("**/courseware-*.js", late)
    enter(page, enrolment_id)
    until(page, lambda: stage.said(enrolment_id).get("cmi.core.lesson_location") == "1")


def test_the_last_words_of_a_page_that_is_left_arrive(stage: Stage, page: Page) -> None:
    """More than a browser sends of such a page: then at least where one was."""
    begin = """<html><head></head><body><script>API.LMSInitialize("");
    function last() { API.LMSSetValue("cmi.suspend_data", "\\u5b66".repeat(60000)); API.LMSSetValue("cmi.core.lesson_location", "9"); }
    </script></body></html>"""
    enrolment_id = stage.offer(Edition.SCORM_12, {"begin.html": begin.encode()}, "begin.html")
    enter(page, enrolment_id)
    until(page, lambda: "cmi.core.lesson_status" in stage.said(enrolment_id))
    page.evaluate("window.heard = 0; addEventListener('message', () => { window.heard += 1; })")
    page.frames[1].evaluate("last()")
    until(page, lambda: page.evaluate("window.heard") == 2)
    page.goto("about:blank")
    until(page, lambda: stage.said(enrolment_id).get("cmi.core.lesson_location") == "9")


@pytest.mark.skipif(not OTHERS.is_dir(), reason="files of other systems are not here")
def test_a_package_of_others_runs(stage: Stage, page: Page) -> None:
    """SCORM 2004's example: it finds its API, turns pages, and remembers where it was."""
    file = OTHERS / "RuntimeBasicCalls_SCORM20043rdEdition.zip"
    bounds = reading.Bounds(10**8, 10**8, 10**7)
    with archives.open(file, reading.limits(file.stat().st_size, bounds)) as archive:
        found = reading.read(archive, bounds).document
        (package,) = found.courseware
        files = {name: archive.read(member) for name, member in package.files.items()}
    unit = next(found.units())
    assert unit.launch is not None
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    enrolment_id = stage.offer(package.edition, files, unit.launch)
    enter(page, enrolment_id)
    page.frame_locator("[data-courseware]").locator("#butNext").click()
    until(page, lambda: stage.said(enrolment_id).get("cmi.location") == "1")
    assert stage.said(enrolment_id)["cmi.completion_status"] == "incomplete"
    page.reload()
    until(page, lambda: any("resume" in each for each in asked))
    inner = page.frame_locator("[data-courseware]").frame_locator("#contentFrame")
    expect(inner.locator("h1")).to_have_text("Par")
