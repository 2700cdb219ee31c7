"""The usual Chinese layout as text: pasted, or in a .txt file. What is text there is Markdown."""

from __future__ import annotations

import re

from assessments.exchange import base, cells, layout
from assessments.exchange.base import Collector, Problem, Questions, Reading, Written
from assessments.questions import Question, QuestionKind
from zhixin import richtext, texts

MOST_LINES = 300_000


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
) -> Reading:
    """Raises:
    UnreadableText: it is no text.
    UnreadableQuestions: it is too long.
    """
    lines = texts.decode(content).split("\n")
    if len(lines) > MOST_LINES:
        raise base.UnreadableQuestions("文字过长，请分成几个文件")
    collector = Collector(pictures or base.NoPictures())
    placed = (layout.Line(f"第 {at} 行", line) for at, line in enumerate(lines, 1))
    layout.read(placed, collector)
    return collector.reading


def lines_of(question: Question, number: int) -> list[str]:
    """A question in the layout, whose fields are Markdown."""
    document = question.model_dump(mode="json")
    kind = question.kind
    lines = [f"{number}. {document['stem']}", f"【题型】{base.KIND_NAMES[kind]}"]
    answers: list[str] = []
    if kind is QuestionKind.TRUE_FALSE:
        answers = ["正确" if document["correct"] == ["true"] else "错误"]
    elif kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE):
        lines.pop()
        letters = {}
        for letter, option in zip("ABCDEFGHIJ", document["options"], strict=False):
            lines.append(f"{letter}. {option['text']}")
            letters[option["id"]] = letter
        lines.append(f"【题型】{base.KIND_NAMES[kind]}")
        answers = ["".join(sorted(letters[each] for each in document["correct"]))]
    elif kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
        answers = [cells.gap_line(gap, "；;") for gap in document["gaps"]]
    elif kind is QuestionKind.MATCHING:
        answers = cells.pairs_lines(document)
    elif kind is QuestionKind.ORDERING:
        by_id = {item["id"]: item["text"] for item in document["items"]}
        answers = [cells.quote(by_id[each]) for each in document["correct"]]
    elif kind in (QuestionKind.SHORT, QuestionKind.ESSAY):
        answers = [document["sample"]] if document["sample"] else []
    if answers:
        lines.append("【答案】" + "\n".join(answers))
    if rubric := document.get("rubric"):
        lines.append("【评分点】" + "\n".join(cells.rubric_lines(rubric)))
    if lengths := cells.lengths_text(document):
        lines.append(f"【字数】{lengths}")
    marks = [
        {"partial": "部分得分", "all_or_nothing": "全对得分"}.get(document.get("marking") or "", "")
    ]
    marks += ["顺序不限"] * bool(document.get("any_order"))
    if shown := "、".join(filter(None, marks)):
        lines.append(f"【计分】{shown}")
    if document["explanation"]:
        lines.append(f"【解析】{document['explanation']}")
    lines.append(f"【分值】{document['points']}分")
    return lines


def blocks(questions: Questions) -> tuple[list[tuple[str, list[str]]], list[Problem]]:
    """What is written: ``(passage or "", lines)`` for each question that comes back the same."""
    made: list[tuple[str, list[str]]] = []
    problems: list[Problem] = []
    open_passage = ""
    for number, question in enumerate(questions.questions, 1):
        where = questions.where(number)
        if question.kind is QuestionKind.HOTSPOT:
            problems.append(Problem(where, "图中指点题不能写成文字"))
            continue
        lines = lines_of(question, len(made) + 1)
        if not _comes_back(question, lines):
            problems.append(
                Problem(where, "题中有与题号、选项或答案标记相同的行，写成文字后无法读回")
            )
            continue
        text = questions.passages.get(question.passage or "", "")
        made.append((text if text != open_passage else "", lines))
        if open_passage and not text:
            made[-1] = ("【材料结束】", lines)
        open_passage = text
    return made, problems


def _comes_back(question: Question, lines: list[str]) -> bool:
    collector = Collector(base.NoPictures())
    number = re.match(r"\d+", lines[0])
    assert number is not None
    first = "1" + lines[0][number.end() :]
    every = "\n".join([first, *lines[1:]]).split("\n")
    layout.read((layout.Line("", line) for line in every), collector)
    found = collector.reading.questions
    if len(found) != 1 or collector.reading.problems:
        return False
    was = question.model_dump(mode="json")
    return base.comparable(found[0], richtext.render) == base.comparable(was, richtext.render)


def write(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    made, problems = blocks(questions)
    lines: list[str] = []
    for passage, question in made:
        if passage == "【材料结束】":
            lines.append(passage)
        elif passage:
            lines.append(f"【材料】{passage}")
        lines += [*question, ""]
    return Written("\n".join(lines).encode("utf-8-sig"), tuple(problems))
