"""A place to be found on a picture. An answer is ``["x,y"]`` in thousandths of its sides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints
from pydantic import model_validator as check

from assessments.questions.base import (
    Answer,
    Frozen,
    Marking,
    Question,
    QuestionKind,
    family,
    wrong,
)

#: Of the picture's width or height, from its left upper corner.
Thousandth = Annotated[int, Field(ge=0, le=1000)]
_POINT = re.compile(r"(0|[1-9]\d{0,3}),(0|[1-9]\d{0,3})")


class Circle(Frozen):
    """All within ``r`` of a point, measured in thousandths both ways: on a picture that is not
    square it is an ellipse."""

    shape: Literal["circle"]
    x: Thousandth
    y: Thousandth
    r: Annotated[int, Field(ge=1, le=1000)]

    def holds(self, x: int, y: int) -> bool:
        return (x - self.x) ** 2 + (y - self.y) ** 2 <= self.r**2


class Rect(Frozen):
    """From its left upper corner, edges included."""

    shape: Literal["rect"]
    x: Thousandth
    y: Thousandth
    width: Annotated[int, Field(ge=1, le=1000)]
    height: Annotated[int, Field(ge=1, le=1000)]

    def holds(self, x: int, y: int) -> bool:
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height


class Polygon(Frozen):
    """Corners in order, edges included."""

    shape: Literal["polygon"]
    points: Annotated[tuple[tuple[Thousandth, Thousandth], ...], Field(min_length=3, max_length=50)]

    @check(mode="after")
    def _sound(self) -> Self:
        if not sum(a[0] * b[1] - b[0] * a[1] for a, b in self._sides()):
            raise wrong("多边形没有面积")
        return self

    def holds(self, x: int, y: int) -> bool:
        inside = False
        for (ax, ay), (bx, by) in self._sides():
            across = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
            between = min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by)
            if across == 0 and between:
                return True
            if (ay > y) != (by > y) and (across > 0) == (by > ay):
                inside = not inside
        return inside

    def _sides(self) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
        return pairwise((*self.points, self.points[0]))


Area = Annotated[Circle | Rect | Polygon, Field(discriminator="shape")]


@family(QuestionKind.HOTSPOT)
class Hotspot(Question):
    """Right is a point within any of ``areas``.

    Attributes:
        picture: the name of an uploaded picture (see ``zhixin.richtext``).
        alt: what the picture shows, for who cannot see it; it must not say where.
    """

    kind: Literal[QuestionKind.HOTSPOT]
    picture: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    alt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    areas: Annotated[tuple[Area, ...], Field(min_length=1, max_length=20)]

    @check(mode="after")
    def _sound(self) -> Self:
        if self.marking is not None:
            raise wrong("图中指点题没有部分得分")
        return self

    def share(self, answer: Answer, marking: Marking) -> Fraction:
        return Fraction(any(area.holds(*_point(each)) for each in answer for area in self.areas))

    def _answer(self, parts: Answer) -> Answer:
        if len(parts) != 1 or not _POINT.fullmatch(parts[0]) or max(_point(parts[0])) > 1000:
            raise self.refuse("本题的答案应是图上的一个位置")
        return parts

    def _shown(self) -> dict[str, Any]:
        return {"picture": self.picture, "alt": self.alt}

    def _correct(self) -> list[dict[str, Any]]:
        return [area.model_dump(mode="json") for area in self.areas]

    def texts(self) -> Iterable[str]:
        return (*super().texts(), f"picture:{self.picture}")

    def _texts(self) -> Iterable[str]:
        return [self.alt]


def _point(text: str) -> tuple[int, int]:
    x, y = text.split(",")
    return int(x), int(y)
