"""Who changed what of a course, and when; taking back, doing again, restoring.

Every edit goes through ``changing``: it holds the course, lets the caller change it and keeps
what it became. The history only grows: to take something back is a change of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import authors, editing, outlines, snapshots
from courses.models import Course, CourseChange, CourseText
from courses.snapshots import State
from zhixin.errors import Conflict, NotFound
from zhixin.people.models import Person

#: Typing goes on: what one person writes of one unit within this time is one change.
TYPING = timedelta(minutes=5)
#: The first so many characters of a text are compared and shown.
PAGE = 50


class Act(StrEnum):
    BEGUN = "begun"  # as it was when its history began, or was changed outside of it
    FACTS = "facts"
    ADDED = "added"
    RENAMED = "renamed"
    WRITTEN = "written"
    MOVED = "moved"
    REMOVED = "removed"
    SETTINGS = "settings"
    CONTENT = "content"  # a video, file or question attached
    IMPORTED = "imported"
    TAKEN_BACK = "taken-back"
    DONE_AGAIN = "done-again"
    RESTORED = "restored"


class NothingToTakeBack(Conflict):
    code = "nothing-to-take-back"
    title = "没有可以撤销的操作"


@dataclass(frozen=True)
class Entry:
    """One change with who made it."""

    change: CourseChange
    name: str | None


@contextmanager
def changing(
    session: Session,
    course_id: int,
    person_id: int,
    act: Act,
    now: datetime,
    *,
    about: str | None = None,
    undoes: int | None = None,
) -> Iterator[Course]:
    """The course, held and open for this person's edit; what it becomes is kept.

    Args:
        about: key of the unit that is written, so that typing on is one change.
        undoes: number of the change that this one takes back.

    Raises:
        NotFound, NotAllowed, UnderReview: as ``editing.open_for_edit``.
    """
    course = editing.open_for_edit(session, course_id, person_id, now)
    before = outlines.take(course)
    yield course
    session.flush()
    after = outlines.take(course)
    if after == before:
        return
    if _papers(after) != _papers(before):
        authors.share_papers(session, course)
    last = _last(session, course.id)
    if last is None or _whole(session, last) != before:
        last = _add(
            session, course, last, Act.BEGUN, None if last is None else person_id, now, before
        )
    if _goes_on(last, act, about, person_id, now):
        last.state, last.at = _kept(session, course.id, after), now
    else:
        _add(session, course, last, act, person_id, now, after, about=about, undoes=undoes)
    session.flush()


def take_back(session: Session, course_id: int, person_id: int, now: datetime) -> CourseChange:
    """Take back this person's last change; what others changed since stays.

    Raises:
        NothingToTakeBack: there is none. Overlap: it was changed again since.
    """
    editing.open_for_edit(session, course_id, person_id, now)  # a stranger learns nothing else
    done, _undone = _mine(session, course_id, person_id)
    if not done:
        raise NothingToTakeBack
    return _reverse(session, course_id, person_id, done[-1], Act.TAKEN_BACK, now)


def do_again(session: Session, course_id: int, person_id: int, now: datetime) -> CourseChange:
    """Do again what this person took back last.

    Raises:
        NothingToTakeBack: there is none. Overlap: it was changed since.
    """
    editing.open_for_edit(session, course_id, person_id, now)
    _done, undone = _mine(session, course_id, person_id)
    if not undone:
        raise NothingToTakeBack("没有可以重做的操作")
    return _reverse(session, course_id, person_id, undone[-1], Act.DONE_AGAIN, now)


def restore(session: Session, course_id: int, person_id: int, number: int, now: datetime) -> None:
    """Make the course what it was after change ``number``; what it is now stays in the history."""
    with changing(session, course_id, person_id, Act.RESTORED, now) as course:
        state = _whole(session, _change(session, course.id, number))
        outlines.apply(session, course, state)


def entries(session: Session, course_id: int, *, before: int | None = None) -> Sequence[Entry]:
    """Changes with names, the newest first, a page at a time."""
    query = (
        sa.select(CourseChange, Person.name)
        .outerjoin(Person, Person.id == CourseChange.actor_id)
        .where(CourseChange.course_id == course_id)
        .order_by(CourseChange.number.desc())
        .limit(PAGE)
    )
    if before is not None:
        query = query.where(CourseChange.number < before)
    return [Entry(change, name) for change, name in session.execute(query)]


def between(session: Session, course_id: int, first: int, second: int) -> tuple[State, State]:
    """The course after either change, the earlier one first."""
    first, second = sorted((first, second))
    return (
        _whole(session, _change(session, course_id, first)),
        _whole(session, _change(session, course_id, second)),
    )


def can(session: Session, course_id: int, person_id: int) -> tuple[bool, bool]:
    """Is there something of this person's to take back, and to do again?"""
    done, undone = _mine(session, course_id, person_id)
    return bool(done), bool(undone)


def _reverse(
    session: Session, course_id: int, person_id: int, number: int, act: Act, now: datetime
) -> CourseChange:
    before, after = between(session, course_id, number - 1, number)
    with changing(session, course_id, person_id, act, now, undoes=number) as course:
        current = outlines.take(course)
        made = snapshots.take_back(before, after, current)
        if made == current:  # gone by other ways already: there is nothing left to do
            raise NothingToTakeBack
        outlines.apply(session, course, made)
    last = _last(session, course_id)
    assert last is not None
    return last


def _mine(session: Session, course_id: int, person_id: int) -> tuple[list[int], list[int]]:
    """Numbers of the changes that this person may take back and do again, the last one last."""
    rows = session.execute(
        sa.select(CourseChange.number, CourseChange.act, CourseChange.undoes)
        .where(CourseChange.course_id == course_id, CourseChange.actor_id == person_id)
        .order_by(CourseChange.number)
    )
    done: list[int] = []
    undone: list[int] = []  # numbers of the changes that took something back
    for number, act, _undoes in rows:
        if act == Act.TAKEN_BACK:
            done.pop()
            undone.append(number)
        elif act == Act.DONE_AGAIN:
            undone.pop()
            done.append(number)
        elif act != Act.BEGUN:
            done.append(number)
            undone.clear()
    return done, undone


def _papers(state: State) -> set[int]:
    return {unit["paper_id"] for unit in snapshots.units(state).values() if unit["paper_id"]}


def _goes_on(
    last: CourseChange, act: Act, about: str | None, person_id: int, now: datetime
) -> bool:
    return (
        act is Act.WRITTEN
        and about is not None
        and (last.act, last.about, last.actor_id) == (act, about, person_id)
        and now - last.at < TYPING
    )


def _last(session: Session, course_id: int) -> CourseChange | None:
    return session.scalar(
        sa.select(CourseChange)
        .where(CourseChange.course_id == course_id)
        .order_by(CourseChange.number.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def _change(session: Session, course_id: int, number: int) -> CourseChange:
    found = session.get(CourseChange, (course_id, number))
    if found is None:
        raise NotFound("历史中没有这一步")
    return found


def _add(
    session: Session,
    course: Course,
    last: CourseChange | None,
    act: Act,
    actor_id: int | None,
    now: datetime,
    state: State,
    *,
    about: str | None = None,
    undoes: int | None = None,
) -> CourseChange:
    change = CourseChange(
        course_id=course.id,
        number=last.number + 1 if last else 0,
        act=act,
        actor_id=actor_id,
        at=now,
        about=about,
        undoes=undoes,
        state=_kept(session, course.id, state),
    )
    session.add(change)
    session.flush()
    return change


def _kept(session: Session, course_id: int, state: State) -> State:
    """The state with its texts kept once each, named by their hashes."""
    texts = {
        _hash(unit["body"]): unit["body"]
        for unit in snapshots.units(state).values()
        if unit["body"]
    }
    known = set(
        session.scalars(
            sa.select(CourseText.sha256).where(
                CourseText.course_id == course_id, CourseText.sha256.in_(texts)
            )
        )
    )
    for sha256 in texts.keys() - known:
        session.add(CourseText(course_id=course_id, sha256=sha256, text=texts[sha256]))
    return _with_bodies(state, lambda body: _hash(body) if body else "")


def _whole(session: Session, change: CourseChange) -> State:
    """The state of a change with its texts."""
    wanted = {unit["body"] for unit in snapshots.units(change.state).values() if unit["body"]}
    found = session.execute(
        sa.select(CourseText.sha256, CourseText.text).where(
            CourseText.course_id == change.course_id, CourseText.sha256.in_(wanted)
        )
    )
    texts: dict[str, str] = {row.sha256: row.text for row in found}
    return _with_bodies(change.state, lambda body: texts[body] if body else "")


def _with_bodies(state: State, of: Any) -> State:
    return {
        **state,
        "chapters": [
            {
                **chapter,
                "units": [{**unit, "body": of(unit["body"])} for unit in chapter["units"]],
            }
            for chapter in state["chapters"]
        ],
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
