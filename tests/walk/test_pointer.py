"""A mouse or a finger: an author puts a course in order, a learner answers on a phone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from sqlalchemy.orm import Session

from assessments import drafting, sheets
from assessments.models import Attempt, AttemptState, Ending
from courses import editing, fields, reviewing, submission
from courses.models import Chapter, Course, Unit, UnitKind
from media import pictures
from media.models import Asset, AssetState
from tests.assessments.kinds import KINDS
from tests.browsing import Site
from tests.walk.visitor import until
from zhixin import clock
from zhixin.hours import policies
from zhixin.people.models import Person, Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("connection", ["sqlite"], indirect=True),
]
FACTS = {
    "title": "变电站巡检", "summary": "看、听、测。", "teacher": "电工", "teacher_title": "高工",
    "field_code": "transport", "subject_kind": "professional", "level": "none",
    "declared_hours": Decimal(1),
}  # fmt: skip
ASKED = ("hotspot", "cloze", "matching", "ordering")


@pytest.fixture
def people(
    session: Session, create_person: Callable[..., Person], now: datetime
) -> dict[str, Person]:
    fields.ensure_shipped(session)
    policies.ensure_shipped(session, now)
    session.commit()
    return {name: create_person(name, Role(name)) for name in ("author", "reviewer", "learner")}


@pytest.fixture
def draft(session: Session, people: dict[str, Person], now: datetime) -> Course:
    """Two chapters; the first has three pages, the second none."""
    course = editing.create(session, owner_id=people["author"].id, facts=FACTS, now=now)
    for title in ("甲", "乙", "丙"):
        page = editing.add_unit(session, course, course.chapters[0].id, UnitKind.PAGE, title, now)
        editing.update_unit(session, course, page, title=title, body="正文", asset_id=None)
    editing.add_chapter(session, course, "第二章")
    session.commit()
    return course


def _outline(session: Session) -> list[tuple[str, list[str]]]:
    """Chapters and their units as the database has them."""
    session.expire_all()
    chapters = session.scalars(sa.select(Chapter).order_by(Chapter.position)).all()
    of = sa.select(Unit.title).order_by(Unit.position)
    return [
        (each.title, list(session.scalars(of.where(Unit.chapter_id == each.id))))
        for each in chapters
    ]


def _drag(page: Page, handle: Locator, onto: Locator, part: float) -> None:
    """By the handle, in steps as a hand does; ``part``: how far down the other it is let go."""
    handle.scroll_into_view_if_needed()
    begin, end = handle.bounding_box(), onto.bounding_box()
    assert begin is not None
    assert end is not None
    page.mouse.move(begin["x"] + begin["width"] / 2, begin["y"] + begin["height"] / 2)
    page.mouse.down()
    page.mouse.move(begin["x"] + 20, begin["y"] + 20, steps=5)
    for there in (4, 0):  # a hand comes to rest before it lets go
        page.wait_for_timeout(200)
        page.mouse.move(end["x"] + 40 + there, end["y"] + end["height"] * part + there, steps=15)
    page.wait_for_timeout(200)
    page.mouse.up()


def test_units_and_chapters_are_dragged(
    session: Session, draft: Course, people: dict[str, Person], site: Site
) -> None:
    """Within a chapter, into an empty one, and whole chapters: what the page shows is what the
    server has, and what the server refuses goes back to where it was."""
    page = site.open(people["author"])
    page.set_viewport_size({"width": 1280, "height": 1600})  # both chapters are in sight
    page.goto(f"/studio/courses/{draft.id}")
    said = page.locator("[data-outline-live]")

    def unit(title: str) -> Locator:
        return page.locator(f"[data-unit][data-title={title}]")

    def drag_unit(title: str, onto: Locator, part: float) -> None:
        _drag(page, unit(title).locator("[data-handle]"), onto, part)

    def kept() -> list[tuple[str, list[str]]]:
        with site.lock:
            return _outline(session)

    drag_unit("丙", unit("甲"), 0.2)
    expect(said).to_contain_text("“丙”已移到第一章第 1 位")
    assert kept() == [("第一章", ["丙", "甲", "乙"]), ("第二章", [])]
    drag_unit("甲", page.locator("[data-chapter] [data-empty]").nth(1), 0.5)
    expect(said).to_contain_text("“甲”已移到第二章第 1 位")
    assert kept() == [("第一章", ["丙", "乙"]), ("第二章", ["甲"])]
    for way in ("上移", "下移"):  # alone in its chapter it goes nowhere by the buttons
        expect(page.get_by_role("button", name=f"{way}“甲”")).to_be_hidden()
    chapters = page.locator("[data-chapter]")
    _drag(page, chapters.nth(1).locator("[data-chapter-handle]"), chapters.nth(0), 0.1)
    expect(said).to_contain_text("“第二章”已移到第 1 位")
    assert kept() == [("第二章", ["甲"]), ("第一章", ["丙", "乙"])]
    page.route("**/studio/units/**", lambda route: route.abort())
    drag_unit("乙", unit("丙"), 0.2)
    expect(said).to_contain_text("已放回原处")
    assert page.locator("[data-unit]").evaluate_all("all => all.map(e => e.dataset.title)") == [
        "甲", "丙", "乙",
    ]  # fmt: skip
    page.unroute("**/studio/units/**")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("[data-chapter]").first).to_have_attribute("data-title", "第一章")
    assert kept() == [("第一章", ["丙", "乙"]), ("第二章", ["甲"])]


def test_text_outlives_the_network_and_the_page(
    session: Session, draft: Course, people: dict[str, Person], site: Site
) -> None:
    """It is saved while it is typed. Without a network the page says so and keeps it; the page is
    closed then and opened again, and the text is there and goes to the server by itself."""
    page = site.open(people["author"])
    unit_id = draft.chapters[0].units[0].id
    address = f"/studio/units/{unit_id}"

    def body() -> str | None:
        with site.lock:
            session.expire_all()
            return session.scalar(sa.select(Unit.body).where(Unit.id == unit_id))

    page.goto(address)
    text, status = page.get_by_label("正文"), page.locator("[data-autosave-status]")
    text.fill("先看。")
    expect(status).to_contain_text("已保存")
    assert body() == "先看。"
    page.context.set_offline(True)
    text.fill("先看，后听。")
    expect(status).to_contain_text("文字已留在本机")
    assert body() == "先看。"
    page.close(run_before_unload=False)
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto(address)
    expect(again.get_by_label("正文")).to_have_value("先看，后听。")
    expect(again.locator("[data-autosave-status]")).to_contain_text("已保存")
    assert body() == "先看，后听。"


@pytest.fixture
def test_id(
    session: Session, app: Flask, draft: Course, people: dict[str, Person], now: datetime
) -> int:
    """The course with a test of an hour, published; the unit's id."""
    drawn = io.BytesIO()
    Image.new("RGB", (400, 300), "#274").save(drawn, "PNG")
    store, author = app.extensions["media_store"], people["author"]
    brought = pictures.bring(store, author.id, drawn.getvalue(), max_bytes=10**6, now=now)
    picture = pictures.keep(session, store, brought)
    film = Asset(
        owner_id=author.id, file_name="巡检.mp4", source="v", source_bytes=1, state=AssetState.READY,
        progress=100, tries=1, duration_ms=3_600_000, width=1280, height=720,
        segments_ms=[4000] * 900, folder="assets/1/x", created_at=now,
    )  # fmt: skip
    session.add(film)
    session.flush()
    video = editing.add_unit(session, draft, draft.chapters[1].id, UnitKind.VIDEO, "巡检", now)
    editing.update_unit(session, draft, video, title="巡检", body=None, asset_id=film.id)
    unit = editing.add_unit(session, draft, draft.chapters[1].id, UnitKind.QUIZ, "测验", now)
    questions = [
        {"id": kind, "kind": kind, "stem": f"题 {kind}"} | KINDS[kind]
        | ({"picture": picture.id} if kind == "hotspot" else {})
        for kind in ASKED
    ]  # fmt: skip
    paper = {"title": "测验", "questions": questions, "time_limit_minutes": 60}
    drafting.save(session, unit.paper_id or 0, author.id, paper, 0, now)
    version = submission.submit(session, draft, now)
    reviewing.approve(session, version, people["reviewer"].id, now)
    session.commit()
    return unit.id


def test_a_finger_answers_and_time_runs_out(
    session: Session, test_id: int, people: dict[str, Person], site: Site
) -> None:
    """On a phone: a place in a picture, a word in a gap, pairs, an order. At the end of the time
    the page hands in by itself, with the answers, by the server's clock."""
    page = site.open(people["learner"], width=390)
    page.goto("/fields/transport")
    page.get_by_role("link", name="变电站巡检").first.click()
    page.get_by_role("button", name="报名学习").click()
    page.get_by_role("link", name="测验").first.click()
    page.get_by_role("button", name="开始作答").click()
    _answer_all(page)
    with site.lock:
        session.expire_all()
        attempt = session.scalars(sa.select(Attempt)).one()
        saved = {each.question: each.answer for each in sheets.of(session, attempt.id)}
        attempt.deadline_at = clock.now() + timedelta(seconds=12)
        session.commit()
    assert saved.keys() == set(ASKED)
    x, y = map(int, saved["hotspot"][0].split(","))
    assert abs(x - 550) <= 10
    assert abs(y - 520) <= 10
    page.reload()
    expect(page.locator("[data-countdown]")).to_have_text(re.compile(r"0:\d\d"))
    expect(page.get_by_text("得分")).to_be_visible()
    with site.lock:
        session.expire_all()
        attempt = session.scalars(sa.select(Attempt)).one()
        assert attempt.state == AttemptState.CLOSED
        assert attempt.ended_by in (Ending.LEARNER, Ending.DEADLINE)
        assert attempt.fraction_millionths == 1_000_000


def _answer_all(page: Page) -> None:
    picture = page.locator("[data-hotspot] svg")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    picture.click(position={"x": box["width"] * 0.55, "y": box["height"] * 0.52})
    cloze = page.get_by_role("group", name="完形填空")
    cloze.get_by_label("第 1 空").select_option(label="知")
    cloze.get_by_label("第 2 空").fill("为")
    for left, right in (("北京", "京"), ("四川", "川")):
        _pick(page.get_by_label(f"与“{left}”对应"), right)
    ordering = page.get_by_role("group", name="排序题")
    for place, step in enumerate(("审批", "立项", "实施", "考核"), 1):
        _pick(ordering.get_by_label(f"第 {place} 位", exact=True), step)
    ordering.get_by_role("button", name="第 1 位 下移").click()
    expect(page.locator("[data-answered]")).to_have_text(f"已答 {len(ASKED)}/{len(ASKED)}")
    status = page.locator("[data-save-status]")
    until(page, lambda: status.get_attribute("data-state") == "saved")


def _pick(select: Locator, text: str) -> None:
    """Choose what stands behind a letter."""
    option = select.locator("option", has_text=text).text_content()
    select.select_option(label=(option or "").strip())
