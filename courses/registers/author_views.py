"""The studio's page where a course names its teachers and textbooks."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import authors, editing, fields, history
from courses.history import Act
from courses.models import Course
from courses.registers import attaching, register
from courses.registers.entries import EXPERTS, TEXTBOOKS, Register
from courses.registers.office_views import of_name, sent
from courses.registers.register import EntryRefused
from courses.registers.states import EntryState
from courses.studio import blueprint
from courses.views import today
from zhixin import access, clock, db
from zhixin.errors import Conflict, NotFound
from zhixin.people.models import Role

#: Found entries shown: who sees more types another word.
SHOWN = 20


@blueprint.get("/courses/<int:course_id>/teaching", endpoint="teaching")
@access.only(Role.AUTHOR)
def show(course_id: int) -> ResponseReturnValue:
    """Whom and what the course names, and the registers to choose from."""
    return _page(editing.get(db.session(), course_id, access.person().id))


def _page(course: Course, **facts: Any) -> str:
    session = db.session()
    text = request.args.get("q", "").strip()[:100]
    may_edit = authors.may_edit(session, course, access.person().id)
    registers = [
        (
            kept,
            attaching.of(session, kept, course.id),
            register.find(session, kept, text, state=EntryState.IN_FORCE, size=SHOWN)[:SHOWN],
        )
        for kept in (EXPERTS, TEXTBOOKS)
    ]
    return render_template(
        "registers/teaching.html",
        course=course,
        registers=registers,
        text=text,
        locked=editing.under_review(session, course.id) or not may_edit,
        fields=fields.valid(session, today()),
        **({"values": {}, "problems": {}, "proposed": None} | facts),
    )


@blueprint.post("/courses/<int:course_id>/teaching/<which>", endpoint="change_teaching")
@access.only(Role.AUTHOR)
def change(course_id: int, which: str) -> ResponseReturnValue:
    """Name an expert or a textbook, take it out, or move it."""
    session, kept, who = db.session(), of_name(which), access.person().id
    entry_id = request.form.get("entry_id", 0, type=int)
    with history.changing(session, course_id, who, Act.FACTS, clock.now()) as course:
        match request.form.get("act"):
            case "add":
                attaching.add(session, kept, course.id, entry_id)
            case "remove":
                attaching.remove(session, kept, course.id, entry_id)
            case "up":
                attaching.move(session, kept, course.id, entry_id, -1)
            case "down":
                attaching.move(session, kept, course.id, entry_id, 1)
            case _:
                raise NotFound("没有这个操作")
    return _to(course_id, kept)


@blueprint.post("/courses/<int:course_id>/teaching/<which>/proposal", endpoint="propose")
@access.only(Role.AUTHOR)
def propose(course_id: int, which: str) -> ResponseReturnValue:
    """Propose somebody or a book to the register; whatever is refused stays on the screen."""
    session, kept, person = db.session(), of_name(which), access.person()
    course = editing.open_for_edit(session, course_id, person.id, clock.now())
    values = sent(kept)
    try:
        register.write(
            session, kept, values, person_id=person.id, state=EntryState.PROPOSED,
            address=request.remote_addr, now=clock.now(),
        )  # fmt: skip
    except (EntryRefused, Conflict) as refusal:
        problems = (
            {each.field: each.said for each in refusal.problems}
            if isinstance(refusal, EntryRefused)
            else {"": refusal.message}
        )
        page = _page(course, values=values, problems=problems, proposed=kept.name)
        return page, refusal.status
    flash(_("已提交，管理员采纳后即可选用"), "success")
    return _to(course_id, kept)


def _to(course_id: int, kept: Register) -> ResponseReturnValue:
    return redirect(
        url_for("studio.teaching", course_id=course_id, q=request.args.get("q"), _anchor=kept.name),
        303,
    )
