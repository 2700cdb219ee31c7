"""How a course is made: taking back, its history, its authors."""

from __future__ import annotations

import difflib

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import authors, duplicating, editing, history, snapshots
from courses.studio import blueprint, to_course
from zhixin import access, clock, db
from zhixin.errors import NotFound
from zhixin.people.models import Role


@blueprint.post("/courses/<int:course_id>/undo")
@access.only(Role.AUTHOR)
def undo(course_id: int) -> ResponseReturnValue:
    """Take back this author's last change."""
    history.take_back(db.session(), course_id, access.person().id, clock.now())
    flash(_("已撤销"), "success")
    return to_course(course_id, "outline")


@blueprint.post("/courses/<int:course_id>/redo")
@access.only(Role.AUTHOR)
def redo(course_id: int) -> ResponseReturnValue:
    """Do again what was taken back last."""
    history.do_again(db.session(), course_id, access.person().id, clock.now())
    flash(_("已重做"), "success")
    return to_course(course_id, "outline")


@blueprint.get("/courses/<int:course_id>/history")
@access.only(Role.AUTHOR)
def changes(course_id: int) -> ResponseReturnValue:
    """Who changed what and when; two steps compared."""
    session = db.session()
    found = editing.get(session, course_id, access.person().id)
    first, second = (request.args.get(name, type=int) for name in ("from", "to"))
    compared = None
    if first is not None and second is not None:
        before, after = history.between(session, course_id, first, second)
        compared = [
            (what, title, old, new, _lines(old, new) if what == "text" else ())
            for what, title, old, new in snapshots.changed(before, after)
        ]
    return render_template(
        "studio/history.html",
        course=found,
        entries=history.entries(session, course_id, before=request.args.get("before", type=int)),
        page=history.PAGE,
        first=first,
        second=second,
        compared=compared,
        may_edit=authors.may_edit(session, found, access.person().id)
        and not editing.under_review(session, course_id),
    )


def _lines(old: str, new: str) -> list[tuple[str, str]]:
    """The lines of a text that differ, with their neighbours."""
    unified = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    return [(line[0], line[1:]) for line in list(unified)[2:] if not line.startswith("@@")]


@blueprint.post("/courses/<int:course_id>/history/<int:number>/restore")
@access.only(Role.AUTHOR)
def restore(course_id: int, number: int) -> ResponseReturnValue:
    """Make the course what it was after a step; what it is now stays in the history."""
    history.restore(db.session(), course_id, access.person().id, number, clock.now())
    flash(_("已恢复。恢复前的内容仍在历史中。"), "success")
    return to_course(course_id, "outline")


@blueprint.get("/courses/<int:course_id>/authors")
@access.only(Role.AUTHOR)
def people(course_id: int) -> ResponseReturnValue:
    """Who may read and edit the course."""
    session = db.session()
    found = editing.get(session, course_id, access.person().id)
    return render_template(
        "studio/authors.html",
        course=found,
        people=authors.of(session, found),
        me=access.person().id,
    )


@blueprint.post("/courses/<int:course_id>/authors")
@access.only(Role.AUTHOR)
def invite(course_id: int) -> ResponseReturnValue:
    """Let another author in."""
    session, sent = db.session(), request.form
    found = editing.get(session, course_id, access.person().id)
    authors.invite(
        session, found, access.person().id, sent.get("name", ""), sent.get("role", ""), clock.now()
    )
    flash(_("已添加合作者"), "success")
    return redirect(url_for("studio.people", course_id=course_id), 303)


@blueprint.post("/courses/<int:course_id>/authors/<int:person_id>/remove")
@access.only(Role.AUTHOR)
def remove_author(course_id: int, person_id: int) -> ResponseReturnValue:
    """Take somebody out, or leave."""
    session = db.session()
    found = editing.get(session, course_id, access.person().id)
    if person_id == found.owner_id:
        raise NotFound("没有这位合作者")
    authors.remove(session, found, access.person().id, person_id)
    flash(_("已移除"), "success")
    if person_id == access.person().id:
        return redirect(url_for("studio.index"), 303)
    return redirect(url_for("studio.people", course_id=course_id), 303)


@blueprint.post("/courses/<int:course_id>/duplicate")
@access.only(Role.AUTHOR)
def duplicate(course_id: int) -> ResponseReturnValue:
    """A new course of one's own with the same structure, texts and questions."""
    session, person = db.session(), access.person()
    found = editing.get(session, course_id, person.id)
    made = duplicating.duplicate(session, found, person.id, clock.now())
    flash(_("已复制为新课程"), "success")
    if lacking := duplicating.undrawable(session, made):
        told = "、".join(lacking)
        flash(_("您不能使用抽题的题库，请改用自己的题库或请维护人添加您：%(t)s", t=told), "warning")
    return to_course(made.id)
