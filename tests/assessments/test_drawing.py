"""Drawing by a blueprint: exact where lines compete, never twice, the same for the same seed."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.banks.drawing import Cell, Line, NotEnough, Spot, draw, shortages
from assessments.questions import QuestionKind

KINDS = (QuestionKind.SINGLE, QuestionKind.MULTIPLE)


@st.composite
def blueprints(draw_: st.DrawFn) -> tuple[list[Line], list[Cell], set[Spot]]:
    """Few questions and lines that ask for the same ones."""
    sorts = draw_(
        st.lists(
            st.tuples(st.sampled_from("甲乙"), st.sampled_from(KINDS), st.integers(1, 3)),
            max_size=5,
            unique=True,
        )
    )
    cells = [Cell(n, *sort, draw_(st.integers(0, 3))) for n, sort in enumerate(sorts, 1)]
    lines = []
    for _ in range(draw_(st.integers(1, 3))):
        low = draw_(st.integers(1, 3))
        lines.append(
            Line(
                draw_(st.integers(1, 3)),
                draw_(st.sampled_from(["甲", "乙", None])),
                draw_(st.sampled_from([*KINDS, None])),
                low,
                draw_(st.integers(low, 3)),
            )
        )
    spots = [(cell.id, place) for cell in cells for place in range(cell.count)]
    seen = draw_(st.sets(st.sampled_from(spots))) if spots else set()
    return lines, cells, seen


def _fewest_seen(lines: list[Line], cells: list[Cell], seen: set[Spot]) -> int | None:
    """By trying every choice: how few seen ones a whole paper needs; None: there is no paper."""
    best: dict[frozenset[Spot], int] = {frozenset(): 0}
    for line in lines:
        having = [(c.id, place) for c in cells if line.admits(c) for place in range(c.count)]
        after: dict[frozenset[Spot], int] = {}
        for used, cost in best.items():
            left = [spot for spot in having if spot not in used]
            for some in itertools.combinations(left, line.count):
                now = used | frozenset(some)
                paid = cost + len(seen.intersection(some))
                after[now] = min(paid, after.get(now, paid))
        best = after
    return min(best.values(), default=None)


@settings(deadline=None, max_examples=150)
@given(blueprints(), st.text(max_size=8))
def test_drawn_whenever_it_can_be_and_with_the_fewest_seen(
    given_: tuple[list[Line], list[Cell], set[Spot]], seed: str
) -> None:
    """Against trying everything: a paper is found if there is one, no question stands in it
    twice, each fits its line, and no paper has fewer questions that were seen."""
    lines, cells, seen = given_
    fewest = _fewest_seen(lines, cells, seen)
    assert bool(shortages(lines, cells)) == (fewest is None)
    if fewest is None:
        with pytest.raises(NotEnough):
            draw(lines, cells, seed, seen)
        return
    drawn = draw(lines, cells, seed, seen)
    by_id = {cell.id: cell for cell in cells}
    flat = [spot for each in drawn for spot in each]
    assert len(set(flat)) == len(flat)
    for line, spots in zip(lines, drawn, strict=True):
        assert len(spots) == line.count
        assert all(line.admits(by_id[id]) and 0 <= at < by_id[id].count for id, at in spots)
    assert len(seen.intersection(flat)) == fewest
    assert draw(lines, list(reversed(cells)), seed, set(seen)) == drawn


def test_every_question_has_its_turn() -> None:
    """Over many seeds each question of the admitted cells is drawn about equally often."""
    cells = [Cell(1, "甲", KINDS[0], 1, 30), Cell(2, "乙", KINDS[0], 1, 10)]
    drawn = Counter(spot for seed in range(2_000) for spot in draw([Line(4)], cells, str(seed))[0])
    assert len(drawn) == 40
    assert 140 < min(drawn.values()) <= max(drawn.values()) < 265  # 200 of each, within 5 sigma


def test_what_is_missing_is_said_in_words() -> None:
    """One line alone, or lines that are too many together, are named with their numbers."""
    cells = [Cell(1, "电池", KINDS[0], 3, 4), Cell(2, "电池", KINDS[1], 2, 9)]
    assert shortages([Line(5, "电池", KINDS[0], 3, 3)], cells) == [
        "第 1 行（知识点“电池”、单选题、难度 3）只有 4 题，需要 5 题"
    ]
    both = [Line(2, "电池", KINDS[1]), Line(3, None, KINDS[0]), Line(2, "电池", None, 3, 3)]
    assert shortages(both, cells) == ["第 2、3 行要从同样的题目中抽取，合起来只有 4 题，需要 5 题"]
