"""A learner with a keyboard and no mouse: from signing in to the result of a paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from playwright.sync_api import Locator, Page, expect
from sqlalchemy.orm import Session

from assessments import drafting, sheets
from assessments.models import Attempt
from courses import editing, fields, reviewing, submission
from courses.models import UnitKind
from media.models import Asset, AssetState
from tests.browsing import Site
from tests.conftest import PASSWORD
from tests.walk.keys import Keys
from zhixin.hours import policies
from zhixin.people.models import Person, Role

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("connection", ["sqlite"], indirect=True),
]
COURSE, READING, TEST = "接触网检修安全", "作业前必读", "安全测验"
FACTS = {
    "title": COURSE, "summary": "停电、验电、接地。", "teacher": "电工", "teacher_title": "高工",
    "field_code": "transport", "subject_kind": "professional", "level": "none",
    "declared_hours": Decimal(1),
}  # fmt: skip
SENTENCE = "感应电压仍在，没有接地的导线要当作带电。"


def _items(*texts: str) -> list[dict[str, str]]:
    return [{"id": str(place), "text": text} for place, text in enumerate(texts)]


PAPER: dict[str, Any] = {
    "title": TEST,
    "questions": [
        {"id": "single", "kind": "single", "stem": "停电后先做什么？", "correct": ["1"],
         "options": _items("上网作业", "验电", "撤除标志")},
        {"id": "multiple", "kind": "multiple", "stem": "哪些是安全用具？", "correct": ["0", "2"],
         "options": _items("绝缘手套", "棉手套", "接地线")},
        {"id": "true", "kind": "true_false", "stem": "验电前先检查验电器。", "correct": ["true"]},
        {"id": "blanks", "kind": "blanks", "stem": "接触网的电压是 {{1}} kV，回流经由{{2}}。",
         "gaps": [{"kind": "number", "value": "25"}, {"kind": "text", "accepted": ["钢轨"]}]},
        {"id": "matching", "kind": "matching", "stem": "用具与用途配对。", "correct": ["0", "1"],
         "left": _items("验电器", "接地线"), "right": _items("确认无电", "防止来电")},
        {"id": "ordering", "kind": "ordering", "stem": "排列作业的次序。", "correct": ["0", "1", "2"],
         "items": _items("停电", "验电", "接地")},
        {"id": "short", "kind": "short", "stem": "为什么停电以后还要接地？", "sample": "防止感应电。"},
    ],
}  # fmt: skip
#: Whether an element, or the middle of it at least, is there to be seen and not covered.
IN_SIGHT = """e => {
  const box = e.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return e === top || e.contains(top);
}"""


@pytest.fixture
def people(
    session: Session, create_person: Callable[..., Person], now: datetime
) -> dict[str, Person]:
    """Who writes, and who learns, with a course of a page, a paper and a film."""
    fields.ensure_shipped(session)
    policies.ensure_shipped(session, now)
    session.commit()
    made = {name: create_person(name, Role(name)) for name in ("author", "reviewer", "learner")}
    film = Asset(
        owner_id=made["author"].id, file_name="讲座.mp4", source="v", source_bytes=1,
        state=AssetState.READY, progress=100, tries=1, duration_ms=3_600_000, width=1280, height=720,
        segments_ms=[4000] * 900, folder="assets/1/x", created_at=now,
    )  # fmt: skip
    session.add(film)
    draft = editing.create(session, owner_id=made["author"].id, facts=FACTS, now=now)

    def add(kind: UnitKind, title: str, **content: Any) -> Any:
        unit = editing.add_unit(session, draft, draft.chapters[0].id, kind, title, now)
        if content:
            editing.update_unit(session, draft, unit, title=title, **content)
        return unit

    add(UnitKind.PAGE, READING, body="先停电，再验电，后接地。", asset_id=None)
    test = add(UnitKind.QUIZ, TEST)
    drafting.save(session, test.paper_id, made["author"].id, PAPER, 0, now)
    add(UnitKind.VIDEO, "第一讲", body=None, asset_id=film.id)
    version = submission.submit(session, draft, now)
    reviewing.approve(session, version, made["reviewer"].id, now)
    session.commit()
    return made


def test_from_signing_in_to_the_result(
    session: Session,
    people: dict[str, Person],
    site: Site,
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Seven kinds of question are answered, each answer is seen to be saved, handing in is asked
    about, and the result is read before and after the written answer is graded: every stop of the
    focus is seen and none holds it."""
    page = site.open()
    keys = Keys(page)
    _sign_in(page, keys)
    _find_the_course(page, keys)
    _read(page, keys)
    _answer(page, keys)
    with site.lock:
        attempt_id = session.scalars(sa.select(Attempt.id)).one()
        saved = {each.question: each.answer for each in sheets.of(session, attempt_id)}
        assert saved.keys() == {each["id"] for each in PAPER["questions"]}
        assert saved["short"] == (SENTENCE,)
        session.expire_all()
    _hand_in(page, keys)
    _read_the_result(page, keys)
    with site.lock:
        points = {"p-short-": "1"}
        marked = sign_in(people["author"]).post(f"/grading/{attempt_id}", data=points)
        assert marked.status_code == 303
        session.expire_all()
    keys.press(TEST, "link", exact=False)
    expect(page.get_by_text("测验已通过")).to_be_visible()
    expect(page.get_by_text("得分 7 / 7（100%）")).to_be_visible()
    expect(page.get_by_text("防止感应电。")).to_be_visible()
    keys.press("下一步", "link")
    expect(page.get_by_role("heading", name="第一讲")).to_be_visible()


def _enter(page: Page, keys: Keys, name: str) -> None:
    """A link at the top of the page."""
    keys.reach(page.get_by_role("banner").get_by_role("link", name=name, exact=True))
    page.keyboard.press("Enter")


def _sign_in(page: Page, keys: Keys) -> None:
    page.goto("/")
    _enter(page, keys, "登录")
    keys.write(page.get_by_label("登录名"), "learner")
    keys.write(page.get_by_label("密码"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("banner").get_by_text("learner")).to_be_visible()


def _find_the_course(page: Page, keys: Keys) -> None:
    _enter(page, keys, "课程")
    keys.press(COURSE, "link")
    keys.press("报名学习")
    expect(page.get_by_role("heading", name=READING)).to_be_visible()


def _read(page: Page, keys: Keys) -> None:
    """Past all that stands above: the first stop of a page leads to its text."""
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("先停电，再验电，后接地。")).to_be_in_viewport()
    keys.press("已读完，继续")
    expect(page.get_by_role("heading", name=TEST)).to_be_visible()
    keys.press("开始作答")


def _answer(page: Page, keys: Keys) -> None:
    """In the order in which they are asked, which is everybody's own."""
    status = page.locator("[data-save-status]")
    expect(page.locator("[data-question]")).to_have_count(len(WRITERS))
    asked = [text.split(" · ")[1] for text in page.locator("legend").all_text_contents()]
    assert sorted(asked) == sorted(WRITERS)
    for place, kind in enumerate(asked, 1):
        WRITERS[kind](page.get_by_role("group", name=kind), keys)
        expect(page.locator("[data-answered]")).to_have_text(f"已答 {place}/{len(WRITERS)}")
        expect(status).to_have_attribute("data-state", "saved")
        expect(status).to_contain_text("已保存")
        assert status.evaluate(IN_SIGHT), f"nobody sees that the answer to {kind} is saved"


def _single(question: Locator, keys: Keys) -> None:
    keys.tick(question.get_by_label("验电"))


def _multiple(question: Locator, keys: Keys) -> None:
    for text in ("绝缘手套", "接地线"):
        keys.tick(question.get_by_label(text, exact=True))


def _true_false(question: Locator, keys: Keys) -> None:
    keys.tick(question.get_by_label("正确"))


def _blanks(question: Locator, keys: Keys) -> None:
    keys.write(question.get_by_label("第 1 空"), "25")
    keys.write(question.get_by_label("第 2 空"), "钢轨")


def _matching(question: Locator, keys: Keys) -> None:
    for left, right in (("验电器", "确认无电"), ("接地线", "防止来电")):
        _pick(question.get_by_label(f"与“{left}”对应"), right, keys)


def _ordering(question: Locator, keys: Keys) -> None:
    """Two in the wrong order, which a button beside them mends and keeps the focus."""
    places = [question.get_by_label(f"第 {n} 位", exact=True) for n in (1, 2, 3)]
    for select, item in zip(places, ("验电", "停电", "接地"), strict=True):
        _pick(select, item, keys)
    down = question.get_by_role("button", name="第 1 位 下移")
    keys.reach(down, "Shift+Tab")
    keys.page.keyboard.press("Enter")
    expect(down).to_be_focused()
    chosen = "e => e.selectedOptions[0].textContent.split('. ')[1]"
    assert [select.evaluate(chosen) for select in places] == ["停电", "验电", "接地"]


def _short(question: Locator, keys: Keys) -> None:
    keys.write(question.get_by_label("您的回答"), SENTENCE)


def _pick(wanted: Locator, text: str, keys: Keys) -> None:
    """Choose what stands behind a letter."""
    option = wanted.locator("option", has_text=text).text_content()
    keys.choose(wanted, (option or "").strip())


WRITERS: dict[str, Callable[[Locator, Keys], None]] = {
    "单选题": _single, "多选题": _multiple, "判断题": _true_false, "填空题": _blanks,
    "连线题": _matching, "排序题": _ordering, "简答题": _short,
}  # fmt: skip


def _hand_in(page: Page, keys: Keys) -> None:
    """Asked whether they are sure, they go back to the paper first."""
    button = page.get_by_role("button", name="交卷")
    dialog = page.get_by_role("dialog")
    keys.press("交卷")
    expect(dialog).to_contain_text("交卷后不能修改")
    expect(dialog.get_by_role("button", name="取消")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    keys.reach(dialog.get_by_role("button", name="确定"))
    page.keyboard.press("Enter")


def _read_the_result(page: Page, keys: Keys) -> None:
    """The page is read to its end by the keys that scroll it."""
    expect(page.get_by_text("已交卷，等待批阅")).to_be_visible()
    expect(page.get_by_text("回答正确")).to_have_count(len(WRITERS) - 1)
    written = page.get_by_role("region", name="题").filter(has_text="简答题 ·")
    expect(written).to_contain_text("等待批阅")
    expect(written).to_contain_text(SENTENCE)
    page.keyboard.press("End")
    expect(page.get_by_role("region", name=f"第 {len(WRITERS)} 题")).to_be_in_viewport()
