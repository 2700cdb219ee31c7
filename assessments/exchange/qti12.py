"""QTI 1.2 as Common Cartridges hold it (the profile of CC 1.0 to 1.3): read.

The profile has six kinds of items: multiple choice, multiple response, true or false, fill in
the blank, pattern match and essay. What Canvas and Moodle write beside it is named as left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from assessments.exchange import base, cells
from assessments.exchange.base import Collector, Reading
from assessments.exchange.html import escaped, to_markdown
from assessments.questions import QuestionKind
from zhixin import xmltree
from zhixin.xmltree import local

MOST_BYTES = 16 * 1024 * 1024
_TRUE, _FALSE = {"true", "t", "正确", "对", "是"}, {"false", "f", "错误", "错", "否"}

Load = Callable[[str], bytes | None]


class Wrong(Exception):
    """Why a question can't be taken, in words."""


@dataclass(slots=True)
class _Item:
    collector: Collector
    where: str
    root: Element
    load: Load

    def remark(self, said: str) -> None:
        self.collector.remark(self.where, said)

    def told(self, *labels: str) -> str:
        """The first of these fields of its metadata."""
        for each in self.root.iter("qtimetadatafield"):
            if (each.findtext("fieldlabel") or "").strip() in labels:
                return (each.findtext("fieldentry") or "").strip()
        return ""

    def markdown(self, element: Element) -> str:
        """All material within, but not that of answers."""
        return "\n\n".join(filter(None, map(self._material, _materials(element))))

    def _material(self, element: Element) -> str:
        if element.tag == "matimage":
            return self._picture(element.get("uri", ""), "")
        if element.tag != "mattext":
            self.remark("音视频没有导入")
            return ""
        text = "".join(element.itertext()).strip()
        if element.get("texttype", "text/plain").lower() == "text/html":
            return to_markdown(text, self._picture)
        return escaped(text)

    def _picture(self, address: str, words: str) -> str:
        content = self.load(unquote(address.split("?")[0]))
        if content is None:
            self.remark(f"图片“{address[:60]}”不在包中，没有导入")
            return f"〔图片{'：' + words if words else ''}〕"
        return self.collector.picture(self.where, content, words)


def _materials(element: Element) -> Iterator[Element]:
    for each in element:
        if each.tag in ("mattext", "matimage", "mataudio", "matvideo"):
            yield each
        elif each.tag not in ("render_choice", "render_fib", "render_extension"):
            yield from _materials(each)


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
    load: Load = lambda address: None,
) -> Reading:
    """The questions of an assessment or a bank.

    Args:
        load: the bytes of a picture by the address that the item gives.

    Raises:
        BadXml: it is no XML that we read. UnreadableQuestions: it is no QTI 1.2.
    """
    root = xmltree.parse(content, most_bytes=MOST_BYTES)
    for each in root.iter():
        each.tag = local(each)
    if root.tag != "questestinterop":
        raise base.UnreadableQuestions("这不是 QTI 1.2（最外层应是 questestinterop）")
    collector = Collector(pictures or base.NoPictures())
    items = list(root.iter("item"))
    for number, element in enumerate(items, 1):
        name = (element.get("title") or "").strip()
        where = f"第 {number} 题" + (f"“{name[:30]}”" if name else "")
        item = _Item(collector, where, element, load)
        try:
            collector.add(where, _document(item))
        except (Wrong, cells.Unclear) as wrong:
            collector.fault(where, str(wrong))
        progress(number, len(items))
    return collector.reading


def title(content: bytes) -> str:
    """What the assessment is called; "" if it does not say."""
    root = xmltree.parse(content, most_bytes=MOST_BYTES)
    found = next((each for each in root.iter() if local(each) == "assessment"), None)
    return (found.get("title") or "").strip() if found is not None else ""


def _document(item: _Item) -> dict[str, Any]:
    presentation = item.root.find("presentation")
    if presentation is None:
        raise Wrong("没有题目正文（presentation）")
    asked = [each for each in presentation.iter() if each.tag.startswith("response_") and each.tag != "response_label"]  # fmt: skip
    facts: dict[str, Any] = {"stem": item.markdown(presentation), **_facts(item)}
    profile = item.told("cc_profile", "question_type").lower()
    if len(asked) > 1:
        raise Wrong(f"一道题含 {len(asked)} 个作答部分，不支持")
    if not asked or "essay" in profile:
        if not asked and "essay" not in profile:
            raise Wrong("没有作答部分，不是题目")
        return {"kind": QuestionKind.ESSAY, "sample": _feedback(item, "solution"), **facts}
    match asked[0].tag:
        case "response_lid":
            return _choice(item, asked[0], profile, facts)
        case "response_str" | "response_num":
            return _blank(item, asked[0], facts)
    raise Wrong(f"不支持 QTI 1.2 的作答方式 {asked[0].tag}")


def _facts(item: _Item) -> dict[str, Any]:
    facts: dict[str, Any] = {"explanation": _feedback(item, "general")}
    worth = item.told("cc_weighting", "points_possible")
    if worth and cells.number(worth) > 0:
        facts["points"] = str(cells.number(worth))
    if any(
        not each.get("ident", "").startswith(("general", "solution"))
        for each in item.root.findall("itemfeedback")
    ):
        item.remark("各选项的反馈没有导入")
    return facts


def _feedback(item: _Item, kind: str) -> str:
    said = [
        item.markdown(each)
        for each in item.root.findall("itemfeedback")
        if each.get("ident", "").startswith(kind)
    ]
    return "\n\n".join(filter(None, said))


@dataclass(frozen=True, slots=True)
class _Condition:
    """What earns points: the values that have to be given, and how many points."""

    worth: Decimal
    values: tuple[tuple[str, bool], ...]  # and whether case matters
    parts: bool


def _conditions(item: _Item) -> list[_Condition]:
    found = []
    for each in item.root.iter("respcondition"):
        worth = Decimal(0)
        for setting in each.findall("setvar"):
            if setting.get("varname", "SCORE").upper() in ("SCORE", "QUE_SCORE"):
                worth = max(worth, cells.number((setting.text or "0").strip() or "0"))
        states = each.find("conditionvar")
        if worth > 0 and states is not None:
            values = tuple(_wanted(states))
            parts = any(v.tag == "varsubstring" for v in states.iter())
            found.append(_Condition(worth, values, parts))
    return found


def _wanted(element: Element) -> Iterator[tuple[str, bool]]:
    for each in element:
        if each.tag in ("varequal", "varsubstring"):
            yield (each.text or "").strip(), each.get("case", "no").lower() in ("yes", "true")
        elif each.tag != "not":
            yield from _wanted(each)


def _choice(item: _Item, response: Element, profile: str, facts: dict[str, Any]) -> dict[str, Any]:
    labels = list(response.iter("response_label"))
    ids = [each.get("ident", "") for each in labels]
    shown = [item.markdown(each) for each in labels]
    conditions = _conditions(item)
    best = max((each.worth for each in conditions), default=Decimal(0))
    several = response.get("rcardinality", "single").lower() == "multiple"
    if not several and any(each.worth < best for each in conditions):
        item.remark("只得部分分数的选项没有导入分数")
    counted = conditions if several else [each for each in conditions if each.worth == best]
    right = list(dict.fromkeys(value for each in counted for value, _case in each.values))
    if not right or not set(right) <= set(ids):
        raise Wrong("没有写明答案，或答案不在选项之中")
    words = [text.strip().lower() for text in shown]
    two = (
        len(words) == 2
        and {*words} <= _TRUE | _FALSE
        and (words[0] in _TRUE) != (words[1] in _TRUE)
    )
    if "true_false" in profile or (not several and two):
        if not two or len(right) != 1:
            raise Wrong("判断题没有写明答案")
        return {**base.true_false("", words[ids.index(right[0])] in _TRUE), **facts}
    if several:
        facts["marking"] = "partial" if len(conditions) > 1 else "all_or_nothing"
    made = base.choice("", shown, [ids.index(each) for each in right], several=several)
    return {**made, **facts}


def _blank(item: _Item, response: Element, facts: dict[str, Any]) -> dict[str, Any]:
    conditions = _conditions(item)
    if not conditions:
        return {"kind": QuestionKind.SHORT, "sample": _feedback(item, "solution"), **facts}
    if any(each.parts for each in conditions):
        item.remark("“含有这些文字即对”按“等于这些文字”导入，请核对答案")
    values = [value for each in conditions for value in each.values]
    accepted = list(dict.fromkeys(text for text, _case in values if text))
    gap = {
        "kind": "text",
        "accepted": accepted,
        "case_matters": any(case for _text, case in values),
    }
    return {"kind": QuestionKind.BLANKS, "gaps": [gap], **facts}
