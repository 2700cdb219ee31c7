"""The learning player in a real browser: chapters, qualities, hover pictures, keys, sound alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from media import intervals
from tests.walk.conftest import _free_port
from tests.walk.test_offline import begin, confirmed_s, pause, position
from tests.walk.theatre import Theatre, prepare, served
from tests.walk.visitor import Visitor, until

pytestmark = [pytest.mark.browser, pytest.mark.services]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """One whose lecture is large enough for two renditions."""
    folder = tmp_path_factory.mktemp("theatre")
    with served(prepare(folder, _free_port(), "", size="960x540")) as place:
        yield place


def rate(page: Page) -> float:
    return float(page.evaluate("document.querySelector('video').playbackRate"))


def paused(page: Page) -> bool:
    return bool(page.evaluate("document.querySelector('video').paused"))


def test_the_player_is_used_by_pointer_and_keys(chromium: Browser, theatre: Theatre) -> None:
    """A chapter is jumped to, a quality chosen and remembered, a picture shown above the bar, and
    keys work on the page but not in what is typed into; nothing of it is out of reach."""
    with Visitor(chromium, theatre, "learner6") as page:
        begin(page)
        page.get_by_role("button", name="通风方式").click()
        until(page, lambda: position(page) > 60)
        chapter = page.locator("button[data-chapter]").nth(1)
        expect(chapter).to_have_attribute("aria-current", "true")
        expect(page.locator(".chapter-ticks span")).to_have_count(2)
        page.mouse.move(0, 0)
        page.locator(".vjs-progress-holder").hover()
        expect(page.locator(".hover-preview")).to_be_visible()
        expect(page.locator(".hover-preview__picture")).to_be_visible()

        page.get_by_role("button", name="清晰度：自动").click()
        page.get_by_role("menuitemradio", name="360p").click()
        expect(page.get_by_role("button", name="清晰度：360p")).to_be_visible()

        pause(page)
        page.locator("h1").click()  # the focus is nowhere
        at = position(page)
        page.keyboard.press("ArrowLeft")
        until(page, lambda: abs(position(page) - (at - 5)) < 0.5)
        page.keyboard.press("l")
        until(page, lambda: abs(position(page) - (at + 5)) < 0.5)
        page.keyboard.press("<")
        assert rate(page) == 0.75
        page.keyboard.press("k")
        until(page, lambda: not paused(page))
        page.keyboard.press(" ")
        until(page, lambda: paused(page))
        page.locator(".vjs-play-control").focus()  # video.js keeps keys from those above it
        page.keyboard.press("k")
        until(page, lambda: not paused(page))
        page.keyboard.press("k")
        until(page, lambda: paused(page))
        page.keyboard.press("Control+k")
        page.get_by_role("button", name="快捷键").focus()
        page.keyboard.press(" ")  # the button's own
        help = page.get_by_role("dialog", name="快捷键")
        expect(help).to_be_visible()
        page.keyboard.press("k")
        assert paused(page)
        help.get_by_role("checkbox").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("k")
        page.wait_for_timeout(300)
        assert paused(page), "switched off"

        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id))")
        assert found == []
        page.reload()
        page.locator("[data-player] .vjs-big-play-button").click()
        expect(page.get_by_role("button", name="清晰度：360p")).to_be_visible()


def test_the_sound_alone_is_counted(chromium: Browser, theatre: Theatre) -> None:
    """Who only listens is sent no pictures, and what was heard is confirmed as what is seen."""
    with Visitor(chromium, theatre, "learner7") as page:
        begin(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.get_by_label("只听声音").check()
        until(page, lambda: any(url.endswith("/audio.m3u8") for url in asked))
        asked.clear()
        before = confirmed_s(theatre, "learner7")
        until(page, lambda: confirmed_s(theatre, "learner7") > before + 10)
        heard = theatre.coverage("learner7")
        lost_ms = heard[-1][1] - heard[0][0] - intervals.total(heard)
        assert lost_ms < 500, "what played on while the sound was loaded is counted too"
        assert any("/a0/s" in url for url in asked)
        assert not any("/v0/s" in url or "/v1/s" in url for url in asked)


def test_the_smallest_picture_comes_first(chromium: Browser, theatre: Theatre) -> None:
    """Who has a narrow line sees something at once; a wide one gets more a moment later."""
    with Visitor(chromium, theatre, "learner8") as page:
        lists: list[str] = []
        segments: list[str] = []
        page.on("request", lambda request: segments.extend(re.findall(r"/(v\d)/s", request.url)))
        page.on("response", lambda response: _keep_list(response, lists))
        begin(page)
        heights = dict(re.findall(r"RESOLUTION=\d+x(\d+).*\n(v\d)/", lists[0]))
        assert len(heights) == 2
        smallest = heights[min(heights, key=int)]
        assert segments[0] == smallest
        until(page, lambda: set(segments) == set(heights.values()))


def _keep_list(response: Response, lists: list[str]) -> None:
    if response.url.endswith("/master.m3u8"):
        lists.append(response.text())


def test_the_picture_in_a_window_of_its_own(chromium: Browser, theatre: Theatre) -> None:
    """It plays on above other windows and is counted, and comes back."""
    with Visitor(chromium, theatre, "learner9") as page:
        begin(page)
        floats = "document.pictureInPictureElement !== null"
        page.locator(".vjs-picture-in-picture-control").click()
        until(page, lambda: bool(page.evaluate(floats)))
        before = confirmed_s(theatre, "learner9")
        until(page, lambda: confirmed_s(theatre, "learner9") > before + 5)
        page.locator(".vjs-picture-in-picture-control").click()
        until(page, lambda: not page.evaluate(floats))
