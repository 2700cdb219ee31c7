"""The captions of a version under review, for those who judge it."""

from __future__ import annotations

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from courses import caption_views, reviewing
from courses.documents import CourseDocument
from courses.review import blueprint
from media import caption_files, captions
from media.caption_models import CaptionVersion
from zhixin import access, db
from zhixin.errors import NotFound
from zhixin.people.models import Role


def _captions(version_id: int, unit_key: str, captions_id: int) -> CaptionVersion:
    session = db.session()
    document = CourseDocument.from_text(reviewing.get(session, version_id).document)
    unit = document.unit(unit_key)
    if unit is None or captions_id not in {each.version_id for each in unit.captions or ()}:
        raise NotFound("没有这份字幕")
    return captions.version(session, captions_id)


@blueprint.get("/<int:version_id>/<unit_key>/captions/<int:captions_id>.<kind>")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def captions_file(version_id: int, unit_key: str, captions_id: int, kind: str) -> Response:
    """As WebVTT for the player, or as SRT to be kept."""
    if kind not in caption_files.MEDIA_TYPES:
        raise NotFound
    found = _captions(version_id, unit_key, captions_id)
    return caption_views.frozen(found, caption_files.Kind(kind))


@blueprint.get("/<int:version_id>/<unit_key>/captions/<int:captions_id>/transcript")
@access.only(Role.REVIEWER, Role.ADMINISTRATOR)
def transcript(version_id: int, unit_key: str, captions_id: int) -> ResponseReturnValue:
    """Its lines, which lead the player to their moments."""
    found = _captions(version_id, unit_key, captions_id)
    shown = caption_views.of_frozen(found)
    return render_template("review/_cues.html", cues=shown, unit_key=unit_key)
