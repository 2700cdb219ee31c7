"""tus 1.0 resumable uploads (https://tus.io/protocols/resumable-upload), and a video's state."""

from __future__ import annotations

import base64
import os
from datetime import UTC, timedelta
from email.utils import format_datetime

from flask import Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from werkzeug.exceptions import HTTPException

from media import assets, streaming, uploads
from media.models import Asset, AssetState, Upload
from media.storage import MediaStore
from zhixin import access, api, clock, config, db, security
from zhixin.errors import DomainError, Invalid
from zhixin.people.models import Role

blueprint = api.api_blueprint("media", "视频上传（tus 1.0）与处理进度")
VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
OFFSET_TYPE = "application/offset+octet-stream"


class UnsupportedVersion(DomainError):
    status = 412
    code = "tus-version"
    title = "仅支持 tus 1.0.0 协议"


class WrongType(DomainError):
    status = 415
    code = "content-type"
    title = "续传数据的类型必须是 application/offset+octet-stream"


class UnknownChecksum(DomainError):
    status = 400
    code = "upload-checksum"
    title = "不支持的校验方式（Upload-Checksum）"


class UploadPath(api.Model):
    upload_id: str = Field(pattern=r"^[0-9a-f]{32}$")


class AssetPath(api.Model):
    asset_id: int


class AssetOut(api.Model):
    """A video as its author follows it."""

    id: int
    file_name: str
    state: AssetState
    progress: int = Field(description="percent")
    failure: str | None = Field(description="why it failed, in words")
    duration_ms: int | None
    playlist: str | None = Field(description="preview, once ready")
    poster: str | None


def _store() -> MediaStore:
    store: MediaStore = current_app.extensions["media_store"]
    return store


def _settings() -> config.Settings:
    settings: config.Settings = current_app.extensions["settings"]
    return settings


def _tus(status: int, **headers: str | int) -> Response:
    response = Response(status=status)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = str(value)
    return response


def _check_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise UnsupportedVersion


@blueprint.after_request
def _name_version(response: Response) -> Response:
    """The protocol asks for it in every answer, refusals too."""
    if request.endpoint != "media_api.asset":
        response.headers["Tus-Resumable"] = VERSION
        if response.status_code == UnsupportedVersion.status:
            response.headers["Tus-Version"] = VERSION
    return response


def _number(header: str) -> int | None:
    """A header's whole number; None if it has none, or one beyond any file."""
    text = request.headers.get(header, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _expires(upload: Upload) -> str:
    return format_datetime(upload.expires_at.astimezone(UTC), usegmt=True)


@blueprint.route("/uploads", methods=["OPTIONS"], provide_automatic_options=False)
@access.public
def capabilities() -> ResponseReturnValue:
    """What this server can do of tus."""
    return _tus(
        204, Tus_Version=VERSION, Tus_Extension=EXTENSIONS, Tus_Max_Size=_settings().max_upload_bytes,
        Tus_Checksum_Algorithm=",".join(uploads.CHECKSUMS),
    )  # fmt: skip


@blueprint.post("/uploads", summary="Begin an upload (tus creation)")
@access.only(Role.AUTHOR)
def create() -> ResponseReturnValue:
    """Upload-Length and Upload-Metadata (filename) in headers; the address in Location."""
    _check_version()
    length = _number("Upload-Length")
    if length is None:
        raise Invalid("缺少文件大小（Upload-Length）", code="upload-length")
    upload = uploads.create(
        db.session(),
        _store(),
        owner_id=access.person().id,
        file_name=_metadata().get("filename", ""),
        size=length,
        max_bytes=_settings().max_upload_bytes,
        keep=timedelta(days=_settings().upload_days),
        now=clock.now(),
    )
    return _tus(
        201,
        Location=url_for("media_api.patch", upload_id=upload.id),
        Upload_Offset=0,
        Upload_Expires=_expires(upload),
    )


def _metadata() -> dict[str, str]:
    found = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except ValueError:  # not base64, or not UTF-8
            raise Invalid("上传信息（Upload-Metadata）格式有误", code="upload-metadata") from None
    return found


@blueprint.route("/uploads/<upload_id>", methods=["HEAD"])
@access.only(Role.AUTHOR)
def offset(upload_id: str) -> ResponseReturnValue:
    """How far an upload is."""
    _check_version()
    upload = uploads.get(db.session(), upload_id, access.person().id, clock.now())
    response = _tus(
        200,
        Upload_Offset=upload.received,
        Upload_Length=upload.size,
        Upload_Expires=_expires(upload),
    )
    if upload.asset_id:
        response.headers["Zhixin-Asset"] = str(upload.asset_id)
    return response


@blueprint.patch("/uploads/<upload_id>", summary="Send bytes (tus)")
@access.only(Role.AUTHOR)
@db.short_transactions
@security.streams
def patch(path: UploadPath) -> ResponseReturnValue:
    """Append the body at Upload-Offset. The last byte makes a video: see Zhixin-Asset."""
    _check_version()
    if request.mimetype != OFFSET_TYPE:
        raise WrongType
    checksum = _checksum()
    _at_offset(path.upload_id)
    # From here until the new offset is on record nobody else writes, so the offset is asked
    # for again: another request may just have moved it.
    with uploads.writing(_store().upload(path.upload_id)) as file:
        upload = _at_offset(path.upload_id)
        _store().require_space(upload.size - upload.received)
        try:
            received = uploads.receive(
                file,
                offset=upload.received,
                size=upload.size,
                body=request.stream,
                checksum=checksum,
            )
        except (OSError, HTTPException):
            # A broken connection: what arrived before is on disk, the client goes on from there.
            _advance(upload, file.seek(0, os.SEEK_END))
            raise
        asset = _advance(upload, received)
    response = _tus(204, Upload_Offset=received, Upload_Expires=_expires(upload))
    if asset:
        response.headers["Zhixin-Asset"] = str(asset.id)
    return response


def _at_offset(upload_id: str) -> Upload:
    """One's own unfinished upload, if it is where this request goes on; leaves no transaction
    open: what follows may take as long as the network likes."""
    upload = uploads.get(db.session(), upload_id, access.person().id, clock.now())
    db.finish(keep=False)
    if upload.asset_id or upload.received != _number("Upload-Offset"):
        raise uploads.OffsetMismatch
    return upload


def _advance(upload: Upload, received: int) -> Asset | None:
    with db.database().transaction() as session:
        return uploads.advance(session, _store(), upload, received, clock.now())


def _checksum() -> tuple[str, bytes] | None:
    if not (header := request.headers.get("Upload-Checksum")):
        return None
    algorithm, _, value = header.partition(" ")
    try:
        if algorithm in uploads.CHECKSUMS:
            return algorithm, base64.b64decode(value, validate=True)
    except ValueError:
        pass
    raise UnknownChecksum


@blueprint.delete("/uploads/<upload_id>", summary="Give up an upload (tus termination)")
@access.only(Role.AUTHOR)
def terminate(path: UploadPath) -> ResponseReturnValue:
    """Forget an unfinished upload."""
    _check_version()
    session = db.session()
    upload = uploads.get(session, path.upload_id, access.person().id, clock.now())
    uploads.terminate(session, _store(), upload)
    return _tus(204)


@blueprint.get("/assets/<int:asset_id>", summary="A video's state", responses={200: AssetOut})
@access.only(Role.AUTHOR)
def asset(path: AssetPath) -> ResponseReturnValue:
    """Transcoding in percent, or why it failed."""
    person = access.person()
    found = assets.get(db.session(), path.asset_id, person.id)
    ready = found.state == AssetState.READY
    return AssetOut(
        id=found.id,
        file_name=found.file_name,
        state=AssetState(found.state),
        progress=found.progress,
        failure=found.failure,
        duration_ms=found.duration_ms,
        playlist=streaming.playlist_url(found, viewer=person.id, now=clock.now())
        if ready
        else None,
        poster=streaming.poster_url(found),
    ).model_dump(mode="json")
