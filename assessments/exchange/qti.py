"""QTI 2.1 and 3.0: read single items and packages.

Version 3 says the same things in other words (``qti-choice-interaction``, ``max-choices``):
names are brought to those of version 2 first. What is written is in ``qti_writing``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from assessments.exchange import base, cells
from assessments.exchange.base import Collector, Reading
from assessments.exchange.qti_interactions import INLINE, READERS, TEXT, gapped
from assessments.exchange.qti_items import HINT, Item, Wrong, same_names
from zhixin import archives, xmltree
from zhixin.xmltree import local

LIMITS = archives.Limits(entries=30_000, total=512 * archives.MIB, each=64 * archives.MIB)
MOST_ITEM = 4 * archives.MIB
#: Interactions and options of one item; a question takes far fewer, and each takes time.
MOST_PARTS = 500
_ITEM_TYPES = re.compile(r"imsqti_item_xmlv(2p[0-2]|3p0)")
_TEST_TYPES = re.compile(r"imsqti_(test|assessment|section)_xmlv|^imsqti_xmlv1")
_LISTED = {"simpleChoice", "inlineChoice", "simpleAssociableChoice"}


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
    hints = [each for each in root.iter("rubricBlock") if each.get("use") == HINT]
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
    if kinds <= {TEXT, INLINE}:
        return gapped(item, interactions, facts)
    if len(interactions) > 1:
        raise Wrong(
            f"一道题含 {len(interactions)} 个作答部分（{'、'.join(sorted(kinds))}），不支持"
        )
    reader = READERS.get(interactions[0].tag)
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
