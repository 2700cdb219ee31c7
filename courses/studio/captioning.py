"""The studio's pages for a video's captions: files brought and taken, and the editor."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug import Response

from courses import authors, editing
from courses.caption_views import sent
from courses.models import Unit
from courses.studio import blueprint
from media import caption_files, captions, cue_checks, cues, streaming
from media.caption_models import CaptionTrack
from media.caption_words import problem_text
from media.files_api import FORM_BYTES
from media.models import Asset, AssetState
from zhixin import access, clock, db, security
from zhixin.errors import Invalid, NotFound
from zhixin.people.models import Role


class CueIn(BaseModel):
    """A cue as a page has it; times in ms."""

    model_config = ConfigDict(extra="ignore")
    start: int = Field(strict=True)
    end: int = Field(strict=True)
    text: str = Field(max_length=10_000)


class ChangeIn(BaseModel):
    """One cue: what it was read as, and what it is to be. None: not there."""

    key: str = Field(pattern=r"^[0-9a-f]{8}$")
    base: CueIn | None
    to: CueIn | None


class ChangesIn(BaseModel):
    changes: list[ChangeIn] = Field(max_length=cues.MOST_CUES)


def open_video(unit_id: int) -> tuple[Unit, Asset]:
    """A unit with a video, of a course that this person may edit now; the course is held."""
    session, person = db.session(), access.person()
    course_id = editing.course_of_unit(session, unit_id)
    course = editing.open_for_edit(session, course_id, person.id, clock.now())
    return _video(editing.unit_of(course, unit_id)[1])


def _video(unit: Unit) -> tuple[Unit, Asset]:
    if unit.asset_id is None:
        raise NotFound("这一节还没有视频")
    return unit, db.session().get_one(Asset, unit.asset_id)


@blueprint.post("/units/<int:unit_id>/captions")
@access.only(Role.AUTHOR)
@security.admits(lambda _settings: caption_files.MOST_BYTES + FORM_BYTES)
def bring_captions(unit_id: int) -> ResponseReturnValue:
    """A file becomes the captions of a language; without one, empty captions to be written."""
    _unit, asset = open_video(unit_id)
    file = request.files.get("file")
    found = []
    if file is not None and file.filename:
        found = caption_files.read(file.stream.read(caption_files.MOST_BYTES + 1))
    language = request.form.get("language", "")
    track = captions.bring(db.session(), asset, language, found, clock.now())
    flash(_("已添加 %(n)d 条字幕", n=len(found)), "success")
    return redirect(url_for("studio.captions", unit_id=unit_id, track_id=track.id), 303)


@blueprint.get("/units/<int:unit_id>/captions/<int:track_id>", endpoint="captions")
@access.only(Role.AUTHOR)
def editor(unit_id: int, track_id: int) -> ResponseReturnValue:
    """The captions' lines beside the video."""
    session, person, now = db.session(), access.person(), clock.now()
    course = editing.get(session, editing.course_of_unit(session, unit_id), person.id)
    unit, asset = _video(editing.unit_of(course, unit_id)[1])
    track = captions.get(session, track_id, asset.id)
    ready = asset.state == AssetState.READY
    told = _told(track, asset)
    return render_template(
        "studio/captions.html",
        course=course,
        unit=unit,
        video=asset,
        track=track,
        preview=streaming.playlist_url(asset, viewer=person.id, now=now) if ready else None,
        told=told,
        reading=cue_checks.reading(track.language),
        locked=editing.under_review(session, course.id)
        or not authors.may_edit(session, course, person.id),
    )


@blueprint.post("/units/<int:unit_id>/captions/<int:track_id>")
@access.only(Role.AUTHOR)
@security.admits(lambda _settings: 2 * caption_files.MOST_BYTES)
def save_captions(unit_id: int, track_id: int) -> ResponseReturnValue:
    """Changes of single cues, as they are typed; what another author changed is told."""
    session = db.session()
    _unit, asset = open_video(unit_id)
    track = captions.get(session, track_id, asset.id, lock=True)
    try:
        wanted = ChangesIn.model_validate(request.get_json())
    except ValidationError:
        raise Invalid("提交的内容有误，请刷新页面") from None
    changes = [each.model_dump() for each in wanted.changes]
    clashes = captions.change(session, track, changes, clock.now())
    at = clock.local(clock.now()).strftime("%H:%M")
    theirs = [{"key": each.key, "theirs": each.theirs} for each in clashes]
    return {**_told(track, asset), "clashes": theirs, "at": at}


@blueprint.get("/units/<int:unit_id>/captions/<int:track_id>.<kind>")
@access.only(Role.AUTHOR)
def captions_file(unit_id: int, track_id: int, kind: str) -> Response:
    """The captions as they are now, as WebVTT or SRT."""
    if kind not in caption_files.MEDIA_TYPES:
        raise NotFound
    session = db.session()
    course = editing.get(session, editing.course_of_unit(session, unit_id), access.person().id)
    track = captions.get(session, track_id, editing.unit_of(course, unit_id)[1].asset_id)
    response = sent(cues.unnamed(track.cues), caption_files.Kind(kind))
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.post("/units/<int:unit_id>/captions/<int:track_id>/remove")
@access.only(Role.AUTHOR)
def remove_captions(unit_id: int, track_id: int) -> ResponseReturnValue:
    """Take them from the video; published courses keep theirs."""
    _unit, asset = open_video(unit_id)
    captions.remove(
        db.session(), captions.get(db.session(), track_id, asset.id, lock=True), clock.now()
    )
    flash(_("已删除字幕。已发布的课程不受影响。"), "success")
    return redirect(url_for("studio.unit", unit_id=unit_id, _anchor="captions"), 303)


def _told(track: CaptionTrack, asset: Asset) -> dict[str, Any]:
    """The cues, and what is wrong with them in words, by their keys."""
    found = cue_checks.problems(cues.unnamed(track.cues), track.language, asset.duration_ms)
    problems: dict[str, list[Any]] = {}
    for each in found:
        key = track.cues[each.place]["key"]
        problems.setdefault(key, []).append({"text": problem_text(each), "fault": each.is_fault})
    faults = sum(each.is_fault for each in found)
    summary = _("没有发现问题")
    if found:
        summary = _(
            "%(faults)d 处错误（必须修改），%(hints)d 处提示",
            faults=faults,
            hints=len(found) - faults,
        )
    return {
        "revision": track.revision, "cues": track.cues, "problems": problems, "summary": summary,
    }  # fmt: skip
