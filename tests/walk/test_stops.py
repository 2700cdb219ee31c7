"""A stop of a video while the network is away, in a real browser by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.walk.test_offline import buffered, confirmed_s, pause, position
from tests.walk.test_presence import stopping
from tests.walk.theatre import Theatre
from tests.walk.visitor import Visitor, until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.parametrize("theatre", ["sqlite"], indirect=True),
]


def test_without_network_a_stop_may_be_left_for_later(chromium: Browser, theatre: Theatre) -> None:
    """Nobody is kept by what the network keeps back: it is said where the video stands still, the
    video goes on, and the question is answered from the list when the network is back."""
    course_id = stopping(theatre)
    visitor = Visitor(chromium, theatre, "learner8")
    with visitor as page:
        page.goto(f"/courses/{course_id}")
        page.get_by_role("button", name="报名学习").click()
        page.locator("[data-player] .vjs-big-play-button").click()
        until(page, lambda: position(page) > 0)
        pause(page)
        until(page, lambda: buffered(page) > 20)
        visitor.context.set_offline(True)
        page.evaluate("void document.querySelector('video').play()")
        box = page.locator("[data-stop]")
        expect(box).to_contain_text("暂时不能显示提问", timeout=30_000)
        expect(box).to_be_focused()
        stood = position(page)
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="继续播放")).to_be_focused()
        page.keyboard.press("Enter")
        expect(box).to_be_hidden()
        until(page, lambda: position(page) > stood + 2)
        visitor.context.set_offline(False)
        pause(page)
        until(page, lambda: confirmed_s(theatre, "learner8") > 4)
        page.get_by_role("button", name="0:04 未答").click()
        expect(box).to_contain_text("风从哪边来？", timeout=30_000)
        box.get_by_role("button", name="右边").click()
        expect(page.locator("[data-stops-list]")).to_contain_text("已答对")
