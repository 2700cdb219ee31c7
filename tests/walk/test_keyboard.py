"""An author with a keyboard and no mouse."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from assessments.banks.models import BankQuestion
from assessments.banks.states import QuestionState
from courses import fields
from tests.browsing import Site
from tests.walk.keys import Keys
from zhixin.hours import policies
from zhixin.people.models import Person, Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("connection", ["sqlite"], indirect=True),
]
BANK = "车站题库"
KINDS = [
    "单选题", "多选题", "判断题", "填空题", "连线题", "排序题", "完形填空", "图中指点题", "简答题",
]  # fmt: skip


@pytest.fixture
def author(session: Session, create_person: Callable[..., Person], now: datetime) -> Person:
    fields.ensure_shipped(session)
    policies.ensure_shipped(session, now)
    session.commit()
    return create_person("author", Role.AUTHOR)


def test_a_bank_is_written_by_keyboard(session: Session, author: Person, site: Site) -> None:
    """One question of each kind, a picture with its right area and a question on a text among
    them: every stop of the focus is seen and none holds it."""
    page = site.open(author)
    _write_the_bank(page, Keys(page))
    with site.lock:
        states = session.scalars(sa.select(BankQuestion.state)).all()
        assert states == [QuestionState.PROPOSED] * (len(KINDS) + 1)


def _write_the_bank(page: Page, keys: Keys) -> None:
    page.goto("/banks/")
    keys.write(page.get_by_label("名称"), BANK)
    keys.choose(page.get_by_label("领域", exact=True), "现代交通运输")
    keys.press("创建")
    expect(page.get_by_role("heading", name=BANK)).to_be_visible()
    for kind in KINDS:
        _new_question(page, keys, kind)
        WRITERS[kind](page, keys)
        _save(page, keys)
    _new_question(page, keys, "单选题")
    keys.write(page.get_by_label("题干"), "材料中的列车停在哪里？")
    _options(page, keys, ["站内", "站外"], [0])
    keys.write(page.get_by_label("材料", exact=True), "一列车停在站内，等待发车。")
    _save(page, keys)


def _new_question(page: Page, keys: Keys, kind: str) -> None:
    keys.choose(page.get_by_role("main").get_by_label("题型").first, kind)
    keys.press("添加题目")
    expect(page.get_by_role("heading", name=f"添加{kind}")).to_be_visible()


def _save(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("分值", exact=True).last, "1")
    keys.tick(page.get_by_label("保存后提交审核"))
    keys.press("保存")
    expect(page.get_by_text("待审核").first).to_be_visible()
    if page.get_by_role("heading", name=BANK).count() == 0:
        page.goto("/banks/")
        keys.press(BANK, "link")


def _options(page: Page, keys: Keys, texts: list[str], correct: list[int]) -> None:
    for place, text in enumerate(texts):
        keys.write(page.get_by_label(f"选项 {'ABCD'[place]}", exact=True), text)
    for place in correct:
        box = page.get_by_label(f"选项 {'ABCD'[place]} 正确")
        keys.reach(box, "Shift+Tab") if box.get_attribute("type") == "checkbox" else keys.tick(box)
        page.keyboard.press("Space")
        expect(box).to_be_checked()


def _single(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "红灯表示什么？")
    _options(page, keys, ["停车", "通过", "减速"], [0])


def _multiple(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "哪些是信号设备？")
    for place, text in enumerate(["信号机", "转辙机", "长椅"]):
        if place < 2:
            keys.tick(page.get_by_label(f"选项 {'ABC'[place]} 正确"))
        keys.write(page.get_by_label(f"选项 {'ABC'[place]}", exact=True), text)


def _true_false(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "联锁保证进路安全。")
    keys.tick(page.get_by_label("正确", exact=True))


def _blanks(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "道岔由{{1}}转换，列车限速{{2}}。")
    texts = page.locator("textarea[name=gap-text]")
    keys.write(texts.nth(0), "转辙机")
    keys.choose(page.locator("select[name=gap-kind]").nth(1), "数字")
    keys.write(page.locator("input[name=gap-units]").nth(1), "km/h")
    keys.write(texts.nth(1), "45")


def _matching(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "颜色与含义配对。")
    for place, (left, right) in enumerate([("红", "停车"), ("绿", "通过")]):
        keys.write(page.locator("input[name=left]").nth(place), left)
        keys.write(page.locator("input[name=right]").nth(place), right)


def _ordering(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "排列进路的次序。")
    for place, item in enumerate(["检查", "转换", "锁闭"]):
        keys.write(page.locator("input[name=item]").nth(place), item)


def _cloze(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "绿灯表示{{1}}。")
    keys.choose(page.locator("select[name=gap-kind]").first, "从列表中选择")
    keys.write(page.locator("textarea[name=gap-text]").first, "*通过\n停车")


def _hotspot(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "指出信号机。")
    keys.reach(page.get_by_label("选择图片"))
    with page.expect_file_chooser(timeout=60_000) as chooser:
        page.keyboard.press("Space")
    picture = io.BytesIO()
    Image.new("RGB", (400, 300), "#274").save(picture, "PNG")
    chooser.value.set_files(
        {"name": "站场.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    expect(page.get_by_label("图片编号")).to_have_value(re.compile("[0-9a-f]{32}"))
    keys.write(page.get_by_label("图片说明"), "站场平面，左上方有一架信号机")
    keys.write(page.get_by_label("位置（千分之几）").first, "300,300,100")
    # What is written as numbers is drawn at once.
    expect(page.locator("[data-area-board] circle")).to_have_attribute("cx", "300")


def _short(page: Page, keys: Keys) -> None:
    keys.write(page.get_by_label("题干"), "为什么需要联锁？")
    keys.write(page.get_by_label("参考答案"), "防止冲突的进路同时建立。")


WRITERS: dict[str, Callable[[Page, Keys], None]] = dict(
    zip(
        KINDS,
        [_single, _multiple, _true_false, _blanks, _matching, _ordering, _cloze, _hotspot, _short],
        strict=True,
    )
)
