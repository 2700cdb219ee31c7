"""The studio's pages for captions by an engine: asked for, followed, read and confirmed."""

from __future__ import annotations

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from courses import authors, editing
from courses.studio import blueprint
from courses.studio.captioning import open_video
from media import captions, speech_tasks, transcribing
from media.speech_models import UNFINISHED
from zhixin import access, clock, db, jobs
from zhixin.errors import Conflict, NotFound
from zhixin.people.models import Role


@blueprint.post("/units/<int:unit_id>/speech")
@access.only(Role.AUTHOR)
def ask_speech(unit_id: int) -> ResponseReturnValue:
    """Have a video's sound written down; a job does it."""
    session, (_unit, asset) = db.session(), open_video(unit_id)
    language, place = request.form.get("language", ""), speech_tasks.place()
    try:
        run = transcribing.ask(session, asset, language, access.person().id, place, clock.now())
    except Conflict as refusal:
        flash(_(refusal.message), "error")
    else:
        jobs.enqueue(session, speech_tasks.transcribe, run.id)
        flash(_("已开始识别，完成后出现在字幕列表中"), "success")
    return redirect(url_for("studio.unit", unit_id=unit_id, _anchor="captions"), 303)


@blueprint.get("/units/<int:unit_id>/speech")
@access.only(Role.AUTHOR)
def speech(unit_id: int) -> ResponseReturnValue:
    """How far it is, for a page that asks again; tells it to load anew when it is done."""
    session, person = db.session(), access.person()
    course = editing.get(session, editing.course_of_unit(session, unit_id), person.id)
    unit = editing.unit_of(course, unit_id)[1]
    if unit.asset_id is None:
        raise NotFound("这一节还没有视频")
    runs = transcribing.of_asset(session, unit.asset_id)
    shown = Response(
        render_template(
            "studio/_speech.html",
            unit=unit,
            speech_runs=runs,
            speech_installed=speech_tasks.place().engine is not None,
            caption_languages=captions.LANGUAGES,
            locked=editing.under_review(session, course.id)
            or not authors.may_edit(session, course, person.id),
        )
    )
    if not any(run.state in UNFINISHED for run in runs):
        shown.headers["HX-Refresh"] = "true"
    return shown


@blueprint.post("/units/<int:unit_id>/captions/<int:track_id>/read")
@access.only(Role.AUTHOR)
def confirm_captions(unit_id: int, track_id: int) -> ResponseReturnValue:
    """The author has read what the engine wrote."""
    session, (_unit, asset) = db.session(), open_video(unit_id)
    captions.note_read(session, captions.get(session, track_id, asset.id, lock=True), clock.now())
    flash(_("已确认校对"), "success")
    return redirect(url_for("studio.captions", unit_id=unit_id, track_id=track_id), 303)
