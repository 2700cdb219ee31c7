"""Watching in a real browser while the network, the server and the page go and come back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from media import intervals
from media.models import Playback
from tests.browsing import launch
from tests.walk.conftest import _free_port
from tests.walk.theatre import TITLE, Theatre
from tests.walk.visitor import Visitor, until

pytestmark = [pytest.mark.browser, pytest.mark.services]
#: What may lie between what a browser showed and what is confirmed: the picture before the
#: first look at it and after the last, at each of a story's interruptions.
SLACK_S = 1.5
#: What a pause may lose by docs/integrator/watch-evidence.md: what came after the last look.
PAUSE_S = 0.25


def begin(page: Page, url: str = "") -> None:
    """From the catalogue into the lecture, and play."""
    page.goto(f"{url}/fields/transport")
    page.get_by_role("link", name=TITLE).first.click()
    page.get_by_role("button", name="报名学习").click()
    page.locator("[data-player] .vjs-big-play-button").click()
    until(page, lambda: position(page) > 1)


def position(page: Page) -> float:
    return float(page.evaluate("document.querySelector('video')?.currentTime ?? 0"))


def buffered(page: Page) -> float:
    """How far the video could play without network."""
    reach = "(v => v.buffered.length ? v.buffered.end(v.buffered.length - 1) : 0)"
    return float(page.evaluate(f"{reach}(document.querySelector('video'))"))


def pause(page: Page) -> float:
    """Pause and say where."""
    page.evaluate("document.querySelector('video').pause()")
    return position(page)


def shown_s(page: Page) -> float:
    """How much of the video the browser itself says that it played."""
    parts = "(p => [...Array(p.length).keys()].map(n => p.end(n) - p.start(n)))"
    return float(sum(page.evaluate(f"{parts}(document.querySelector('video').played)")))


def pending(page: Page) -> str:
    return page.locator("[data-pending]").text_content() or ""


def confirmed_s(theatre: Theatre, name: str) -> float:
    return intervals.total(theatre.coverage(name)) / 1000


def test_nothing_is_lost_when_the_network_goes(chromium: Browser, theatre: Theatre) -> None:
    """It plays on from its buffer, says since when it can't reach the server and what it keeps,
    and sends all of it when the network is back: confirmed is what was played."""
    visitor = Visitor(chromium, theatre, "learner0")
    with visitor as page:
        begin(page)
        until(page, lambda: buffered(page) > 40)
        until(page, lambda: confirmed_s(theatre, "learner0") > 5)
        visitor.context.set_offline(True)
        cut_at = position(page)
        until(page, lambda: position(page) > cut_at + 20)
        expect(page.locator("[data-message-text]")).to_contain_text("暂时连不上服务器")
        assert pending(page) != "0:00"
        assert confirmed_s(theatre, "learner0") < cut_at + SLACK_S
        visitor.context.set_offline(False)
        end = pause(page)
        until(page, lambda: pending(page) == "0:00")
        expect(page.locator("[data-message]")).to_be_hidden()
        assert theatre.coverage("learner0")[0][0] < 1000 * SLACK_S
        assert end - SLACK_S < confirmed_s(theatre, "learner0") <= end + 0.1
        assert len(theatre.rows(Playback, "learner0")) == 1, "the same playback went on"


#: A page whose timers can be stopped: then nothing happens there that nobody causes.
STOPPABLE = """
for (const name of ["setTimeout", "setInterval"]) {
  const real = window[name];
  window[name] = (act, ...rest) => real((...given) => window.stopped || act(...given), ...rest);
}
"""


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_what_waits_is_sent_as_soon_as_the_network_is_back(
    chromium: Browser, theatre: Theatre
) -> None:
    """Not with the next beat, up to a quarter of a minute later: with all timers of the page
    stopped it still goes."""
    visitor = Visitor(chromium, theatre, "learner13")
    with visitor as page:
        page.add_init_script(STOPPABLE)
        begin(page)
        until(page, lambda: buffered(page) > 20)
        visitor.context.set_offline(True)
        cut_at = position(page)
        until(page, lambda: position(page) > cut_at + 4)
        end = pause(page)
        until(page, lambda: pending(page) != "0:00")
        page.evaluate("window.stopped = true")
        visitor.context.set_offline(False)
        until(page, lambda: confirmed_s(theatre, "learner13") > end - SLACK_S)


#: What an earlier page could not send, to a playback that the server knows nothing of.
KEEP = """person => new Promise(done => {
  const request = indexedDB.open("zhixin", 1);
  request.onsuccess = () => {
    const store = request.result.transaction("unsent", "readwrite").objectStore("unsent");
    const unsent = { playback: "nobody", person, seq: 3, claims: [[0, 65000]], positionMs: 65000 };
    store.put({ ...unsent, savedAt: Date.now() }).onsuccess = () => done(null);
  };
})"""


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_what_will_never_be_counted_is_told(chromium: Browser, theatre: Theatre) -> None:
    """How much it was, and why in the server's words: time does not vanish without any."""
    with Visitor(chromium, theatre, "learner10") as page:
        begin(page)
        page.evaluate(KEEP, page.locator("[data-person]").get_attribute("data-person"))
        page.reload()
        told = page.locator("[data-message-text]")
        expect(told).to_contain_text("以前的页面上有 1:05 没有计入：")
        assert (told.text_content() or "").rpartition("：")[2].strip()


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_a_lecture_that_could_not_begin_does_so_by_itself(
    chromium: Browser, theatre: Theatre
) -> None:
    """The network went between the page and its first request: said, and made up for when it is
    back, without a press."""
    opening = "**/api/v1/enrolments/*/playbacks"
    visitor = Visitor(chromium, theatre, "learner11")
    with visitor as page:
        page.route(opening, lambda route: route.abort())
        page.goto("/fields/transport")
        page.get_by_role("link", name=TITLE).first.click()
        page.get_by_role("button", name="报名学习").click()
        told = page.locator("[data-message-text]")
        expect(told).to_contain_text("暂时连不上服务器")
        visitor.context.set_offline(True)
        page.unroute(opening)
        visitor.context.set_offline(False)
        expect(told).to_be_hidden()
        page.locator("[data-player] .vjs-big-play-button").click()
        until(page, lambda: confirmed_s(theatre, "learner11") > 1)


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_what_is_refused_for_now_is_told(chromium: Browser, theatre: Theatre) -> None:
    """Something runs ahead of real time: how much is not counted yet, why, and what to do."""

    def ahead(route: Route) -> None:
        body = route.request.post_data_json
        route.continue_(post_data=json.dumps(body | {"played": [[0, 100]]}))

    with Visitor(chromium, theatre, "learner12") as page:
        page.route("**/api/v1/playbacks/*/beats", ahead)
        begin(page)
        told = page.locator("[data-message-text]")
        expect(told).to_contain_text("播放进度快于实际经过的时间")
        assert re.search(r"有 \d\d 秒暂未计入", told.text_content() or "")
        assert confirmed_s(theatre, "learner12") < 60


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_nothing_is_lost_when_the_page_is_left(chromium: Browser, theatre: Theatre) -> None:
    """It is sent on the way out. When nobody answers there, it waits in the browser and goes to
    the playback under which it was watched, as soon as the lecture is opened again."""
    with Visitor(chromium, theatre, "learner1") as page:
        begin(page)
        lesson = page.url
        until(page, lambda: position(page) > 6)
        left_at = position(page)
        page.goto("about:blank")
        until(page, lambda: confirmed_s(theatre, "learner1") > left_at - SLACK_S, patience_s=5)
        page.goto(lesson)
        page.locator("[data-player] .vjs-big-play-button").click()
        until(page, lambda: buffered(page) > 40)
        theatre.kill()
        until(page, lambda: position(page) > left_at + 12)
        end = position(page)
        page.goto("about:blank")
        assert confirmed_s(theatre, "learner1") < end - 8
        theatre.start_again()
        page.goto(lesson)
        until(page, lambda: confirmed_s(theatre, "learner1") > end - 2 * SLACK_S)
        assert confirmed_s(theatre, "learner1") <= end + SLACK_S
        until(page, lambda: position(page) > end - 10)  # it opens where it was


def test_nothing_is_lost_when_the_server_is_killed(chromium: Browser, theatre: Theatre) -> None:
    """Killed while it plays and started again: the same page and the same playback go on, what
    was confirmed stays and what was played meanwhile is taken."""
    with Visitor(chromium, theatre, "learner2") as page:
        begin(page)
        until(page, lambda: buffered(page) > 30)
        until(page, lambda: confirmed_s(theatre, "learner2") > 3)
        theatre.kill()
        before = confirmed_s(theatre, "learner2")
        at = position(page)
        until(page, lambda: position(page) > at + 12)
        theatre.start_again()
        until(page, lambda: confirmed_s(theatre, "learner2") > at + 10)
        end = pause(page)
        until(page, lambda: pending(page) == "0:00")
        assert before > 3
        assert end - SLACK_S < confirmed_s(theatre, "learner2") <= end + 0.1
        assert len(theatre.rows(Playback, "learner2")) == 1


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_a_jump_to_the_end_confirms_only_what_was_shown(
    chromium: Browser, theatre: Theatre
) -> None:
    """Dragging the bar skips, and what is skipped stays missing."""
    with Visitor(chromium, theatre, "learner3") as page:
        begin(page)
        until(page, lambda: position(page) > 4)
        page.evaluate("document.querySelector('video').currentTime = 170")
        until(page, lambda: position(page) > 174)
        pause(page)
        until(page, lambda: pending(page) == "0:00")
        skipped = intervals.clip(theatre.coverage("learner3"), 10_000, 169_000)
        assert skipped == ()
        assert confirmed_s(theatre, "learner3") > 6


class Phone:
    """A Chromium whose page can be hidden and frozen: it has its sight from its window, while
    Playwright holds other pages in sight."""

    def __init__(self, chromium: Browser) -> None:
        port = _free_port()
        more = (f"--remote-debugging-port={port}", "--accept-lang=zh-CN")
        self.browser = launch(chromium.browser_type, *more)
        connected = chromium.browser_type.connect_over_cdp(
            f"http://127.0.0.1:{port}", no_defaults=True
        )
        self.context = connected.contexts[0]

    def take(self, page: Page) -> None:
        self.page, self.hands = page, self.context.new_cdp_session(page)
        page.evaluate(
            "window.seen = []; for (const name of ['visibilitychange', 'freeze', 'resume'])"
            " document.addEventListener(name, () => window.seen.push(name))"
        )

    def seen(self) -> list[str]:
        """What the page was told of all that."""
        return list(self.page.evaluate("window.seen.splice(0)"))

    def hide(self) -> None:
        self._window("minimized")
        until(self.page, lambda: bool(self.page.evaluate("document.hidden")))

    def freeze(self) -> None:
        self.hands.send("Page.setWebLifecycleState", {"state": "frozen"})

    def unlock(self) -> None:
        self.hands.send("Page.setWebLifecycleState", {"state": "active"})
        self._window("normal")
        until(self.page, lambda: not self.page.evaluate("document.hidden"))

    def _window(self, state: str) -> None:
        window = self.hands.send("Browser.getWindowForTarget")["windowId"]
        bounds = {"windowId": window, "bounds": {"windowState": state}}
        self.hands.send("Browser.setWindowBounds", bounds)


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Phone]:
    phone = Phone(chromium)
    yield phone
    phone.browser.close()


@pytest.mark.parametrize("theatre", ["sqlite"], indirect=True)
def test_a_phone_that_locks(phone: Phone, theatre: Theatre) -> None:
    """Its page is hidden and frozen: once with the video paused, once while its sound plays on.
    What was played is confirmed by then, of the time in which it stood nothing is, and after it
    the same playback goes on: in the end exactly what was played is confirmed, and nothing was
    ever refused."""

    def confirmed() -> float:
        return confirmed_s(theatre, "learner4")

    with Visitor(phone.browser, theatre, "learner4", phone.context) as page:
        begin(page, theatre.url)
        phone.take(page)
        for paused in (True, False):
            at = position(page)
            until(page, lambda at=at: position(page) > at + 5)  # type: ignore[misc]
            if paused:
                pause(page)
            phone.hide()
            page.wait_for_timeout(3000)
            shown = shown_s(page)
            phone.freeze()
            until(page, lambda shown=shown: confirmed() > shown - SLACK_S, patience_s=20)  # type: ignore[misc]
            page.wait_for_timeout(6000)
            assert shown_s(page) < shown + SLACK_S, "it stood still"
            assert confirmed() < shown + SLACK_S
            phone.unlock()
            assert phone.seen() == ["visibilitychange", "freeze", "resume", "visibilitychange"]
            page.evaluate("void document.querySelector('video').play()")
        until(page, lambda: position(page) > shown + 5)
        pause(page)
        until(page, lambda: pending(page) == "0:00")
        expect(page.locator("[data-message]")).to_be_hidden()
        shown = shown_s(page)
        assert shown - 3 * PAUSE_S < confirmed() <= shown + 0.1
        assert len(theatre.rows(Playback, "learner4")) == 1, "the same playback went on"
        assert [beat.refused_ms for beat in theatre.beats("learner4") if beat.refused_ms] == []
