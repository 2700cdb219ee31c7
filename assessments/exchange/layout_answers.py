"""Answers that stand together at the end of a file, by number: 1-5 ABCDA, or one a line."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable

from assessments.exchange.base import Collector
from assessments.exchange.layout_marks import HEADING, NUMBER, SECTION, Draft, Line, pieces
from assessments.exchange.words import FALSE, TRUE, ascii

_RANGE = re.compile(
    r"(\d{1,4}) ?[-~—–－至]{1,3} ?(\d{1,4}) ?[:：.．、]? ?([A-J√×✓✗✔✘对错TF ]+?)(?= ?\d| ?$|[；;，,。])"
)
_SINGLE = re.compile(
    r"(?:^|(?<=[ ；;，,]))[（(]?(\d{1,4})[）)]? ?[.．、:：]? ?"
    r"([A-J]{1,10}|√|×|✓|✗|✔|✘|对|错|正确|错误)(?=$|[ ；;，,。])"
)


class Answers:
    """Gives answers to the questions that have none: each to the first of its number."""

    def __init__(self, drafts: Iterable[Draft], collector: Collector) -> None:
        self._collector = collector
        self._waiting: defaultdict[int, deque[Draft]] = defaultdict(deque)
        for draft in drafts:
            if "answer" not in draft.parts:
                self._waiting[draft.number].append(draft)
        self._open: Draft | None = None  # whose answer was the last
        self._goes_on = False  # in the next line

    def spread(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if SECTION.match(line.text) or (HEADING.match(line.text) and len(line.text) < 40):
                self._open = None
                continue
            for piece in pieces(line.text):
                self._take(line.where, piece)

    def _take(self, where: str, text: str) -> None:
        folded = " ".join(ascii(text).split())
        if self._open is not None and self._open.key(text):
            self._goes_on = True
            return
        if self._short(where, folded):
            return
        if (found := NUMBER.match(text)) and self._long(
            where, int(found[str(found.lastgroup)]), text[found.end() :]
        ):
            return
        if self._open is not None and self._goes_on:
            self._open.parts[self._open.at].append(text)
        elif folded:
            self._collector.remark(where, f"集中的答案中没有读懂：“{text[:30]}”")

    def _short(self, where: str, text: str) -> bool:
        """A line of letters and judgements by number, and nothing else."""
        given: list[tuple[int, str]] = []
        rest = text
        for found in _RANGE.finditer(text):
            letters = found[3].replace(" ", "")
            numbers = range(int(found[1]), int(found[2]) + 1)
            if len(letters) != len(numbers) or len(numbers) > 200:
                said = f"“{found[0].strip()[:30]}”的答案个数与题号不符"
                self._collector.fault(where, said)
            else:
                given += zip(numbers, letters, strict=True)
        rest = _RANGE.sub(" ", rest)
        given += [(int(found[1]), found[2]) for found in _SINGLE.finditer(rest)]
        left = _SINGLE.sub("", rest).strip(" ；;，,。")
        if left and len(given) < 2:
            return False
        if left:
            self._collector.remark(where, f"集中的答案中没有读懂：“{left[:30]}”")
        for number, answer in given:
            self._give(where, number, answer)
        return bool(text)

    def _long(self, where: str, number: int, answer: str) -> bool:
        """An answer in words, with what follows it; one letter may have its reasons behind it."""
        waiting = self._waiting.get(number)
        if not waiting:
            return False
        draft = waiting[0]
        if not draft.key(answer):
            words = ascii(answer).strip()
            found = re.match(
                r"([A-J]{1,10}|√|×|✓|✗|✔|✘|对|错|正确|错误)(?=$|[\s。.，,；;（(])", words
            )
            letters = found and (draft.options or found[1].lower() in TRUE | FALSE)
            if draft.options and words and not letters:
                return False
            draft.at = "answer"
            draft.parts["answer"] = [found[1] if found and letters else answer]
            behind = words[found.end() :].strip(" 。.，,；;") if found and letters else ""
            if behind and not draft.key(behind):
                draft.at = "explanation"
                draft.parts.setdefault("explanation", []).append(behind)
        waiting.popleft()
        self._open, self._goes_on = draft, draft.at != "answer" or not draft.options
        return True

    def _give(self, where: str, number: int, answer: str) -> None:
        waiting = self._waiting.get(number)
        if waiting:
            self._open, self._goes_on = waiting.popleft(), False
            self._open.at = "answer"
            self._open.parts["answer"] = [answer]
        else:
            self._collector.remark(where, f"第 {number} 题的答案没有对应的题目")
