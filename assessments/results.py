"""A result as it is kept with its attempt."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any

from assessments.grading import Result

MILLION = 1_000_000


def document(result: Result) -> dict[str, Any]:
    """The result as JSON: points and verdicts, no keys."""
    return {
        "score": str(result.score),
        "maximum": str(result.maximum),
        "version": result.version,
        "questions": {
            question: {"score": str(mark.score), "right": mark.fraction == 1}
            | ({"waiting": True} if mark.waiting else {})
            for question, mark in result.per_question.items()
        },
    }


def millionths(share: Decimal) -> int:
    return int((share * MILLION).to_integral_value(ROUND_CEILING))
