"""Moodle GIFT. What it has no place for stands in a comment, which others pass over:

// zhixin: {"points": "2"}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from assessments.exchange import base, cells
from assessments.exchange.base import Collector, Problem, Questions, Reading, Written
from assessments.exchange.html import to_markdown
from assessments.questions import Question, QuestionKind
from zhixin import texts

_HINT = re.compile(r"^//\s*zhixin:\s*(\{.*\})\s*$")
_NAME = re.compile(r"::((?:\\.|[^\\]){0,500}?)::\s*", re.DOTALL)
_FORMAT = re.compile(r"\s*\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
_WEIGHT = re.compile(r"\s*%(-?\d{1,3}(?:\.\d{1,9})?)%")
_ESCAPES = str.maketrans({each: f"\\{each}" for each in "\\~=#{}:"})
MOST_CHARACTERS, MOST_ANSWERS = 100_000, 200


def looks_alike(text: str) -> bool:
    marks = r"(?m)^[ \t]*(::|\$CATEGORY:|//)|\{\s*(=|~|#|T\}|TRUE|F\}|FALSE|\})"
    return bool(re.search(r"(?<!\{)\{(?!\{)", text) and re.search(marks, text))


@dataclass(slots=True)
class _Answer:
    """One answer of a list: how it is marked, its weight in percent, and what is said to it."""

    sign: str
    weight: Decimal | None
    text: str
    feedback: str


class _Wrong(Exception):
    pass


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
) -> Reading:
    """Raises:
    UnreadableText: it is no text.
    """
    collector = Collector(pictures or base.NoPictures())
    block: list[str] = []
    began, hint = 0, ""
    for at, line in enumerate([*texts.decode(content).split("\n"), ""], 1):
        stripped = line.strip()
        if stripped.startswith("//"):
            if (found := _HINT.match(stripped)) and not block:
                hint = found[1]
        elif stripped.startswith("$CATEGORY:"):
            collector.remark(f"第 {at} 行", "分类没有导入")
        elif stripped:
            began = began if block else at
            block.append(line)
        elif block:
            _take(collector, f"第 {began} 行", "\n".join(block), hint)
            block, hint = [], ""
    if not collector.reading.found and not collector.reading.problems:
        collector.fault("", "没有找到题目")
    return collector.reading


def _take(collector: Collector, where: str, text: str, hint: str) -> None:
    if len(text) > MOST_CHARACTERS:
        collector.fault(where, "一道题的文字过长")
        return
    try:
        document = _document(collector, where, text.strip())
    except _Wrong as wrong:
        collector.fault(where, str(wrong))
        return
    if document is not None:
        collector.add(where, base.hinted(collector, where, document, hint))


def _document(collector: Collector, where: str, text: str) -> dict[str, Any] | None:
    if name := _NAME.match(text):
        text = text[name.end() :]
    begin, end = _braces(text)
    if begin < 0:
        collector.remark(where, "只有说明文字，不是题目，没有导入")
        return None
    if end < 0:
        raise _Wrong("答案的 { 没有对应的 }")
    before, given, after = text[:begin], text[begin + 1 : end].strip(), text[end + 1 :]
    style = "moodle"
    if found := _FORMAT.match(before):
        style, before = found[1].lower(), before[found.end() :]
    reader = _Texts(style)
    general = ""
    if (place := _find(given, "####")) >= 0:
        given, general = given[:place].strip(), reader.of(given[place + 4 :])
    facts: dict[str, Any] = {"explanation": general} if general else {}
    with_gap = reader.of(before + ("{{1}}" if after.strip() else "") + after, gap=True)
    stem = with_gap.replace("{{1}}", "\\_\\_\\_\\_" if reader.rich else "____")
    made = _answered(collector, where, given, reader, stem, with_gap)
    return {**made, **facts}


def _answered(
    collector: Collector, where: str, given: str, reader: _Texts, stem: str, with_gap: str
) -> dict[str, Any]:
    if not given:
        return {"kind": QuestionKind.SHORT, "stem": stem}
    if given.startswith("#"):
        gap = _numeric(collector, where, given[1:].strip())
        return {"kind": QuestionKind.BLANKS, "stem": with_gap, "gaps": [gap]}
    parts = _parts(given)
    if not parts:
        word, *feedback = _split(given, "#")
        if word.strip().upper() not in ("T", "TRUE", "F", "FALSE"):
            raise _Wrong(f"看不懂答案“{given[:30]}”")
        if any(map(str.strip, feedback)):
            collector.remark(where, "各选项的反馈没有导入")
        return base.true_false(stem, word.strip().upper()[0] == "T")
    if any(part.feedback for part in parts):
        collector.remark(where, "各选项的反馈没有导入")
    if all(part.sign == "=" for part in parts):
        if all(_find(part.text, "->") >= 0 for part in parts):
            return _matching(parts, reader, stem)
        return _short(collector, where, parts, with_gap)
    return _choice(collector, where, parts, reader, stem)


def _matching(parts: list[_Answer], reader: _Texts, stem: str) -> dict[str, Any]:
    pairs, more = [], []
    for part in parts:
        place = _find(part.text, "->")
        left, right = reader.of(part.text[:place]), reader.of(part.text[place + 2 :], plain=True)
        if left:
            pairs.append((left, right))
        else:
            more.append(right)
    return base.matching(stem, pairs, more)


def _short(collector: Collector, where: str, parts: list[_Answer], with_gap: str) -> dict[str, Any]:
    whole = [part for part in parts if part.weight in (None, 100)]
    if len(whole) < len(parts):
        collector.remark(where, "只得部分分数的答案没有导入")
    if not whole:
        raise _Wrong("没有完全正确的答案")
    accepted = [_plain(part.text).strip() for part in whole]
    if "*" in accepted:
        collector.remark(where, "通配符 * 按普通文字导入")
    gap = {"kind": "text", "accepted": [each for each in accepted if each]}
    return {"kind": QuestionKind.BLANKS, "stem": with_gap, "gaps": [gap]}


def _choice(
    collector: Collector, where: str, parts: list[_Answer], reader: _Texts, stem: str
) -> dict[str, Any]:
    listed = [reader.of(part.text, plain=True) for part in parts]
    right = [at for at, part in enumerate(parts) if part.sign == "="]
    if right:
        if any(part.sign == "~" and (part.weight or 0) > 0 for part in parts):
            collector.remark(where, "错误选项的部分分数没有导入")
        return base.choice(stem, listed, right)
    weights = [part.weight or Decimal(0) for part in parts]
    right = [at for at, weight in enumerate(weights) if weight > 0]
    if len({weights[at] for at in right}) > 1:
        collector.remark(where, "各正确选项的分数不同，按相同导入")
    single = len(right) == 1 and weights[right[0]] == 100 and min(weights) >= 0
    facts = {} if single else {"marking": "partial"}
    return base.choice(stem, listed, right, several=not single, **facts)


def _numeric(collector: Collector, where: str, given: str) -> dict[str, Any]:
    first, *wrong = _split(given, "~")
    if wrong and any(map(str.strip, wrong)):
        collector.remark(where, "反馈没有导入")
    parts = _parts(first) or [_Answer("=", None, *_feedback(first))]
    whole = [part for part in parts if part.sign == "=" and part.weight in (None, 100)]
    if len(whole) < len(parts) or any(part.feedback for part in parts):
        collector.remark(where, "部分得分的答案和反馈没有导入")
    if len(whole) != 1:
        raise _Wrong("数值题应有且只有一个完全正确的答案")
    text = _plain(whole[0].text).strip()
    try:
        if ".." in text:
            low, high = map(cells.number, text.split("..", 1))
            value, tolerance = (low + high) / 2, (high - low) / 2
        else:
            first, _sign, second = text.partition(":")
            value, tolerance = cells.number(first), cells.number(second or "0")
    except cells.Unclear as unclear:
        raise _Wrong(str(unclear)) from None
    return {"kind": "number", "value": str(value), "tolerance": str(tolerance)}


# --- signs


def _find(text: str, wanted: str, start: int = 0) -> int:
    """The first place of ``wanted`` that no backslash takes the meaning of; -1: none."""
    at = start
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text.startswith(wanted, at):
            return at
        else:
            at += 1
    return -1


def _braces(text: str) -> tuple[int, int]:
    begin = _find(text, "{")
    if begin < 0:
        return -1, -1
    return begin, _find(text, "}", begin)


def _split(text: str, sign: str) -> list[str]:
    parts, start = [], 0
    while (at := _find(text, sign, start)) >= 0:
        parts.append(text[start:at])
        start = at + len(sign)
    return [*parts, text[start:]]


def _parts(given: str) -> list[_Answer]:
    places = []
    at = 0
    while at < len(given):
        if given[at] == "\\":
            at += 1
        elif given[at] in "=~":
            places.append(at)
        at += 1
    if not places or given[: places[0]].strip():
        return []
    if len(places) > MOST_ANSWERS:
        raise _Wrong(f"一道题的答案超过 {MOST_ANSWERS} 个")
    made = []
    for place, end in zip(places, [*places[1:], len(given)], strict=True):
        text = given[place + 1 : end]
        weight = None
        if found := _WEIGHT.match(text):
            weight, text = Decimal(found[1]), text[found.end() :]
        made.append(_Answer(given[place], weight, *_feedback(text)))
    return made


def _feedback(text: str) -> tuple[str, str]:
    place = _find(text, "#")
    return (text, "") if place < 0 else (text[:place], text[place + 1 :].strip())


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text, flags=re.DOTALL)


class _Texts:
    """Texts of one question, in the style that it names or one that they name themselves."""

    def __init__(self, style: str) -> None:
        self._style = style

    @property
    def rich(self) -> bool:
        return self._style == "html"

    def of(self, text: str, *, plain: bool = False, gap: bool = False) -> str:
        style = self._style
        if found := _FORMAT.match(text):
            style, text = found[1].lower(), text[found.end() :]
        said = _unescaped(text.strip())
        if style == "html" or (style == "moodle" and re.search(r"</?[a-zA-Z]+[^<>]*>", said)):
            return to_markdown(
                said, lambda _address, words: f"〔图片{'：' + words if words else ''}〕"
            )
        return said.strip()


def _unescaped(text: str) -> str:
    """As Moodle: a backslash before one of its signs goes, ``\\n`` is a new line."""
    return re.sub(r"\\([\\~=#{}:n])", lambda m: "\n" if m[1] == "n" else m[1], text)


# --- writing


def write(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    """What GIFT can hold; the rest is named."""
    blocks, problems = [], []
    for number, question in enumerate(questions.questions, 1):
        block = _block(question, questions.passages)
        if block is None or not _comes_back(question, block, questions.passages):
            said = _why_not(question)
            problems.append(Problem(questions.where(number), said))
            continue
        blocks.append(block)
        if any("picture:" in text for text in question.texts()):
            said = "GIFT 不带图片文件，图片只在本平台上显示"
            problems.append(Problem(questions.where(number), said, fatal=False))
    return Written("\n\n".join(blocks).encode() + b"\n", tuple(problems))


def _why_not(question: Question) -> str:
    if question.kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
        return "GIFT 只能写入一个空、没有单位和相对误差的填空题"
    return f"GIFT 不能写入这样的{base.KIND_NAMES[question.kind]}"


def _block(question: Question, passages: Mapping[str, str]) -> str | None:
    document = question.model_dump(mode="json")
    kind = question.kind
    stem, after = document["stem"], ""
    if kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE):
        given = _options(document)
    elif kind is QuestionKind.TRUE_FALSE:
        given = "TRUE" if document["correct"] == ["true"] else "FALSE"
    elif kind is QuestionKind.MATCHING:
        rights = {item["id"]: item["text"] for item in document["right"]}
        pairs = [
            (item["text"], rights[right])
            for item, right in zip(document["left"], document["correct"], strict=True)
        ]
        pairs += [("", text) for name, text in rights.items() if name not in document["correct"]]
        given = " ".join(f"={_escaped(a)} -> {_escaped(b)}" for a, b in pairs)
    elif kind is QuestionKind.BLANKS and len(document["gaps"]) == 1:
        given = _gap(document["gaps"][0]) or ""
        if not given:
            return None
        stem, _mark, after = stem.partition("{{1}}")
    elif kind in (QuestionKind.SHORT, QuestionKind.ESSAY):
        given = ""
    else:
        return None
    if document["explanation"] and given:
        given += f"####{_escaped(document['explanation'])}"
    carried = {"explanation"} if given else set()
    if kind is QuestionKind.MULTIPLE and document.get("marking") == "partial":
        carried.add("marking")
    hint = base.hint(document, passages, *carried)
    if kind is QuestionKind.MULTIPLE and "marking" not in document:
        hint = hint[:-1] + (", " if hint else "{") + '"marking": null}'
    comment = f"// zhixin: {hint}\n" if hint else ""
    return f"{comment}[markdown]{_escaped(stem)}{{{given}}}{_escaped(after)}"


def _options(document: Mapping[str, Any]) -> str:
    right = set(document["correct"])
    if document["kind"] == QuestionKind.SINGLE:
        marks = {True: "=", False: "~"}
    else:
        share = f"{Decimal(100) / len(right):.5f}".rstrip("0").rstrip(".")
        marks = {True: f"~%{share}%", False: "~%-100%"}
    return " ".join(
        marks[option["id"] in right] + _escaped(option["text"]) for option in document["options"]
    )


def _gap(gap: Mapping[str, Any]) -> str | None:
    if gap["kind"] == "text":
        return " ".join(f"={_escaped(each)}" for each in gap["accepted"])
    if gap["kind"] == "number" and not gap["units"] and not gap["relative"]:
        return f"#{gap['value']}:{gap['tolerance']}"
    return None


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES).replace("\n", "\\n")


def _comes_back(question: Question, block: str, passages: Mapping[str, str]) -> bool:
    back = read(block.encode())
    document = question.model_dump(mode="json")
    if len(back.questions) != 1 or back.faults:
        return False
    return base.comparable(back.questions[0]) == base.comparable(document)
