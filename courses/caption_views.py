"""A video's captions for those who study it: tracks of the player, and the text to read along."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Flask, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from courses import enrolments, opening, progress
from courses.documents import Unit
from courses.learning import blueprint
from media import caption_files, captions, cues
from media.caption_models import CaptionVersion
from media.cues import Cue
from media.sending import NOTHING
from zhixin import access, db
from zhixin.errors import NotFound
from zhixin.people.models import Role

DAY_S = 86400


def _version(enrolment_id: int, unit_key: str, version_id: int) -> CaptionVersion:
    """Captions that the version of the course which this person studies refers to.

    Raises:
        NotFound: it is not theirs. Locked: the unit is not open yet.
    """
    session = db.session()
    enrolment = enrolments.get(session, enrolment_id, access.person().id)
    unit = opening.unit(progress.of(session, enrolment), unit_key).unit
    if version_id not in {each.version_id for each in unit.captions or ()}:
        raise NotFound("没有这份字幕")
    return captions.version(session, version_id)


@blueprint.get("/learn/<int:enrolment_id>/<unit_key>/captions/<int:version_id>.<kind>")
@access.only(Role.LEARNER)
def captions_file(enrolment_id: int, unit_key: str, version_id: int, kind: str) -> Response:
    """As WebVTT for the player, or as SRT to be kept."""
    if kind not in caption_files.MEDIA_TYPES:
        raise NotFound
    found = _version(enrolment_id, unit_key, version_id)
    return frozen(found, caption_files.Kind(kind))


def frozen(found: CaptionVersion, kind: caption_files.Kind) -> Response:
    """A version, which never changes, as a file."""
    response = sent(of_frozen(found), kind)
    response.set_etag(found.sha256)
    response.headers["Cache-Control"] = f"private, max-age={DAY_S}"
    response.make_conditional(request)
    return response


@blueprint.get("/learn/<int:enrolment_id>/<unit_key>/captions/<int:version_id>/transcript")
@access.only(Role.LEARNER)
def transcript(enrolment_id: int, unit_key: str, version_id: int) -> ResponseReturnValue:
    """The lines of another language, for the page's script."""
    found = _version(enrolment_id, unit_key, version_id)
    return render_template("learning/_cues.html", cues=of_frozen(found))


def sent(shown: Sequence[Cue], kind: caption_files.Kind) -> Response:
    """Captions as a file, which a browser shows as nothing but text."""
    media_type = caption_files.MEDIA_TYPES[kind]
    text = caption_files.write(shown, kind)
    response = Response(text, content_type=f"{media_type}; charset=utf-8")
    response.headers["Content-Security-Policy"] = NOTHING
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@dataclass(frozen=True)
class Track:
    """Captions as a page beside the video has them: addresses of the file for the player (vtt),
    of the one to be kept (srt), and of the lines to be read (lines).
    """

    language: str
    label: str
    vtt: str
    srt: str
    lines: str


def of_learner(enrolment_id: int, unit: Unit) -> list[Track]:
    """What the version that is studied refers to."""

    def at(endpoint: str, version_id: int, kind: str | None = None) -> str:
        return url_for(
            f"learning.{endpoint}",
            enrolment_id=enrolment_id,
            unit_key=unit.key,
            version_id=version_id,
            kind=kind,
        )

    return [
        Track(
            each.language,
            each.label,
            at("captions_file", each.version_id, kind="vtt"),
            at("captions_file", each.version_id, kind="srt"),
            at("transcript", each.version_id),
        )
        for each in unit.captions or ()
    ]


def lines(unit: Unit) -> list[Cue]:
    """What is read beside a video before a language is chosen: its first captions."""
    first = next(iter(unit.captions or ()), None)
    return of_frozen(captions.version(db.session(), first.version_id)) if first else []


def of_frozen(found: CaptionVersion) -> list[Cue]:
    return cues.from_list(json.loads(found.cues))


def init_app(app: Flask) -> None:
    """Templates of a unit's page ask for its captions and its lines."""
    app.jinja_env.globals.update(caption_lines=lines, learner_captions=of_learner)
