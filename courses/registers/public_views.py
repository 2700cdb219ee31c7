"""Experts as strangers see them, portraits, and textbooks' files."""

from __future__ import annotations

from typing import cast

from flask import Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from courses import catalogue
from courses.registers import attaching, register
from courses.registers.entries import EXPERTS
from courses.registers.models import Expert
from courses.registers.states import EntryState
from courses.views import blueprint
from media import files, sending
from media.file_models import Picture
from zhixin import access, db
from zhixin.errors import NotFound


def _expert(expert_id: int) -> Expert:
    found = cast(Expert, register.get(db.session(), EXPERTS, expert_id))
    if found.state != EntryState.IN_FORCE:
        raise NotFound("没有这位专家")
    return found


@blueprint.get("/experts/<int:expert_id>", endpoint="expert")
@access.public
def expert(expert_id: int) -> ResponseReturnValue:
    """One expert of the pool and the published courses that name them."""
    session, found = db.session(), _expert(expert_id)
    return render_template(
        "registers/expert.html",
        expert=found,
        courses=attaching.published(session, expert_id),
        names=register.field_names(session),
    )


@blueprint.get("/experts/<int:expert_id>/portrait", endpoint="expert_portrait")
@access.public
def portrait(expert_id: int) -> Response:
    """The picture of an expert in force."""
    return _picture(_expert(expert_id).picture_id)


@blueprint.get(
    "/courses/<int:course_id>/teachers/<int:expert_id>/portrait", endpoint="teacher_portrait"
)
@access.public
def teacher_portrait(course_id: int, expert_id: int) -> Response:
    """A teacher's picture as a published course has it, whatever the pool says today."""
    _version, document, _until = catalogue.published(db.session(), course_id)
    named = (each for each in document.teachers or () if each.expert_id == expert_id)
    found = next(named, None)
    return _picture((found.portrait or "").removeprefix("picture:") if found else None)


@blueprint.get(
    "/courses/<int:course_id>/textbooks/<int:textbook_id>/file", endpoint="textbook_file"
)
@access.signed_in
def textbook_file(course_id: int, textbook_id: int) -> Response:
    """The file of a textbook that a published course names."""
    session = db.session()
    _version, document, _until = catalogue.published(session, course_id)
    named = (each for each in document.textbooks or () if each.textbook_id == textbook_id)
    found = next(named, None)
    if found is None or found.file_id is None:
        raise NotFound("这本教材没有文件")
    return sending.attachment(
        current_app.extensions["media_store"], files.find(session, found.file_id)
    )


def _picture(picture_id: str | None) -> Response:
    found = db.session().get(Picture, picture_id) if picture_id else None
    if found is None:
        raise NotFound("没有照片")
    if found.id in request.if_none_match:
        return Response(status=304)
    answer = sending.picture(current_app.extensions["media_store"], found)
    # The address stays when the picture changes.
    answer.headers["Cache-Control"] = "private, max-age=300"
    return answer
