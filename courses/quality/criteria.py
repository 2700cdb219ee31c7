"""Criteria with their most points and weights, and what a sheet of points amounts to: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel, ConfigDict

from zhixin.errors import Invalid

MOST = 20
MOST_POINTS = 100
HUNDREDTH = Decimal("0.01")


class Criterion(BaseModel):
    """``points``: the most; ``weight``: percent of the whole. All weights make 100."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    title: str
    points: int
    weight: int
    about: str = ""


#: What a new round begins with, for the office to change.
EXAMPLE = (
    "思想性与科学性 | 20 | 25 | 观点正确，内容准确，反映学科和行业的新进展\n"
    "教学设计 | 20 | 25 | 目标明确，结构合理，案例贴近岗位\n"
    "教学实施与效果 | 20 | 20 | 讲授清楚，测验有效，学员评价好\n"
    "制作质量 | 10 | 15 | 画面、声音、字幕规范清晰\n"
    "应用与示范 | 10 | 15 | 有推广价值，更新有保障"
)


def from_text(text: str) -> list[Criterion]:
    """One criterion a line: title | most points | weight | what is looked at.

    Raises:
        Invalid: a line cannot be read, or the weights do not make 100.
    """
    lines = [
        line for line in text.replace("\0", "").replace("｜", "|").splitlines() if line.strip()
    ]
    if not 1 <= len(lines) <= MOST:
        raise Invalid(f"评审标准应有 1 到 {MOST} 项", code="quality-criteria")
    found = [_criterion(number, line) for number, line in enumerate(lines, 1)]
    if sum(each.weight for each in found) != 100:
        raise Invalid("各项权重之和应为 100", code="quality-criteria")
    return found


def _criterion(number: int, line: str) -> Criterion:
    parts = [part.strip() for part in line.split("|", 3)]
    try:
        title, points, weight = parts[0], int(parts[1]), int(parts[2])
    except (IndexError, ValueError):
        raise Invalid(
            f"评审标准第 {number} 行应为“名称 | 最高分 | 权重 | 说明”", code="quality-criteria"
        ) from None
    about = parts[3] if len(parts) > 3 else ""
    if not 1 <= len(title) <= 60 or len(about) > 300:
        raise Invalid(
            f"评审标准第 {number} 行：名称 1 到 60 字，说明不超过 300 字", code="quality-criteria"
        )
    if not 1 <= points <= MOST_POINTS or not 1 <= weight <= 100:
        raise Invalid(
            f"评审标准第 {number} 行：最高分和权重应在 1 到 100 之间", code="quality-criteria"
        )
    return Criterion(key=f"c{number}", title=title, points=points, weight=weight, about=about)


def load(document: Sequence[Any]) -> list[Criterion]:
    return [Criterion.model_validate(each) for each in document]


def points_of(criteria: Sequence[Criterion], sent: Mapping[str, str]) -> dict[str, Decimal]:
    """A whole sheet as a form sent it (``points:KEY``).

    Raises:
        Invalid: a criterion without points, or points out of range or finer than a half.
    """
    found = {}
    for criterion in criteria:
        try:
            points = Decimal(sent.get(f"points:{criterion.key}", "").strip())
        except InvalidOperation:
            raise Invalid(f"请为“{criterion.title}”打分", code="quality-points") from None
        if not points.is_finite() or not 0 <= points <= criterion.points or points % Decimal("0.5"):
            raise Invalid(
                f"“{criterion.title}”应在 0 到 {criterion.points} 分之间，以 0.5 分为单位",
                code="quality-points",
            )
        found[criterion.key] = points
    return found


def total(criteria: Sequence[Criterion], points: Mapping[str, Decimal]) -> Decimal:
    """Of 100, with two decimals."""
    whole = sum(
        (Decimal(c.weight) * points[c.key] / Decimal(c.points) for c in criteria), Decimal(0)
    )
    return whole.quantize(HUNDREDTH, ROUND_HALF_UP)
