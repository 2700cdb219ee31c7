"""The item analysis of a paper, for its author: drawn, in words, and as an Excel file."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import analysing, analysis, drafting, frozen
from assessments.analysis_models import PaperAnalysis
from assessments.models import Paper, PaperVersion
from assessments.tasks import analyse_paper
from assessments.views import back, blueprint
from zhixin import access, clock, db, richtext, spreadsheets
from zhixin.errors import NotFound
from zhixin.jobs import enqueue
from zhixin.people.models import Role


def flag_text(flag: str) -> str:
    """What an author should do about a flag."""
    words: dict[str, str] = {
        "negative": _("区分度为负：请检查答案是否写错"),
        "weak": _("区分度低于 0.2：这道题几乎分不出高下"),
        "hard": _("得分率不到两成：请检查题目是否超出所讲内容，或题意不清"),
        "easy": _("得分率超过九成半：这道题过于容易"),
        "attractive": _("高分的人反而更多选了错误选项：请检查它是否也说得通"),
        "unused": _("有干扰项几乎没有人选：可以换一个更像样的"),
    }
    return words[flag]


def why_text(why: str) -> str:
    """Why there is no number."""
    words: dict[str, str] = {
        "few": _("人数不足"),
        "alike": _("得分都相同"),
        "one-item": _("只有一道题"),
        "different": _("各人题目不同"),
    }
    return words[why]


def shown(value: float | str, percent: bool = False) -> str:
    """A number as tables have it, or why there is none."""
    if isinstance(value, str):
        return why_text(value)
    return f"{value * 100:.0f}%" if percent else f"{value:.2f}"


@blueprint.get("/<int:paper_id>/analysis", endpoint="analysis")
@access.only(Role.AUTHOR)
def show(paper_id: int) -> ResponseReturnValue:
    """Facility, discrimination, distractors and reliability of one frozen version."""
    paper, versions, version, found = _found(paper_id)
    document = found.document if found else None
    return render_template(
        "assessments/analysis.html",
        paper=paper,
        versions=versions,
        version=version,
        found=found,
        document=document,
        drawn=version is not None and frozen.paper(db.session(), version.id).blueprint is not None,
        chart=_scatter(document) if document else None,
        flag_text=flag_text,
        shown=shown,
        fewest=analysis.FEWEST,
        fewest_together=analysis.FEWEST_TOGETHER,
        fewest_grouped=analysis.FEWEST_GROUPED,
        back=back(),
    )


@blueprint.post("/<int:paper_id>/analysis", endpoint="analyse")
@access.only(Role.AUTHOR)
def again(paper_id: int) -> ResponseReturnValue:
    """Analyse again now instead of at night."""
    session = db.session()
    _paper, _versions, version, _kept = _found(paper_id)
    if version is None:
        raise NotFound("试卷还没有提交过，没有可以分析的作答")
    if analysing.ask(session, version.id, clock.now()):
        enqueue(session, analyse_paper, version.id)
        flash(_("正在分析，请稍后刷新页面"), "success")
    else:
        flash(_("刚刚分析过，请过几分钟再试"), "info")
    return redirect(
        url_for("assessments.analysis", paper_id=paper_id, version=version.id, back=back()), 303
    )


@blueprint.get("/<int:paper_id>/analysis.xlsx", endpoint="analysis_workbook")
@access.only(Role.AUTHOR)
def download(paper_id: int) -> ResponseReturnValue:
    """The same as an Excel file; whatever a question's text begins with, it stays text."""
    _paper, _versions, _version, found = _found(paper_id)
    if found is None or found.document is None:
        raise NotFound("还没有分析结果")
    items = found.document["items"]
    made = spreadsheets.workbook(
        {
            _("题目"): (
                (
                    _("题号"), _("题干"), _("分值"), _("作答人数"), _("难度系数"), _("区分度（题总相关）"),
                    _("区分度（高低分组）"), _("删去后 α"), _("提示"),
                ),
                _item_rows(items),
            ),
            _("选项"): (
                (_("题号"), _("选项"), _("正确"), _("高分组"), _("中间组"), _("低分组"), _("全体")),
                _choice_rows(items),
            ),
        }
    )  # fmt: skip
    answer = Response(made, mimetype=spreadsheets.XLSX)
    answer.headers.set("Content-Disposition", "attachment", filename=f"analysis-{paper_id}.xlsx")
    return answer


def words(text: str) -> str:
    """A question's text or an option's in plain words."""
    return richtext.GAP.sub("____", richtext.plain(text))


def _item_rows(items: list[dict[str, Any]]) -> Iterator[tuple[spreadsheets.Cell, ...]]:
    for number, item in enumerate(items, 1):
        yield (
            number,
            words(item["stem"]),
            Decimal(str(item["points"])),
            item["asked"],
            *(_cell(item[name]) for name in ("facility", "together", "grouped", "without")),
            "；".join(map(flag_text, item["flags"])),
        )


def _choice_rows(items: list[dict[str, Any]]) -> Iterator[tuple[spreadsheets.Cell, ...]]:
    for number, item in enumerate(items, 1):
        for choice in item["choices"]:
            yield (
                number,
                _("未作答") if choice["text"] is None else words(choice["text"]),
                _("是") if choice["right"] else "",
                *(_cell(choice[name]) for name in ("upper", "middle", "lower", "all")),
            )


def _cell(value: float | str) -> Decimal | str:
    return why_text(value) if isinstance(value, str) else Decimal(str(value))


def _found(
    paper_id: int,
) -> tuple[Paper, list[PaperVersion], PaperVersion | None, PaperAnalysis | None]:
    """The author's paper, its versions, the chosen one (or the newest) and its analysis."""
    session = db.session()
    paper = drafting.get(session, paper_id, access.person().id)
    versions = analysing.newest(session, paper_id)
    wanted = request.args.get("version", type=int)
    version = next((each for each in versions if wanted in (None, each.id)), None)
    if version is None and wanted is not None:
        raise NotFound("这份试卷没有这个版本")
    return paper, versions, version, analysing.of(session, version.id) if version else None


def _scatter(document: dict[str, Any]) -> dict[str, Any] | None:
    points = [
        {"name": _("第 %(n)d 题", n=number), "x": item["facility"], "y": item["together"]}
        for number, item in enumerate(document["items"], 1)
        if isinstance(item["facility"], float) and isinstance(item["together"], float)
    ]
    if not points:
        return None
    return {
        "type": "scatter",
        "categories": [],
        "unit": _("区分度"),
        "across": _("难度（平均得分率）"),
        "series": [{"name": _("题目"), "values": [], "points": points}],
        "mark": {"name": _("低于此线区分度低"), "value": analysis.WEAK},
    }
