"""A course as its learners would meet it, for those who make it."""

from __future__ import annotations

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug import Response

from courses import conditions, editing, previewing
from courses.caption_views import Track
from courses.models import Unit
from courses.studio import blueprint
from media import captions, cues, files, sending
from media.caption_models import CaptionTrack
from zhixin import access, clock, db
from zhixin.errors import NotFound
from zhixin.people.models import Role


@blueprint.get("/courses/<int:course_id>/preview")
@blueprint.get("/courses/<int:course_id>/preview/<int:unit_id>", endpoint="preview_unit")
@access.only(Role.AUTHOR)
def preview(course_id: int, unit_id: int | None = None) -> ResponseReturnValue:
    """The draft's outline and one of its units; nothing here counts."""
    session, person = db.session(), access.person()
    course = editing.get(session, course_id, person.id)
    units = list(conditions.units(course))
    draft = editing.unit_of(course, unit_id)[1] if unit_id else next(iter(units), None)
    facts = previewing.unit(session, course, draft, person.id, clock.now()) if draft else {}
    tracks = facts.pop("captions", [])
    following = units[units.index(draft) + 1 :] if draft else []
    return render_template(
        "studio/preview.html",
        course=course,
        current=draft,
        following=following[0] if following else None,
        asked=previewing.asked(course),
        tracks=[_track(draft, each) for each in tracks] if draft else [],
        cues=cues.unnamed(tracks[0].cues) if tracks else [],
        stops=previewing.stops(draft) if draft else [],
        **facts,
    )


def _track(unit: Unit, track: CaptionTrack) -> Track:
    """Captions as they are now, as learners will have them."""

    def at(endpoint: str, kind: str | None = None) -> str:
        return url_for(f"studio.{endpoint}", unit_id=unit.id, track_id=track.id, kind=kind)

    return Track(
        track.language,
        track.label,
        at("captions_file", kind="vtt"),
        at("captions_file", kind="srt"),
        at("transcript"),
    )


@blueprint.get("/units/<int:unit_id>/captions/<int:track_id>/transcript")
@access.only(Role.AUTHOR)
def transcript(unit_id: int, track_id: int) -> ResponseReturnValue:
    """The lines of another language, for the page's script."""
    session = db.session()
    course = editing.get(session, editing.course_of_unit(session, unit_id), access.person().id)
    track = captions.get(session, track_id, editing.unit_of(course, unit_id)[1].asset_id)
    return render_template("learning/_cues.html", cues=cues.unnamed(track.cues))


@blueprint.get("/units/<int:unit_id>/file")
@access.only(Role.AUTHOR)
def file(unit_id: int) -> Response:
    """The unit's file, as learners get it."""
    session = db.session()
    course = editing.get(session, editing.course_of_unit(session, unit_id), access.person().id)
    found = editing.unit_of(course, unit_id)[1].file_id
    if found is None:
        raise NotFound("这一节还没有文件")
    return sending.attachment(current_app.extensions["media_store"], files.find(session, found))
