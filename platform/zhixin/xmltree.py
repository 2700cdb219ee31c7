"""XML of strangers: no entities, nothing from elsewhere, within bounds of size and depth."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from zhixin import texts
from zhixin.errors import Invalid

MIB = 1024 * 1024
_DECLARATION = re.compile(r"^\s*<\?xml\s[^>]{0,200}\?>")
_PIECE = 256 * 1024


class BadXml(Invalid):
    """The file is no XML that we read."""

    code = "bad-xml"
    title = "无法读取这个 XML 文件"


def parse(
    content: bytes,
    *,
    most_bytes: int = 64 * MIB,
    most_elements: int = 2_000_000,
    most_depth: int = 200,
) -> Element:
    """The root element. GB18030 is read too, which the parser itself does not know.

    Raises:
        BadXml: it is damaged, declares entities, or is beyond the bounds.
    """
    if len(content) > most_bytes:
        raise BadXml(f"XML 文件超过 {most_bytes // MIB} MiB")
    try:
        text = texts.decode(content)
    except texts.UnreadableText as error:
        raise BadXml(error.message) from None
    text = _DECLARATION.sub("", text, count=1) if text[:100].lstrip()[:5] == "<?xml" else text
    builder = _Bounded(most_elements, most_depth)
    parser = XMLParser(target=builder, encoding="utf-8", forbid_entities=True)
    try:
        sent = text.encode()
        for at in range(0, len(sent), _PIECE):
            parser.feed(sent[at : at + _PIECE])
        root: Element = parser.close()
    except DefusedXmlException:
        raise BadXml("XML 文件声明了实体，出于安全考虑不予读取") from None
    except ParseError as error:
        line, column = error.position
        raise BadXml(f"XML 在第 {line} 行第 {column + 1} 列处不完整或有误") from None
    except (ValueError, LookupError) as error:
        raise BadXml("XML 文件已损坏") from error
    return root


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


class _Bounded(TreeBuilder):
    def __init__(self, most_elements: int, most_depth: int) -> None:
        super().__init__()
        self._left, self._deepest, self._depth = most_elements, most_depth, 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._left -= 1
        self._depth += 1
        if self._left < 0 or self._depth > self._deepest or len(attrs) > 200:
            raise BadXml("XML 文件的元素过多，或层层嵌套过深")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)
