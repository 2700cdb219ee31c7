"""How gaps, pairs and criteria are written in a line: shared by tables and the Chinese layout.

    北京|北京市                 a text gap and its alternatives
    [区分大小写][忽略空格]pH      how it is compared
    #3.14±0.01                 a number; ±5% is a part of it
    #9.8±0.1 [单位:m/s²;cm/s²=0.01]     units: the answer's own first, others by their size
    #9.8 [单位可省:m/s²]        the unit may be left out
    [选择]*甲|乙|丙             a list in a cloze; * marks the right one
    左 → 右                     a pair; without a left one, a right one that belongs to none
    2分 观点明确                 a criterion and its points

A backslash before one of the signs takes its meaning away; ``↵`` is a new line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from assessments.exchange import base

NEW_LINE = "↵"
CASE, SPACES, CHOOSE = "[区分大小写]", "[忽略空格]", "[选择]"
_NUMBER = re.compile(
    r"#\s*+([+-]?[\d.]+(?:[eE][+-]?\d{1,2})?)\s*+(?:(?:±|\+-|\+/-)\s*+([\d.]+(?:[eE][+-]?\d{1,2})?)(%?))?"
    r"\s*+(?:\[单位(可省)?[:：](.*)\])?\s*+"
)


class Unclear(ValueError):
    """What a line says wrong, in words."""


def quote(text: str, signs: str = "") -> str:
    """``text`` so that :func:`split` gives it back: ``signs`` lose their meaning."""
    special = re.escape(signs + NEW_LINE)
    quoted = re.sub(rf"(?<!\\)(\\*+)([{special}])", r"\1\1\\\2", text)
    quoted = re.sub(r"(?<!\\)(\\*+)\n", lambda found: found[1] * 2 + NEW_LINE, quoted)
    return quoted + "\\" * (len(quoted) - len(quoted.rstrip("\\")))


def split(text: str, sign: str) -> list[str]:
    """The parts of ``text`` between the ``sign``s that are meant, still quoted."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            run = at
            while at < len(text) and text[at] == "\\":
                at += 1
            at += (at - run) % 2
        elif text[at] == sign:
            parts.append(text[start:at])
            at += 1
            start = at
        else:
            at += 1
    return [*parts, text[start:]]


def plain(text: str, signs: str = "") -> str:
    """A quoted part as it was."""
    special = re.escape(signs + NEW_LINE)

    def one(found: re.Match[str]) -> str:
        run, sign = len(found[1] or found[3] or ""), found[2]
        if not sign:  # at the end
            return "\\" * ((run + 1) // 2)
        meant = "\n" if sign == NEW_LINE and run % 2 == 0 else sign
        return "\\" * (run // 2) + meant

    return re.sub(rf"(?<!\\)(?:(\\*+)([{special}])|(\\++)$)", one, text)


def gap_line(gap: Mapping[str, Any], more: str = "") -> str:
    """A gap's document as a line; ``more`` signs have a meaning around it."""
    signs = "|*#[" + more
    if gap["kind"] == "text":
        marks = (CASE if gap.get("case_matters") else "") + (
            SPACES if gap.get("ignore_spaces") else ""
        )
        return marks + "|".join(quote(each, signs) for each in gap["accepted"])
    if gap["kind"] == "choice":
        listed = (
            ("*" if option["id"] == gap["correct"] else "") + quote(option["text"], signs)
            for option in gap["options"]
        )
        return CHOOSE + "|".join(listed)
    tolerance = Decimal(gap["tolerance"])
    line = f"#{gap['value']}"
    if tolerance:
        line += f"±{_percent(tolerance)}%" if gap["relative"] else f"±{tolerance}"
    if gap["units"]:
        units = ";".join(
            quote(unit["name"], ";=]" + signs)
            + ("" if Decimal(unit["factor"]) == 1 else f"={unit['factor']}")
            for unit in gap["units"]
        )
        line += f" [单位{'' if gap['unit_needed'] else '可省'}:{units}]"
    return line


def gap(line: str, more: str = "") -> dict[str, Any]:
    """A line's gap.

    Raises:
        Unclear: it is none.
    """
    signs = "|*#[" + more
    line = line.strip()
    if line.startswith("#"):
        return _number(line, ";=]" + signs)
    if line.startswith(CHOOSE):
        parts = split(line.removeprefix(CHOOSE), "|")
        right = [at for at, part in enumerate(parts) if part.strip().startswith("*")]
        if len(right) != 1:
            raise Unclear("下拉选项中应有且只有一个以 * 标出正确项")
        texts = [plain(part.strip().removeprefix("*"), signs).strip() for part in parts]
        made = base.options(texts)
        return {"kind": "choice", "options": made, "correct": made[right[0]]["id"]}
    marks = {CASE: False, SPACES: False}
    while mark := next((each for each in marks if line.startswith(each)), None):
        marks[mark] = True
        line = line.removeprefix(mark)
    accepted = [plain(part, signs).strip() for part in split(line, "|")]
    return {
        "kind": "text",
        "accepted": [each for each in accepted if each],
        "case_matters": marks[CASE],
        "ignore_spaces": marks[SPACES],
    }


def _number(line: str, signs: str) -> dict[str, Any]:
    found = _NUMBER.fullmatch(line)
    if found is None:
        raise Unclear("数值答案应写作 #数值±误差，如 #3.14±0.01")
    value, tolerance, percent, optional, units = found.groups()
    listed = []
    for unit in split(units, ";") if units else ():
        name, *factor = split(unit, "=")
        if len(factor) > 1:
            raise Unclear(f"单位“{unit[:20]}”应写作 名称=换算系数")
        size = number(factor[0]) if factor else Decimal(1)
        listed.append({"name": plain(name, signs).strip(), "factor": size})
    allowed = number(tolerance) if tolerance else Decimal(0)
    return {
        "kind": "number",
        "value": str(number(value)),
        "tolerance": str(allowed / 100 if percent else allowed),
        "relative": bool(percent),
        "units": [{**each, "factor": str(each["factor"])} for each in listed],
        "unit_needed": not optional,
    }


def number(text: str) -> Decimal:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        raise Unclear(f"“{text[:20]}”不是数字") from None
    if not found.is_finite() or abs(found.adjusted()) > 60:
        raise Unclear(f"“{text[:20]}”不是数字")
    return found


def _percent(share: Decimal) -> str:
    return f"{share * 100:f}"


def pairs_lines(question: Mapping[str, Any]) -> list[str]:
    """A matching's pairs, and the right ones that belong to none."""
    texts = {item["id"]: item["text"] for item in question["right"]}
    lines = [
        f"{quote(left['text'], '→')} → {quote(texts[right], '→')}"
        for left, right in zip(question["left"], question["correct"], strict=True)
    ]
    alone = [text for name, text in texts.items() if name not in question["correct"]]
    return [*lines, *(f"→ {quote(text, '→')}" for text in alone)]


def pairs(lines: Iterable[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs, and right ones that belong to none.

    Raises:
        Unclear: a line is neither.
    """
    both: list[tuple[str, str]] = []
    alone: list[str] = []
    for line in lines:
        parts = split(line, "→")
        if len(parts) == 1:
            parts = re.split(r"=>|->|——|--", line, maxsplit=1)
        if len(parts) != 2:
            raise Unclear(f"配对“{line[:30]}”应写作 左 → 右")
        left, right = (plain(part.strip(), "→").strip() for part in parts)
        if left:
            both.append((left, right))
        else:
            alone.append(right)
    return both, alone


def rubric_lines(rubric: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{each['points']}分 {quote(each['text'])}" for each in rubric]


def rubric(lines: Iterable[str]) -> list[dict[str, str]]:
    """Criteria.

    Raises:
        Unclear: a line names no points.
    """
    made = []
    for line in lines:
        found = re.fullmatch(r"\s*([\d.]{1,8})\s*分\s*[:：]?\s*(.+)", line)
        if found is None:
            raise Unclear(f"评分点“{line[:30]}”应写作：2分 说明")
        made.append((str(number(found[1])), plain(found[2]).strip()))
    names = base.options(text for _points, text in made)
    return [{**name, "points": points} for name, (points, _text) in zip(names, made, strict=True)]


def lengths(text: str) -> dict[str, int]:
    """``200-500``, ``200-`` or ``-500`` characters.

    Raises:
        Unclear: it is none.
    """
    found = re.fullmatch(r"\s*+(\d{0,5})\s*+(?:[-~—－至]++\s*+(\d{0,5}))?\s*+字?\s*+", text)
    if found is None:
        raise Unclear("字数应写作 200-500")
    named = {"min_characters": found[1], "max_characters": found[2]}
    return {name: int(value) for name, value in named.items() if value}


def lengths_text(question: Mapping[str, Any]) -> str:
    low, high = question.get("min_characters"), question.get("max_characters")
    return f"{low or ''}-{high or ''}" if low or high else ""
