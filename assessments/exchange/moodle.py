"""Moodle XML: read. What is written is in :mod:`assessments.exchange.moodle_writing`."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from assessments.exchange import base, cells, moodle_cloze
from assessments.exchange.base import Collector, Reading
from assessments.exchange.html import escaped, to_markdown
from assessments.questions import QuestionKind
from zhixin import xmltree

MOST_PICTURE = 20 * 1024 * 1024
_FILE = "@@PLUGINFILE@@/"
_SILENT = {"category"}
#: A question takes far fewer, and each takes time.
MOST_ANSWERS = 500
_LISTED = {"answer", "subquestion", "selectoption", "dragbox"}
_LINK = re.compile(r"\[([^\[\]\n]*)\]\(@@PLUGINFILE@@/[^)\n]*\)")


class Wrong(Exception):
    """Why a question cannot be taken, in words."""


class Source:
    """One ``<question>`` and what its parts say."""

    def __init__(self, collector: Collector, where: str, element: Element) -> None:
        self.collector, self.where, self.element = collector, where, element

    def remark(self, said: str) -> None:
        self.collector.remark(self.where, said)

    def text(self, path: str, default: str = "") -> str:
        return (self.element.findtext(path) or default).strip()

    def rich(self, element: Element | None) -> str:
        """A text with its format and files, as Markdown."""
        if element is None:
            return ""
        said = (element.findtext("text") or "").strip()
        style = element.get("format", "html")
        files = {unquote(each.get("name", "")): each for each in element.findall("file")}

        def show(address: str, words: str) -> str:
            return self._picture(files, address, words)

        if style == "markdown":
            return re.sub(
                rf"!\[([^\[\]\n]*)\]\({re.escape(_FILE)}([^)\s]+)\)",
                lambda found: show(_FILE + found[2], found[1]),
                said,
            )
        if style == "plain_text":
            return escaped(said)
        if re.search(r"(?i)<(?:audio|video|object|embed|iframe|svg|math)\b", said):
            self.remark("音视频、嵌入的内容或 MathML 没有导入")
        made = to_markdown(said if "<" in said else said.replace("\n", "<br>"), show)
        if _LINK.search(made):
            self.remark("附件没有导入")
        return _LINK.sub(r"\1", made)

    def words(self, element: Element) -> str:
        """The same as words alone: for answers that are compared."""
        return (element.findtext("text") or "").strip()

    def _picture(self, files: dict[str, Element], address: str, words: str) -> str:
        name = unquote(address.removeprefix(_FILE)).split("?")[0]
        held = files.get(name)
        if not address.startswith(_FILE) or held is None:
            self.remark(f"图片“{address[:60]}”不在文件中，没有导入")
            return f"〔图片{'：' + words if words else ''}〕"
        encoded = held.text or ""
        try:
            if held.get("encoding") != "base64" or len(encoded) > MOST_PICTURE * 4 // 3:
                raise ValueError
            content = base64.b64decode(encoded)
        except (ValueError, binascii.Error):
            self.remark(f"图片“{name[:60]}”已损坏或过大，没有导入")
            return f"〔图片{'：' + words if words else ''}〕"
        return self.collector.picture(self.where, content, words)

    def answers(self) -> list[tuple[Decimal, Element]]:
        made = []
        for each in self.element.findall("answer"):
            try:
                made.append((cells.number(each.get("fraction", "0")), each))
            except cells.Unclear:
                raise Wrong("答案的分数不是数字") from None
        if any((each.findtext("feedback/text") or "").strip() for _share, each in made):
            self.remark("各答案的反馈没有导入")
        return made


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
) -> Reading:
    """Raises:
    BadXml: it is no XML that we read.
    UnreadableQuestions: it is none of Moodle's.
    """
    root = xmltree.parse(content)
    if root.tag != "quiz":
        raise base.UnreadableQuestions("这不是 Moodle XML（最外层应是 quiz）")
    collector = Collector(pictures or base.NoPictures())
    elements = root.findall("question")
    number = 0
    for at, element in enumerate(elements):
        kind = element.get("type", "")
        if kind in _SILENT:
            continue
        number += 1
        name = (element.findtext("name/text") or "").strip()
        source = Source(collector, f"第 {number} 题" + (f"“{name[:30]}”" if name else ""), element)
        _take(source, kind)
        if at % 100 == 0:
            progress(at, len(elements))
    if not number:
        collector.fault("", "没有找到题目")
    return collector.reading


def _take(source: Source, kind: str) -> None:
    reader = _READERS.get(kind)
    parts = sum(each.tag in _LISTED for each in source.element)
    if parts > MOST_ANSWERS:
        source.collector.fault(source.where, f"一道题的答案超过 {MOST_ANSWERS} 个")
        return
    if kind == "description":
        source.remark("说明文字不是题目，没有导入")
        return
    if reader is None:
        source.collector.fault(source.where, f"不支持 Moodle 的题型 {kind[:40] or '（空）'}")
        return
    try:
        document = reader(source, _facts(source))
    except (Wrong, cells.Unclear) as wrong:
        source.collector.fault(source.where, str(wrong))
        return
    for name, said in (("hint", "提示"), ("combinedfeedback", "反馈")):
        if source.element.find(name) is not None:
            source.remark(f"{said}没有导入")
    hint = source.element.findtext("zhixin")
    source.collector.add(source.where, base.hinted(source.collector, source.where, document, hint))


def _facts(source: Source) -> dict[str, Any]:
    facts: dict[str, Any] = {"explanation": source.rich(source.element.find("generalfeedback"))}
    grade = source.text("defaultgrade", source.text("defaultmark"))
    if grade:
        points = cells.number(grade)
        if points > 0:
            facts["points"] = str(points.quantize(Decimal("0.01")).normalize() + 0)
        else:
            source.remark("分值为 0，按 1 分导入")
    return facts


def _stem(source: Source) -> str:
    return source.rich(source.element.find("questiontext"))


def _multichoice(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    answers = source.answers()
    texts = [source.rich(each) for _share, each in answers]
    single = source.text("single", "true").lower() in ("true", "1")
    shares = [share for share, _each in answers]
    right = [at for at, share in enumerate(shares) if share > 0]
    if single:
        best = [at for at, share in enumerate(shares) if share >= 100]
        if len(right) > len(best):
            source.remark("部分正确的选项没有导入分数")
        if len(best) != 1:
            raise Wrong("单选题应有且只有一个得满分的选项")
        return base.choice(_stem(source), texts, best, **facts)
    if len({shares[at] for at in right}) > 1:
        source.remark("各正确选项的分数不同，按相同导入")
    return base.choice(_stem(source), texts, right, several=True, marking="partial", **facts)


def _truefalse(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    right = [each for share, each in source.answers() if share >= 100]
    word = source.words(right[0]).lower() if right else ""
    if word not in ("true", "false"):
        raise Wrong("判断题没有写明答案")
    return base.true_false(_stem(source), word == "true", **facts)


def _gap_stem(source: Source) -> str:
    """Moodle marks where the answer goes with underscores, if at all."""
    stem = _stem(source)
    if "{{1}}" in stem:
        return stem
    return re.sub(r"(?:\\?_){3,}", "{{1}}", stem, count=1)


def _shortanswer(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    answers = source.answers()
    whole = [source.words(each) for share, each in answers if share >= 100]
    if any(0 < share < 100 for share, _each in answers):
        source.remark("只得部分分数的答案没有导入")
    if any("*" in each for each in whole):
        source.remark("通配符 * 按普通文字导入")
    case = source.text("usecase") in ("1", "true")
    gap = {"kind": "text", "accepted": [each for each in whole if each], "case_matters": case}
    return {"kind": QuestionKind.BLANKS, "stem": _gap_stem(source), "gaps": [gap], **facts}


def _numerical(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    answers = source.answers()
    whole = [each for share, each in answers if share >= 100]
    if any(0 < share < 100 for share, _each in answers):
        source.remark("只得部分分数的答案没有导入")
    if len(whole) != 1:
        raise Wrong("数值题应有且只有一个完全正确的答案")
    units = [
        (each.findtext("unit_name") or "", cells.number(each.findtext("multiplier") or "1"))
        for each in source.element.findall("units/unit")
    ]
    if any(multiplier <= 0 for _name, multiplier in units):
        raise Wrong("单位的换算系数应大于 0")
    gap = {
        "kind": "number",
        "value": str(cells.number(source.words(whole[0]))),
        "tolerance": str(cells.number(whole[0].findtext("tolerance") or "0")),
        # Moodle: the student's number divided by the multiplier is the answer's.
        "units": [
            {"name": name, "factor": inverse(multiplier)} for name, multiplier in units if name
        ],
        "unit_needed": source.text("unitgradingtype", "0") != "0",
    }
    if gap["units"] and source.text("showunits") == "3":
        gap["units"] = []
    return {"kind": QuestionKind.BLANKS, "stem": _gap_stem(source), "gaps": [gap], **facts}


def inverse(multiplier: Decimal) -> str:
    factor = (1 / multiplier).normalize()
    return f"{factor:f}" if abs(factor.adjusted()) < 30 else str(factor)


def _matching(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    pairs, more = [], []
    for each in source.element.findall("subquestion"):
        left, right = source.rich(each), escaped((each.findtext("answer/text") or "").strip())
        if left:
            pairs.append((left, right))
        else:
            more.append(right)
    return base.matching(_stem(source), pairs, more, **facts)


def _ordering(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    texts = [source.rich(each) for each in source.element.findall("answer")]
    return base.ordering(_stem(source), texts, **facts)


def _essay(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    sample = source.rich(source.element.find("graderinfo"))
    kind = (
        QuestionKind.ESSAY
        if source.element.find("responseformat") is not None
        else QuestionKind.SHORT
    )
    if source.text("attachments", "0") not in ("0", ""):
        source.remark("附件作答没有导入")
    return {"kind": kind, "stem": _stem(source), "sample": sample, **facts}


def _cloze(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    element = source.element.find("questiontext")
    said = (element.findtext("text") or "") if element is not None else ""
    found = moodle_cloze.read(said)
    for remark in found.remarks:
        source.remark(remark)
    if element is not None and element.find("text") is not None:
        element.find("text").text = found.text  # type: ignore[union-attr]
    facts.pop("points", None)  # the sum of the gaps', which Moodle does not write here
    kind = (
        QuestionKind.CLOZE
        if any(g["kind"] == "choice" for g in found.gaps)
        else QuestionKind.BLANKS
    )
    return {"kind": kind, "stem": _stem(source), "gaps": found.gaps, **facts}


def _gapselect(source: Source, facts: dict[str, Any]) -> dict[str, Any]:
    """Gaps ``[[1]]`` that take one of the options of a group."""
    options = []
    for tag in ("selectoption", "dragbox"):
        for each in source.element.findall(tag):
            group = (each.findtext("group") or "1").strip()
            options.append(((each.findtext("text") or "").strip(), group))
    stem = _stem(source).replace("\\[", "[").replace("\\]", "]")
    gaps: list[dict[str, Any]] = []

    def one(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        if not 0 <= place < len(options):
            raise Wrong("空的标记没有对应的选项")
        text, group = options[place]
        listed = list(dict.fromkeys(each for each, its in options if its == group))
        made = base.options(listed)
        correct = made[listed.index(text)]["id"]
        gaps.append({"kind": "choice", "options": made, "correct": correct})
        return f"{{{{{len(gaps)}}}}}"

    stem = re.sub(r"\[\[([1-9]\d?)\]\]", one, stem)
    return {"kind": QuestionKind.CLOZE, "stem": stem, "gaps": gaps, **facts}


_READERS: dict[str, Callable[[Source, dict[str, Any]], dict[str, Any]]] = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
    "matching": _matching,
    "ordering": _ordering,
    "essay": _essay,
    "cloze": _cloze,
    "multianswer": _cloze,
    "gapselect": _gapselect,
    "ddwtos": _gapselect,
}
