"""What a blueprint is: so many questions of a bank by knowledge point, type and difficulty.

A part of a paper's document (``papers.Paper``). In a frozen paper it names its pool, the accepted
questions from which each attempt is drawn (``assessments.banks.pools``), by the pool's hash.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints
from pydantic import model_validator as check

from assessments.questions import Question, QuestionKind
from assessments.questions.base import Frozen, Points, wrong

#: Drawn questions are named by this and their version in the bank; no other question is.
DRAWN = "bank-"
MOST_LINES, MOST_DRAWN = 50, 500
Level = Annotated[int, Field(ge=1, le=5)]


class Line(Frozen):
    """So many questions of a point (None: any; "": of none), a type (None: any) and difficulties
    from ``low`` to ``high``; each is worth ``points``, whatever it is worth in the bank."""

    LATER: ClassVar[frozenset[str]] = frozenset({"point", "kind"})

    count: Annotated[int, Field(ge=1, le=MOST_DRAWN)]
    point: Annotated[str, StringConstraints(max_length=60)] | None = None
    kind: QuestionKind | None = None
    low: Level = 1
    high: Level = 5
    points: Points = Decimal(1)

    @check(mode="after")
    def _sound(self) -> Self:
        if self.low > self.high:
            raise wrong("最低难度高于最高难度")
        return self


class Blueprint(Frozen):
    """Lines that draw from one bank. ``pool``: in a frozen paper, the SHA-256 of what they draw
    from."""

    LATER: ClassVar[frozenset[str]] = frozenset({"pool"})

    bank: Annotated[int, Field(ge=1, le=2**31 - 1)]
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MOST_LINES)]
    pool: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None

    @property
    def count(self) -> int:
        return sum(line.count for line in self.lines)

    @property
    def points(self) -> Decimal:
        return sum((line.count * line.points for line in self.lines), Decimal(0))


def drawn_id(version_id: int) -> str:
    """What a drawn question is called: the same in every paper and attempt."""
    return f"{DRAWN}{version_id}"


def version_of(question_id: str) -> int | None:
    """The version in a bank of a drawn question; None: it is the paper's own."""
    number = question_id.removeprefix(DRAWN)
    return int(number) if number != question_id and number.isdecimal() else None


def in_paper(question: Question, version_id: int, points: Decimal) -> Question:
    """A bank's question as it stands in a paper: named by its version, worth ``points``."""
    return question.model_copy(
        update={
            "id": drawn_id(version_id),
            "points": points,
            "passage": question.passage and DRAWN + question.passage,
        }
        | _rubric(question, points)
    )


def _rubric(question: Question, points: Decimal) -> dict[str, Any]:
    """A rubric whose points come to ``points`` again, to the hundredth; the last ones take what
    rounding leaves."""
    rubric = getattr(question, "rubric", ())
    if not rubric or question.points == points:
        return {}
    done = given = Decimal(0)
    scaled = []
    for criterion in rubric:
        done += criterion.points
        upto = (points * done / question.points).quantize(Decimal("0.01"))
        scaled.append(criterion.model_copy(update={"points": upto - given}))
        given = upto
    return {"rubric": tuple(scaled)}
