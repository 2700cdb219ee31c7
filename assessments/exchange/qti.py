"""QTI 2.1 and 3.0: read single items and packages.

Version 3 says the same things in other words (``qti-choice-interaction``, ``max-choices``):
names are brought to those of version 2 first. What is written is in ``qti_writing``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element, tostring

from assessments.exchange import base, cells, qti_areas
from assessments.exchange.base import Collector, Reading
from assessments.exchange.html import to_markdown
from assessments.questions import QuestionKind
from zhixin import archives, texts, xmltree
from zhixin.xmltree import local

LIMITS = archives.Limits(entries=30_000, total=512 * archives.MIB, each=64 * archives.MIB)
MOST_ITEM = 4 * archives.MIB
#: Interactions and options of one item; a question takes far fewer, and each takes time.
MOST_PARTS = 500
_ITEM_TYPES = re.compile(r"imsqti_item_xmlv(2p[0-2]|3p0)")
_TEST_TYPES = re.compile(r"imsqti_(test|assessment|section)_xmlv|^imsqti_xmlv1")
_CHOICES, _TEXT, _INLINE = "choiceInteraction", "textEntryInteraction", "inlineChoiceInteraction"
_LISTED = {"simpleChoice", "inlineChoice", "simpleAssociableChoice"}
_HINT = "zhixin-hint"
HTML = set(
    "p br hr div span b strong i em u s del sub sup code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 "
    "table thead tbody tr th td a img dl dt dd caption q cite small".split()
)


class Wrong(Exception):
    """Why an item cannot be taken, in words."""


def same_names(element: Element) -> None:
    """Bring a tree to the names of version 2, without namespaces; MathML and SVG keep theirs."""
    for each in element.iter():
        if not isinstance(each.tag, str):
            continue
        name = local(each)
        if name.startswith("qti-"):
            first, *rest = name.removeprefix("qti-").split("-")
            name = first + "".join(part.capitalize() for part in rest)
            for key in [key for key in each.attrib if "-" in key and not key.startswith("data-")]:
                first, *rest = key.split("-")
                each.attrib[first + "".join(part.capitalize() for part in rest)] = each.attrib[key]
        each.tag = name


@dataclass(slots=True)
class Item:
    """An item, and how to get what it names."""

    collector: Collector
    where: str
    root: Element
    load: Callable[[str], bytes | None]

    def remark(self, said: str) -> None:
        self.collector.remark(self.where, said)

    @property
    def body(self) -> Element:
        found = self.root.find("itemBody")
        if found is None:
            raise Wrong("没有题目正文（itemBody）")
        return found

    def response(self, name: str) -> Element:
        for each in self.root.findall("responseDeclaration"):
            if each.get("identifier") == name:
                return each
        raise Wrong("没有写明答案（responseDeclaration）")

    def correct(self, name: str) -> list[str]:
        found = self.response(name).find("correctResponse")
        values = found.findall("value") if found is not None else []
        return [(each.text or "").strip() for each in values]

    def mapped(self, name: str) -> list[tuple[str, Decimal, bool]]:
        """Entries of the mapping: what is answered, its points, does case matter."""
        made = []
        for each in self.response(name).findall("mapping/mapEntry"):
            try:
                worth = cells.number(each.get("mappedValue", "0"))
            except cells.Unclear:
                raise Wrong("分值映射不是数字") from None
            case = each.get("caseSensitive", "false") == "true"
            made.append((each.get("mapKey", "").strip(), worth, case))
        return made

    def markdown(self, element: Element | None) -> str:
        """The text and flow of an element."""
        if element is None:
            return ""
        html = tostring(_plain_copy(self, element), encoding="unicode", method="html")
        return to_markdown(html, self._picture)

    def _picture(self, address: str, words: str) -> str:
        content = self.load(unquote(address))
        if content is None:
            self.remark(f"图片“{address[:60]}”不在包中，没有导入")
            return f"〔图片{'：' + words if words else ''}〕"
        return self.collector.picture(self.where, content, words)


def _plain_copy(item: Item, element: Element) -> Element:
    """HTML that stands in the element; objects become pictures, formulas their TeX."""
    made = Element(element.tag if element.tag in HTML else "div")
    made.text = element.text
    for key in ("src", "alt", "href", "class"):
        if key in element.attrib:
            made.set(key, element.attrib[key])
    for each in element:
        if not isinstance(each.tag, str):
            child = Element("span")
        elif each.tag == "math":
            child = Element("span")
            child.text = _formula(item, each)
        elif each.tag == "object" and each.get("type", "").startswith("image/"):
            child = Element("img", src=each.get("data", ""), alt="".join(each.itertext()).strip())
        elif each.tag in ("object", "audio", "video", "iframe", "svg", "picture"):
            item.remark("音视频、SVG 或嵌入的内容没有导入")
            child = Element("span")
        elif each.tag in ("prompt", "rubricBlock", "feedbackBlock", "feedbackInline"):
            child = Element("span")
        elif each.tag == "gapMark":
            child = Element("span")
            child.text = each.text
        else:
            child = _plain_copy(item, each)
            if each.tag not in HTML:
                child.tag = "span"
        child.tail = each.tail
        made.append(child)
    return made


def _formula(item: Item, element: Element) -> str:
    for each in element.iter():
        if local(each) == "annotation" and "tex" in each.get("encoding", "").lower():
            return f"\\({(each.text or '').strip()}\\)"
    if text := element.get("alttext"):
        return f"\\({text}\\)"
    item.remark("MathML 公式按其中的文字导入")
    return " ".join("".join(element.itertext()).split())


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
) -> Reading:
    """Raises:
    BadArchive, BadXml: the package or the item is damaged.
    UnreadableQuestions: there is no item in it.
    """
    collector = Collector(pictures or base.NoPictures())
    if archives.is_zip(content):
        with archives.open(content, LIMITS) as archive:
            _package(collector, archive, progress)
    else:
        root = xmltree.parse(content, most_bytes=MOST_ITEM)
        if local(root).replace("qti-", "") not in ("assessmentItem", "assessment-item"):
            raise base.UnreadableQuestions(_not_ours(local(root)))
        take(collector, "第 1 题", root, lambda name: None)
    return collector.reading


def _not_ours(name: str) -> str:
    if name == "questestinterop":
        return "这是 QTI 1.2，只支持 2.1（2.2）和 3.0"
    return "这不是 QTI 题目（最外层应是 assessmentItem）"


def _package(collector: Collector, archive: archives.Archive, progress: base.Progress) -> None:
    places = [n for n in archive.names if posixpath.basename(n) == "imsmanifest.xml"]
    if not places:
        raise base.UnreadableQuestions("包中没有 imsmanifest.xml，不是 QTI 包")
    place = min(places, key=lambda name: name.count("/"))
    root = posixpath.dirname(place)
    manifest = xmltree.parse(archive.read(place, most=32 * archives.MIB))
    items = []
    for each in manifest.iter():
        if local(each) != "resource":
            continue
        kind, href = each.get("type", ""), each.get("href", "")
        if _ITEM_TYPES.match(kind):
            items.append(posixpath.normpath(posixpath.join(root, unquote(href))))
        elif _TEST_TYPES.match(kind):
            collector.remark(
                href[:80], "试卷的结构（分区、抽题、时限）没有导入，其中的题目逐题导入"
            )
        elif kind not in ("webcontent", "") and not kind.startswith("associatedcontent"):
            collector.remark(href[:80], f"不支持的资源类型 {kind[:60]}")
    if not items:
        raise base.UnreadableQuestions("包中没有 QTI 2.1 或 3.0 的题目")
    for at, name in enumerate(items):
        _packed(collector, archive, name)
        if at % 50 == 0:
            progress(at, len(items))


def _packed(collector: Collector, archive: archives.Archive, name: str) -> None:
    if name not in archive:
        collector.fault(name[:80], "清单中的题目文件不在包中")
        return

    def load(address: str) -> bytes | None:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
        return archive.read(path, most=32 * archives.MIB) if path in archive else None

    try:
        root = xmltree.parse(archive.read(name, most=MOST_ITEM))
    except (xmltree.BadXml, archives.BadArchive) as error:
        collector.fault(name[:80], error.message)
        return
    take(collector, name[:80], root, load)


def take(
    collector: Collector, where: str, root: Element, load: Callable[[str], bytes | None]
) -> None:
    same_names(root)
    if title := root.get("title", "").strip():
        where = f"{where}“{title[:30]}”"
    item = Item(collector, where, root, load)
    try:
        document = _document(item)
    except (Wrong, cells.Unclear) as wrong:
        collector.fault(where, str(wrong))
        return
    hints = [each for each in root.iter("rubricBlock") if each.get("use") == _HINT]
    hint = "".join(hints[0].itertext()).strip() if hints else None
    collector.add(where, base.hinted(collector, where, document, hint))


def _document(item: Item) -> dict[str, Any]:
    if item.root.tag != "assessmentItem":
        raise Wrong("不是 QTI 题目")
    interactions = [each for each in item.body.iter() if each.tag.endswith("Interaction")]
    kinds = {each.tag for each in interactions}
    if max(len(interactions), sum(each.tag in _LISTED for each in item.body.iter())) > MOST_PARTS:
        raise Wrong(f"一道题的空或选项超过 {MOST_PARTS} 个")
    if not interactions:
        raise Wrong("没有作答部分，不是题目")
    facts = _facts(item)
    if kinds <= {_TEXT, _INLINE}:
        return _gapped(item, interactions, facts)
    if len(interactions) > 1:
        raise Wrong(
            f"一道题含 {len(interactions)} 个作答部分（{'、'.join(sorted(kinds))}），不支持"
        )
    reader = _READERS.get(interactions[0].tag)
    if reader is None:
        raise Wrong(f"不支持 QTI 的作答方式 {interactions[0].tag}")
    return reader(item, interactions[0], facts)


def _facts(item: Item) -> dict[str, Any]:
    feedback = [item.markdown(each) for each in item.root.findall("modalFeedback")]
    facts: dict[str, Any] = {"explanation": "\n\n".join(dict.fromkeys(filter(None, feedback)))}
    for each in item.root.findall("outcomeDeclaration"):
        if each.get("identifier") in ("MAXSCORE", "SCORE"):
            value = each.findtext("defaultValue/value") or each.get("normalMaximum") or ""
            if each.get("identifier") == "SCORE":
                value = each.get("normalMaximum") or ""
            if value.strip() and cells.number(value) > 0:
                facts["points"] = str(cells.number(value))
    if item.root.get("adaptive") == "true":
        item.remark("自适应题按一次作答导入")
    if item.root.find("templateDeclaration") is not None:
        raise Wrong("含变量模板的题目不支持")
    for each in item.body.findall("rubricBlock"):
        if each.get("use") in ("sharedstimulus", "context"):
            passage = item.collector.passage(item.where, item.markdown(each))
            facts["passage"] = passage
    return facts


def _stem(item: Item, interaction: Element) -> str:
    """The text around an interaction and its prompt."""
    before = item.markdown(_without(item.body, interaction))
    prompt = item.markdown(interaction.find("prompt"))
    return "\n\n".join(filter(None, (before, prompt)))


def _without(body: Element, interaction: Element) -> Element:
    for parent in body.iter():
        for at, each in enumerate(list(parent)):
            if each is interaction:
                mark = Element("gapMark")
                mark.tail = each.tail
                parent[at] = mark
    return body


def _choice(item: Item, interaction: Element, facts: dict[str, Any]) -> dict[str, Any]:
    name = interaction.get("responseIdentifier", "")
    options = interaction.findall("simpleChoice")
    ids = [each.get("identifier", "") for each in options]
    shown = [item.markdown(each) for each in options]
    worth = item.mapped(name)
    right = item.correct(name) or [key for key, value, _case in worth if value > 0]
    if not right or not set(right) <= set(ids):
        raise Wrong("答案不在选项之中")
    several = item.response(name).get("cardinality", "single") == "multiple"
    if len({value for key, value, _case in worth if value > 0}) > 1:
        item.remark("各正确选项的分数不同，按相同导入")
    stem = _stem(item, interaction)
    if not several and set(ids) == {"true", "false"}:
        return base.true_false(stem, right == ["true"], **facts)
    if several:
        facts["marking"] = "partial" if worth else "all_or_nothing"
    return base.choice(stem, shown, [ids.index(each) for each in right], several=several, **facts)


def _gapped(item: Item, interactions: list[Element], facts: dict[str, Any]) -> dict[str, Any]:
    gaps = []
    body = item.body
    for at, each in enumerate(interactions, 1):
        name = each.get("responseIdentifier", "")
        gaps.append(
            _inline_choice(item, each, name) if each.tag == _INLINE else _entry(item, each, name)
        )
        _without(body, each)
        marks = [mark for mark in body.iter("gapMark") if mark.text is None]
        for mark in marks:
            mark.text = f"{{{{{at}}}}}"
    kind = (
        QuestionKind.CLOZE if any(gap["kind"] == "choice" for gap in gaps) else QuestionKind.BLANKS
    )
    return {"kind": kind, "stem": item.markdown(body), "gaps": gaps, **facts}


def _inline_choice(item: Item, interaction: Element, name: str) -> dict[str, Any]:
    options = interaction.findall("inlineChoice")
    ids = [each.get("identifier", "") for each in options]
    right = item.correct(name)
    if len(right) != 1 or right[0] not in ids:
        raise Wrong("答案不在选项之中")
    made = base.options(item.markdown(each) for each in options)
    return {"kind": "choice", "options": made, "correct": made[ids.index(right[0])]["id"]}


def _entry(item: Item, interaction: Element, name: str) -> dict[str, Any]:
    declared = item.response(name)
    right = item.correct(name)
    if declared.get("baseType") in ("float", "integer"):
        if not right:
            raise Wrong("数值题没有写明答案")
        value = cells.number(right[0])
        tolerance, relative = _tolerance(item, name)
        return {
            "kind": "number",
            "value": str(value),
            "tolerance": str(tolerance),
            "relative": relative,
        }
    worth = item.mapped(name)
    best = max((value for _key, value, _case in worth), default=Decimal(0))
    accepted = [key for key, value, _case in worth if value == best and value > 0]
    if any(0 < value < best for _key, value, _case in worth):
        item.remark("只得部分分数的答案没有导入")
    if not accepted and len(right) == 0:
        raise Wrong("有的空没有写明答案")
    whole = list(dict.fromkeys([*right, *accepted]))
    case = any(case for _key, _value, case in worth)
    return {"kind": "text", "accepted": [each for each in whole if each], "case_matters": case}


def _tolerance(item: Item, name: str) -> tuple[Decimal, bool]:
    for each in item.root.iter("equal"):
        if not any(v.get("identifier") == name for v in each.iter("variable")):
            continue
        mode = each.get("toleranceMode", "exact")
        given = re.split(r"[\s,]+", each.get("tolerance", "0").strip())
        if len(set(given)) > 1:
            item.remark("上下误差不同，按较小的导入")
        tolerance = min(map(cells.number, given))
        return (tolerance / 100, True) if mode == "relative" else (tolerance, False)
    return Decimal(0), False


def _match(item: Item, interaction: Element, facts: dict[str, Any]) -> dict[str, Any]:
    sets = interaction.findall("simpleMatchSet")
    if len(sets) != 2:
        raise Wrong("连线题应有两列")
    lefts, rights = (
        {
            each.get("identifier", ""): item.markdown(each)
            for each in s.iter("simpleAssociableChoice")
        }
        for s in sets
    )
    pairs: dict[str, str] = {}
    for value in item.correct(interaction.get("responseIdentifier", "")):
        first, _space, second = value.partition(" ")
        if first not in lefts and second in lefts:
            first, second = second, first
        if first not in lefts or second not in rights or first in pairs:
            raise Wrong("连线题左列的一项应对应右列的一项")
        pairs[first] = second
    if set(pairs) != set(lefts):
        raise Wrong("左列的每一项都要有对应的右列")
    used = [(lefts[left], rights[pairs[left]]) for left in lefts]
    return base.matching(_stem(item, interaction), used, list(rights.values()), **facts)


def _order(item: Item, interaction: Element, facts: dict[str, Any]) -> dict[str, Any]:
    shown = {
        each.get("identifier", ""): item.markdown(each) for each in interaction.iter("simpleChoice")
    }
    right = item.correct(interaction.get("responseIdentifier", ""))
    if sorted(right) != sorted(shown):
        raise Wrong("排序题的答案应把每一项各排一次")
    return base.ordering(_stem(item, interaction), [shown[each] for each in right], **facts)


def _extended(item: Item, interaction: Element, facts: dict[str, Any]) -> dict[str, Any]:
    sample = [
        item.markdown(each)
        for each in item.body.iter("rubricBlock")
        if "scorer" in each.get("view", "") and each.get("use") != _HINT
    ]
    stem = _stem(item, interaction)
    return {"kind": QuestionKind.SHORT, "stem": stem, "sample": "\n\n".join(sample), **facts}


def _hotspot(item: Item, interaction: Element, facts: dict[str, Any]) -> dict[str, Any]:
    shown = next((e for e in interaction if e.tag in ("object", "img")), None)
    if shown is None:
        raise Wrong("没有图片")
    address = shown.get("data") or shown.get("src") or ""
    content = item.load(unquote(address))
    if content is None:
        raise Wrong(f"图片“{address[:60]}”不在包中")
    name = interaction.get("responseIdentifier", "")
    areas = qti_areas.read(interaction, shown, item.response(name), item.correct(name))
    if not areas:
        raise Wrong("没有写明正确的区域，或区域的形状不支持")
    picture = item.collector.picture_name(item.where, content)
    if picture is None:
        raise Wrong("图片不能导入，图中指点题没有导入")
    words = (shown.get("alt") or "".join(shown.itertext())).strip()[:500] or "图片"
    stem = _stem(item, interaction)
    return {
        "kind": QuestionKind.HOTSPOT,
        "stem": stem,
        "picture": picture,
        "alt": words,
        "areas": areas,
        **facts,
    }


_READERS: Mapping[str, Callable[[Item, Element, dict[str, Any]], dict[str, Any]]] = {
    _CHOICES: _choice,
    "matchInteraction": _match,
    "orderInteraction": _order,
    "extendedTextInteraction": _extended,
    "hotspotInteraction": _hotspot,
    "selectPointInteraction": _hotspot,
}


def looks_alike(content: bytes) -> bool:
    """An item's XML, by its beginning."""
    try:
        head = texts.decode(content[:4000][: len(content[:4000]) // 4 * 4])
    except texts.UnreadableText:
        head = content[:4000].decode("latin-1")
    return "assessmentItem" in head or "qti-assessment-item" in head or "questestinterop" in head
