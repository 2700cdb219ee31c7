"""What a unit asks and waits for: required or optional, and which units come first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter

from sqlalchemy.orm import Session

from courses import kinds
from courses.models import Course, Unit, Waiting
from zhixin.errors import Invalid


class WaitsForItself(Invalid):
    code = "units-wait-in-a-circle"
    title = "这些小节互相等待，学员永远打不开"


def units(course: Course) -> Iterator[Unit]:
    """All units, in the course's order."""
    for chapter in course.chapters:
        yield from chapter.units


def asked(course: Course) -> set[int]:
    """Ids of the units that completion asks for: the required ones and all they wait for."""
    waits = {unit.id: [each.for_id for each in unit.waits] for unit in units(course)}
    look_at = [u.id for u in units(course) if u.required and kinds.of(u.kind).may_be_asked]
    found: set[int] = set()
    while look_at:
        id = look_at.pop()
        if id not in found:
            found.add(id)
            look_at += waits.get(id, ())
    return found


def candidates(course: Course, unit: Unit) -> list[Unit]:
    """The units that ``unit`` may wait for."""
    waiting = _waiting_for(course, unit)
    return [
        each
        for each in units(course)
        if each.id not in waiting and kinds.of(each.kind).may_be_asked
    ]


def lay_down(
    session: Session, course: Course, unit: Unit, *, required: bool, after: Collection[int]
) -> None:
    """Say whether completion asks for a unit, and which units have to be done before it opens.

    Raises:
        Invalid: one of ``after`` is not of this course or is never done.
        WaitsForItself: they would wait for each other.
    """
    able = {each.id: each for each in units(course) if kinds.of(each.kind).may_be_asked}
    if not able.keys() >= {*after}:
        raise Invalid("只能等待本课程中能够完成的小节", code="unit-to-wait-for")
    waits = {each.id: {wait.for_id for wait in each.waits} for each in units(course)}
    waits[unit.id] = {*after}
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        titles = {each.id: each.title for each in units(course)}
        circle = "”要先完成“".join(titles[id] for id in reversed(error.args[1]))
        raise WaitsForItself(f"“{circle}”：这些小节互相等待，学员永远打不开") from None
    unit.required = required and kinds.of(unit.kind).may_be_asked
    kept = {wait.for_id: wait for wait in unit.waits}
    unit.waits = [kept.get(id) or Waiting(for_id=id) for id in sorted(after)]
    session.flush()


def _waiting_for(course: Course, unit: Unit) -> Collection[int]:
    """The unit itself and every unit that waits for it, over however many others."""
    found = {unit.id}
    before = 0
    while before != len(found):
        before = len(found)
        found |= {
            each.id for each in units(course) if any(wait.for_id in found for wait in each.waits)
        }
    return found
