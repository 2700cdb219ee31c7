"""Word files in the usual Chinese layout: write, with pictures; formulas stay as ``$…$``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import docx as word
from docx.image.exceptions import UnrecognizedImageError
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from markdown_it.token import Token

from assessments.exchange import base, docx, plaintext
from assessments.exchange.base import Problem, Questions, Written
from zhixin import richtext

_WIDTH = Cm(12)


def write(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    """What the layout can hold; the rest, and what looks different in Word, is named."""
    pictures = pictures or base.NoPictures()
    made, problems = plaintext.blocks(questions)
    paper = _Paper(pictures)
    document = paper.document
    document.add_heading(questions.title, level=1)
    for passage, lines in made:
        if passage == "【材料结束】":
            document.add_paragraph(passage)
        elif passage:
            paper.field(f"【材料】{passage}")
        for line in lines:
            paper.field(line)
        document.add_paragraph()
    if paper.missing:
        problems.append(Problem("", f"有 {len(paper.missing)} 张图片没有写入", fatal=False))
    kept = io.BytesIO()
    document.save(kept)
    content = kept.getvalue()
    problems += _changed(questions, content, {each.where for each in problems}, pictures)
    return Written(content, tuple(problems))


def _changed(
    questions: Questions, content: bytes, named: set[str], pictures: base.Pictures
) -> list[Problem]:
    """Questions that would come back looking different: lists, tables and code become words."""
    sent = [
        (questions.where(number), question)
        for number, question in enumerate(questions.questions, 1)
        if questions.where(number) not in named
    ]
    names = {name for _w, each in sent for text in each.texts() for name in richtext.pictures(text)}
    back = docx.read(content, base.HeldPictures(pictures, names)).questions
    said = "列表、表格、代码等版式在 Word 中写成文字，请核对"
    if len(back) != len(sent):
        return [Problem(where, said, fatal=False) for where, _question in sent]
    return [
        Problem(where, said, fatal=False)
        for (where, question), found in zip(sent, back, strict=True)
        if base.comparable(question.model_dump(mode="json"), richtext.render)
        != base.comparable(found, richtext.render)
    ]


class _Paper:
    def __init__(self, pictures: base.Pictures) -> None:
        self.pictures = pictures
        self.document: Any = word.Document()
        style = self.document.styles["Normal"]
        style.font.name, style.font.size = "Times New Roman", Pt(11)
        style.element.rPr.rFonts.set(qn("w:eastAsia"), "宋体")
        self.missing: set[str] = set()

    def field(self, text: str) -> None:
        """One field in Markdown; a paragraph for each of its lines."""
        for line in text.split("\n"):
            paragraph = self.document.add_paragraph()
            paragraph.paragraph_format.space_after = Pt(2)
            self._line(paragraph, line)

    def _line(self, paragraph: Any, line: str) -> None:
        tokens = richtext.parsed_inline(line)
        self._tokens(paragraph, tokens)

    def _tokens(self, paragraph: Any, tokens: Sequence[Token]) -> None:
        strong = italic = False
        for token in tokens:
            if token.type in ("strong_open", "strong_close"):
                strong = token.type == "strong_open"
            elif token.type in ("em_open", "em_close"):
                italic = token.type == "em_open"
            elif token.type in ("math_inline", "math_inline_double"):
                paragraph.add_run(f"${token.content}$")
            elif token.type == "image":
                self._picture(paragraph, token)
            elif token.content:
                run = paragraph.add_run(token.content)
                run.bold, run.italic = strong or None, italic or None

    def _picture(self, paragraph: Any, token: Token) -> None:
        found = richtext.PICTURE.fullmatch(str(token.attrGet("src") or ""))
        loaded = self.pictures.load(found[1]) if found else None
        if loaded is None:
            self.missing.add(str(token.attrGet("src")))
            paragraph.add_run(f"〔图片{'：' + token.content if token.content else ''}〕")
            return
        try:
            shape = paragraph.add_run().add_picture(io.BytesIO(loaded[0]))
        except (UnrecognizedImageError, OSError, ValueError, KeyError, ZeroDivisionError):
            self.missing.add(str(token.attrGet("src")))
            return
        if shape.width > _WIDTH:
            shape.height, shape.width = int(shape.height * _WIDTH / shape.width), _WIDTH
        shape._inline.docPr.set("descr", token.content)
