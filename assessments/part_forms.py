"""Questions that are made of parts, as rows of a plain form and back.

Everything is text, so that a form needs no script: a gap's answers stand one on a line, a
list's right one begins with ``*``, a tolerance may be a percentage, units are
``kPa；Pa=0.001``, an area is ``x,y`` in thousandths and what its shape needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, DecimalException
from typing import Any

from assessments.papers import QuestionKind

Row = Mapping[str, str]

_GAPS = ("gap-kind", "gap-text", "gap-compare", "gap-tolerance", "gap-units")
_WRITTEN = ("criterion", "criterion-points")
#: What a row of each kind's form has; the first that may be empty says that the row is.
COLUMNS: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.BLANKS: _GAPS,
    QuestionKind.CLOZE: _GAPS,
    QuestionKind.MATCHING: ("left", "right"),
    QuestionKind.ORDERING: ("item",),
    QuestionKind.HOTSPOT: ("area-shape", "area"),
    QuestionKind.SHORT: _WRITTEN,
    QuestionKind.ESSAY: _WRITTEN,
}
#: What else the form of a kind has.
EXTRAS: Mapping[QuestionKind, tuple[str, ...]] = {
    QuestionKind.MULTIPLE: ("marking",),
    QuestionKind.BLANKS: ("any_order", "marking"),
    QuestionKind.CLOZE: ("marking",),
    QuestionKind.MATCHING: ("marking",),
    QuestionKind.ORDERING: ("marking",),
    QuestionKind.HOTSPOT: ("picture", "alt"),
    QuestionKind.SHORT: ("sample", "min_characters", "max_characters"),
    QuestionKind.ESSAY: ("sample", "min_characters", "max_characters"),
}
#: Rows of a new question, and the most there may be.
FEW, MOST = 3, 30


def document(kind: QuestionKind, rows: Sequence[Row], extras: Mapping[str, str]) -> dict[str, Any]:
    """What the rows and extras say, not checked yet."""
    filled = [row for row in rows if any(row[each].strip() for each in _texts(kind))]
    said: dict[str, Any] = {}
    if extras.get("marking"):
        said["marking"] = extras["marking"]
    if kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
        any_order = {"any_order": True} if extras.get("any_order") else {}
        return said | any_order | {"gaps": [_gap(row) for row in filled]}
    if kind is QuestionKind.MATCHING:
        return said | _matching(filled)
    if kind is QuestionKind.ORDERING:
        items = [{"id": str(n), "text": row["item"]} for n, row in enumerate(filled)]
        return said | {"items": items, "correct": [item["id"] for item in items]}
    if kind is QuestionKind.HOTSPOT:
        picture = extras.get("picture", "").strip().removeprefix("picture:")
        areas = [_area(row) for row in filled]
        return {"picture": picture, "alt": extras.get("alt", ""), "areas": areas}
    if kind in (QuestionKind.SHORT, QuestionKind.ESSAY):
        return _written(filled, extras)
    return said


def rows_of(question: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of a question's document."""
    kind = QuestionKind(question["kind"])
    if kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
        return [_gap_row(gap) for gap in question["gaps"]]
    if kind is QuestionKind.MATCHING:
        right = {item["id"]: item["text"] for item in question["right"]}
        pairs = zip(question["left"], question["correct"], strict=True)
        rows = [{"left": item["text"], "right": right[wanted]} for item, wanted in pairs]
        spare = right.keys() - set(question["correct"])
        return rows + [{"left": "", "right": text} for id, text in right.items() if id in spare]
    if kind is QuestionKind.ORDERING:
        texts = {item["id"]: item["text"] for item in question["items"]}
        return [{"item": texts[id]} for id in question["correct"]]
    if kind is QuestionKind.HOTSPOT:
        return [_area_row(area) for area in question["areas"]]
    return [
        {"criterion": each["text"], "criterion-points": str(each["points"])}
        for each in question.get("rubric", ())
    ]


def extras_of(question: Mapping[str, Any]) -> dict[str, str]:
    """The extras of a question's document."""
    names = EXTRAS.get(QuestionKind(question["kind"]), ())
    found = {name: question.get(name) for name in names}
    return {name: "" if value in (None, False) else str(value) for name, value in found.items()}


def more(kind: QuestionKind, rows: Sequence[Row], count: int) -> tuple[Row, ...]:
    """``rows`` and empty ones behind them."""
    empty = dict.fromkeys(COLUMNS.get(kind, ()), "")
    return (*rows, *(dict(empty) for _ in range(count - len(rows))))


def _texts(kind: QuestionKind) -> tuple[str, ...]:
    """The columns that make a row more than an empty one: not the lists to choose from."""
    return tuple(each for each in COLUMNS.get(kind, ()) if not each.endswith(("kind", "shape")))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _gap(row: Row) -> dict[str, Any]:
    lines = _lines(row["gap-text"])
    if row["gap-kind"] == "number":
        tolerance, relative = _tolerance(row["gap-tolerance"])
        return {
            "kind": "number",
            "value": "".join(lines),
            "tolerance": tolerance,
            "relative": relative,
            "units": _units(row["gap-units"]),
        }
    if row["gap-kind"] == "choice":
        options = [{"id": str(n), "text": line.lstrip("*＊")} for n, line in enumerate(lines)]
        right = [str(n) for n, line in enumerate(lines) if line[0] in "*＊"]
        return {
            "kind": "choice",
            "options": options,
            "correct": right[0] if len(right) == 1 else "-",
        }
    compare = row["gap-compare"]
    return {
        "kind": "text",
        "accepted": lines,
        "case_matters": compare == "case",
        "ignore_spaces": compare == "spaces",
    }


def _gap_row(gap: Mapping[str, Any]) -> dict[str, str]:
    row = dict.fromkeys(_GAPS, "") | {"gap-kind": gap["kind"]}
    if gap["kind"] == "choice":
        lines = [
            ("*" if each["id"] == gap["correct"] else "") + each["text"] for each in gap["options"]
        ]
        return row | {"gap-text": "\n".join(lines)}
    if gap["kind"] == "text":
        compare = "case" if gap["case_matters"] else "spaces" if gap["ignore_spaces"] else ""
        return row | {"gap-text": "\n".join(gap["accepted"]), "gap-compare": compare}
    tolerance = Decimal(gap["tolerance"])
    words = f"{tolerance * 100:f}%" if gap["relative"] else str(gap["tolerance"])
    units = [
        each["name"] if Decimal(each["factor"]) == 1 else f"{each['name']}={each['factor']}"
        for each in gap["units"]
    ]
    return row | {
        "gap-text": str(gap["value"]),
        "gap-tolerance": words if tolerance else "",
        "gap-units": "；".join(units),
    }


def _tolerance(text: str) -> tuple[str, bool]:
    text = text.strip()
    if not text.endswith(("%", "％")):
        return text or "0", False
    try:
        return str(Decimal(text[:-1]) / 100), True
    except DecimalException:  # no number, or one beyond all bounds
        return text, True


def _units(text: str) -> list[dict[str, str]]:
    found = []
    for each in filter(str.strip, re.split(r"[;；,，\n]", text)):
        name, _equals, factor = each.replace("＝", "=").partition("=")
        found.append({"name": name.strip(), "factor": factor.strip() or "1"})
    return found


def _matching(filled: Sequence[Row]) -> dict[str, Any]:
    texts = list(dict.fromkeys(row["right"].strip() for row in filled if row["right"].strip()))
    known = {text: str(n) for n, text in enumerate(texts)}
    pairs = [row for row in filled if row["left"].strip()]
    return {
        "left": [{"id": str(n), "text": row["left"]} for n, row in enumerate(pairs)],
        "right": [{"id": id, "text": text} for text, id in known.items()],
        "correct": [known.get(row["right"].strip(), "-") for row in pairs],
    }


def _area(row: Row) -> dict[str, Any]:
    numbers = re.findall(r"[^\s,，;；]+", row["area"])
    if row["area-shape"] == "polygon":
        return {"shape": "polygon", "points": list(zip(numbers[::2], numbers[1::2], strict=False))}
    names = ("x", "y", "width", "height") if row["area-shape"] == "rect" else ("x", "y", "r")
    shape = "rect" if row["area-shape"] == "rect" else "circle"
    return {"shape": shape, **dict(zip(names, numbers, strict=False))}


def _area_row(area: Mapping[str, Any]) -> dict[str, str]:
    if area["shape"] == "polygon":
        return {"area-shape": "polygon", "area": " ".join(f"{x},{y}" for x, y in area["points"])}
    return {
        "area-shape": area["shape"],
        "area": ",".join(str(area[n]) for n in area if n != "shape"),
    }


def _written(filled: Sequence[Row], extras: Mapping[str, str]) -> dict[str, Any]:
    lengths = {name: extras.get(name, "").strip() for name in ("min_characters", "max_characters")}
    return {
        "sample": extras.get("sample", "").replace("\r\n", "\n"),
        "rubric": [
            {"id": str(n), "text": row["criterion"], "points": row["criterion-points"].strip()}
            for n, row in enumerate(filled, 1)
        ],
    } | {name: value for name, value in lengths.items() if value}
