"""Moodle's cloze: gaps written into the text, ``{1:SHORTANSWER:=北京~%50%京#半对}``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from assessments.exchange import base, cells

_KINDS = {
    "SHORTANSWER": "text", "SA": "text", "MW": "text", "SHORTANSWER_C": "case", "SAC": "case", "MWC": "case",
    "NUMERICAL": "number", "NM": "number",
    "MULTICHOICE": "choice", "MC": "choice", "MULTICHOICE_H": "choice", "MCH": "choice", "MULTICHOICE_V": "choice",
    "MCV": "choice", "MULTICHOICE_S": "choice", "MCS": "choice", "MULTICHOICE_HS": "choice", "MCHS": "choice",
    "MULTICHOICE_VS": "choice", "MCVS": "choice",
}  # fmt: skip
_GAP = re.compile(r"(?<!\\)\{(\d{0,3}):([A-Z_]{2,20}):((?:\\.|[^\\}]){1,5000})\}", re.DOTALL)
_ANSWER = re.compile(
    r"(=|%(-?\d{1,3}(?:\.\d{1,9})?)%)?((?:\\.|[^\\~#])*)(#(?:\\.|[^\\~])*)?", re.DOTALL
)
_SIGNS = '\\~#}/"'


@dataclass(slots=True)
class Cloze:
    """The text with our marks, its gaps, and what was left out."""

    text: str
    gaps: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read(text: str) -> Cloze:
    """Raises:
    cells.Unclear: a gap says what we cannot take.
    """
    made = Cloze(text)

    def one(found: re.Match[str]) -> str:
        kind = _KINDS.get(found[2])
        if kind is None:
            raise cells.Unclear(f"不支持 Moodle 填空的类型 {found[2]}")
        if found[1] not in ("", "1"):
            made.remarks.append("各空的分数不同，按相同导入")
        made.gaps.append(_gap(kind, found[3], made))
        return f"{{{{{len(made.gaps)}}}}}"

    made.text = _GAP.sub(one, text)
    if not made.gaps:
        raise cells.Unclear("没有找到空")
    made.remarks = list(dict.fromkeys(made.remarks))
    return made


def _gap(kind: str, given: str, made: Cloze) -> dict[str, Any]:
    answers: list[tuple[Decimal, str]] = []
    for part in re.split(r"(?<!\\)~", given):
        found = _ANSWER.fullmatch(part)
        if found is None:
            raise cells.Unclear("看不懂空的答案")
        if found[4]:
            made.remarks.append("各答案的反馈没有导入")
        share = Decimal(100) if found[1] == "=" else Decimal(found[2] or 0)
        text = re.sub(r"\\(.)", r"\1", found[3], flags=re.DOTALL).strip()
        if text:
            answers.append((share, text))
    whole = [text for share, text in answers if share >= 100]
    if any(0 < share < 100 for share, _text in answers):
        made.remarks.append("只得部分分数的答案没有导入")
    if not whole:
        raise cells.Unclear("有的空没有完全正确的答案")
    if kind == "choice":
        texts = list(dict.fromkeys(text for _share, text in answers))
        options = base.options(texts)
        return {
            "kind": "choice",
            "options": options,
            "correct": options[texts.index(whole[0])]["id"],
        }
    if kind == "number":
        value, _colon, tolerance = whole[0].partition(":")
        return {
            "kind": "number",
            "value": str(cells.number(value)),
            "tolerance": str(cells.number(tolerance or "0")),
        }
    return {"kind": "text", "accepted": whole, "case_matters": kind == "case"}


def write(stem: str, gaps: Sequence[Mapping[str, Any]]) -> str | None:
    """A text with gaps as Moodle writes it; None: a gap has what it cannot hold."""
    written = [_written(gap) for gap in gaps]
    if any(each is None for each in written):
        return None

    def mark(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        return str(written[place]) if 0 <= place < len(written) else found[0]

    return re.sub(r"\{\{([1-9]\d?)\}\}", mark, stem)


def _written(gap: Mapping[str, Any]) -> str | None:
    if gap["kind"] == "text":
        kind = "SHORTANSWER_C" if gap["case_matters"] else "SHORTANSWER"
        return f"{{1:{kind}:{'~'.join('=' + _escaped(each) for each in gap['accepted'])}}}"
    if gap["kind"] == "number":
        if gap["units"] or gap["relative"]:
            return None
        return f"{{1:NUMERICAL:={gap['value']}:{gap['tolerance']}}}"
    listed = (
        ("=" if option["id"] == gap["correct"] else "") + _escaped(option["text"])
        for option in gap["options"]
    )
    return f"{{1:MULTICHOICE:{'~'.join(listed)}}}"


def _escaped(text: str) -> str:
    text = re.sub(rf"([{re.escape(_SIGNS)}])", r"\\\1", text)
    return re.sub(r"^([=%])", r"\\\1", text)
