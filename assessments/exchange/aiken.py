"""Aiken: single choices as plain text, ``ANSWER: B`` below the options."""

from __future__ import annotations

import re

from assessments.exchange import base
from assessments.exchange.base import Collector, Problem, Questions, Reading, Written
from assessments.questions import Question, QuestionKind
from zhixin import texts

_OPTION = re.compile(r"^([A-Za-z])[.)]\s*(\S.*)$")
_ANSWER = re.compile(r"^ANSWER\s*[:：]\s*(.*)$", re.IGNORECASE)


def looks_alike(text: str) -> bool:
    return bool(re.search(r"(?m)^ANSWER\s*:\s*[A-Z]\s*$", text))


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
) -> Reading:
    """Raises:
    UnreadableText: it is no text.
    """
    collector = Collector(pictures or base.NoPictures())
    stem: list[str] = []
    options: list[tuple[str, str]] = []
    began = 0
    for at, line in enumerate([*texts.decode(content).split("\n"), ""], 1):
        if answer := _ANSWER.match(line.strip()):
            _question(collector, f"第 {began or at} 行", stem, options, answer[1])
            stem, options, began = [], [], 0
        elif (option := _OPTION.match(line.strip())) and stem:
            options.append((option[1].upper(), option[2]))
        elif line.strip():
            if options:  # a question that was not ended
                collector.fault(f"第 {began} 行", "题目没有写明答案（ANSWER: A）")
                stem, options, began = [], [], 0
            stem.append(line.strip())
            began = began or at
    if stem:
        collector.fault(f"第 {began} 行", "题目没有写明答案（ANSWER: A）")
    if not collector.reading.found and not collector.reading.problems:
        collector.fault("", "没有找到题目")
    return collector.reading


def _question(
    collector: Collector, where: str, stem: list[str], options: list[tuple[str, str]], answer: str
) -> None:
    letters = [letter for letter, _text in options]
    wanted = [chr(65 + at) for at in range(len(options))]
    if not stem:
        collector.fault(where, "没有题干")
    elif letters != wanted:
        collector.fault(where, "选项的字母应依次为 A、B、C……")
    elif len(answer) != 1 or answer.upper() not in letters:
        collector.fault(where, f"答案“{answer[:20]}”不是本题的一个选项")
    else:
        right = letters.index(answer.upper())
        made = base.choice("\n".join(stem), [text for _letter, text in options], [right])
        collector.add(where, made)


def write(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    """Only single choices of one line; whatever else a question has is named as left out."""
    blocks, problems = [], []
    for number, question in enumerate(questions.questions, 1):
        where = questions.where(number)
        block = _block(question)
        if block is None:
            said = f"Aiken 不能写入{base.KIND_NAMES[question.kind]}"
            if question.kind is QuestionKind.SINGLE:
                said = "Aiken 的题干和选项不能有空行、换行或与标记相同的行"
            problems.append(Problem(where, said))
            continue
        blocks.append(block)
        lost = [
            name
            for name, has in (
                ("解析", question.explanation),
                ("分值", question.points != 1),
                ("材料", question.passage),
            )
            if has
        ]
        if lost:
            problems.append(Problem(where, f"{'、'.join(lost)}没有写入", fatal=False))
    return Written("\n".join(blocks).encode(), tuple(problems))


def _block(question: Question) -> str | None:
    if question.kind is not QuestionKind.SINGLE:
        return None
    document = question.model_dump(mode="json")
    lines = [document["stem"]]
    for letter, option in zip("ABCDEFGHIJ", document["options"], strict=False):
        lines.append(f"{letter}) {option['text']}")
        if option["id"] in document["correct"]:
            right = letter
    block = "\n".join([*lines, f"ANSWER: {right}", ""])
    back = read(block.encode())
    kept = {**document, "explanation": "", "points": "1", "passage": None}
    if back.problems or len(back.questions) != 1:
        return None
    return block if base.comparable(back.questions[0]) == base.comparable(kept) else None
