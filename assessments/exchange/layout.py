"""The usual layout of Chinese question files, as lines of text: read.

    一、单选题（每题 2 分）
    1. “温故而知新”出自（ A ）
    A. 《论语》  B. 《孟子》
    答案：A
    解析：……

Word files give their paragraphs, pasted text its lines; see ``docs/author/import.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from assessments.exchange import base, cells
from assessments.exchange.base import Collector
from assessments.exchange.excel import FALSE, KINDS, TRUE
from assessments.questions import QuestionKind

_NUMERALS = "一二三四五六七八九十百"
_KIND_WORDS = "|".join(
    sorted({word for word in KINDS if len(word) > 2} | {"选词填空", "计算题", "名词解释", "分析题", "综合题", "应用题", "材料题", "案例题"}, key=len, reverse=True)
)  # fmt: skip
_SECTION = re.compile(
    rf"^(?:第?[{_NUMERALS}]{{1,3}}(?:部分|大题)?\s*[、.．:：]|[（(][{_NUMERALS}]{{1,3}}[）)]|[IVX]{{1,4}}[.、])?\s*"
    rf"({_KIND_WORDS})\s*(?:[（(:：].*)?$"
)
_HEADING = re.compile(rf"^第?[{_NUMERALS}]{{1,3}}(?:部分|大题|章|节)?\s*[、.．:：]\s*\S{{0,40}}$")
_EACH = re.compile(r"每小?[题空]\s*(\d{1,3}(?:\.\d{1,2})?)\s*分")
_NUMBER = re.compile(
    r"^(?:第\s*(?P<a>\d{1,4})\s*题\s*[:：.、．]?|[（(]\s*(?P<b>\d{1,4})\s*[）)]\s*[.、．]?"
    r"|【\s*(?P<c>\d{1,4})\s*】|(?P<d>\d{1,4})\s*(?:[.．](?!\d)|[、:：)）/]))\s*"
)
_KEYS = {
    "答案": "answer", "参考答案": "answer", "正确答案": "answer", "标准答案": "answer", "解析": "explanation",
    "答案解析": "explanation", "试题解析": "explanation", "题目解析": "explanation", "分析": "explanation",
    "解答": "explanation", "详解": "explanation", "难度": "难度", "难度系数": "难度", "知识点": "知识点", "考点": "知识点",
    "章节": "章节", "来源": "来源", "标签": "标签", "能力": "能力", "分值": "points", "分数": "points", "题型": "kind",
    "评分点": "rubric", "评分标准": "rubric", "字数": "lengths", "计分": "marks", "答": "answer",
}  # fmt: skip
_KEY_WORDS = "|".join(sorted(_KEYS, key=len, reverse=True))
_KEY = re.compile(
    rf"^(?:【\s*({_KEY_WORDS})\s*】\s*[:：]?|[\[〔]({_KEY_WORDS})[\]〕]\s*[:：]?|({_KEY_WORDS})\s*[:：])\s*"
)
_BARE_ANSWER = re.compile(r"^(?:参考|正确|标准)?答案\s*(?=[A-Ja-j√×✓✗对错]+\s*$)")
_MATERIAL = re.compile(r"^(?:【\s*材料\s*[一二三四五六七八九十\d]*\s*】|\[材料\])\s*[:：]?\s*")
_MATERIAL_END = re.compile(r"^【\s*材料(?:结束|完)\s*】\s*$")
_ANSWERS = re.compile(
    r"^[【\[]?\s*(?:参考|标准|正确)?答案(?:及|与|和)?(?:评分标准|解析|详解)?\s*[】\]]?\s*[:：]?$"
)
_OPTION = re.compile(
    r"(?:(?<![^\s；;，。、])[（(\[]?\s*([A-J])\s*[）)\]]\s*[.．、:：]?"
    r"|(?:(?<![^\s；;，。、])([A-J])\s*[.．、:：])|(?<=[^\x00-\x7f])([B-J])[.．])\s*"
)
_INLINE = re.compile(r"[（(]\s*((?:[A-J][\s、,，]*){1,10}|√|×|✓|✗|对|错|正确|错误|T|F)\s*[）)]")
_MARK = re.compile(
    rf"^[\[【（(]\s*({'|'.join(sorted(KINDS, key=len, reverse=True))})\s*[\]】）)]\s*"
)
_POINTS = re.compile(r"[（(\[]\s*(?:本题)?\s*(\d{1,3}(?:\.\d{1,2})?)\s*分\s*[）)\]]\s*$")
_BLANK = re.compile(r"_{2,}|＿{2,}|[（(][\s\u3000]+[）)]|[（(]\s*(?=[）)])[）)]")
_RANGE = re.compile(
    r"(\d{1,4})\s*[-~—–－至]+\s*(\d{1,4})\s*[:：.、]?\s*([A-J√×✓✗对错TF\s]+?)(?=\s*\d|\s*$|[；;，,])"
)
_SINGLE = re.compile(
    r"(?:^|(?<=[\s；;，,]))[（(]?(\d{1,4})[）)]?\s*[.．、:：]?\s*([A-J]{1,10}|√|×|✓|✗|对|错|正确|错误)(?=$|[\s；;，,。])"
)


class Line(NamedTuple):
    where: str
    text: str


Finish = Callable[[str], str]


@dataclass(slots=True)
class _Draft:
    """A question while its lines are read."""

    where: str
    number: int
    kind: str | None = None
    points: str | None = None
    passage: str | None = None
    stem: list[str] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)
    parts: dict[str, list[str]] = field(default_factory=dict)
    at: str = "stem"
    listed: int = 0  # the number of a list within the part

    @property
    def whole(self) -> bool:
        return bool(self.parts.get("answer") or self.options)


class _Reader:
    def __init__(self, collector: Collector, finish: Finish) -> None:
        self.collector, self.finish = collector, finish
        self.drafts: list[_Draft] = []
        self.kind: str | None = None
        self.points: str | None = None
        self.passage: str | None = None
        self.material: list[str] | None = None
        self.material_where = ""
        self.style: str | None = None
        self.fresh = True  # numbers may begin anew
        self.answers: list[Line] | None = None

    # --- lines

    def take(self, line: Line) -> None:
        text = line.text.strip(" \t\u3000")
        if self.answers is not None:
            self.answers.append(Line(line.where, text))
            return
        if _MATERIAL_END.match(text):
            self._end_material()
            self.passage = None
        elif found := _MATERIAL.match(text):
            self._end_material()
            self.material, self.material_where = [text[found.end() :]], line.where
        elif self._section(text):
            pass
        elif self.drafts and _ANSWERS.match(text) and not self._waits_for_answer():
            self.answers = []
        elif not self._begins(line, text):
            self._goes_on(line, text)

    def _waits_for_answer(self) -> bool:
        """A line that says only 答案 may stand above the last question's own."""
        last = self.drafts[-1]
        return (
            len(self.drafts) > 1
            and "answer" in self.drafts[-2].parts
            and "answer" not in last.parts
        )

    def _section(self, text: str) -> bool:
        found = _SECTION.match(text)
        if found is None and not (_HEADING.match(text) and len(text) < 40 and self._quiet()):
            return False
        self._end_material()
        self.passage = None
        self.fresh = True
        each = _EACH.search(text)
        self.points = each[1] if each else None
        self.kind = KINDS.get(found[1]) if found else None
        return True

    def _quiet(self) -> bool:
        """No question is in the middle of its text."""
        return not self.drafts or self.drafts[-1].whole or self.drafts[-1].at != "stem"

    def _begins(self, line: Line, text: str) -> bool:
        found = _NUMBER.match(text)
        if found is None:
            return False
        style = str(found.lastgroup)
        number = int(found[style])
        last = self.drafts[-1] if self.drafts else None
        expected = last.number + 1 if last else 1
        follows = last is None or number == expected or self.fresh
        if last is not None and last.whole and (number == 1 or expected < number <= expected + 50):
            follows = True
        if not follows or (self.style not in (None, style) and style == "b"):
            return False
        if last is not None and not self.fresh and self._lists(last, number, expected):
            return False
        self._end_material()
        self.style, self.fresh = style, False
        draft = _Draft(line.where, number, self.kind, self.points, self.passage)
        self.drafts.append(draft)
        rest = text[found.end() :]
        if mark := _MARK.match(rest):
            draft.kind, rest = KINDS[mark[1]], rest[mark.end() :]
        draft.stem.append(rest)
        return True

    def _lists(self, last: _Draft, number: int, expected: int) -> bool:
        """Is the number that of a list within an answer or an explanation?"""
        if last.at not in ("answer", "rubric", "explanation"):
            return False
        if number == 1 or (last.listed and number == last.listed + 1):
            last.listed = number
            return True
        return number != expected

    def _goes_on(self, line: Line, text: str) -> None:
        if self.material is not None:
            self.material.append(text)
            return
        if not self.drafts:
            if text and not self.collector.reading.problems:
                self.collector.remark(
                    line.where, f"第一道题之前的文字没有导入：“{self.finish(text)[:30]}”"
                )
            return
        draft = self.drafts[-1]
        key = _KEY.match(text) or _BARE_ANSWER.match(text)
        if key:
            name = next((each for each in key.groups() if each), "答案") if key.groups() else "答案"
            draft.at = _KEYS[name]
            draft.parts.setdefault(draft.at, []).append(text[key.end() :])
        elif draft.at in ("stem", "option") and self._options(draft, text):
            draft.at = "option"
        elif draft.at == "stem":
            draft.stem.append(text)
        elif draft.at == "option":
            draft.options[-1].append(text)
        else:
            draft.parts[draft.at].append(text)

    def _options(self, draft: _Draft, text: str) -> bool:
        """Options that stand in this line, one or several: their letters follow on each other."""
        places: list[re.Match[str]] = []
        expected = len(draft.options)
        for found in _OPTION.finditer(text):
            letter = next(each for each in found.groups() if each)
            if ord(letter) - 65 == expected + len(places) and (places or found.start() == 0):
                places.append(found)
        if not places:
            return False
        for place, found in enumerate(places):
            end = places[place + 1].start() if place + 1 < len(places) else len(text)
            draft.options.append([text[found.end() : end]])
        return True

    def _end_material(self) -> None:
        if self.material is not None:
            text = _joined(self.material)
            self.passage = self.collector.passage(self.material_where, self.finish(text))
            self.material = None

    # --- questions

    def end(self) -> None:
        self._end_material()
        if self.answers is not None:
            self._spread(self.answers)
        if not self.drafts:
            self.collector.fault("", "没有找到带题号的题目，如“1. ”")
        for draft in self.drafts:
            try:
                document = self._document(draft)
            except cells.Unclear as unclear:
                self.collector.fault(draft.where, f"第 {draft.number} 题：{unclear}")
                continue
            notes = {
                name: self.finish(_joined(lines))
                for name, lines in draft.parts.items()
                if name not in _KEYS.values() or name == _KEYS.get(name)
            }
            self.collector.add(draft.where, document, notes=notes)

    def _spread(self, lines: Iterable[Line]) -> None:
        """Answers that stand together at the end, by number; each to the first that has none."""
        for line in lines:
            given: list[tuple[int, str]] = []
            rest = line.text
            for found in _RANGE.finditer(line.text):
                letters = re.sub(r"\s", "", found[3])
                numbers = range(int(found[1]), int(found[2]) + 1)
                if len(letters) != len(numbers) or len(numbers) > 200:
                    self.collector.fault(
                        line.where, f"“{found[0].strip()[:30]}”的答案个数与题号不符"
                    )
                    continue
                given += zip(numbers, letters, strict=True)
                rest = rest.replace(found[0], " ")
            given += [(int(found[1]), found[2]) for found in _SINGLE.finditer(rest)]
            left = _SINGLE.sub("", rest).strip(" \t\u3000；;，,。")
            if left and not _SECTION.match(left):
                self.collector.remark(
                    line.where, f"集中的答案中没有读懂：“{self.finish(left)[:30]}”"
                )
            for number, answer in given:
                fit = [d for d in self.drafts if d.number == number and "answer" not in d.parts]
                if fit:
                    fit[0].parts["answer"] = [answer]
                else:
                    self.collector.remark(line.where, f"第 {number} 题的答案没有对应的题目")

    def _document(self, draft: _Draft) -> dict[str, Any]:
        stem = _joined(draft.stem)
        facts: dict[str, Any] = {}
        if draft.passage:
            facts["passage"] = draft.passage
        stem, points = self._points(draft, stem)
        if points:
            facts["points"] = points
        if "explanation" in draft.parts:
            facts["explanation"] = self.finish(_joined(draft.parts["explanation"]))
        for mark in re.split(r"[、,，\s]+", _joined(draft.parts.get("marks", []))):
            if mark in ("部分得分", "全对得分"):
                facts["marking"] = "partial" if mark == "部分得分" else "all_or_nothing"
            elif mark == "顺序不限":
                facts["any_order"] = True
        kind = draft.kind
        if named := _joined(draft.parts.get("kind", [])).strip():
            if named not in KINDS:
                raise cells.Unclear(f"不认识题型“{named[:20]}”")
            kind = KINDS[named]
        answer = _joined(draft.parts.get("answer", []))
        if not answer and (draft.options or kind == QuestionKind.TRUE_FALSE or _word(stem)):
            stem, answer = _inline(stem)
        return self._of_kind(draft, kind or _guess(draft, stem, answer), stem, answer, facts)

    def _points(self, draft: _Draft, stem: str) -> tuple[str, str | None]:
        points = draft.points
        if found := _POINTS.search(stem):
            stem, points = stem[: found.start()].rstrip(), found[1]
        if "points" in draft.parts:
            points = _joined(draft.parts["points"]).strip().removesuffix("分").strip()
        return stem, points

    def _of_kind(
        self, draft: _Draft, kind: str, stem: str, answer: str, facts: dict[str, Any]
    ) -> dict[str, Any]:
        lines = [line for line in answer.split("\n") if line.strip()]
        if kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE):
            return self._choice(draft, kind, stem, answer, facts)
        if kind == QuestionKind.TRUE_FALSE:
            word = answer.strip(" 。.").lower()
            if word not in TRUE | FALSE:
                raise cells.Unclear("判断题没有写明答案（正确/错误、√/×）")
            return base.true_false(self.finish(stem), word in TRUE, **facts)
        if kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
            return self._gaps(kind, stem, lines, facts)
        if kind == QuestionKind.MATCHING:
            both, alone = cells.pairs(lines)
            both = [(self.finish(left), self.finish(right)) for left, right in both]
            return base.matching(self.finish(stem), both, map(self.finish, alone), **facts)
        if kind == QuestionKind.ORDERING:
            items = [self.finish(cells.plain(line.strip()).strip()) for line in lines]
            return base.ordering(self.finish(stem), items, **facts)
        if kind == QuestionKind.HOTSPOT:
            raise cells.Unclear("图中指点题不能从文字导入")
        rubric = cells.rubric(filter(str.strip, _joined(draft.parts.get("rubric", [])).split("\n")))
        rubric = [{**each, "text": self.finish(each["text"])} for each in rubric]
        lengths = _joined(draft.parts.get("lengths", []))
        return {
            "kind": kind,
            "stem": self.finish(stem),
            "sample": self.finish(answer),
            "rubric": rubric,
            **(cells.lengths(lengths) if lengths.strip() else {}),
            **facts,
        }

    def _choice(
        self, draft: _Draft, kind: str, stem: str, answer: str, facts: dict[str, Any]
    ) -> dict[str, Any]:
        letters = re.sub(r"[\s、,，;；.。和]", "", answer).upper()
        if not draft.options:
            raise cells.Unclear("没有找到选项（A. B. C. D.）")
        if not re.fullmatch(r"[A-J]+", letters):
            raise cells.Unclear("没有写明答案" if not letters else "选择题的答案应是选项的字母")
        right = [ord(letter) - 65 for letter in letters]
        if max(right) >= len(draft.options):
            raise cells.Unclear("答案没有对应的选项")
        if len(set(right)) < len(right):
            raise cells.Unclear("答案重复")
        several = kind == QuestionKind.MULTIPLE
        if len(right) > 1 and not several:
            raise cells.Unclear("单选题只能有一个答案；如为多选题，请改题型")
        texts = [self.finish(_joined(lines)) for lines in draft.options]
        return base.choice(self.finish(stem), texts, right, several=several, **facts)

    def _gaps(
        self, kind: str, stem: str, lines: list[str], facts: dict[str, Any]
    ) -> dict[str, Any]:
        marks = re.findall(r"\{\{\d+\}\}", stem)
        if not marks:
            count = iter(range(1, 100))
            stem = _BLANK.sub(lambda _found: f"{{{{{next(count)}}}}}", stem)
            marks = re.findall(r"\{\{\d+\}\}", stem)
        if len(lines) == 1 and len(marks) > 1:
            parts = re.split(r"[；;]", lines[0])
            parts = parts if len(parts) == len(marks) else lines[0].split()
            lines = parts if len(parts) == len(marks) else lines
        if not lines:
            raise cells.Unclear("没有写明答案")
        gaps = [cells.gap(re.sub(r"^[（(]\d[）)]\s*", "", line)) for line in lines]
        for gap in gaps:
            if gap["kind"] == "choice":
                gap["options"] = [
                    {**each, "text": self.finish(each["text"])} for each in gap["options"]
                ]
        return {"kind": kind, "stem": self.finish(stem), "gaps": gaps, **facts}


def _joined(lines: Iterable[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(" \n\t\u3000")


def _word(stem: str) -> bool:
    return bool(re.search(r"[（(]\s*(?:√|×|✓|✗|对|错|正确|错误)\s*[）)]", stem))


def _inline(stem: str) -> tuple[str, str]:
    """The answer that stands in brackets in the stem, and the stem without it."""
    places = list(_INLINE.finditer(stem))
    if not places:
        return stem, ""
    found = places[-1]
    empty = "（　）"
    if found[1] in ("√", "×", "✓", "✗", "对", "错", "正确", "错误") and found.end() == len(stem):
        empty = ""
    return f"{stem[: found.start()]}{empty}{stem[found.end() :]}".strip(), found[1].strip()


def _guess(draft: _Draft, stem: str, answer: str) -> str:
    letters = re.sub(r"[\s、,，;；]", "", answer)
    if draft.options:
        return QuestionKind.MULTIPLE if len(letters) > 1 else QuestionKind.SINGLE
    if answer.strip(" 。.").lower() in (TRUE | FALSE) - {"a", "b", "1", "0", "是", "否"}:
        return QuestionKind.TRUE_FALSE
    if re.search(r"\{\{\d+\}\}", stem) or (_BLANK.search(stem) and answer):
        return QuestionKind.BLANKS
    return QuestionKind.SHORT


def read(lines: Iterable[Line], collector: Collector, finish: Finish = str) -> None:
    """The questions in ``lines``; ``finish`` makes Markdown of the text of each field."""
    reader = _Reader(collector, finish)
    for line in lines:
        reader.take(line)
    reader.end()
