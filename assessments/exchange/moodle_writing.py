"""Moodle XML: write. Texts go as Markdown, which Moodle knows, pictures with them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from assessments.exchange import base, moodle, moodle_cloze
from assessments.exchange.base import Problem, Questions, Written
from assessments.questions import Question, QuestionKind
from zhixin import richtext, texts

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class _Writer:
    def __init__(self, pictures: base.Pictures) -> None:
        self.pictures = pictures
        self.missing: set[str] = set()

    def text(self, parent: Element, tag: str, said: str, **attributes: str) -> Element:
        element = SubElement(parent, tag, {"format": "markdown", **attributes})
        SubElement(element, "text").text = said
        for name in sorted(richtext.pictures(said)):
            if (loaded := self.pictures.load(name)) is None:
                self.missing.add(name)
                continue
            content, media_type = loaded
            file = f"{name}.{_EXTENSIONS.get(media_type, 'png')}"
            text = element.find("text")
            assert text is not None
            text.text = (text.text or "").replace(f"(picture:{name})", f"(@@PLUGINFILE@@/{file})")
            held = SubElement(element, "file", name=file, path="/", encoding="base64")
            held.text = base64.b64encode(content).decode()
        return element


def write(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    """What Moodle can hold; the rest is named."""
    writer = _Writer(pictures or base.NoPictures())
    quiz = Element("quiz")
    category = SubElement(quiz, "question", type="category")
    SubElement(
        SubElement(category, "category"), "text"
    ).text = f"$course$/{questions.title.replace('/', '／')}"
    problems: list[Problem] = []
    for number, question in enumerate(questions.questions, 1):
        where = questions.where(number)
        writer.missing = set()
        element = _element(writer, question, questions.passages)
        if element is None or not _comes_back(question, element, writer.pictures):
            problems.append(
                Problem(where, f"Moodle XML 不能写入这样的{base.KIND_NAMES[question.kind]}")
            )
            continue
        if writer.missing:
            problems.append(Problem(where, "有图片没有写入", fatal=False))
        quiz.append(element)
    indent(quiz)
    return Written(_bytes(quiz), tuple(problems))


def _bytes(quiz: Element) -> bytes:
    written: bytes = tostring(quiz, encoding="utf-8", xml_declaration=True)
    return written


def _element(writer: _Writer, question: Question, passages: Mapping[str, str]) -> Element | None:
    document = question.model_dump(mode="json")
    kind = question.kind
    names = {
        QuestionKind.SINGLE: "multichoice", QuestionKind.MULTIPLE: "multichoice",
        QuestionKind.TRUE_FALSE: "truefalse", QuestionKind.MATCHING: "matching",
        QuestionKind.ORDERING: "ordering", QuestionKind.SHORT: "essay", QuestionKind.ESSAY: "essay",
    }  # fmt: skip
    gaps = document.get("gaps", ())
    alone = len(gaps) == 1 and kind is QuestionKind.BLANKS
    name = names.get(
        kind,
        ("numerical" if alone and gaps[0]["kind"] == "number" else "shortanswer")
        if alone
        else "cloze",
    )
    if kind is QuestionKind.HOTSPOT:
        return None
    element = Element("question", type=name)
    SubElement(SubElement(element, "name"), "text").text = richtext.plain(question.stem)[:80] or "-"
    stem: str | None = question.stem
    if name == "cloze":
        stem = moodle_cloze.write(question.stem, gaps)
        if stem is None or not richtext.gaps(question.stem):
            return None
    writer.text(element, "questiontext", stem or "")
    writer.text(element, "generalfeedback", question.explanation)
    SubElement(element, "defaultgrade").text = str(question.points)
    carried = {"explanation"}
    if name != "cloze":
        carried.add("points")
    _FILL[name](writer, element, document)
    if name == "multichoice" and document.get("marking") == "partial":
        carried.add("marking")
    if name in ("shortanswer", "cloze"):
        carried.add("case_matters")
    if name == "essay":
        carried.add("sample")
    hint = base.hint(document, passages, *carried)
    if kind is QuestionKind.MULTIPLE and "marking" not in document:
        hint = hint[:-1] + (", " if hint else "{") + '"marking": null}'
    if hint:
        SubElement(element, "zhixin").text = hint
    return element


def _multichoice(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    right = document["correct"]
    single = document["kind"] == QuestionKind.SINGLE
    SubElement(element, "single").text = "true" if single else "false"
    SubElement(element, "shuffleanswers").text = "true"
    SubElement(element, "answernumbering").text = "ABCD"
    share = f"{Decimal(100) / len(right):.5f}".rstrip("0").rstrip(".")
    for option in document["options"]:
        wrong = "0" if single else "-100"
        fraction = share if option["id"] in right else wrong
        writer.text(element, "answer", option["text"], fraction=fraction)


def _truefalse(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    for word in ("true", "false"):
        fraction = "100" if document["correct"] == [word] else "0"
        answer = SubElement(element, "answer", fraction=fraction, format="moodle_auto_format")
        SubElement(answer, "text").text = word


def _shortanswer(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    (gap,) = document["gaps"]
    SubElement(element, "usecase").text = "1" if gap["case_matters"] else "0"
    for accepted in gap["accepted"]:
        answer = SubElement(element, "answer", fraction="100", format="moodle_auto_format")
        SubElement(answer, "text").text = accepted


def _numerical(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    (gap,) = document["gaps"]
    answer = SubElement(element, "answer", fraction="100", format="moodle_auto_format")
    SubElement(answer, "text").text = gap["value"]
    tolerance = Decimal(gap["tolerance"])
    if gap["relative"]:
        tolerance *= abs(Decimal(gap["value"]))
    SubElement(answer, "tolerance").text = f"{tolerance}"
    if gap["units"]:
        units = SubElement(element, "units")
        for unit in gap["units"]:
            made = SubElement(units, "unit")
            SubElement(made, "multiplier").text = moodle.inverse(Decimal(unit["factor"]))
            SubElement(made, "unit_name").text = unit["name"]
        SubElement(element, "unitgradingtype").text = "1" if gap["unit_needed"] else "0"
        SubElement(element, "unitpenalty").text = "1"
        SubElement(element, "showunits").text = "0"


def _matching(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    SubElement(element, "shuffleanswers").text = "true"
    texts = {item["id"]: item["text"] for item in document["right"]}
    pairs = [
        (left["text"], texts[right])
        for left, right in zip(document["left"], document["correct"], strict=True)
    ]
    pairs += [("", text) for name, text in texts.items() if name not in document["correct"]]
    for left, right in pairs:
        made = writer.text(element, "subquestion", left)
        SubElement(SubElement(made, "answer"), "text").text = right


def _ordering(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    texts = {item["id"]: item["text"] for item in document["items"]}
    SubElement(element, "layouttype").text = "VERTICAL"
    SubElement(element, "selecttype").text = "ALL"
    SubElement(element, "gradingtype").text = "ALL_OR_NOTHING"
    for at, name in enumerate(document["correct"], 1):
        writer.text(element, "answer", texts[name], fraction=f"{at}.0000000")


def _essay(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    if document["kind"] == QuestionKind.ESSAY:
        SubElement(element, "responseformat").text = "editor"
    writer.text(element, "graderinfo", document["sample"])


def _nothing(writer: _Writer, element: Element, document: Mapping[str, Any]) -> None:
    """Its gaps stand in the text."""


_FILL = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
    "matching": _matching,
    "ordering": _ordering,
    "essay": _essay,
    "cloze": _nothing,
}


def _comes_back(question: Question, element: Element, pictures: base.Pictures) -> bool:
    quiz = Element("quiz")
    quiz.append(element)
    content = _bytes(quiz)
    if texts.FORBIDDEN.search(content.decode()):
        return False
    names = {name for text in question.texts() for name in richtext.pictures(text)}
    back = moodle.read(content, base.HeldPictures(pictures, names))
    if len(back.questions) != 1 or back.faults:
        return False
    was = question.model_dump(mode="json")
    return base.comparable(back.questions[0]) == base.comparable(was)
