"""The main job, end to end, in a real browser: from an uploaded video to a certificate."""

from __future__ import annotations

import json
import re
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, Route, expect
from pypdf import PdfReader

from tests.walk.visitor import Visitor, played_to, until

pytestmark = [pytest.mark.browser, pytest.mark.services]
TITLE = "山地城市桥梁健康监测技术"


@pytest.fixture(scope="module")
def walked(
    chromium: Browser, live: Any, lecture: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The walk itself; the tests below look at what it left."""
    left: dict[str, str] = {}
    _author_builds_a_course(chromium, live, lecture)
    _reviewer_sends_back(chromium, live)
    _author_mends_and_submits_again(chromium, live)
    _reviewer_approves(chromium, live)
    _learner_studies(chromium, live)
    _auditor_verifies(chromium, live)
    left["code"] = _learner_gets_the_certificate(chromium, live, tmp_path_factory.mktemp("pdf"))
    return left


def _author_builds_a_course(chromium: Browser, live: Any, lecture: Path) -> None:
    with Visitor(chromium, live, "author") as page:
        page.goto("/studio")
        page.get_by_role("link", name="新建课程").first.click()
        page.get_by_label("课程名称").fill(TITLE)
        page.get_by_label("领域").select_option("transport")
        page.get_by_label("专业科目").check()
        page.get_by_label("课程简介").fill("面向桥梁工程师，讲解缆索承重桥梁的传感、诊断与评估。")
        page.get_by_label("授课专家").fill("石拱")
        page.get_by_label("申报学时").fill("5")
        page.get_by_role("button", name="创建").click()
        _add_unit(page, "video", "第一讲 传感与数据")
        _upload_with_a_broken_connection(page, lecture)
        expect(page.locator("[data-video-state=ready]")).to_be_visible(timeout=120_000)
        _preview_plays(page)
        page.get_by_role("link", name="返回课程").click()
        _add_unit(page, "quiz", "课后测验")
        page.get_by_role("link", name="编辑题目").click()
        _write_questions(page)
        page.goto("/studio")
        page.get_by_role("link", name=TITLE).click()
        # Five hours for 34 seconds: the desk says what is wrong before anybody else has to.
        expect(page.get_by_text("超过了视频时长可支持的 0.5 学时")).to_be_visible()
        page.get_by_label("申报学时").fill("0.5")
        page.get_by_role("button", name="保存基本信息").click()
        expect(page.get_by_text("内容齐全，可以提交")).to_be_visible()
        page.get_by_role("button", name="提交审核").click()
        expect(page.get_by_text("已提交审核")).to_be_visible()


def _add_unit(page: Page, kind: str, title: str) -> None:
    page.get_by_label("类型").select_option(kind)
    page.get_by_label("标题").fill(title)
    page.get_by_role("button", name="添加内容").click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def _upload_with_a_broken_connection(page: Page, lecture: Path) -> None:
    """The second piece is cut off once; the upload goes on by itself where it stood. Pieces are
    smaller here than they are, so that a short film has several."""
    pieces: list[str] = []

    def smaller(route: Route) -> None:
        script = route.fetch().text().replace("chunkSize:1024*", "chunkSize:8*")
        route.fulfill(body=script, content_type="text/javascript")

    def cut_the_second(route: Route) -> None:
        if route.request.method == "PATCH":
            pieces.append(route.request.headers["upload-offset"])
            if len(pieces) == 2:
                route.abort("connectionreset")
                return
        route.continue_()

    page.route("**/*.js", smaller)
    page.reload()
    page.unroute("**/*.js")
    page.route("**/api/v1/uploads/**", cut_the_second)
    page.set_input_files("#video-file", lecture)
    expect(
        page.locator(
            "[data-video-state=transcoding], [data-video-state=uploaded], [data-video-state=ready]"
        )
    ).to_be_visible(timeout=60_000)
    page.unroute("**/api/v1/uploads/**")
    assert len(pieces) >= 3
    assert int(pieces[-1]) > 0, "the upload began anew instead of going on"


def _preview_plays(page: Page) -> None:
    page.locator(".vjs-big-play-button").click()
    played_to(page, 1)


def _write_questions(page: Page) -> None:
    def write(kind: str, stem: str, options: list[str], correct: list[int]) -> None:
        page.get_by_role("link", name=re.compile(f"{kind}$")).click()
        page.get_by_label("题干").fill(stem)
        for place, text in enumerate(options):
            page.locator("input[name=option]").nth(place).fill(text)
        for place in correct:
            page.locator("input[name=correct]").nth(place).check()
        page.get_by_role("button", name="保存", exact=True).last.click()
        expect(page.get_by_text(stem)).to_be_visible()

    write("单选题", "索力最常用的测量方法是？", ["频率法", "目测法", "称重法"], [0])
    write("多选题", "以下哪些属于监测传感器？", ["加速度计", "应变计", "油漆", "护栏"], [0, 1])
    write("判断题", "监测数据需要先做质量检查。", [], [0])


def _reviewer_sends_back(chromium: Browser, live: Any) -> None:
    with Visitor(chromium, live, "reviewer") as page:
        page.goto("/review")
        page.get_by_role("link", name=TITLE).click()
        page.get_by_role("button", name="领取审核").click()
        facts = page.locator("#hours-facts")
        expect(facts).to_contain_text("申报学时")
        expect(facts).to_contain_text("时长可支持的学时")
        page.get_by_label("退回原因").fill("请补充授课专家的单位与职称。")
        page.get_by_role("button", name="退回修改").click()
        expect(page.get_by_text("已退回作者")).to_be_visible()


def _author_mends_and_submits_again(chromium: Browser, live: Any) -> None:
    with Visitor(chromium, live, "author") as page:
        page.goto("/studio")
        expect(page.get_by_text("请补充授课专家的单位与职称。")).to_be_visible()
        page.get_by_role("link", name=TITLE).click()
        page.get_by_label("专家单位与职称").fill("桥梁研究所 正高级工程师")
        page.get_by_role("button", name="保存基本信息").click()
        page.get_by_role("button", name="提交审核").click()
        expect(page.get_by_text("已提交审核")).to_be_visible()


def _reviewer_approves(chromium: Browser, live: Any) -> None:
    visitor = Visitor(chromium, live, "reviewer")
    with visitor as page:
        page.goto("/review")
        page.get_by_role("link", name=TITLE).click()
        page.get_by_role("button", name="领取审核").click()
        for passed in page.get_by_role("radio", name="通过", exact=True).all():
            passed.check()
        page.get_by_role("button", name="通过", exact=True).click()
        expect(page.get_by_text("已通过并发布")).to_be_visible()


def _learner_studies(chromium: Browser, live: Any) -> None:
    visitor = Visitor(chromium, live, "learner")
    with visitor as page:
        _finds_the_course(page)
        page.get_by_role("link", name=re.compile(TITLE)).first.click()
        page.get_by_role("button", name="报名学习").click()
        page.locator("[data-player] .vjs-big-play-button").click()
        _watch_until(page, confirmed_s=10)
        page.goto("/my/learning")
        page.get_by_role("link", name=re.compile("继续学习")).first.click()
        played_to(page, 7)  # it opens where they stopped
        page.locator("[data-player] .vjs-big-play-button").click()
        expect(page.locator("[data-unit-complete]")).to_be_visible(timeout=60_000)
        page.locator("[data-unit-complete]").get_by_role("link", name="下一步").click()
        page.get_by_role("button", name="开始作答").click()
        page.get_by_label("频率法").check()
        page.get_by_label("加速度计").check()
        page.get_by_label("应变计").check()
        page.get_by_label("正确").check()
        expect(page.locator("[data-save-status]")).to_contain_text("已保存")
        page.get_by_role("button", name="交卷").click()
        visitor.confirm()
        expect(page.get_by_text("测验已通过")).to_be_visible()
        page.get_by_role("link", name="查看结果").click()
        expect(page.get_by_role("main")).to_contain_text("0.5")
        page.goto("/my/year")
        expect(page.locator("[data-award]")).to_have_count(1)
        expect(page.locator("[data-award]")).to_contain_text("待核验")


def _finds_the_course(page: Page) -> None:
    """By its field, and by Chinese words of its title, its teacher and its text."""
    page.goto("/fields/transport")
    expect(page.get_by_role("link", name=re.compile(TITLE))).to_be_visible()
    for words in ("桥梁监测", "石拱", "缆索承重"):
        # The index follows within seconds, or by its sweeper within a minute.
        until(page, lambda words=words: _finds(page, words), patience_s=90)  # type: ignore[misc]
    page.goto("/courses?q=桥梁监测")
    expect(page.locator("mark").first).to_be_visible()


def _finds(page: Page, words: str) -> bool:
    page.goto(f"/courses?q={words}")
    return page.locator("article.course").count() > 0


def _watch_until(page: Page, confirmed_s: int) -> None:
    """Until the server has confirmed so many seconds."""

    def confirmed() -> int:
        minutes, seconds = (page.locator("[data-confirmed]").text_content() or "0:0").split(":")
        return int(minutes) * 60 + int(seconds)

    until(page, lambda: confirmed() >= confirmed_s)


def _auditor_verifies(chromium: Browser, live: Any) -> None:
    with Visitor(chromium, live, "auditor") as page:
        page.goto("/audit")
        page.get_by_role("link", name=live.people["learner"]).click()
        expect(page.get_by_text("播放记录（服务器时间）")).to_be_visible()
        expect(page.locator(".timeline line").first).to_be_attached()
        page.get_by_role("button", name="核验通过").click()
        expect(page.get_by_text("已处理")).to_be_visible()


def _learner_gets_the_certificate(chromium: Browser, live: Any, folder: Path) -> str:
    with Visitor(chromium, live, "learner") as page:
        deadline = time.monotonic() + 180
        while True:  # the sequencer takes it into the ledger within seconds
            page.goto("/my/year")
            if "已入账" in (page.locator("[data-award]").text_content() or ""):
                break
            assert time.monotonic() < deadline
            page.wait_for_timeout(500)
        page.get_by_role("button", name="出具证书").click()
        with page.expect_download() as download:
            page.get_by_role("link", name="PDF").first.click()
        pdf = folder / "certificate.pdf"
        download.value.save_as(pdf)
        reader = PdfReader(BytesIO(pdf.read_bytes()))
        text = reader.pages[0].extract_text()
        assert TITLE in text
        assert live.people["learner"] in text
        fonts = reader.pages[0]["/Resources"]["/Font"]  # type: ignore[index]
        assert any("NotoSansSC" in str(font.get_object()["/BaseFont"]) for font in fonts.values())
        found = re.search(r"/v/([2-9A-Z]{20})", text.replace("\n", ""))
        assert found, text
        return found.group(1)


def test_a_stranger_reads_what_was_really_certified(
    walked: dict[str, str], chromium: Browser, live: Any
) -> None:
    """The QR's address needs no account, masks the name and says where in the log it stands."""
    with Visitor(chromium, live) as page:
        deadline = time.monotonic() + 30
        while True:
            page.goto(f"/v/{walked['code']}")
            if page.locator("[data-status=genuine]").count():
                break
            assert time.monotonic() < deadline
            page.wait_for_timeout(500)
        card = page.locator("[data-status=genuine]")
        expect(card).to_contain_text("证书真实有效")
        expect(card).to_contain_text(TITLE)
        expect(card).to_contain_text("0.5")
        expect(card).to_contain_text("欧阳*")
        expect(page.locator("main")).not_to_contain_text(live.people["learner"])
        assert page.goto("/v/" + "2" * 20).status == 404  # type: ignore[union-attr]
        expect(page.get_by_text("查无此证")).to_be_visible()


def test_the_course_gives_its_hours_once(
    walked: dict[str, str], chromium: Browser, live: Any
) -> None:
    """Coming back, enrolling again and looking again give nothing more."""
    with Visitor(chromium, live, "learner") as page:
        page.goto("/my/learning")
        expect(page.get_by_role("link", name=re.compile("继续学习"))).to_have_count(0)
        page.goto("/my/year")
        expect(page.locator("[data-award]")).to_have_count(1)


def test_a_later_edit_makes_a_new_version(
    walked: dict[str, str], chromium: Browser, live: Any
) -> None:
    """The published version stays as it was while the author goes on with the draft."""
    with Visitor(chromium, live, "author") as page:
        page.goto("/studio")
        page.get_by_role("link", name=TITLE).click()
        page.get_by_label("课程名称").fill(TITLE + "（修订）")
        page.get_by_role("button", name="保存基本信息").click()
        expect(page.get_by_text("已保存")).to_be_visible()
    with Visitor(chromium, live) as page:
        page.goto("/fields/transport")
        expect(page.get_by_role("link", name=re.compile("（修订）"))).to_have_count(0)
        expect(page.get_by_role("link", name=re.compile(TITLE))).to_be_visible()


def test_the_ledger_holds_until_somebody_rewrites_it(walked: dict[str, str], live: Any) -> None:
    """``zhixin ledger verify`` says that it holds, and names the entry that was changed."""
    holds = live.zhixin("ledger", "verify", "--json")
    assert json.loads(holds.stdout)["holds"] is True
    index = _rewrite_the_award(live)
    broken = live.zhixin("ledger", "verify", check=False)
    assert broken.returncode != 0
    assert f"第 {index} 条" in broken.stdout


def _rewrite_the_award(live: Any) -> int:
    """Make 0.5 hours 9.5 behind the program's back; returns the entry's place in the log.

    The database refuses until its triggers are dropped.
    """
    url = live.environment.get(
        "ZHIXIN_DATABASE_URL", f"sqlite:///{live.environment['ZHIXIN_DATA_DIR']}/zhixin.sqlite3"
    )
    rewrite = sa.text(
        """UPDATE ledger_entry SET body = replace(body, '"hours":"0.5', '"hours":"9.5') WHERE kind = 'award'"""
    )
    engine = sa.create_engine(url)
    with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
        connection.execute(rewrite)
    with engine.begin() as connection:
        where = " ON ledger_entry" if engine.dialect.name == "postgresql" else ""
        connection.execute(sa.text(f"DROP TRIGGER ledger_entry_no_update{where}"))
        assert connection.execute(rewrite).rowcount == 1
        index = connection.scalar(
            sa.text("""SELECT "index" FROM ledger_entry WHERE kind = 'award'""")
        )
    engine.dispose()
    return int(index)
