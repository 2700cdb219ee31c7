"""Word files in the usual Chinese layout: paragraphs, pictures, formulas and numbers of lists.

The parts are read directly, through the readers for strangers' archives and XML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from assessments.exchange import base, docx_numbers, layout, omml
from assessments.exchange.base import Collector, Reading
from assessments.exchange.html import formulas_kept, lowered, raised
from zhixin import archives, xmltree
from zhixin.xmltree import local

LIMITS = archives.Limits(entries=3_000, total=256 * archives.MIB, each=96 * archives.MIB)
MOST_XML = 64 * archives.MIB
MOST_PARAGRAPHS = 200_000
_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp"}
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_HELD = re.compile("\ue000(\\d+)\ue001")
#: Where bold begins and ends.
_STRONG, _PLAIN = "\ue002", "\ue003"
_BOLD = re.compile(f"{_STRONG}([^{_STRONG}{_PLAIN}]*){_PLAIN}")
#: Bold that marks a place of the layout, or an answer.
_SIGNS = re.compile(r"[【】]|答案|解析|^[\sA-JＡ-Ｊ、,，.．：:（）()√×✓✗✔✘对错正确误]*$")
_UNKNOWN = {
    "object": "嵌入的对象（如 MathType 公式）",
    "pict": "旧式图形",
    "chart": "图表",
    "txbxContent": "文本框",
}


@dataclass(slots=True)
class _Document:
    """The parts of a file that matter here."""

    body: Element
    archive: archives.Archive
    relations: dict[str, str]
    numbers: docx_numbers.Numbers


class _Words:
    """Paragraphs to text; what is no text is held apart under a sign until fields are made."""

    def __init__(self, collector: Collector, document: _Document) -> None:
        self.collector, self.document = collector, document
        self.held: list[str] = []
        self.where = ""
        self.told: set[str] = set()

    def paragraph(self, element: Element) -> str:
        label = self.document.numbers.label(element)
        text = "".join(self._all(element))
        return label + text

    def _all(self, element: Element, depth: int = 0) -> Iterator[str]:
        if depth > 60:
            return
        for each in element:
            name = local(each)
            if name == "r":
                yield self._run(each)
            elif name in ("oMath", "oMathPara"):
                yield self._formula(each)
            elif name in ("hyperlink", "ins", "smartTag", "sdt", "sdtContent", "fldSimple"):
                yield from self._all(each, depth + 1)

    def _run(self, element: Element) -> str:
        properties = next((each for each in element if local(each) == "rPr"), None)
        text = "".join(self._part(each) for each in element)
        if properties is None or not text:
            return text
        marks = {local(each): _value(each) for each in properties}
        if marks.get("u", "none") != "none" and not text.strip(" \u3000\xa0\t"):
            return "____"  # underlined spaces: a blank
        position = marks.get("vertAlign")
        if position in ("superscript", "subscript") and "\ue000" not in text:
            moved = raised(text) if position == "superscript" else lowered(text)
            return self._hold(moved) if moved.startswith("$") else moved
        on = [marks.get(name) not in (None, "0", "false", "none") for name in ("b", "em")]
        if any(on) and text.strip() and "\n" not in text:
            return f"{_STRONG}{text}{_PLAIN}"
        return text

    def _part(self, element: Element) -> str:
        name = local(element)
        if name == "t":
            return _PRIVATE.sub("", element.text or "")
        if name == "tab":
            return "\t"
        if name in ("br", "cr"):
            return "\n"
        if name == "noBreakHyphen":
            return "-"
        if name == "sym":
            return {"F0FC": "√", "F050": "√", "F0FB": "×"}.get(_value(element, "char").upper(), "")
        if name == "drawing":
            return self._drawing(element)
        if name == "AlternateContent":
            inner = next((each for each in element if local(each) == "Choice"), element)
            return "".join(self._part(each) for each in inner)
        if name in _UNKNOWN:
            self._missed(_UNKNOWN[name])
            return self._hold(f"〔{_UNKNOWN[name]}〕")
        return ""

    def _drawing(self, element: Element) -> str:
        shown = []
        words = ""
        for each in element.iter():
            if local(each) == "docPr":
                words = each.get("descr") or ""
            elif local(each) == "blip":
                shown.append(self._picture(each.get(f"{_RELATION}embed", ""), words))
            elif local(each) in ("chart", "txbxContent"):
                self._missed(_UNKNOWN[local(each)])
        return "".join(shown)

    def _picture(self, relation: str, words: str) -> str:
        path = self.document.relations.get(relation, "")
        if path not in self.document.archive:
            self._missed("链接到外部的图片")
            return self._hold("〔图片〕")
        if PurePosixPath(path.lower()).suffix not in _PICTURES:
            self._missed(f"{PurePosixPath(path).suffix} 格式的图片")
            return self._hold("〔图片〕")
        content = self.document.archive.read(path, most=32 * archives.MIB)
        return self._hold(self.collector.picture(self.where, content, words))

    def _formula(self, element: Element) -> str:
        try:
            latex = " ".join(
                omml.to_latex(each) for each in element.iter() if local(each) == "oMath"
            )
        except omml.Unknown as unknown:
            self._missed(f"含 {unknown} 结构的公式")
            return self._hold("〔公式〕")
        return self._hold(f"${latex.strip()}$") if latex.strip() else ""

    def _missed(self, what: str) -> None:
        self.collector.remark(self.where, f"{what}没有导入")

    def _hold(self, made: str) -> str:
        self.held.append(made)
        return f"\ue000{len(self.held) - 1}\ue001"

    def finish(self, text: str) -> str:
        """A field's text as Markdown."""
        text = re.sub(f"{_PLAIN}{_STRONG}", "", text)
        parts = re.split(f"{_STRONG}([^{_STRONG}{_PLAIN}]*){_PLAIN}", text)
        whole = len([part for part in parts if part.strip()]) == 1  # nothing stands out
        made = []
        for at, part in enumerate(parts):
            said = formulas_kept(re.sub(f"[{_STRONG}{_PLAIN}]", "", part))
            core = said.strip()
            if at % 2 and core and not whole:
                before, _core, after = said.partition(core)
                said = f"{before}**{core}**{after}"
            made.append(said)
        return _HELD.sub(
            lambda found: self.held[int(found[1])] if int(found[1]) < len(self.held) else "",
            "".join(made),
        ).strip()


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
) -> Reading:
    """Raises:
    BadArchive, BadXml: it is no .docx, or damaged.
    UnreadableQuestions: it holds no document.
    """
    if content[:4] == b"\xd0\xcf\x11\xe0":
        raise base.UnreadableQuestions("这是旧版 Word（.doc）或有密码的文件，请另存为 .docx")
    with archives.open(content, LIMITS) as archive:
        document = _open(archive)
        collector = Collector(pictures or base.NoPictures())
        words = _Words(collector, document)
        layout.read(_lines(words, document.body), collector, words.finish)
    return collector.reading


def _open(archive: archives.Archive) -> _Document:
    def part(name: str) -> Element | None:
        if name not in archive:
            return None
        return xmltree.parse(archive.read(name, most=MOST_XML))

    document = part("word/document.xml")
    body = None if document is None else next((e for e in document if local(e) == "body"), None)
    if body is None:
        raise base.UnreadableQuestions("文件中没有正文，不是 Word 文档")
    relations = {}
    for each in part("word/_rels/document.xml.rels") or ():
        if each.get("TargetMode") != "External":
            target = each.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else f"word/{target}"
            relations[each.get("Id", "")] = path
    numbers = docx_numbers.Numbers(part("word/numbering.xml"), part("word/styles.xml"))
    return _Document(body, archive, relations, numbers)


def _lines(words: _Words, body: Element) -> Iterator[layout.Line]:
    for number, element in enumerate(_blocks(body), 1):
        if number > MOST_PARAGRAPHS:
            raise base.UnreadableQuestions("文档过长，请分成几个文件")
        words.where = f"第 {number} 段"
        text = _table(words, element) if local(element) == "tbl" else words.paragraph(element)
        for line in _unmarked(text).split("\n"):
            yield layout.Line(words.where, line)


def _unmarked(text: str) -> str:
    """Bold at the beginning of a line would hide the number or the letter there, and bold
    letters and keys are no words that stand out: 【答案】**A**."""
    text = _BOLD.sub(lambda found: found[1] if _SIGNS.search(found[1]) else found[0], text)
    lines = []
    for line in text.split("\n"):
        found = re.match(f"\\s*{_STRONG}([^{_PLAIN}]*){_PLAIN}", line)
        lines.append(found[1] + line[found.end() :] if found else line)
    return "\n".join(lines)


def _blocks(element: Element, depth: int = 0) -> Iterator[Element]:
    for each in element:
        name = local(each)
        if name in ("p", "tbl"):
            yield each
        elif name in ("sdt", "sdtContent", "ins", "customXml") and depth < 20:
            yield from _blocks(each, depth + 1)


def _table(words: _Words, element: Element) -> str:
    """A table within a question, as Markdown's; held whole, so that its cells are no options."""
    said = [
        [
            " ".join(words.paragraph(each) for each in cell if local(each) == "p")
            for cell in row
            if local(cell) == "tc"
        ]
        for row in element
        if local(row) == "tr"
    ]
    if not any(map(any, said)):
        return ""
    if options := _options(said):
        return "\n".join(options)
    rows = [
        [words.finish(text).replace("|", "\\|").replace("\n", " ") for text in row] for row in said
    ]
    wide = max(map(len, rows))
    lines = ["| " + " | ".join([*row, *[""] * (wide - len(row))]) + " |" for row in rows[:200]]
    lines.insert(1, "|" + " --- |" * wide)
    return words._hold("\n" + "\n".join(lines) + "\n")


def _options(rows: list[list[str]]) -> list[str]:
    """The cells of a table that only puts options beside each other; else none."""
    said = [_unmarked(text).strip() for row in rows for text in row if text.strip()]
    return said if layout.are_options(said) else []


def _value(element: Element, name: str = "val") -> str:
    return next((value for key, value in element.attrib.items() if key.endswith("}" + name)), "")
