"""Being asked whether one is there, and going on elsewhere, in a real browser by keyboard."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from courses import checks, editing, reviewing, submission
from courses.models import UnitKind
from media import intervals
from media.models import Asset, Playback, Prompt
from tests.walk.test_offline import SLACK_S, begin, confirmed_s, pause, pending, position
from tests.walk.theatre import Theatre
from tests.walk.visitor import Visitor, until
from zhixin import clock
from zhixin.people.models import Person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.services,
    pytest.mark.parametrize("theatre", ["sqlite"], indirect=True),
]
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def asked(page: Page, theatre: Theatre, name: str) -> None:
    """Play until a prompt is there."""
    until(page, lambda: confirmed_s(theatre, name) > 2)
    theatre.ask_soon(name)
    expect(page.locator("[data-prompt]")).to_be_visible(timeout=40_000)


def right(page: Page) -> str:
    """The word that the prompt asks for, as one reads it."""
    return (page.locator("[data-prompt-text]").text_content() or "").partition("：")[2]


def choose_by_keyboard(page: Page, option: str) -> None:
    """Tab from the question to the option, and press it."""
    for _press in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == option:
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"{option} was not reached")


def test_a_prompt_is_answered_by_keyboard(chromium: Browser, theatre: Theatre) -> None:
    """It has the focus and a name when it comes, takes a wrong choice with patience, and after
    the right one everything that was played meanwhile is confirmed."""
    with Visitor(chromium, theatre, "learner4") as page:
        begin(page)
        asked(page, theatre, "learner4")
        box = page.locator("[data-prompt]")
        expect(box).to_be_focused()
        expect(box).to_have_attribute("role", "alertdialog")
        expect(box).to_contain_text("剩余")
        waiting = confirmed_s(theatre, "learner4")
        until(page, lambda: position(page) > waiting + 12)
        assert confirmed_s(theatre, "learner4") <= waiting + 1.1
        wanted = right(page)
        others = [text for text in box.get_by_role("button").all_text_contents() if text != wanted]
        choose_by_keyboard(page, others[0])
        expect(page.locator("[data-prompt-note]")).to_contain_text("选择不正确")
        until(
            page,
            lambda: page.locator("[data-prompt-options] button[aria-disabled=true]").count() == 0,
        )
        page.locator("[data-prompt]").focus()
        choose_by_keyboard(page, right(page))
        expect(box).to_be_hidden()
        until(page, lambda: confirmed_s(theatre, "learner4") > waiting + 10)
        prompt = theatre.rows(Prompt, "learner4")[-1]
        assert [each["right"] for each in prompt.tries] == [False, True]


def test_a_prompt_is_there_again_after_a_reload(chromium: Browser, theatre: Theatre) -> None:
    """The same one, with no more and no less to do; what was confirmed stays."""
    with Visitor(chromium, theatre, "learner5") as page:
        begin(page)
        asked(page, theatre, "learner5")
        text = page.locator("[data-prompt-text]").text_content()
        before = confirmed_s(theatre, "learner5")
        page.reload()
        expect(page.locator("[data-prompt]")).to_be_visible()
        expect(page.locator("[data-prompt-text]")).to_have_text(text or "")
        assert confirmed_s(theatre, "learner5") >= before
        page.locator("[data-prompt]").get_by_role("button", name=right(page)).click()
        expect(page.locator("[data-prompt]")).to_be_hidden()
        assert len(theatre.rows(Prompt, "learner5")) == 1


def test_a_prompt_is_accessible(chromium: Browser, theatre: Theatre) -> None:
    """axe finds nothing to complain of, on a phone and on a desktop."""
    with Visitor(chromium, theatre, "learner6") as page:
        begin(page)
        asked(page, theatre, "learner6")
        folder = Path("test-results")
        folder.mkdir(exist_ok=True)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            page.screenshot(path=folder / f"prompt-{width}.png")
            page.evaluate(AXE.read_text())
            found = page.evaluate("axe.run('[data-prompt]').then(r => r.violations.map(v => v.id))")
            assert found == []


def test_going_on_elsewhere_is_asked_for_and_said(chromium: Browser, theatre: Theatre) -> None:
    """From the phone to the desk: the desk is told of the phone; after "continue here" the phone
    stops and says why, and goes on only when it is asked to. Confirmed is what the two showed,
    and no second of it twice."""
    hand = chromium.new_context(
        base_url=theatre.url, locale="zh-CN", viewport={"width": 390, "height": 844},
        is_mobile=True, has_touch=True,
    )  # fmt: skip
    with (
        Visitor(chromium, theatre, "learner7", hand) as phone,
        Visitor(chromium, theatre, "learner7") as desk,
    ):
        begin(phone)
        until(phone, lambda: confirmed_s(theatre, "learner7") > 2)
        desk.goto(phone.url)
        told = desk.locator("[data-message]")
        expect(told).to_contain_text("您正在另一处学习")
        here = told.get_by_role("button", name="在此继续")
        here.focus()
        desk.keyboard.press("Enter")
        until(desk, lambda: position(desk) > 1)
        expect(phone.locator("[data-message-text]")).to_contain_text("您在另一处打开了视频")
        assert phone.evaluate("document.querySelector('video').paused")
        reached = position(phone)
        until(desk, lambda: position(desk) > reached + 5, patience_s=120)
        end = pause(desk)
        until(desk, lambda: pending(desk) == "0:00", patience_s=120)
        # Between the two something may be missing: what the phone showed last is on its way.
        assert end - 2 * SLACK_S < confirmed_s(theatre, "learner7") <= end + 0.1
        booked_ms = sum(each.booked_ms for each in theatre.rows(Playback, "learner7"))
        assert booked_ms == intervals.total(theatre.coverage("learner7"))


def stopping(theatre: Theatre) -> int:
    """Another course with the lecture, at whose fourth second everybody is asked something."""
    with theatre.look() as session:
        people = {p.sign_in_name: p.id for p in session.scalars(sa.select(Person))}
        asset_id, now = session.scalars(sa.select(Asset.id)).one(), clock.now()
        facts = {
            "title": "会停下来的讲座", "summary": "要点", "teacher": "陆工", "teacher_title": "高工",
            "field_code": "transport", "subject_kind": "professional", "level": "none",
            "declared_hours": Decimal(2),
        }  # fmt: skip
        draft = editing.create(session, owner_id=people["author"], facts=facts, now=now)
        unit = editing.add_unit(session, draft, draft.chapters[0].id, UnitKind.VIDEO, "讲", now)
        editing.update_unit(session, draft, unit, title=unit.title, body=None, asset_id=asset_id)
        unit.checks = [
            checks.read("0:04", "风从哪边来？", ["左边", "右边", "上边"], 1, everyone=True,
                        explanation="看箭头的方向")
        ]  # fmt: skip
        version = submission.submit(session, draft, now)
        reviewing.approve(session, version, people["reviewer"], now)
        return draft.id


def test_the_video_stops_until_a_question_is_answered(chromium: Browser, theatre: Theatre) -> None:
    """It stands still and the question has the focus; so again after a reload. A wrong choice is
    said and followed by another, by keyboard; the explanation and the way on come with the right
    one, and nothing confirmed is lost."""
    course_id = stopping(theatre)
    with Visitor(chromium, theatre, "learner9") as page:
        page.goto(f"/courses/{course_id}")
        page.get_by_role("button", name="报名学习").click()
        page.locator("[data-player] .vjs-big-play-button").click()
        box = page.locator("[data-stop]")
        expect(box).to_be_visible(timeout=60_000)
        expect(box).to_be_focused()
        stood = position(page)
        assert 4 <= stood < 10
        assert confirmed_s(theatre, "learner9") >= 3
        page.wait_for_timeout(1500)
        assert position(page) == stood
        assert "看箭头的方向" not in page.content()
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run('[data-stop]').then(r => r.violations.map(v => v.id))")
        assert found == []
        page.reload()
        page.locator("[data-player] .vjs-big-play-button").click()
        expect(box).to_be_visible(timeout=60_000)
        choose_by_keyboard(page, "左边")
        expect(page.locator("[data-stop-note]")).to_contain_text("选择不正确")
        wrong = page.locator("[data-stop-options] button[aria-disabled=true]")
        until(page, lambda: wrong.count() == 0)
        box.focus()
        choose_by_keyboard(page, "右边")
        expect(page.locator("[data-stop-why]")).to_have_text("看箭头的方向")
        expect(page.get_by_role("button", name="继续播放")).to_be_focused()
        page.keyboard.press("Enter")
        expect(box).to_be_hidden()
        until(page, lambda: position(page) > stood + 1)
        expect(page.locator("[data-stops-list]")).to_contain_text("已答对")
