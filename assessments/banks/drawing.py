"""Drawing questions by a blueprint: pure arithmetic on cells, exact and reproducible.

A line asks for some questions of a knowledge point, kind and range of difficulty. Lines may ask
for the same questions, and no question is drawn twice, so who takes which is a matching; cells
that the same lines admit are one node, which keeps it small however large the bank is. What is
drawn depends on the lines, the cells, what was seen and the seed, and on nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

from assessments.exchange.base import KIND_NAMES
from assessments.questions import QuestionKind
from zhixin.errors import Conflict

T = TypeVar("T")
#: (cell's id, place in it).
Spot = tuple[int, int]
#: Below so many questions they are listed, above they are guessed until one is free.
_LISTED = 2_000


class NotEnough(Conflict):
    """The bank has too few accepted questions for a blueprint."""

    code = "not-enough-questions"
    title = "题库中的题目不足"


@dataclass(frozen=True, slots=True)
class Line:
    """So many questions of a point, a kind (None: any) and difficulties from ``low`` to ``high``."""

    count: int
    point: str | None = None
    kind: QuestionKind | None = None
    low: int = 1
    high: int = 5

    def admits(self, cell: Cell) -> bool:
        return (
            (self.point is None or self.point == cell.point)
            and (self.kind is None or self.kind == cell.kind)
            and self.low <= cell.difficulty <= self.high
        )

    @property
    def said(self) -> str:
        level = str(self.low) if self.low == self.high else f"{self.low}–{self.high}"
        kind = KIND_NAMES[self.kind] if self.kind else "任意题型"
        point = "任意知识点" if self.point is None else f"知识点“{self.point or '未填'}”"
        return f"{point}、{kind}、难度 {level}"


@dataclass(frozen=True, slots=True)
class Cell:
    """Accepted questions in the places 0 to ``count`` - 1."""

    id: int
    point: str
    kind: QuestionKind
    difficulty: int
    count: int


def shortages(lines: Sequence[Line], cells: Sequence[Cell]) -> list[str]:
    """In words why these lines cannot be drawn together; nothing: they can."""
    alone = [
        f"第 {at} 行（{line.said}）只有 {have} 题，需要 {line.count} 题"
        for at, line in enumerate(lines, 1)
        if (have := sum(cell.count for cell in cells if line.admits(cell))) < line.count
    ]
    if alone:
        return alone
    nodes = _nodes(lines, cells)
    taken = _Taken(list(nodes), [sum(cell.count for cell in each) for each in nodes.values()])
    for at, line in enumerate(lines):
        for _ in range(line.count):
            if not taken.augment(at):
                return [_together(lines, taken, at)]
    return []


def draw(
    lines: Sequence[Line],
    cells: Sequence[Cell],
    seed: str,
    seen: Collection[Spot] = (),
) -> list[list[Spot]]:
    """Different questions for each line; as few as can be of those that were ``seen``.

    Raises:
        NotEnough: in words.
    """
    lots, known = _Lots(seed), frozenset(seen)
    nodes = list(_nodes(lines, cells).items())
    old: list[list[Spot]] = []
    for _admitted, held in nodes:
        counts_of = {cell.id: cell.count for cell in held}
        old.append(sorted(spot for spot in known if spot[1] < counts_of.get(spot[0], 0)))
    fresh_size = [
        sum(c.count for c in held) - len(old[at]) for at, (_lines, held) in enumerate(nodes)
    ]
    admitted = [each for each, _held in nodes]
    # Fresh ones first. What is then added by rearranging never uses fewer fresh ones.
    taken = _Taken(admitted * 2, fresh_size + [0] * len(nodes))
    order = lots.shuffled(range(len(lines)))
    missing = [at for at in order for _ in range(lines[at].count) if not taken.augment(at)]
    taken.room[len(nodes) :] = [len(each) for each in old]
    if any(not taken.augment(at) for at in missing):
        raise NotEnough("；".join(shortages(lines, cells)))
    counts = _scattered(taken, len(nodes), lots)
    found: list[list[Spot]] = [[] for _ in lines]
    for node, per_line in enumerate(counts):
        need = sum(per_line.values())
        held, kept = nodes[node % len(nodes)][1], old[node % len(nodes)]
        spots = lots.some(kept, need) if node >= len(nodes) else _fresh(held, known, need, lots)
        for line, count in sorted(per_line.items()):
            found[line] += [spots.pop() for _ in range(count)]
    return [lots.shuffled(each) for each in found]


def _nodes(lines: Sequence[Line], cells: Sequence[Cell]) -> dict[frozenset[int], list[Cell]]:
    """Cells by the lines that admit them, in an order that is always the same."""
    named = {line.point for line in lines}
    nodes: dict[frozenset[int], list[Cell]] = {}
    known: dict[tuple[str | None, QuestionKind, int], frozenset[int]] = {}
    for cell in sorted(cells, key=attrgetter("id")):
        # Points that no line names are all alike.
        sort = cell.point if cell.point in named else None, cell.kind, cell.difficulty
        admitted = known.get(sort)
        if admitted is None:
            admitted = frozenset(at for at, line in enumerate(lines) if line.admits(cell))
            known[sort] = admitted
        if admitted and cell.count:
            nodes.setdefault(admitted, []).append(cell)
    return nodes


class _Taken:
    """Which line takes how many of which node: a flow that grows by augmenting paths."""

    def __init__(self, admitted: Sequence[frozenset[int]], room: list[int]) -> None:
        self.admitted, self.room = admitted, room
        self.by: list[dict[int, int]] = [{} for _ in admitted]
        self.reached: set[int] = set()

    def free(self, node: int) -> int:
        return self.room[node] - sum(self.by[node].values())

    def put(self, node: int, line: int, more: int) -> None:
        count = self.by[node].get(line, 0) + more
        self.by[node] = {**self.by[node], line: count}
        if not count:
            del self.by[node][line]

    def augment(self, line: int, allowed: range | None = None) -> bool:
        """One more for ``line``, others moving if they must; False: it cannot be.

        Then ``reached`` are the lines that are too many for what they admit.
        """
        came: dict[int, tuple[int, int]] = {}  # line → (node that it leaves, line that wants it)
        self.reached, waiting = {line}, deque([line])
        seen_nodes: set[int] = set()
        nodes = allowed if allowed is not None else range(len(self.room))
        while waiting:
            asking = waiting.popleft()
            for node in nodes:
                if node in seen_nodes or asking not in self.admitted[node]:
                    continue
                if self.free(node) > 0:
                    self._shift(node, asking, came)
                    return True
                seen_nodes.add(node)
                for holder in self.by[node]:
                    if holder not in self.reached:
                        self.reached.add(holder)
                        came[holder] = (node, asking)
                        waiting.append(holder)
        return False

    def _shift(self, node: int, line: int, came: Mapping[int, tuple[int, int]]) -> None:
        self.put(node, line, 1)
        while line in came:
            left, line_after = came[line]
            self.put(left, line, -1)
            self.put(left, line_after, 1)
            line = line_after


def _scattered(taken: _Taken, tier: int, lots: _Lots) -> list[dict[int, int]]:
    """The same numbers for each line, but from which nodes is left to the lots.

    One question after the other is given a node, each with the chance of what is left in it, as
    long as the others can still be served.
    """
    fixed: list[dict[int, int]] = [{} for _ in taken.room]
    for allowed in (range(tier), range(tier, 2 * tier)):
        while loose := [(n, line) for n in allowed for line in sorted(taken.by[n])]:
            node, line = loose[lots.below(len(loose))]
            taken.put(node, line, -1)
            open_ = [n for n in allowed if line in taken.admitted[n] and taken.room[n] > 0]
            while True:
                chosen = open_[lots.weighted([taken.room[n] for n in open_])]
                if _settle(taken, chosen, allowed):
                    break
                open_.remove(chosen)
            fixed[chosen][line] = fixed[chosen].get(line, 0) + 1
    return fixed


def _settle(taken: _Taken, node: int, allowed: range) -> bool:
    """Take one out of a node for good, if whoever loses it finds another."""
    taken.room[node] -= 1
    if taken.free(node) >= 0:
        return True
    for holder in list(taken.by[node]):
        taken.put(node, holder, -1)
        if taken.augment(holder, allowed):
            return True
        taken.put(node, holder, 1)
    taken.room[node] += 1
    return False


def _together(lines: Sequence[Line], taken: _Taken, line: int) -> str:
    """The lines that want the same questions, of which there are too few."""
    many = sorted(taken.reached)
    have = sum(
        room for room, each in zip(taken.room, taken.admitted, strict=True) if each & taken.reached
    )
    need = sum(lines[at].count for at in many)
    rows = "、".join(str(at + 1) for at in many)
    return f"第 {rows} 行要从同样的题目中抽取，合起来只有 {have} 题，需要 {need} 题"


def _fresh(cells: Sequence[Cell], seen: frozenset[Spot], need: int, lots: _Lots) -> list[Spot]:
    size = sum(cell.count for cell in cells)
    if size <= _LISTED or 2 * (need + len(seen)) > size:
        every = [(c.id, place) for c in cells for place in range(c.count)]
        return lots.some([spot for spot in every if spot not in seen], need)
    found: dict[Spot, None] = {}
    while len(found) < need:
        place = lots.below(size)
        for cell in cells:
            if place < cell.count:
                if (cell.id, place) not in seen:
                    found[cell.id, place] = None
                break
            place -= cell.count
    return list(found)


class _Lots:
    """Numbers that a seed decides: the same on every machine and version of Python."""

    def __init__(self, seed: str) -> None:
        self._key, self._drawn = seed.encode(), 0

    def below(self, most: int) -> int:
        """0 to ``most`` - 1, each alike."""
        bound = 2**64 - 2**64 % most
        while True:
            self._drawn += 1
            made = hmac.digest(self._key, b"draw %d" % self._drawn, hashlib.sha256)
            number = int.from_bytes(made[:8])
            if number < bound:
                return number % most

    def weighted(self, weights: Sequence[int]) -> int:
        left = self.below(sum(weights))
        for at, weight in enumerate(weights):
            if left < weight:
                return at
            left -= weight
        raise AssertionError

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """``count`` of the items, in any order."""
        rest = list(items)
        for at in range(count):
            other = at + self.below(len(rest) - at)
            rest[at], rest[other] = rest[other], rest[at]
        return rest[:count]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        return self.some(items, len(items))
