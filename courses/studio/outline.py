"""The outline: chapters and units are added, renamed, moved and removed."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from courses import editing, history, kinds, outlines
from courses.history import Act
from courses.models import UnitKind
from courses.studio import blueprint, to_course
from zhixin import access, clock, db
from zhixin.errors import Invalid
from zhixin.people.models import Role


@blueprint.post("/courses/<int:course_id>/chapters")
@access.only(Role.AUTHOR)
def add_chapter(course_id: int) -> ResponseReturnValue:
    """A new chapter at the end."""
    session = db.session()
    with history.changing(session, course_id, access.person().id, Act.ADDED, clock.now()) as course:
        chapter = editing.add_chapter(session, course, request.form.get("title", ""))
    return to_course(course_id, f"chapter-{chapter.id}")


@blueprint.post("/courses/<int:course_id>/chapters/<int:chapter_id>")
@access.only(Role.AUTHOR)
def change_chapter(course_id: int, chapter_id: int) -> ResponseReturnValue:
    """Rename, move or remove a chapter, by the pressed button."""
    session, sent = db.session(), request.form
    act = sent.get("act", "")
    with history.changing(
        session, course_id, access.person().id, _ACTS.get(act, Act.RENAMED), clock.now()
    ) as course:
        chapter = editing.chapter_of(course, chapter_id)
        match act:
            case "up" | "down":
                editing.move(session, course.chapters, chapter, -1 if act == "up" else 1)
            case "place":
                outlines.place_chapter(session, course, chapter, sent.get("place", 0, type=int))
            case "remove":
                editing.remove(session, course.chapters, chapter)
            case _:
                editing.rename_chapter(session, course, chapter_id, sent.get("title", ""))
    if act == "place":
        return "", 204
    return to_course(course_id, "outline" if act == "remove" else f"chapter-{chapter_id}")


@blueprint.post("/courses/<int:course_id>/chapters/<int:chapter_id>/units")
@access.only(Role.AUTHOR)
def add_unit(course_id: int, chapter_id: int) -> ResponseReturnValue:
    """A new unit at a chapter's end; its own page comes next."""
    session, kind = db.session(), request.form.get("kind", "")
    if kind not in set(UnitKind) or not kinds.of(kind).addable:
        raise Invalid("请选择内容的类型", code="unit-kind")
    now = clock.now()
    with history.changing(session, course_id, access.person().id, Act.ADDED, now) as course:
        unit = editing.add_unit(
            session, course, chapter_id, UnitKind(kind), request.form.get("title", ""), now
        )
    return redirect(url_for("studio.unit", unit_id=unit.id), 303)


def move_unit(course_id: int, unit_id: int, act: str) -> ResponseReturnValue:
    """Move or remove a unit."""
    session, sent = db.session(), request.form
    with history.changing(
        session, course_id, access.person().id, _ACTS[act], clock.now()
    ) as course:
        chapter, unit = editing.unit_of(course, unit_id)
        if act == "remove":
            editing.remove(session, chapter.units, unit)
        elif act == "place":
            home = editing.chapter_of(course, sent.get("chapter_id", 0, type=int))
            place = sent.get("place", 0, type=int)
            outlines.place(session, course, unit, home, place, editing.MOST_UNITS)
        else:
            editing.move(session, chapter.units, unit, -1 if act == "up" else 1)
    return ("", 204) if act == "place" else to_course(course_id, f"chapter-{chapter.id}")


_ACTS = {"up": Act.MOVED, "down": Act.MOVED, "place": Act.MOVED, "remove": Act.REMOVED}
