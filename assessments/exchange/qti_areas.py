"""Areas on a picture: QTI counts in pixels of the picture, we in thousandths of its sides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element


def read(
    interaction: Element, shown: Element, declared: Element, correct: Sequence[str]
) -> list[dict[str, Any]]:
    """The right areas; those of shapes that we do not have are left out."""
    size = _size(shown)
    if size is None:
        return []
    given = [
        each for each in interaction.findall("hotspotChoice") if each.get("identifier") in correct
    ]
    given += [
        each
        for each in declared.findall("areaMapping/areaMapEntry")
        if not each.get("mappedValue", "1").lstrip().startswith(("-", "0"))
        or float_or_zero(each.get("mappedValue", "1")) > 0
    ]
    areas = [area(each.get("shape", ""), each.get("coords", ""), size) for each in given]
    return [each for each in areas if each is not None][:20]


def float_or_zero(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _size(shown: Element) -> tuple[int, int] | None:
    width, height = (re.match(r"\d{1,5}", shown.get(name, "")) for name in ("width", "height"))
    if width is None or height is None or not int(width[0]) or not int(height[0]):
        return None
    return int(width[0]), int(height[0])


def area(shape: str, coords: str, size: tuple[int, int]) -> dict[str, Any] | None:
    try:
        numbers = [float(each) for each in re.split(r"[\s,]+", coords.strip())[:100]]
    except ValueError:
        return None
    if not all(-1e6 < each < 1e6 for each in numbers):
        return None
    width, height = size

    def x(value: float) -> int:
        return max(0, min(1000, round(value * 1000 / width)))

    def y(value: float) -> int:
        return max(0, min(1000, round(value * 1000 / height)))

    if shape == "circle" and len(numbers) == 3:
        r = max(1, min(1000, round(numbers[2] * 2000 / (width + height))))
        return {"shape": "circle", "x": x(numbers[0]), "y": y(numbers[1]), "r": r}
    if shape == "rect" and len(numbers) == 4:
        left, top = x(numbers[0]), y(numbers[1])
        wide, high = x(numbers[2]) - left, y(numbers[3]) - top
        if wide < 1 or high < 1:
            return None
        return {"shape": "rect", "x": left, "y": top, "width": wide, "height": high}
    if shape == "poly" and len(numbers) >= 6 and len(numbers) % 2 == 0:
        points = [[x(a), y(b)] for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        if points[0] == points[-1]:
            points.pop()
        return {"shape": "polygon", "points": points}
    return None


def coords(told: Mapping[str, Any]) -> tuple[str, str]:
    """Shape and coordinates on a picture that is written as 1000 by 1000."""
    if told["shape"] == "circle":
        return "circle", f"{told['x']},{told['y']},{told['r']}"
    if told["shape"] == "rect":
        right, bottom = told["x"] + told["width"], told["y"] + told["height"]
        return "rect", f"{told['x']},{told['y']},{right},{bottom}"
    return "poly", ",".join(f"{x},{y}" for x, y in told["points"])
