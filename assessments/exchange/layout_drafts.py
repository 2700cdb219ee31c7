"""A question of the Chinese layout, whose lines are gathered, as a document."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from assessments.exchange import base, cells, words
from assessments.exchange.layout_marks import (
    INLINE,
    POINTS,
    Draft,
    joined,
    late_options,
)
from assessments.exchange.words import FALSE, KINDS, TRUE
from assessments.questions import QuestionKind

Finish = Callable[[str], str]
_CHOICES = (QuestionKind.SINGLE, QuestionKind.MULTIPLE)
_WORDS = "√|×|✓|✗|✔|✘|对|错|正确|错误"
_WORD = re.compile(rf"[（(]\s?(?:{_WORDS})\s?[）)]")
#: A judgement that stands behind the sentence: 太阳从东方升起。 √
_BEHIND = re.compile(rf"(?:(?<=[。？！.?!])\s?|\s)({_WORDS}|T|F)$")
_IN_BRACKETS = re.compile(r"[（(]\s?([^（）()\n]{1,60}?)\s?[）)]")
_EMPTY = "（　）"


def document(draft: Draft, finish: Finish) -> dict[str, Any]:
    """The question; ``finish`` makes Markdown of the text of each field.

    Raises:
        cells.Unclear: it is none, in words.
    """
    kind = _kind(draft)
    answer = joined(draft.parts.get("answer", []))
    if not draft.options and kind in (None, *_CHOICES):
        answer = _find_options(draft, answer, sure=kind is not None)
    stem, facts = joined(draft.stem), _facts(draft, finish)
    stem, points = _points(draft, stem)
    if points:
        facts["points"] = points
    if draft.options and kind not in (None, *_CHOICES, QuestionKind.TRUE_FALSE):
        if draft.named:
            raise cells.Unclear(f"{base.KIND_NAMES[QuestionKind(kind)]}不应有选项，请改题型")
        kind = None  # the heading speaks of others: 案例分析题 with choices
    if not answer and (draft.options or kind == QuestionKind.TRUE_FALSE or _WORD.search(stem)):
        stem, answer = _inline(stem)
    if not answer and kind == QuestionKind.TRUE_FALSE and (found := _BEHIND.search(stem)):
        stem, answer = stem[: found.start()].rstrip(), found[1]
    return _Maker(draft, finish, facts).of_kind(kind or _guess(draft, stem, answer), stem, answer)


def _find_options(draft: Draft, answer: str, *, sure: bool) -> str:
    """Look for options in the stem, if the answer is one of them; the answer."""
    stem, inline = _inline(joined(draft.stem))
    given = answer or (inline if words.letters(inline) else "")
    if not sure and not words.letters(given):
        return answer
    kept = draft.stem
    if not answer:
        draft.stem = [stem]
    late_options(draft)
    if draft.options:
        return given
    draft.stem = kept
    return answer


def _kind(draft: Draft) -> str | None:
    if named := joined(draft.parts.get("kind", [])).strip():
        if named not in KINDS:
            raise cells.Unclear(f"不认识题型“{named[:20]}”")
        draft.named = True
        return KINDS[named]
    return draft.kind


def _facts(draft: Draft, finish: Finish) -> dict[str, Any]:
    facts: dict[str, Any] = {"passage": draft.passage} if draft.passage else {}
    if "explanation" in draft.parts:
        facts["explanation"] = finish(joined(draft.parts["explanation"]))
    for mark in re.split(r"[、,，\s]+", joined(draft.parts.get("marks", []))):
        if mark in ("部分得分", "全对得分"):
            facts["marking"] = "partial" if mark == "部分得分" else "all_or_nothing"
        elif mark == "顺序不限":
            facts["any_order"] = True
    return facts


def _points(draft: Draft, stem: str) -> tuple[str, str | None]:
    points = draft.points
    if found := POINTS.search(stem):
        stem, points = stem[: found.start()].rstrip(), found[1]
    if "points" in draft.parts:
        points = joined(draft.parts["points"]).strip().removesuffix("分").strip()
    return stem, points


def _inline(stem: str) -> tuple[str, str]:
    """The answer that stands in brackets in the stem, and the stem without it."""
    places = list(INLINE.finditer(stem))
    if not places:
        return stem, ""
    found = places[-1]
    word = _WORD.fullmatch(found[0]) and found.end() == len(stem)
    rest = f"{stem[: found.start()]}{'' if word else _EMPTY}{stem[found.end() :]}"
    return rest.strip(), found[1].strip()


def _guess(draft: Draft, stem: str, answer: str) -> str:
    if draft.options:
        return QuestionKind.MULTIPLE if len(words.letters(answer)) > 1 else QuestionKind.SINGLE
    word = words.word(answer)
    sure = (TRUE | FALSE) - {"a", "b", "1", "0", "是", "否", "x", "y", "n"}
    if word in sure or (word in ("x", "y", "n") and re.search(r"[（(]\s*[）)]", stem)):
        return QuestionKind.TRUE_FALSE
    if (answer and words.marked(stem) != stem) or "{{1}}" in stem:
        return QuestionKind.BLANKS
    return QuestionKind.SHORT


class _Maker:
    """Makes the document of one kind or another."""

    def __init__(self, draft: Draft, finish: Finish, facts: dict[str, Any]) -> None:
        self.draft, self.finish, self.facts = draft, finish, facts

    def of_kind(self, kind: str, stem: str, answer: str) -> dict[str, Any]:
        if kind in _CHOICES:
            return self._choice(kind, stem, answer)
        if kind == QuestionKind.TRUE_FALSE:
            return self._true_false(stem, answer)
        if kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
            return self._gaps(kind, stem, answer)
        lines = [line for line in answer.split("\n") if line.strip()]
        stem, finish = self.finish(stem), self.finish
        if kind == QuestionKind.MATCHING:
            both, alone = cells.pairs(lines)
            both = [(finish(left), finish(right)) for left, right in both]
            return base.matching(stem, both, map(finish, alone), **self.facts)
        if kind == QuestionKind.ORDERING:
            items = [finish(cells.plain(line.strip()).strip()) for line in lines]
            return base.ordering(stem, items, **self.facts)
        if kind == QuestionKind.HOTSPOT:
            raise cells.Unclear("图中指点题不能从文字导入")
        return self._written(kind, stem, answer)

    def _texts(self) -> list[str]:
        return [self.finish(joined(each.lines)) for each in self.draft.options]

    def _choice(self, kind: str, stem: str, answer: str) -> dict[str, Any]:
        if not self.draft.options:
            raise cells.Unclear("没有找到选项（A. B. C. D.）")
        texts = self._texts()
        right = words.chosen(answer, texts)
        several = kind == QuestionKind.MULTIPLE
        if len(right) > 1 and not several:
            raise cells.Unclear("单选题只能有一个答案；如为多选题，请改题型")
        return base.choice(self.finish(stem), texts, right, several=several, **self.facts)

    def _true_false(self, stem: str, answer: str) -> dict[str, Any]:
        if not answer.strip():
            raise cells.Unclear("判断题没有写明答案（正确/错误、√/×）")
        right = words.judgement(answer, self._texts())
        return base.true_false(self.finish(stem), right, **self.facts)

    def _gaps(self, kind: str, stem: str, answer: str) -> dict[str, Any]:
        marked = words.marked(stem)
        if not answer and marked == stem and "{{1}}" not in stem:
            stem, answer = _filled(stem)
        lines = words.gap_lines(answer, words.marks(words.marked(stem)))
        stem = words.marked(stem)
        if not lines:
            raise cells.Unclear("没有写明答案")
        gaps = [cells.gap(line) for line in lines]
        for gap in gaps:
            if gap["kind"] == "choice":
                gap["options"] = [
                    {**each, "text": self.finish(each["text"])} for each in gap["options"]
                ]
        return {"kind": kind, "stem": self.finish(stem), "gaps": gaps, **self.facts}

    def _written(self, kind: str, stem: str, answer: str) -> dict[str, Any]:
        parts = self.draft.parts
        rubric = cells.rubric(filter(str.strip, joined(parts.get("rubric", [])).split("\n")))
        lengths = joined(parts.get("lengths", []))
        return {
            "kind": kind,
            "stem": stem,
            "sample": self.finish(answer),
            "rubric": [{**each, "text": self.finish(each["text"])} for each in rubric],
            **(cells.lengths(lengths) if lengths.strip() else {}),
            **self.facts,
        }


def _filled(stem: str) -> tuple[str, str]:
    """Gaps whose answers stand in brackets in the text: 首都是（北京）。"""
    answers: list[str] = []

    def one(found: re.Match[str]) -> str:
        answers.append(found[1])
        return _EMPTY

    return _IN_BRACKETS.sub(one, stem), "\n".join(answers)
