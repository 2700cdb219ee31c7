"""One unit's page: its video, text, questions or meeting, and what it asks and waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO, cast

import sqlalchemy as sa
from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from assessments import drafting
from courses import authors, conditions, editing, history, meetings, texts
from courses.history import Act
from courses.models import Course, Unit, UnitKind
from courses.reviews import comments
from courses.studio import blueprint
from courses.studio.outline import move_unit
from media import assets, captions, files, queueing, speech_tasks, streaming, transcribing
from media.errors import FileRefused
from media.file_models import Attachment
from media.files_api import FORM_BYTES
from media.models import Asset, AssetState
from zhixin import access, clock, db, richtext, security
from zhixin.errors import DomainError, NotAllowed, NotFound
from zhixin.people.models import Role


@blueprint.get("/units/<int:unit_id>")
@access.only(Role.AUTHOR)
def unit(unit_id: int) -> ResponseReturnValue:
    """One unit: its video with progress and preview, its text, or the way to its questions."""
    session = db.session()
    course_id = editing.course_of_unit(session, unit_id)
    found = editing.get(session, course_id, access.person().id)
    return unit_page(found, editing.unit_of(found, unit_id)[1])


def unit_page(
    found: Course,
    unit_: Unit,
    *,
    sent: Mapping[str, str] | None = None,
    saved_body: str = "",
    asked: Mapping[str, Any] | None = None,
    conditions_sent: Mapping[str, str] | None = None,
    marked: Mapping[str, Any] | None = None,
) -> str:
    """A unit's page.

    Args:
        sent: what was typed and refused; it is shown in place of what is saved.
        asked: the same of a question asked while watching, see ``courses.studio.checks``.
        conditions_sent: the same of the form of conditions.
        marked: the same of the chapter marks, see ``courses.studio.chaptering``.
    """
    session, person = db.session(), access.person()
    video = session.get(Asset, unit_.asset_id) if unit_.asset_id else None
    preview = None
    if video is not None and video.state == AssetState.READY:
        preview = streaming.playlist_url(video, viewer=person.id, now=clock.now())
    is_video = unit_.kind == UnitKind.VIDEO
    paper = drafting.get(session, unit_.paper_id, found.owner_id) if unit_.paper_id else None
    return render_template(
        "studio/unit.html",
        course=found,
        unit=unit_,
        title=sent.get("title", "") if sent else unit_.title,
        body=sent.get("body", "") if sent else unit_.body,
        saved_body=saved_body,
        asked=asked,
        marked=marked,
        video=video,
        caption_tracks=captions.of_asset(session, video.id) if video else [],
        caption_languages=captions.LANGUAGES,
        speech_runs=transcribing.of_asset(session, video.id) if video else [],
        speech_installed=speech_tasks.place().engine is not None,
        preview=preview,
        standing=queueing.standing(session, video, clock.now()) if video else None,
        library=assets.of_owner(session, person.id) if is_video else [],
        paper=paper,
        remarks=comments.beside(session, found.id, unit_.key, unit_.kind),
        candidates=conditions.candidates(found, unit_),
        meeting=conditions_sent or _meeting(unit_),
        waits_for={wait.for_id for wait in unit_.waits},
        locked=editing.under_review(session, found.id)
        or not authors.may_edit(session, found, person.id),
        marks=texts.marks(unit_),
        file=session.get(Attachment, unit_.file_id) if unit_.file_id else None,
    )


def _meeting(unit: Unit) -> Mapping[str, Any]:
    """When and where, as the form's fields hold it."""
    return {
        "starts_at": clock.local(unit.starts_at).strftime("%Y-%m-%dT%H:%M")
        if unit.starts_at
        else "",
        "minutes": unit.minutes or 60,
        "address": unit.address or "",
    }


@blueprint.post("/units/<int:unit_id>")
@access.only(Role.AUTHOR)
def change_unit(unit_id: int) -> ResponseReturnValue:
    """Save, attach a video, move or remove a unit, by the pressed button."""
    session, person = db.session(), access.person()
    course_id = editing.course_of_unit(session, unit_id)
    act = request.form.get("act", "")
    if act in ("up", "down", "remove", "place"):
        return move_unit(course_id, unit_id, act)
    if act != "attach":
        return _save_unit(course_id, unit_id)
    asset_id = request.form.get("asset_id", type=int)
    if asset_id is None:
        raise NotFound("没有这个视频")
    with history.changing(session, course_id, person.id, Act.CONTENT, clock.now()) as found:
        unit_ = editing.unit_of(found, unit_id)[1]
        editing.attach(session, found, unit_, asset_id, person.id)
    return redirect(url_for("studio.unit", unit_id=unit_id), 303)


def _sent_texts() -> dict[str, texts.Change]:
    sent = request.form
    return {
        name: texts.Change(sent.get(f"{name}_base", ""), sent[name])
        for name in ("title", "body")
        if name in sent
    }


def _save_unit(course_id: int, unit_id: int) -> ResponseReturnValue:
    """Save title and text. Whatever is refused, what was typed stays on the screen."""
    session, person, sent = db.session(), access.person(), request.form
    try:
        _write(course_id, unit_id)
    except (NotFound, NotAllowed):
        raise
    except DomainError as refusal:
        found = editing.get(session, course_id, person.id)
        unit_ = editing.unit_of(found, unit_id)[1]
        flash(_(refusal.message), "error")
        differs = isinstance(refusal, texts.Differs) and unit_.body != sent.get("body")
        page = unit_page(found, unit_, sent=sent, saved_body=unit_.body if differs else "")
        return page, refusal.status
    flash(_("已保存"), "success")
    return redirect(url_for("studio.unit", unit_id=unit_id), 303)


def _write(course_id: int, unit_id: int) -> Unit:
    session, person = db.session(), access.person()
    key = session.scalar(sa.select(Unit.key).where(Unit.id == unit_id))
    with history.changing(
        session, course_id, person.id, Act.WRITTEN, clock.now(), about=key
    ) as found:
        unit_ = editing.unit_of(found, unit_id)[1]
        texts.write(session, found, unit_, _sent_texts())
    return unit_


@blueprint.post("/units/<int:unit_id>/text")
@access.only(Role.AUTHOR)
def save_text(unit_id: int) -> ResponseReturnValue:
    """Save title or text while they are typed: JSON for the page's script."""
    session = db.session()
    course_id = editing.course_of_unit(session, unit_id)
    try:
        unit_ = _write(course_id, unit_id)
    except texts.Differs as differs:
        session.rollback()
        found = editing.get(session, course_id, access.person().id)
        unit_ = editing.unit_of(found, unit_id)[1]
        told = {"saved": differs.facts["saved"], "marks": texts.marks(unit_)}
        return {**told, "detail": _(differs.message)}, differs.status
    except DomainError as refusal:
        return {"detail": _(refusal.message)}, refusal.status
    at = clock.local(clock.now()).strftime("%H:%M")
    return {"at": at, "marks": texts.marks(unit_)}


@blueprint.post("/render")
@access.only(Role.AUTHOR)
def render() -> ResponseReturnValue:
    """Rich text as it will be shown, for the editor's preview."""
    return str(richtext.render(request.form.get("text", "")[: editing.MOST_PAGE_CHARACTERS]))


@blueprint.post("/units/<int:unit_id>/file")
@access.only(Role.AUTHOR)
@security.admits(lambda settings: settings.file_bytes + FORM_BYTES)
def attach_file(unit_id: int) -> ResponseReturnValue:
    """Give a file unit its file."""
    person_id, now = access.person().id, clock.now()
    store, sent = current_app.extensions["media_store"], request.files.get("file")
    course_id = editing.course_of_unit(db.session(), unit_id)
    course = editing.get(db.session(), course_id, person_id)
    if sent is None:
        raise FileRefused("file-empty")
    _file_unit(course, unit_id)
    db.finish(keep=True)  # on its way to a bucket it takes as long as it likes
    brought = files.bring(
        store,
        person_id,
        cast(BinaryIO, sent.stream),
        file_name=sent.filename or "",
        max_bytes=current_app.extensions["settings"].file_bytes,
        now=now,
    )
    session = db.session()
    with history.changing(session, course_id, person_id, Act.CONTENT, now) as found:
        _file_unit(found, unit_id).file_id = files.keep(session, store, brought).id
    return redirect(url_for("studio.unit", unit_id=unit_id), 303)


def _file_unit(course: Course, unit_id: int) -> Unit:
    found = editing.unit_of(course, unit_id)[1]
    if found.kind != UnitKind.FILE:
        raise NotFound("没有这一节文件")
    return found


@blueprint.post("/units/<int:unit_id>/conditions")
@access.only(Role.AUTHOR)
def change_conditions(unit_id: int) -> ResponseReturnValue:
    """Required or optional, and what comes first; of a live meeting also when and where."""
    session, person, sent = db.session(), access.person(), request.form
    course_id = editing.course_of_unit(session, unit_id)
    try:
        with history.changing(session, course_id, person.id, Act.SETTINGS, clock.now()) as found:
            unit_ = editing.unit_of(found, unit_id)[1]
            after = sent.getlist("after", type=int)
            conditions.lay_down(session, found, unit_, required="required" in sent, after=after)
            if unit_.kind == UnitKind.LIVE:
                meetings.lay_down(
                    session,
                    unit_,
                    starts_at=sent.get("starts_at", ""),
                    minutes=sent.get("minutes", type=int),
                    address=sent.get("address", ""),
                )
    except (NotFound, NotAllowed):
        raise
    except DomainError as refusal:
        session.rollback()
        found = editing.get(session, course_id, person.id)
        flash(_(refusal.message), "error")
        page = unit_page(found, editing.unit_of(found, unit_id)[1], conditions_sent=sent)
        return page, refusal.status
    flash(_("已保存"), "success")
    return redirect(url_for("studio.unit", unit_id=unit_id, _anchor="conditions"), 303)
