"""Words of those who write questions: kinds, judgements, letters of options, blanks.

Shared by tables and the Chinese layout. Full-width letters and figures (Ａ, １) are as good as the
others.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from assessments.exchange import base
from assessments.exchange.cells import Unclear

KINDS = {
    **{name: kind for kind, name in base.KIND_NAMES.items()},
    "单选": "single", "单项选择题": "single", "单项选择": "single", "选择题": "single", "多选": "multiple",
    "多项选择题": "multiple", "多项选择": "multiple", "不定项选择题": "multiple", "不定项选择": "multiple",
    "不定项": "multiple", "判断": "true_false", "是非题": "true_false", "判断正误": "true_false", "填空": "blanks",
    "选词填空": "cloze", "完型填空": "cloze", "匹配题": "matching", "连线": "matching", "配对题": "matching",
    "排序": "ordering", "简答": "short", "问答题": "short", "问答": "short", "名词解释": "short", "名词解释题": "short",
    "计算题": "short", "应用题": "short", "分析题": "short", "论述": "essay", "案例分析题": "essay", "案例分析": "essay",
    "作文题": "essay", "作文": "essay",
}  # fmt: skip
TRUE = {"正确", "对", "√", "✓", "✔", "☑", "是", "t", "true", "y", "yes", "a", "1"}
FALSE = {"错误", "错", "×", "✗", "✘", "☒", "╳", "x", "否", "f", "false", "n", "no", "b", "0"}
_WIDE = {ord(each) + 0xFEE0: each for each in string.digits + string.ascii_letters}
#: A blank as people draw it.
_BLANK = re.compile(r"_{2,}|＿{2,}|[（(][\s\u3000]*[）)]")
_MARK = re.compile(r"\{\{\d+\}\}")
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"


def ascii(text: str) -> str:
    """Full-width letters and figures as the others."""
    return text.translate(_WIDE)


def letters(answer: str) -> str:
    """``ACD``, however an answer of letters alone is written; "": it is none."""
    answer = re.sub(r"^(?:正确|参考|标准)?答案\s?[:：]", "", ascii(answer).strip())
    found = re.sub(r"[\s、,，;；.。和|/+]", "", answer).upper()
    return found if re.fullmatch(r"[A-J]+", found) else ""


def chosen(answer: str, texts: Sequence[str]) -> list[int]:
    """The places of the right options: by their letters, or by what one of them says.

    Raises:
        Unclear: the answer is none of them.
    """
    if not answer.strip():
        raise Unclear("没有写明答案")
    found = letters(answer)
    if not found:
        said = [place for place, text in enumerate(texts) if text == answer.strip()]
        named = re.match(r"\s*([A-Ja-j])\s?[.．、:：]\s?(.+)", ascii(answer), re.DOTALL)
        if len(said) == 1:
            return said
        at = ord(named[1].upper()) - 65 if named else len(texts)
        if named is None or at >= len(texts) or ascii(texts[at]).strip() != named[2].strip():
            raise Unclear("选择题的答案应是选项的字母，如 A 或 ACD")
        return [at]
    right = [ord(letter) - 65 for letter in found]
    if missing := [letter for letter, at in zip(found, right, strict=True) if at >= len(texts)]:
        raise Unclear(f"答案 {'、'.join(missing)} 没有对应的选项")
    if len(set(right)) < len(right):
        raise Unclear("答案重复")
    return right


def word(answer: str) -> str:
    """A judgement's word, to be looked for among ``TRUE`` and ``FALSE``."""
    answer = re.sub(r"^(?:正确|参考|标准)?答案\s?[:：]", "", ascii(answer).strip())
    return answer.strip(" 。.\u3000（）()").lower()


def judgement(answer: str, texts: Sequence[str] = ()) -> bool:
    """What an answer says of a sentence.

    Args:
        texts: of its options, if it has some: then a letter means what stands there.

    Raises:
        Unclear: it says neither.
    """
    said = word(answer)
    place = "abcdefghij".find(said) if len(said) == 1 else -1
    if any(texts) and place >= 0 and said not in "tf":
        said = word(texts[place]) if place < len(texts) else ""
        if said in ("a", "b", "1", "0"):
            said = ""
    if said not in TRUE | FALSE:
        raise Unclear("判断题的答案应是“正确”或“错误”（对/错、√/×）")
    return said in TRUE


def marks(stem: str) -> int:
    """How many gaps a text has, marked ``{{1}}``, ``{{2}}``."""
    return len(_MARK.findall(stem))


def marked(stem: str) -> str:
    """A text with its blanks (____, （　）) marked; one with marks as it is."""
    if marks(stem):
        return stem
    count = iter(range(1, 100_000))
    return _BLANK.sub(lambda _found: f"{{{{{next(count)}}}}}", stem)


def gap_lines(answer: str, wanted: int) -> list[str]:
    """The answers of ``wanted`` gaps: a line each, or in one line with something between them."""
    lines = [line for line in answer.splitlines() if line.strip()]
    if len(lines) == 1 and wanted > 1:
        for between in (r"[；;]", r"[、]", r"[，,]", r"\s+", r"[/／]", r"\|"):
            parts = [part for part in re.split(between, lines[0].strip()) if part.strip()]
            if len(parts) == wanted:
                lines = parts
                break
    return [_unnumbered(line, place) for place, line in enumerate(lines, 1)]


def _unnumbered(line: str, place: int) -> str:
    """An answer without the number of its gap: (1)红, ①红."""
    found = re.match(rf"\s*(?:[（(](\d)[）)]|([{_CIRCLED}]))\s*(?=\S)", ascii(line))
    if found is None:
        return line
    number = int(found[1]) if found[1] else _CIRCLED.index(found[2]) + 1
    return line[found.end() :] if number == place else line


def options(said: str) -> list[str]:
    """Options that stand in one cell: a line each, or with ``|`` or ``；`` between them."""
    for between in (r"\n", r"\|", r"[；;]"):
        parts = [part.strip() for part in re.split(between, said) if part.strip()]
        if len(parts) > 1:
            return unlettered(parts)
    return [said] if said.strip() else []


def unlettered(texts: Sequence[str]) -> list[str]:
    """Options without their letters, if every one begins with its own: A. 甲."""
    found = [re.match(r"\s*[（(]?([A-J])\s?(?:[.．、:：]|[）)])\s?(?=\S)", ascii(t)) for t in texts]
    own = all(each and ord(each[1]) - 65 == at for at, each in enumerate(found))
    if not own or len(texts) < 2:
        return list(texts)
    return [text[each.end() :] for text, each in zip(texts, found, strict=True) if each]
