"""Captions in a real browser: chosen, remembered, searched, and a line that leads to its moment."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from courses.models import Unit
from media import captions
from media.caption_models import CaptionTrack, CaptionVersion
from tests.walk.test_offline import begin, position
from tests.walk.theatre import Theatre
from tests.walk.visitor import Visitor, until
from zhixin import clock

pytestmark = [pytest.mark.browser, pytest.mark.services]
SHOWN = ".vjs-text-track-cue"


def test_words_are_shown_found_and_gone_to(chromium: Browser, theatre: Theatre) -> None:
    with Visitor(chromium, theatre, "learner8") as page:
        begin(page)
        lines = page.locator("[data-transcript] li button")
        expect(lines.first).to_have_attribute("aria-current", "true")
        menu = page.locator(".vjs-subs-caps-button, .vjs-captions-button").first
        menu.locator("button").first.click()
        page.get_by_role("menuitemradio", name="简体中文").click()
        expect(page.locator(SHOWN)).to_have_text("通风的要求")
        page.get_by_label("在文字稿中查找").fill("检修")
        expect(page.get_by_text("找到 1 处")).to_be_visible()
        page.get_by_label("在文字稿中查找").press("Enter")
        page.keyboard.press("Enter")
        until(page, lambda: position(page) >= 90)
        expect(lines.nth(2)).to_have_attribute("aria-current", "true")
        expect(page.locator(SHOWN)).to_have_text("检修通道")
        page.get_by_label("在文字稿中查找").fill("")
        lines.nth(1).click()
        until(page, lambda: 60 <= position(page) < 90)
        page.reload()
        page.locator("[data-player] .vjs-big-play-button").click()
        # At a border two words may stand for a moment.
        expect(page.locator(SHOWN).first).to_be_visible()


def test_an_author_edits_beside_the_video(chromium: Browser, theatre: Theatre) -> None:
    """What is typed is saved by itself, an overlap is said in words at its cue, a cue is played in
    the video; the next version that is frozen has it, and the published one stays."""
    with theatre.look() as session:
        track = session.scalars(sa.select(CaptionTrack)).one()
        unit = session.scalars(sa.select(Unit).where(Unit.asset_id == track.asset_id)).one()
        at = f"/studio/units/{unit.id}/captions/{track.id}"
        track_id = track.id
    author = SimpleNamespace(url=theatre.url, password=theatre.password, people={"author": "作者"})
    with Visitor(chromium, author, "author") as page:
        page.goto(at)
        items = page.locator("li.cue")
        expect(items).to_have_count(3)
        expect(page.locator("[data-status]")).to_be_attached()
        items.nth(0).get_by_label("文字").fill("通风的做法")
        items.nth(0).get_by_label("结束").fill("1:10.000")
        items.nth(0).get_by_label("结束").press("Tab")
        expect(page.locator("[data-status]")).to_contain_text("已保存")
        expect(items.nth(1).locator("[data-problems]")).to_contain_text("与前一条重叠 10.0 秒")
        items.nth(1).get_by_role("button", name="播放").click()
        until(page, lambda: 60 <= position(page) < 90)
        page.reload()
        expect(items.nth(0).get_by_label("文字")).to_have_value("通风的做法")
        expect(items.nth(0).get_by_label("结束")).to_have_value("1:10.000")
    with theatre.look() as session:
        track = session.get_one(CaptionTrack, track_id)
        captions.freeze(session, track, clock.now())
        kept = session.scalars(
            sa.select(CaptionVersion.cues)
            .where(CaptionVersion.track_id == track_id)
            .order_by(CaptionVersion.id)
        ).all()
        assert ["通风的做法" in text for text in kept] == [False, True]
