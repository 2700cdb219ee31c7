"""A course in the making as plain data: to be kept, compared, taken back and restored.

Chapters and units are named by their keys, which stay when one is removed and comes back.
Arithmetic on plain values; ``take`` and ``apply`` are where it meets the database.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from zhixin.errors import Conflict

State = dict[str, Any]

#: What is kept of a course, and of a unit beside its kind, its text and what it waits for.
#: A new column of a unit is one more name here.
FACTS = (
    "title", "summary", "teacher", "teacher_title", "field_code", "subject_kind", "level",
    "declared_hours", "rate_percent",
)  # fmt: skip
FIELDS = (
    "kind", "title", "body", "required", "asset_id", "paper_id", "checks", "starts_at", "minutes",
    "address", "file_id", "courseware_id", "launch", "chapter_marks",
)  # fmt: skip

#: What a course names from the registers: ids, in order.
NAMED = {"experts": "授课专家", "textbooks": "教材"}


class Overlap(Conflict):
    """What is to be taken back was changed again since."""

    code = "changed-since"
    title = "之后又有修改，不能直接撤销；可以在历史中对比并恢复"


def plain(value: Any) -> Any:
    """A column's value as JSON holds it."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value


def units(state: State) -> dict[str, dict[str, Any]]:
    """The units by key."""
    return {unit["key"]: unit for chapter in state["chapters"] for unit in chapter["units"]}


def chapters(state: State) -> dict[str, dict[str, Any]]:
    return {chapter["key"]: chapter for chapter in state["chapters"]}


def place(state: State, key: str) -> str | None:
    """The chapter (its key) that a unit stands in."""
    for chapter in state["chapters"]:
        if any(unit["key"] == key for unit in chapter["units"]):
            return str(chapter["key"])
    return None


def take_back(before: State, after: State, current: State) -> State:
    """``current`` without the change that led from ``before`` to ``after``.

    Whatever else was changed since stays; what this change touched and somebody changed again is
    not lost but refused.

    Raises:
        Overlap: the same thing was changed again.
    """
    made = copy.deepcopy(current)
    _facts(before, after, made)
    _bring_back_chapters(before, after, made)
    _bring_back_units(before, after, made)
    _remove(before, after, made)
    _fields(before, after, made)
    _order(before, after, made)
    known = units(made)
    for unit in known.values():
        unit["after"] = [key for key in unit["after"] if key in known]
    return made


def _swap(item: dict[str, Any], name: str, before: Any, after: Any, what: str) -> None:
    if before == after or item.get(name) == before:
        return
    if item.get(name) != after:
        raise Overlap(f"“{what}”之后又有修改，不能直接撤销；可以在历史中对比并恢复")
    item[name] = before


def _facts(before: State, after: State, made: State) -> None:
    for name in FACTS:
        _swap(made["facts"], name, before["facts"].get(name), after["facts"].get(name), "基本信息")
    # Histories from before say nothing of the registers.
    if all("named" in each for each in (before, after, made)):
        for name, what in NAMED.items():
            _swap(made["named"], name, before["named"][name], after["named"][name], what)


def _behind(siblings: Sequence[Mapping[str, Any]], order: Sequence[str], key: str) -> int:
    """Where ``key`` goes among ``siblings``: behind the nearest of those before it in ``order``."""
    here = {each["key"]: at for at, each in enumerate(siblings)}
    for earlier in reversed(order[: order.index(key)]):
        if earlier in here:
            return here[earlier] + 1
    return 0


def _keys(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["key"] for each in items]


def _bring_back_chapters(before: State, after: State, made: State) -> None:
    there, gone = chapters(made), chapters(after)
    for key, chapter in chapters(before).items():
        if key not in gone and key not in there:
            at = _behind(made["chapters"], _keys(before["chapters"]), key)
            made["chapters"].insert(at, {**copy.deepcopy(chapter), "units": []})


def _bring_back_units(before: State, after: State, made: State) -> None:
    gone = units(after)
    for chapter in before["chapters"]:
        for unit in chapter["units"]:
            if unit["key"] in gone or unit["key"] in units(made):
                continue
            home = chapters(made).get(chapter["key"])
            if home is None:
                raise Overlap(f"“{unit['title']}”原来所在的章已经删除，不能直接撤销")
            at = _behind(home["units"], _keys(chapter["units"]), unit["key"])
            home["units"].insert(at, copy.deepcopy(unit))


def _remove(before: State, after: State, made: State) -> None:
    """Take out what the change had added, if it is still as it was added."""
    old, new = units(before), units(after)
    for chapter in made["chapters"]:
        for unit in list(chapter["units"]):
            if unit["key"] in new and unit["key"] not in old:
                if unit != new[unit["key"]]:
                    raise Overlap(f"“{unit['title']}”添加之后又有修改，不能直接撤销")
                chapter["units"].remove(unit)
    kept, added = chapters(before), chapters(after)
    for chapter in list(made["chapters"]):
        if chapter["key"] in added and chapter["key"] not in kept:
            if chapter["units"] or chapter["title"] != added[chapter["key"]]["title"]:
                raise Overlap(f"“{chapter['title']}”添加之后又有修改，不能直接撤销")
            made["chapters"].remove(chapter)


def _fields(before: State, after: State, made: State) -> None:
    there = units(made)
    for key, old in units(before).items():
        new, now = units(after).get(key), there.get(key)
        if new is None:
            continue
        for name in (*FIELDS, "after"):
            if old.get(name) != new.get(name):
                if now is None:
                    raise Overlap(f"“{old['title']}”之后被删除，不能直接撤销")
                _swap(now, name, old.get(name), new.get(name), now["title"])
    titled = chapters(made)
    for key, chapter in chapters(before).items():
        new_chapter = chapters(after).get(key)
        if new_chapter and chapter["title"] != new_chapter["title"]:
            if key not in titled:
                raise Overlap(f"“{chapter['title']}”之后被删除，不能直接撤销")
            _swap(titled[key], "title", chapter["title"], new_chapter["title"], chapter["title"])


def _order(before: State, after: State, made: State) -> None:
    for key in units(before):
        old, new, now = place(before, key), place(after, key), place(made, key)
        if new is None or old == new or now is None or now == old:
            continue
        home = chapters(made).get(str(old))
        if now != new or home is None:
            raise Overlap("位置之后又有调整，不能直接撤销；可以在历史中对比并恢复")
        was = chapters(made)[now]["units"]
        unit = next(each for each in was if each["key"] == key)
        was.remove(unit)
        order = _keys(chapters(before)[str(old)]["units"])
        home["units"].insert(_behind(home["units"], order, key), unit)
    _restore_order(before["chapters"], after["chapters"], made["chapters"])
    for key, chapter in chapters(before).items():
        if key in chapters(after) and key in chapters(made):
            _restore_order(
                chapter["units"], chapters(after)[key]["units"], chapters(made)[key]["units"]
            )


def _restore_order(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    made: list[dict[str, Any]],
) -> None:
    """The order of ``before`` for what all three hold; what else is there keeps its place."""
    common = {*_keys(before)} & {*_keys(after)} & {*_keys(made)}
    old, new, now = ([k for k in _keys(each) if k in common] for each in (before, after, made))
    if old == new or now == old:
        return
    if now != new:
        raise Overlap("顺序之后又有调整，不能直接撤销；可以在历史中对比并恢复")
    by_key = {each["key"]: each for each in made}
    sequence = iter(old)
    made[:] = [by_key[next(sequence)] if each["key"] in common else each for each in made]


def changed(before: State, after: State) -> Iterator[tuple[str, str, Any, Any]]:
    """What differs, as (what happened, title, before, after), in the course's order.

    What happened: ``fact``, ``named``, ``added``, ``removed``, ``moved``, ``renamed``, ``text``, ``settings``;
    of chapters ``chapter-added``, ``chapter-removed``, ``chapter-renamed``, ``chapter-moved``.
    """
    for name in FACTS:
        old, new = before["facts"].get(name), after["facts"].get(name)
        if old != new:
            yield "fact", name, old, new
    if "named" in before and "named" in after:
        for name, what in NAMED.items():
            if before["named"][name] != after["named"][name]:
                yield "named", what, None, None
    yield from _changed_chapters(before, after)
    there, was = units(after), units(before)
    for key, unit in there.items():
        earlier = was.get(key)
        if earlier is None:
            yield "added", unit["title"], None, None
            continue
        if unit["title"] != earlier["title"]:
            yield "renamed", unit["title"], earlier["title"], unit["title"]
        if place(before, key) != place(after, key):
            yield "moved", unit["title"], None, None
        if unit.get("body") != earlier.get("body"):
            yield "text", unit["title"], earlier.get("body") or "", unit.get("body") or ""
        rest = [name for name in (*FIELDS, "after") if name not in ("title", "body")]
        if any(unit.get(name) != earlier.get(name) for name in rest):
            yield "settings", unit["title"], None, None
    for key, unit in was.items():
        if key not in there:
            yield "removed", unit["title"], None, None


def _changed_chapters(before: State, after: State) -> Iterator[tuple[str, str, Any, Any]]:
    was, there = chapters(before), chapters(after)
    for key, chapter in there.items():
        if key not in was:
            yield "chapter-added", chapter["title"], None, None
        elif chapter["title"] != was[key]["title"]:
            yield "chapter-renamed", chapter["title"], was[key]["title"], chapter["title"]
        elif _order_within(was[key], chapter):
            yield "order", chapter["title"], None, None
    for key, chapter in was.items():
        if key not in there:
            yield "chapter-removed", chapter["title"], None, None
    common = was.keys() & there.keys()
    if [k for k in was if k in common] != [k for k in there if k in common]:
        yield "chapters-order", "", None, None


def _order_within(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    common = {*_keys(before["units"])} & {*_keys(after["units"])}
    old, new = ([k for k in _keys(each["units"]) if k in common] for each in (before, after))
    return old != new
