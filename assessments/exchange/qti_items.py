"""A QTI item as it is read: its names, its answers, its texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import unquote
from xml.etree.ElementTree import Element, tostring

from assessments.exchange import cells
from assessments.exchange.base import Collector
from assessments.exchange.html import to_markdown
from zhixin.xmltree import local

#: What our own writer says beside the item.
HINT = "zhixin-hint"
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
