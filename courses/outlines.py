"""A course's outline between the database and plain data: taken, put in order, made so."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, object_session, selectinload

from courses import conditions, snapshots
from courses.models import Chapter, Course, Unit, UnitKind, Waiting
from courses.registers import attaching
from courses.registers.entries import REGISTERS
from courses.snapshots import FACTS, FIELDS, State, plain
from media.file_models import Attachment
from media.models import Asset
from zhixin.errors import Invalid


def take(course: Course) -> State:
    """The course as plain data; ``course`` as ``editing.get`` gives it."""
    keys = {unit.id: unit.key for unit in conditions.units(course)}
    return {
        "facts": {name: plain(getattr(course, name)) for name in FACTS},
        "named": _named(course),
        "chapters": [
            {
                "key": chapter.key,
                "title": chapter.title,
                "units": [
                    {
                        "key": unit.key,
                        **{name: plain(getattr(unit, name)) for name in FIELDS},
                        "after": sorted(
                            keys[each.for_id] for each in unit.waits if each.for_id in keys
                        ),
                    }
                    for unit in chapter.units
                ],
            }
            for chapter in course.chapters
        ],
    }


def _named(course: Course) -> dict[str, list[int]]:
    session = object_session(course)
    assert session is not None
    return {name: attaching.ids(session, each, course.id) for name, each in REGISTERS.items()}


def place(
    session: Session, course: Course, unit: Unit, chapter: Chapter, at: int, most: int
) -> None:
    """Put a unit at place ``at`` (from 0; beyond the ends means the end) of a chapter.

    Raises:
        Invalid: the chapter is full.
    """
    others = [each for each in chapter.units if each is not unit]
    if len(others) >= most:
        raise Invalid(f"一章最多 {most} 节", code="too-many-units")
    home = next(each for each in course.chapters if unit in each.units)
    if home is not chapter:
        _number([each for each in home.units if each is not unit])
        unit.chapter_id = chapter.id
    others.insert(max(0, min(at, len(others))), unit)
    _number(others)
    reload(session, course)


def place_chapter(session: Session, course: Course, chapter: Chapter, at: int) -> None:
    """Put a chapter at place ``at`` (from 0; beyond the ends means the end)."""
    others = [each for each in course.chapters if each is not chapter]
    others.insert(max(0, min(at, len(others))), chapter)
    _number(others)
    reload(session, course)


def _number(siblings: Sequence[Chapter | Unit]) -> None:
    for position, each in enumerate(siblings):
        each.position = position


def reload(session: Session, course: Course) -> None:
    """Read the outline anew, in its order."""
    session.flush()
    session.scalars(
        sa.select(Course)
        .where(Course.id == course.id)
        .options(selectinload(Course.chapters).selectinload(Chapter.units).selectinload(Unit.waits))
        .execution_options(populate_existing=True)
    ).one()


def apply(session: Session, course: Course, state: State) -> None:
    """Make the course what ``state`` says. A video or file that is gone since stays away."""
    state = copy.deepcopy(state)
    _keep_only_what_is_there(session, state)
    for name, value in state["facts"].items():
        setattr(course, name, Decimal(value) if name == "declared_hours" else value)
    for name, wanted in state.get("named", {}).items():  # not in histories from before
        attaching.put(session, REGISTERS[name], course.id, wanted)
    units = {unit.key: unit for unit in conditions.units(course)}
    chapters = {chapter.key: chapter for chapter in course.chapters}
    wanted = snapshots.units(state)
    _delete(session, Unit, [unit.id for key, unit in units.items() if key not in wanted])
    for at, chapter_state in enumerate(state["chapters"]):
        home = chapters.get(chapter_state["key"])
        if home is None:
            home = Chapter(key=chapter_state["key"], course_id=course.id, units=[])
            session.add(home)
        home.position, home.title = at, chapter_state["title"]
        session.flush()
        for place_, unit_state in enumerate(chapter_state["units"]):
            _unit(session, units.get(unit_state["key"]), home, unit_state, place_)
    session.flush()
    kept = snapshots.chapters(state)
    _delete(session, Chapter, [each.id for key, each in chapters.items() if key not in kept])
    reload(session, course)
    _waits(session, course, wanted)


def _delete(session: Session, what: type[Unit] | type[Chapter], ids: Sequence[int]) -> None:
    # By statement: what has left a chapter's list is not an orphan, it may be in another one.
    if ids:
        session.execute(
            sa.delete(what).where(what.id.in_(ids)),
            execution_options={"synchronize_session": "fetch"},
        )


def _keep_only_what_is_there(session: Session, state: State) -> None:
    for column, key in ((Asset.id, "asset_id"), (Attachment.id, "file_id")):
        named = {unit[key] for unit in snapshots.units(state).values() if unit.get(key)}
        there = set(session.scalars(sa.select(column).where(column.in_(named)))) if named else set()
        for unit in snapshots.units(state).values():
            if unit.get(key) not in there:
                unit[key] = None


def _unit(
    session: Session, unit: Unit | None, home: Chapter, state: dict[str, Any], at: int
) -> None:
    values = {name: state.get(name) for name in FIELDS}
    moment = values["starts_at"]
    values["starts_at"] = datetime.fromisoformat(moment) if moment else None
    values["kind"] = UnitKind(str(values["kind"]))
    if unit is None:
        session.add(Unit(key=state["key"], position=at, chapter_id=home.id, waits=[], **values))
        return
    for name, value in values.items():
        if getattr(unit, name) != value:
            setattr(unit, name, value)
    unit.position, unit.chapter_id = at, home.id


def _waits(session: Session, course: Course, wanted: dict[str, dict[str, Any]]) -> None:
    ids = {unit.key: unit.id for unit in conditions.units(course)}
    for unit in conditions.units(course):
        after = {ids[key] for key in wanted[unit.key]["after"] if key in ids}
        kept = {each.for_id: each for each in unit.waits}
        if after != kept.keys():
            unit.waits = [kept.get(id) or Waiting(for_id=id) for id in sorted(after)]
    session.flush()
