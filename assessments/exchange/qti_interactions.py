"""How QTI asks: each interaction as a question's document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from assessments.exchange import base, cells, qti_areas
from assessments.exchange.qti_items import HINT, Item, Wrong
from assessments.questions import QuestionKind

TEXT, INLINE = "textEntryInteraction", "inlineChoiceInteraction"


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


def gapped(item: Item, interactions: list[Element], facts: dict[str, Any]) -> dict[str, Any]:
    gaps = []
    body = item.body
    for at, each in enumerate(interactions, 1):
        name = each.get("responseIdentifier", "")
        gaps.append(
            _inline_choice(item, each, name) if each.tag == INLINE else _entry(item, each, name)
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
        if "scorer" in each.get("view", "") and each.get("use") != HINT
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


READERS: Mapping[str, Callable[[Item, Element, dict[str, Any]], dict[str, Any]]] = {
    "choiceInteraction": _choice,
    "matchInteraction": _match,
    "orderInteraction": _order,
    "extendedTextInteraction": _extended,
    "hotspotInteraction": _hotspot,
    "selectPointInteraction": _hotspot,
}
