"""The studio's forms for questions that are asked while a video is watched."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import checks, editing, history
from courses.history import Act
from courses.studio import blueprint
from courses.studio.units import unit_page
from zhixin import access, clock, db
from zhixin.errors import DomainError, NotAllowed, NotFound
from zhixin.people.models import Role


@blueprint.post("/units/<int:unit_id>/checks")
@access.only(Role.AUTHOR)
def add_check(unit_id: int) -> ResponseReturnValue:
    """One more question about what a video shows."""
    return _change(unit_id, None)


@blueprint.post("/units/<int:unit_id>/checks/<int:place>")
@access.only(Role.AUTHOR)
def change_check(unit_id: int, place: int) -> ResponseReturnValue:
    """Save or remove a question, by the pressed button."""
    return _change(unit_id, place)


def _change(unit_id: int, place: int | None) -> ResponseReturnValue:
    """Whatever is refused, what was typed stays on the screen."""
    session, person, sent = db.session(), access.person(), request.form
    course_id = editing.course_of_unit(session, unit_id)
    options, right = sent.getlist("option"), sent.get("right", type=int)
    revision = sent.get("revision", -1, type=int)
    try:
        with history.changing(session, course_id, person.id, Act.CONTENT, clock.now()) as found:
            unit = editing.unit_of(found, unit_id)[1]
            if place is not None and sent.get("act") == "remove":
                checks.remove(session, found, unit, place, revision=revision)
            else:
                check = checks.read(
                    sent.get("at", ""), sent.get("text", ""), options, right,
                    everyone="everyone" in sent, explanation=sent.get("explanation", ""),
                )  # fmt: skip
                checks.save(session, found, unit, place, check, revision=revision)
    except (NotFound, NotAllowed):
        raise
    except DomainError as refusal:
        found = editing.get(session, course_id, person.id)
        unit = editing.unit_of(found, unit_id)[1]
        asked: dict[str, Any] = {
            "place": place, "error": _(refusal.message), "at": sent.get("at", ""),
            "text": sent.get("text", ""), "options": options, "right": right,
            "everyone": "everyone" in sent, "explanation": sent.get("explanation", ""),
        }  # fmt: skip
        return unit_page(found, unit, asked=asked), refusal.status
    flash(_("已保存"), "success")
    return redirect(url_for("studio.unit", unit_id=unit_id, _anchor="checks"), 303)
