"""The usual layout of Chinese question files, as lines of text: read.

    一、单选题（每题 2 分）
    1. “温故而知新”出自（ A ）
    A. 《论语》  B. 《孟子》
    答案：A
    解析：……

Word files give their paragraphs, pasted text its lines; see ``docs/author/import.md``. What marks
a line is in ``layout_marks``; a question's lines become its document in ``layout_drafts``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from assessments.exchange import cells, layout_drafts
from assessments.exchange import layout_marks as marks
from assessments.exchange.base import Collector
from assessments.exchange.layout_answers import Answers
from assessments.exchange.layout_drafts import Finish
from assessments.exchange.layout_marks import Draft, Line, joined
from assessments.exchange.words import KINDS, letters

__all__ = ["Line", "are_options", "read"]

#: Spaces in a row that say something; more would only take time.
_SPACES = re.compile(r"(\s{200})\s+")


class _Reader:
    def __init__(self, collector: Collector, finish: Finish) -> None:
        self.collector, self.finish = collector, finish
        self.drafts: list[Draft] = []
        self.kind: str | None = None
        self.points: str | None = None
        self.passage: str | None = None
        self.passage_to: int | None = None  # the number of its last question, if it says so
        self.material: list[str] | None = None
        self.material_where = ""
        self.heading: list[Line] = []  # a heading and what stands below it
        self.style: str | None = None
        self.fresh = True  # numbers may begin anew
        self.answers: list[Line] | None = None

    # --- lines

    def take(self, line: Line) -> None:
        text = _SPACES.sub(r"\1", line.text.strip(" \t\u3000"))
        if self.answers is not None:
            self.answers.append(Line(line.where, text))
        elif not text or not self._marks(line, text):
            first, *more = marks.pieces(text)
            if not self._begins(line, first):
                self._goes_on(line, first)
            for each in more:
                self._goes_on(line, each)

    def _marks(self, line: Line, text: str) -> bool:
        """Lines that belong to no question: materials, headings, and where the answers begin."""
        if marks.MATERIAL_END.match(text):
            self._end_material()
            self.passage = None
        elif found := marks.MATERIAL.match(text):
            self._begin_material(line, text[found.end() :])
        elif marks.READ.match(text) and self._quiet():
            self._begin_material(line, text)
            self.passage_to = int(to[1]) if (to := marks.TO.search(text)) else None
        elif self._section(line, text):
            pass
        elif self.drafts and marks.ANSWERS.match(text) and not self._waits_for_answer():
            self._end_material()
            self.answers = []
        elif (found := marks.TOGETHER.match(text)) and self._waiting() > 1:
            self._end_material()
            self.answers = [Line(line.where, text[found.end() :])]
        else:
            return False
        return True

    def _waiting(self) -> int:
        """Of the last two questions, how many have no answer."""
        return sum("answer" not in each.parts for each in self.drafts[-2:])

    def _waits_for_answer(self) -> bool:
        """A line that says only 答案 may stand above the last question's own."""
        last = self.drafts[-1]
        return (
            len(self.drafts) > 1
            and "answer" in self.drafts[-2].parts
            and "answer" not in last.parts
        )

    def _section(self, line: Line, text: str) -> bool:
        found, heading = marks.SECTION.match(text), marks.HEADING.match(text)
        if found is None:
            if heading is None or not self._quiet():
                return False
            numbered = heading[3] is None or heading[3] == "题"
            number = marks.numeral(heading[2]) if numbered else 0
            last = self.drafts[-1].number if self.drafts and self.style == "chinese" else 0
            if self.style == "chinese" and number == last + 1:
                self._question(Line(line.where, text), "chinese", number, text[heading.end() :])
                return True
            if len(text) >= marks.MOST_HEADING and (number != 1 or self.style is not None):
                return False
        self._end_material()
        self.passage = None
        self.fresh = True
        each = marks.EACH.search(text)
        self.points = each[1] if each else None
        self.kind = KINDS.get(found[1] or found[2]) if found else None
        self.heading = [Line(line.where, text)]
        return True

    def _quiet(self) -> bool:
        """No question is in the middle of its text."""
        return not self.drafts or self.drafts[-1].whole or self.drafts[-1].at != "stem"

    def _begins(self, line: Line, text: str) -> bool:
        found = marks.NUMBER.match(text)
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
        if self.style == "chinese" and not self.fresh:
            return False
        if last is not None and not self.fresh and self._lists(last, number, expected):
            return False
        self._question(line, style, number, text[found.end() :])
        return True

    def _question(self, line: Line, style: str, number: int, rest: str) -> None:
        """Begin a question."""
        self._end_heading()
        self._end_material()
        if self.passage_to is not None and number > self.passage_to:
            self.passage = self.passage_to = None
        self.style, self.fresh = style, False
        draft = Draft(line.where, number, self.kind, self.points, self.passage)
        self.drafts.append(draft)
        if mark := marks.MARK.match(rest):
            draft.kind, rest = KINDS[mark[1] or mark[2]], rest[mark.end() :]
            draft.named = True
        draft.stem.append(rest)

    def _lists(self, last: Draft, number: int, expected: int) -> bool:
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
        if self.heading and not self._is_question(text):
            self.heading.append(Line(line.where, text))
            return
        if not self.drafts:
            if text and not self.collector.reading.problems:
                self._not_taken("第一道题之前的文字", line.where, text)
            return
        draft = self.drafts[-1]
        if draft.key(text):
            return
        if (draft.at in ("stem", "option") or self._answered_above(draft)) and marks.take_options(
            draft, text
        ):
            draft.at = "option"
        elif draft.at == "stem":
            draft.stem.append(text)
        elif draft.at == "option":
            draft.options[-1].lines.append(text)
        else:
            draft.parts[draft.at].append(text)

    def _answered_above(self, draft: Draft) -> bool:
        """The answer's letters stand above the options."""
        return (
            draft.at == "answer"
            and not draft.options
            and bool(letters(joined(draft.parts["answer"])))
        )

    # --- headings and materials

    def _is_question(self, text: str) -> bool:
        """Options or an answer below a heading: it was a question, 一、二、三 its numbers."""
        first, *more = self.heading
        found = marks.HEADING.match(first.text)
        tried = Draft("", 0)
        if marks.SECTION.match(first.text) or found is None:
            return False
        if not (tried.key(text) or marks.take_options(tried, text)):
            return False
        self.heading = []
        number = marks.numeral(found[2])
        self._question(first, "chinese", number, first.text[found.end() :])
        self.drafts[-1].stem += [each.text for each in more]
        return True

    def _end_heading(self) -> None:
        """What stood below a heading, before its first question: a case, or words for readers."""
        below, self.heading = [line for line in self.heading[1:] if line.text], []
        for place, line in enumerate(below):
            if marks.CASE.match(line.text):
                self._begin_material(line, "\n".join(each.text for each in below[place:]))
                return
        if below:
            self._not_taken("大题标题下的文字", below[0].where, below[0].text)

    def _not_taken(self, what: str, where: str, text: str) -> None:
        self.collector.remark(where, f"{what}没有导入：“{self.finish(text)[:30]}”")

    def _begin_material(self, line: Line, text: str) -> None:
        self._end_heading()
        self._end_material()
        self.material, self.material_where, self.passage_to = [text], line.where, None

    def _end_material(self) -> None:
        if self.material is not None:
            text = joined(self.material)
            self.passage = self.collector.passage(self.material_where, self.finish(text))
            self.material = None

    # --- questions

    def end(self) -> None:
        self._end_heading()
        self._end_material()
        if self.answers is not None:
            Answers(self.drafts, self.collector).spread(self.answers)
        if not self.drafts:
            self.collector.fault("", "没有找到带题号的题目，如“1. ”")
        for draft in self.drafts:
            try:
                document = layout_drafts.document(draft, self.finish)
            except cells.Unclear as unclear:
                self.collector.fault(draft.where, f"第 {draft.number} 题：{unclear}")
                continue
            notes = {
                name: self.finish(joined(lines))
                for name, lines in draft.parts.items()
                if name in marks.NOTES
            }
            self.collector.add(draft.where, document, notes=notes)


def are_options(texts: Sequence[str]) -> bool:
    """Do these begin with A., B., C. … one after the other?"""
    draft = Draft("", 0)
    return all(marks.take_options(draft, text) for text in texts) and len(draft.options) > 1


def read(lines: Iterable[Line], collector: Collector, finish: Finish = str) -> None:
    """The questions in ``lines``; ``finish`` makes Markdown of the text of each field."""
    reader = _Reader(collector, finish)
    for line in lines:
        reader.take(line)
    reader.end()
