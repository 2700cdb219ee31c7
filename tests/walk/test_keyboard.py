"""An author with a keyboard and no mouse: a bank, a paper, a course."""

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

from assessments.banks import keeping, writing
from assessments.banks.models import Bank, BankQuestion
from assessments.banks.states import QuestionStep
from courses import fields
from courses.models import CourseVersion, VersionState
from media.models import Asset, AssetState
from tests.browsing import Site
from tests.walk.keys import Keys
from zhixin import clock
from zhixin.hours import policies
from zhixin.people.models import Person, Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("connection", ["sqlite"], indirect=True),
]
BANK, COURSE, PAPER = "车站题库", "车站信号基础", "结业测验"
KINDS = [
    "单选题", "多选题", "判断题", "填空题", "连线题", "排序题", "完形填空", "图中指点题", "简答题",
]  # fmt: skip


@pytest.fixture
def people(
    session: Session, create_person: Callable[..., Person], now: datetime
) -> dict[str, Person]:
    fields.ensure_shipped(session)
    policies.ensure_shipped(session, now)
    session.commit()
    made = {name: create_person(name, Role.AUTHOR) for name in ("author", "editor")}
    session.add(
        Asset(
            owner_id=made["author"].id, file_name="讲座.mp4", source="v", source_bytes=1,
            state=AssetState.READY, progress=100, tries=1, duration_ms=3_600_000, width=1280, height=720,
            segments_ms=[4000] * 900, folder="assets/1/x", created_at=now,
        )
    )  # fmt: skip
    session.commit()
    return made


def test_from_a_bank_to_a_submitted_course(
    session: Session, people: dict[str, Person], site: Site
) -> None:
    """One question of each kind, a picture with its right area and a question on a text among
    them, a paper drawn from them, and a course whose outline is put in order: every stop of the
    focus is seen and none holds it."""
    page = site.open(people["author"])
    keys = Keys(page)
    _write_the_bank(page, keys)
    with site.lock:
        _accept_by_another(session, people)
    _build_the_course(page, keys)
    with site.lock:
        version = session.scalars(sa.select(CourseVersion)).one()
        assert version.state == VersionState.SUBMITTED


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
        expect(page.get_by_role("heading", name=BANK)).to_be_visible()


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


def _accept_by_another(session: Session, people: dict[str, Person]) -> None:
    bank = session.scalars(sa.select(Bank)).one()
    keeping.let_in(session, keeping.get(session, bank.id, people["author"]), "editor")
    ids = session.scalars(sa.select(BankQuestion.id)).all()
    held = keeping.get(session, bank.id, people["editor"])
    writing.step(session, held, ids, QuestionStep.ACCEPT, now=clock.now())
    session.commit()


def _build_the_course(page: Page, keys: Keys) -> None:
    page.goto("/studio")
    keys.press("新建课程", "link")
    keys.write(page.get_by_label("课程名称"), COURSE)
    keys.choose(page.get_by_label("领域", exact=True), "现代交通运输")
    keys.tick(page.get_by_label("专业科目"))
    keys.write(page.get_by_label("课程简介"), "从信号机讲到联锁。")
    keys.write(page.get_by_label("授课专家", exact=True), "钟鸣")
    keys.write(page.get_by_label("申报学时"), "1")
    keys.press("创建")
    _add_unit(page, keys, "图文", "导学")
    keys.write(page.get_by_label("正文"), "先读这一页。")
    keys.press("保存")
    _back(page, keys)
    _add_unit(page, keys, "视频", "第一讲")
    keys.reach(page.locator("summary", has_text="使用已上传的视频"))
    page.keyboard.press("Enter")
    keys.reach(page.get_by_label("我的视频"))  # there is one
    keys.press("使用这个视频")
    _back(page, keys)
    _add_unit(page, keys, "测验", PAPER)
    keys.press("编辑题目", "link", exact=False)
    _write_the_blueprint(page, keys)
    page.goto("/studio")
    keys.press(COURSE, "link")
    _move(page, keys)
    keys.press("提交审核")
    expect(page.get_by_text("已提交审核")).to_be_visible()


def _add_unit(page: Page, keys: Keys, kind: str, title: str) -> None:
    keys.choose(page.get_by_label("类型"), kind)
    keys.write(page.get_by_label("标题"), title)
    keys.press("添加内容")
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def _back(page: Page, keys: Keys) -> None:
    keys.press("返回课程", "link")


def _write_the_blueprint(page: Page, keys: Keys) -> None:
    keys.press("设置抽题规则", "link")
    for line, kind in enumerate(KINDS, 1):
        if page.get_by_label(f"第 {line} 行题型").count() == 0:
            keys.press("保存规则")
        keys.choose(page.get_by_label(f"第 {line} 行题型"), kind)
        keys.write(page.get_by_label(f"第 {line} 行题数"), "2" if kind == "单选题" else "1")
        keys.write(page.get_by_label(f"第 {line} 行每题分值"), "1")
    keys.press("保存规则")
    expect(page.get_by_text(f"按规则抽 {len(KINDS) + 1} 题")).to_be_visible()


def _move(page: Page, keys: Keys) -> None:
    """The test before the page, and back again: the handle keeps the focus."""
    handle = page.get_by_role("button", name=f"移动“{PAPER}”", exact=False)
    units = page.locator("[data-unit]")
    keys.reach(handle)
    for key, place in (("ArrowUp", 1), ("ArrowUp", 0), ("ArrowDown", 1), ("ArrowDown", 2)):
        page.keyboard.press(key)
        expect(units.nth(place)).to_contain_text(PAPER)
        expect(handle).to_be_focused()
