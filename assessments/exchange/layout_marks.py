"""What marks a line in the Chinese layout: numbers, headings, letters of options, keys of parts.

Full-width letters and figures are as good as the others (Ａ．, （１）).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from assessments.exchange.words import KINDS, ascii

NUMERALS = "一二三四五六七八九十百"
_LETTERS = "A-JＡ-Ｊ"
_KIND_WORDS = "|".join(
    sorted({word for word in KINDS if len(word) > 2} | {"材料题", "材料分析题", "案例题", "综合题"}, key=len, reverse=True)
)  # fmt: skip
_ALL_KINDS = "|".join(sorted(KINDS, key=len, reverse=True))
_PLACE = rf"(?:第?[{NUMERALS}]{{1,3}}(?:部分|大题)?\s*[、.．:：]|[（(][{NUMERALS}]{{1,3}}[）)]|[IVX]{{1,4}}[.、])"
SECTION = re.compile(
    rf"^(?:{_PLACE}?\s*({_KIND_WORDS})|{_PLACE}\s*({_ALL_KINDS}))\s*(?:[（(:：].*)?$"
)
#: A heading without a kind, or a question whose number is Chinese.
HEADING = re.compile(rf"^(第)?([{NUMERALS}]{{1,3}})(部分|大题|章|节|题)?\s*[、.．:：]\s*(?=\S)")
MOST_HEADING = 40
EACH = re.compile(r"每小?[题空]\s*(\d{1,3}(?:\.\d{1,2})?)\s*分")
NUMBER = re.compile(
    r"^(?:(?:第\s*|题目?\s*)(?P<a>\d{1,4})\s*题?\s*[:：.、．]?|[（(]\s*(?P<b>\d{1,4})\s*[）)]\s*[.、．]?"
    r"|【\s*(?P<c>\d{1,4})\s*】"
    r"|(?P<d>\d{1,4})\s*(?:[.．](?!\d)|[.．](?=\d{4}\s*年|\d{1,2}\s*月)|[、:：)）/]|[,，](?!\d)))\s*"
)
KEYS = {
    "答案": "answer", "参考答案": "answer", "正确答案": "answer", "标准答案": "answer", "答案是": "answer", "答案为": "answer",
    "解析": "explanation", "答案解析": "explanation", "试题解析": "explanation", "题目解析": "explanation",
    "参考解析": "explanation", "试题分析": "explanation", "解题思路": "explanation", "分析": "explanation",
    "解答": "explanation", "详解": "explanation", "难度": "难度", "难度系数": "难度", "难易度": "难度", "难易程度": "难度",
    "试题难度": "难度", "知识点": "知识点", "考点": "知识点", "考查点": "知识点", "章节": "章节", "来源": "来源", "标签": "标签",
    "能力": "能力", "分值": "points", "分数": "points", "题型": "kind", "评分点": "rubric", "评分标准": "rubric",
    "字数": "lengths", "计分": "marks", "答": "answer", "answer": "answer",
}  # fmt: skip
#: Parts that say something beside the question.
NOTES = frozenset({"难度", "知识点", "章节", "来源", "标签", "能力"})
_KEY_WORDS = "|".join(sorted(KEYS, key=len, reverse=True))
KEY = re.compile(
    rf"^(?:【\s*({_KEY_WORDS})\s*】\s*[:：]?|[\[〔]({_KEY_WORDS})[\]〕]\s*[:：]?|({_KEY_WORDS})\s*[:：])\s*",
    re.IGNORECASE,
)
#: Keys that stand within a line: 【答案】A【解析】…
_WITHIN = re.compile(
    rf"(?<=\S)\s*(?=【\s*(?:{_KEY_WORDS})\s*】)"
    r"|(?<=\S)\s+(?=(?:正确|参考|标准)?答案\s?[:：]|(?:答案|试题|题目)?解析\s?[:：])"
    r"|(?<=[。？！?）)；;])(?=(?:正确|参考|标准)?答案\s?[:：])"
)
BARE_ANSWER = re.compile(rf"^(?:参考|正确|标准)?答案\s*(?=[{_LETTERS}a-j√×✓✗✔✘对错]+\s*$)")
MATERIAL = re.compile(r"^(?:【\s*材料\s*[一二三四五六七八九十\d]*\s*】|\[材料\])\s*[:：]?\s*")
MATERIAL_END = re.compile(r"^【\s*材料(?:结束|完)\s*】\s*$")
#: 阅读下面的材料，回答 4-6 题; 根据以下资料回答问题; (4～5题共用题干)
READ = re.compile(
    rf"^(?:[（(][{NUMERALS}]{{1,3}}[）)])?\s*(?:[^，。；：\n]{{0,12}}(?:阅读|根据|结合|依据)[^。；\n]{{0,20}}"
    r"(?:材料|资料|案例|短文|文章|文段)[^。；\n]{0,30}?(?:回答|完成|作答|分析)"
    r"|[（(【]?\s*\d{1,4}\s*[-~～—–至]+\s*\d{1,4}\s*题?\s*共用题干)"
)
#: How a case below a heading begins.
CASE = re.compile(
    rf"^[【\[]?(?:案例|材料|资料|背景|背景资料)\s?[{NUMERALS}\d]{{0,2}}\s?[】\]]?\s?[:：]"
)
TO = re.compile(r"\d{1,4}\s*[-~～—–至、和]+\s*(\d{1,4})\s*(?:小?题|共用)")
ANSWERS = re.compile(
    r"^[【\[]?\s*(?:参考|标准|正确|试题)?答案(?:及|与|和)?(?:评分标准|解析|详解)?\s*[】\]]?\s*[:：]?$"
)
#: Answers of several questions behind one word: 答案：1.A 2.B; 参考答案：1-5 ABCDA
TOGETHER = re.compile(
    r"^[【\[]?\s?(?:参考|标准|正确|试题)?答案\s?[】\]]?\s?[:：]?\s?"
    r"(?=\d{1,4}\s?(?:[-~—–－至]{1,3}\s?\d{1,4}\s?[:：.．、]?|[.．、:：)）]?)\s?[A-J√×✓✗✔✘对错])"
)
INLINE = re.compile(
    rf"[（(]\s*((?:[{_LETTERS}][\s、,，]*){{1,10}}|√|×|✓|✗|✔|✘|对|错|正确|错误|T|F)\s*[）)]"
)
MARK = re.compile(rf"^(?:[\[【（(]\s*({_ALL_KINDS})\s*[\]】）)]|({_KIND_WORDS})(?:\s*[:：]|\s))\s*")
POINTS = re.compile(r"[（(\[]\s*(?:本题)?\s*(\d{1,3}(?:\.\d{1,2})?)\s*分\s*[）)\]]\s*$")
#: A letter right behind other text: 甲B.乙, 1B.2.
_CLOSE = r"(?<=[^\x00-\x24\x26-\x28\x2a-\x2f\x3a-\x7f０-９Ａ-Ｚａ-ｚ、])([B-JＢ-Ｊ])([.．、])"
_OPTION = re.compile(
    rf"(?:(?<![^\s；;，。])[（(\[［]?\s?([{_LETTERS}])\s?([）)\]］])\s?[.．、:：]?"
    rf"|(?<![^\s；;，。])([{_LETTERS}])\s?([.．、:：])|{_CLOSE})\s*"
)
#: What also is an option where the answer is a letter and no option was found otherwise.
_LOOSE = re.compile(
    rf"(?:(?<![^\s；;，。？！?!）)])[（(\[［]?\s?([{_LETTERS}a-jａ-ｊ])\s?([）)\]］])\s?[.．、:：]?"
    rf"|(?<![^\s；;，。？！?!）)])([{_LETTERS}a-jａ-ｊ])\s?([.．、:：])"
    rf"|^([{_LETTERS}])([ \t\u3000])|{_CLOSE})\s*"
)
_STYLES = str.maketrans({"．": ".", ")": "）", "]": "）", "］": "）", "：": ":"})


class Line(NamedTuple):
    where: str
    text: str


@dataclass(slots=True)
class Option:
    """One option: the sign that it stood behind, its lines, and whether it began a line."""

    sign: str
    lines: list[str]
    first: bool


@dataclass(slots=True)
class Draft:
    """A question while its lines are read."""

    where: str
    number: int
    kind: str | None = None
    points: str | None = None
    passage: str | None = None
    named: bool = False  # the question itself says its kind, not a heading
    stem: list[str] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    parts: dict[str, list[str]] = field(default_factory=dict)
    at: str = "stem"
    listed: int = 0  # the number of a list within the part

    @property
    def whole(self) -> bool:
        return bool(self.parts.get("answer") or self.options)

    def key(self, text: str) -> bool:
        """Begin the part whose key begins the line, if one does."""
        found = KEY.match(text) or BARE_ANSWER.match(text)
        if found is None:
            return False
        name = next((each for each in found.groups() if each), "答案")
        self.at = KEYS[name.lower()]
        self.parts.setdefault(self.at, []).append(text[found.end() :])
        return True


def joined(lines: Iterable[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(" \n\t\u3000")


def pieces(text: str) -> list[str]:
    """A line, divided before the keys that stand within it."""
    return _WITHIN.split(text)


def numeral(text: str) -> int:
    """What Chinese numerals up to 99 say; 0: no number."""
    tens, ten, ones = text.rpartition("十")
    digits = ["", *NUMERALS[:9]]
    if not set(tens + ones) <= set(digits) or len(tens) > 1 or len(ones) > 1:
        return 0
    return (10 * (digits.index(tens) or 1) if ten else 0) + digits.index(ones)


def options(text: str, known: int, *, loose: bool = False) -> Iterator[tuple[int, int, str, bool]]:
    """Letters of options in a line, of which ``known`` are there: ``begin, end, sign, first``.

    They follow on each other, and within one line they are written alike: the B of
    “A. 过点B、C的线” is none. A sign of another style needs a wide space before it.
    """
    style = ""
    for found in (_LOOSE if loose else _OPTION).finditer(text):
        letter, sign = (each for each in found.groups() if each)
        if ord(ascii(letter).upper()) - 65 != known:
            continue
        first = found.start() == 0
        shown = sign.translate(_STYLES)
        apart = re.search(r"(?:\s\s|\t|\u3000)$", text[max(0, found.start() - 2) : found.start()])
        if style and shown != style and not apart:
            continue
        if not style and not first and not loose:
            return
        style, known = shown, known + 1
        yield found.start(), found.end(), found[0], first


def take_options(draft: Draft, text: str, *, loose: bool = False) -> bool:
    """Options that stand in this line, one or several.

    A letter that begins the line is an option, even where one within an earlier line had
    that letter: that one was text.
    """
    for place in range(1, len(draft.options)):
        inner = draft.options[place:]
        if next(options(text, place), None) and not any(each.first for each in inner):
            draft.options[place - 1].lines[-1] += "".join(
                each.sign + joined(each.lines) for each in inner
            )
            del draft.options[place:]
            break
    places = list(options(text, len(draft.options), loose=loose))
    if not places:
        return False
    if places[0][0]:
        draft.stem.append(text[: places[0][0]])
    ends = [begin for begin, _end, _sign, _first in places[1:]] + [len(text)]
    for (_begin, end, sign, first), stop in zip(places, ends, strict=True):
        said = text[end:stop].rstrip("；; \u3000\t") if stop < len(text) else text[end:stop]
        draft.options.append(Option(sign, [said], first))
    return True


def late_options(draft: Draft) -> None:
    """Options that stand in the stem: behind it on its line, with small letters, without a dot."""
    tried = Draft(draft.where, draft.number)
    for text in "\n".join(draft.stem).split("\n"):
        if take_options(tried, text, loose=True):
            continue
        (tried.options[-1].lines if tried.options else tried.stem).append(text)
    if len(tried.options) > 1:
        draft.stem, draft.options = tried.stem, tried.options
        last = draft.options[-1].lines  # the brackets of the answer stood behind it
        last[-1] = re.sub(r"[（(]\u3000[）)]$", "", last[-1].rstrip())
