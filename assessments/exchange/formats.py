"""Which formats there are, and which one a file has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from assessments.exchange import (
    aiken,
    base,
    docx,
    docx_writing,
    excel,
    gift,
    moodle,
    moodle_writing,
    plaintext,
    qti,
    qti_writing,
)
from assessments.exchange.base import Questions, Reading, UnreadableQuestions, Written
from zhixin import archives, spreadsheets, texts

Read = Callable[[bytes, base.Pictures | None, base.Progress], Reading]
Write = Callable[[Questions, base.Pictures | None], Written]
_ZIP, _XML, _TEXT = "application/zip", "application/xml", "text/plain; charset=utf-8"
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name in addresses, its title for people, and what reads and writes it."""

    name: str
    title: str
    suffix: str
    media_type: str
    read: Read
    write: Write


_ALL = (
    Format("excel", "Excel 表格", ".xlsx", spreadsheets.XLSX, excel.read, excel.write),
    Format("word", "Word 文档", ".docx", _DOCX, docx.read, docx_writing.write),
    Format("text", "文本（中文排版）", ".txt", _TEXT, plaintext.read, plaintext.write),
    Format("gift", "Moodle GIFT", ".gift.txt", _TEXT, gift.read, gift.write),
    Format("moodle", "Moodle XML", ".moodle.xml", _XML, moodle.read, moodle_writing.write),
    Format("aiken", "Aiken", ".aiken.txt", _TEXT, aiken.read, aiken.write),
    Format("qti21", "QTI 2.1", ".qti21.zip", _ZIP, qti.read, qti_writing.write_21),
    Format("qti30", "QTI 3.0", ".qti30.zip", _ZIP, qti.read, qti_writing.write_30),
)
FORMATS: Mapping[str, Format] = MappingProxyType({each.name: each for each in _ALL})


def detect(content: bytes, file_name: str = "") -> Format:
    """The format of a file, by what is in it; its name only helps with tables of text.

    Raises:
        UnreadableQuestions: it has none that we read.
        BadArchive, UnreadableText: it is damaged.
    """
    if not content:
        raise UnreadableQuestions("文件是空的")
    if archives.is_zip(content):
        return FORMATS[_of_zip(content)]
    if content[:4] == b"\xd0\xcf\x11\xe0":
        return FORMATS["word" if file_name.lower().endswith(".doc") else "excel"]
    return FORMATS[_of_text(texts.decode(content), file_name.lower())]


def _of_zip(content: bytes) -> str:
    with archives.open(content, qti.LIMITS) as archive:
        names = archive.names
    if "word/document.xml" in names:
        return "word"
    if any(name.rpartition("/")[2] == "imsmanifest.xml" for name in names):
        return "qti21"
    if "xl/workbook.xml" in names or "content.xml" in names or "xl/workbook.bin" in names:
        return "excel"
    raise UnreadableQuestions("压缩包里不是 Word、Excel 或 QTI 试题")


def _of_text(text: str, file_name: str) -> str:
    head = text[:20_000].lstrip()
    if head.startswith("<"):
        if "<quiz" in head:
            return "moodle"
        if any(
            word in head for word in ("assessmentItem", "qti-assessment-item", "questestinterop")
        ):
            return "qti21"
        raise UnreadableQuestions("不认识这个 XML 文件：支持 Moodle XML 和 QTI 2.1、3.0")
    first = head.partition("\n")[0]
    if file_name.endswith((".csv", ".tsv")) or ("题干" in first and "答案" in first):
        return "excel"
    if aiken.looks_alike(text):
        return "aiken"
    return "gift" if gift.looks_alike(text) else "text"
