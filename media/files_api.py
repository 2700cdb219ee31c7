"""Pictures and files in one request; large files come through tus (:mod:`media.api`)."""

from __future__ import annotations

from typing import BinaryIO, cast

from flask import current_app, request
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerHour
from pydantic import Field

from media import files, pictures
from media.errors import FileRefused, PictureRefused
from media.file_models import Attachment, Picture
from media.storage import MediaStore
from zhixin import access, api, clock, config, db, rates, security
from zhixin.people.models import Role

blueprint = api.api_blueprint("media_files", "图片与附件")
#: More in an hour is a program gone wild, or worse.
SENDINGS = RateLimitItemPerHour(600, namespace="media-files")
#: What a form around the file may add, in bytes.
FORM_BYTES = 64 * 1024


class PictureOut(api.Model):
    """A picture, ready to be written into a page."""

    id: str
    markdown: str = Field(description="write this into a page or a question")
    url: str
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")


class FileOut(api.Model):
    """A file to be taken home."""

    id: str
    file_name: str
    media_type: str
    size_bytes: int


def _store() -> MediaStore:
    store: MediaStore = current_app.extensions["media_store"]
    return store


def _settings() -> config.Settings:
    settings: config.Settings = current_app.extensions["settings"]
    return settings


@blueprint.post(
    "/pictures", summary="Upload a picture (multipart, field `file`)", responses={201: PictureOut}
)
@access.only(Role.AUTHOR)
@security.admits(lambda settings: settings.picture_bytes + FORM_BYTES)
def send_picture() -> ResponseReturnValue:
    """PNG, JPEG, WebP or GIF; field `words` says what it shows. It is encoded anew: what is
    served is not what was sent."""
    sent = request.files.get("file")
    if sent is None:
        raise PictureRefused("picture-empty")
    person_id, most = _spending(), _settings().picture_bytes
    brought = pictures.bring(
        _store(),
        person_id,
        sent.stream.read(most + 1),
        file_name=sent.filename or "",
        max_bytes=most,
        now=clock.now(),
    )
    kept = pictures.keep(db.session(), _store(), brought)
    return picture_out(kept, request.form.get("words", "")[:200]).model_dump(), 201


@blueprint.post(
    "/files", summary="Upload a file (multipart, field `file`)", responses={201: FileOut}
)
@access.only(Role.AUTHOR)
@security.admits(lambda settings: settings.file_bytes + FORM_BYTES)
def send_file() -> ResponseReturnValue:
    """For a file unit. Larger ones and bad lines: tus with `Upload-Metadata: kind ZmlsZQ==`."""
    sent = request.files.get("file")
    if sent is None:
        raise FileRefused("file-empty")
    person_id = _spending()
    brought = files.bring(
        _store(),
        person_id,
        cast(BinaryIO, sent.stream),
        file_name=sent.filename or "",
        max_bytes=_settings().file_bytes,
        now=clock.now(),
    )
    return file_out(files.keep(db.session(), _store(), brought)).model_dump(), 201


def _spending() -> int:
    """Who sends, and may; no transaction is left open: a bucket may be far away."""
    person_id = access.person().id
    rates.spend(SENDINGS, person_id)
    db.finish(keep=True)
    return person_id


def picture_out(picture: Picture, words: str = "") -> PictureOut:
    return PictureOut(
        id=picture.id,
        markdown=pictures.markdown(picture, words),
        url=pictures.url(picture),
        width=picture.width,
        height=picture.height,
    )


def file_out(file: Attachment) -> FileOut:
    return FileOut.model_validate(file)
