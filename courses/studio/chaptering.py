"""The studio's form for the chapter marks of a video."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import chaptering, editing, history
from courses.history import Act
from courses.studio import blueprint
from courses.studio.units import unit_page
from zhixin import access, clock, db
from zhixin.errors import DomainError, NotAllowed, NotFound
from zhixin.people.models import Role


@blueprint.post("/units/<int:unit_id>/chapter-marks")
@access.only(Role.AUTHOR)
def change_chapter_marks(unit_id: int) -> ResponseReturnValue:
    """Write the marks anew. Whatever is refused, what was typed stays on the screen."""
    session, person = db.session(), access.person()
    course_id = editing.course_of_unit(session, unit_id)
    typed = request.form.get("marks", "")
    try:
        with history.changing(session, course_id, person.id, Act.CONTENT, clock.now()) as found:
            unit = editing.unit_of(found, unit_id)[1]
            chaptering.lay_down(
                session,
                found,
                unit,
                chaptering.read(typed),
                revision=request.form.get("revision", -1, type=int),
            )
    except (NotFound, NotAllowed):
        raise
    except DomainError as refusal:
        found = editing.get(session, course_id, person.id)
        problems = refusal.facts.get("problems") or [_(refusal.message)]
        marked = {"text": typed, "problems": problems}
        page = unit_page(found, editing.unit_of(found, unit_id)[1], marked=marked)
        return page, refusal.status
    flash(_("已保存"), "success")
    return redirect(url_for("studio.unit", unit_id=unit_id, _anchor="chapter-marks"), 303)
