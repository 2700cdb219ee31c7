"""Watching in a real browser while the network, the server and the page go and come back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from media import intervals
from media.models import Playback
from tests.walk.theatre import TITLE, Theatre
from tests.walk.visitor import Visitor, until

pytestmark = [pytest.mark.browser, pytest.mark.services]
#: What may lie between what a browser showed and what is confirmed: the picture before the
#: first look at it and after the last, at each of a story's interruptions.
SLACK_S = 1.5


def begin(page: Page) -> None:
    """From the catalogue into the lecture, and play."""
    page.goto("/fields/transport")
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
