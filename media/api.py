"""tus 1.0 resumable uploads (https://tus.io/protocols/resumable-upload), and a video's state."""

from __future__ import annotations

import base64
import os
from datetime import UTC, timedelta
from email.utils import format_datetime

from flask import Response, current_app, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from media import assets, joining, queueing, refinements, streaming, uploads, usage, words
from media.errors import FileRefused
from media.file_models import Attachment
from media.models import Asset, AssetState, Upload, UploadKind
from media.refinement_models import RefinementState
from media.storage import MediaStore
from zhixin import access, api, clock, config, db, security
from zhixin.errors import DomainError, Invalid, NotAllowed
from zhixin.people.models import Role

blueprint = api.api_blueprint("media", "视频上传（tus 1.0）与处理进度")
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,checksum,expiration,concatenation"
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
    ahead: int | None = Field(description="how many come before it; null: it does not wait")
    seconds_left: int | None = Field(description="of the work; null: not known yet")
    standing: str = Field(description="the same in words")
    duration_ms: int | None
    refining: RefinementState | None = Field(
        description="of a ready video that was taken over as it is: the work on its lower renditions"
    )
    refined: int | None = Field(description="how far that is, percent")
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


@blueprint.post("/uploads", summary="Begin an upload (tus creation, concatenation)")
@access.only(Role.AUTHOR)
@db.short_transactions
@security.streams
def create() -> ResponseReturnValue:
    """Upload-Length (or Upload-Defer-Length) and Upload-Metadata (filename, kind, sha256) in
    headers; the address in Location. Bytes may come with it. Upload-Concat makes a part, or a
    whole of parts."""
    _check_version()
    concat = request.headers.get("Upload-Concat", "").strip()
    if concat.startswith("final;"):
        return _join(concat.removeprefix("final;").split())
    if concat not in ("", "partial"):
        raise Invalid("分段方式（Upload-Concat）有误", code="upload-concat")
    length = _number("Upload-Length")
    if length is None and request.headers.get("Upload-Defer-Length") != "1":
        raise Invalid("缺少文件大小（Upload-Length）", code="upload-length")
    upload, known = _begin(length, partial=concat == "partial")
    done: Asset | Attachment | None = known
    if request.mimetype == OFFSET_TYPE and known is None:  # creation-with-upload
        upload.received, done = _receive(upload.id, 0, _checksum())
    response = _tus(
        201,
        Location=url_for("media_api.patch", upload_id=upload.id),
        Upload_Offset=upload.received,
        Upload_Expires=_expires(upload),
    )
    return _naming(response, done)


def _begin(length: int | None, *, partial: bool) -> tuple[Upload, Asset | None]:
    """A new upload, and the video that it is already."""
    settings, facts, owner_id = _settings(), _metadata(), access.person().id
    db.finish(keep=False)
    try:
        kind = UploadKind(facts.get("kind") or "video")
    except ValueError:
        raise Invalid("文件的用途（kind）只能是 video 或 file", code="upload-metadata") from None
    is_file = kind is UploadKind.FILE
    with db.database().transaction() as session:
        _require_room(session, owner_id, length or 0)
        upload = uploads.create(
            session,
            _store(),
            owner_id=owner_id,
            file_name=facts.get("filename", ""),
            size=length,
            max_bytes=settings.file_bytes if is_file else settings.max_upload_bytes,
            keep=timedelta(days=settings.upload_days),
            kind=kind,
            partial=partial,
            now=clock.now(),
        )
        known = None
        if (sha256 := facts.get("sha256")) and not partial and not is_file:
            known = uploads.known(session, owner_id, sha256.lower(), length)
        if known and not uploads.recognise(session, upload, known):
            known = None
        if known:
            db.after_commit(session, lambda: _store().upload(upload.id).unlink(missing_ok=True))
    return upload, known


def _require_room(session: Session, owner_id: int, size: int) -> None:
    settings, now = _settings(), clock.now()
    usage.require(session, owner_id, size, settings.author_bytes)
    queueing.require_share(session, owner_id, size, settings.author_bytes_a_day, now)


def _join(urls: list[str]) -> ResponseReturnValue:
    settings, facts, owner_id = _settings(), _metadata(), access.person().id
    ids = [url.rstrip("/").rsplit("/", 1)[-1] for url in urls]
    db.finish(keep=False)
    with db.database().transaction() as session:
        parts = joining.parts(session, ids, owner_id, clock.now())
        is_file = facts.get("kind") == UploadKind.FILE
        whole = uploads.create(
            session,
            _store(),
            owner_id=owner_id,
            file_name=facts.get("filename", ""),
            size=sum(part.size for part in parts),
            max_bytes=settings.file_bytes if is_file else settings.max_upload_bytes,
            keep=timedelta(days=settings.upload_days),
            kind=UploadKind.FILE if is_file else UploadKind.VIDEO,
            now=clock.now(),
        )
        whole.parts = " ".join(ids)
    try:
        joining.copy(_store(), parts, whole)
        brought = uploads.bring(_store(), whole, whole.size, clock.now())
        with db.database().transaction() as session:
            done = joining.finish(session, _store(), parts, whole, brought)
    except Exception:
        with db.database().transaction() as session:  # the parts are as they were
            uploads.terminate(session, _store(), whole)
        raise
    location = url_for("media_api.patch", upload_id=whole.id)
    return _naming(_tus(201, Location=location, Upload_Offset=whole.size), done)


def _naming(response: Response, done: Asset | Attachment | None) -> Response:
    """Say what an upload became."""
    if isinstance(done, Asset):
        response.headers["Zhixin-Asset"] = str(done.id)
    elif done is not None:
        response.headers["Zhixin-File"] = done.id
    return response


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
    response = _tus(200, Upload_Offset=upload.received, Upload_Expires=_expires(upload))
    if upload.length_known:
        response.headers["Upload-Length"] = str(upload.size)
    else:
        response.headers["Upload-Defer-Length"] = "1"
    if upload.partial:
        response.headers["Upload-Concat"] = "partial"
    if upload.parts:
        places = (url_for("media_api.patch", upload_id=each) for each in upload.parts.split())
        response.headers["Upload-Concat"] = f"final;{' '.join(places)}"
        if not upload.finished:  # tus: until its parts are joined there is no offset
            del response.headers["Upload-Offset"]
    if upload.asset_id:
        response.headers["Zhixin-Asset"] = str(upload.asset_id)
    if upload.attachment_id:
        response.headers["Zhixin-File"] = upload.attachment_id
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
    offset = _number("Upload-Offset")
    upload = _at_offset(path.upload_id, offset)
    if (length := _number("Upload-Length")) is not None and not upload.length_known:
        with db.database().transaction() as session:
            # What came of it counts already.
            _require_room(session, upload.owner_id, max(0, length - upload.received))
            uploads.tell_length(session, upload, length)
    received, done = _receive(path.upload_id, offset, checksum)
    response = _tus(204, Upload_Offset=received, Upload_Expires=_expires(upload))
    return _naming(response, done)


def _receive(
    upload_id: str, offset: int | None, checksum: tuple[str, bytes] | None
) -> tuple[int, Asset | Attachment | None]:
    """Take this request's bytes; how far the upload is now, and what it became."""
    # From here until the new offset is on record nobody else writes, so the offset is asked
    # for again: another request may just have moved it.
    with uploads.writing(_store().upload(upload_id)) as file:
        upload = _at_offset(upload_id, offset)
        _store().require_space(upload.size - upload.received if upload.length_known else 0)
        try:
            received = uploads.receive(
                file,
                offset=upload.received,
                size=upload.size,
                body=request.stream,
                checksum=checksum,
                note=lambda safe: _note(upload, safe),
            )
        except (OSError, HTTPException):
            # A broken connection: what arrived before is on disk, the client goes on from there.
            _advance(upload, file.seek(0, os.SEEK_END))
            raise
        return received, _advance(upload, received)


def _note(upload: Upload, received: int) -> None:
    """A request that lasts: what came is on record, as long as its author may send it."""
    access.check_again()
    db.finish(keep=False)
    with db.database().transaction() as session:
        uploads.note(session, upload, received)


def _at_offset(upload_id: str, offset: int | None) -> Upload:
    """One's own unfinished upload, if it is where this request goes on; leaves no transaction
    open: what follows may take as long as the network likes."""
    upload = uploads.get(db.session(), upload_id, access.person().id, clock.now())
    db.finish(keep=False)
    if upload.parts:
        raise NotAllowed("由分段合并的上传不能再追加内容")
    if upload.finished or upload.received != offset:
        raise uploads.OffsetMismatch
    return upload


def _advance(upload: Upload, received: int) -> Asset | Attachment | None:
    try:
        brought = uploads.bring(_store(), upload, received, clock.now())
        with db.database().transaction() as session:
            return uploads.advance(session, _store(), upload, received, brought)
    except FileRefused:  # it will not become another file by sending it again
        with db.database().transaction() as session:
            uploads.terminate(session, _store(), upload)
        raise
    except Exception:
        # The whole could not be kept. Its last byte is asked for again, and no other: so a client
        # that goes on tries once more.
        if received == upload.size > 1:
            with db.database().transaction() as session:
                uploads.advance(session, _store(), upload, received - 1, None)
        raise


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
    standing = queueing.standing(db.session(), found, clock.now())
    left = refinements.of(db.session(), found)
    return AssetOut(
        id=found.id,
        file_name=found.file_name,
        state=AssetState(found.state),
        progress=found.progress,
        failure=found.failure,
        ahead=standing.ahead,
        seconds_left=standing.seconds_left,
        standing=words.refinement_text(left, clock.now()) or words.standing_text(standing),
        duration_ms=found.duration_ms,
        refining=RefinementState(left.state) if left else None,
        refined=left.progress if left else None,
        playlist=streaming.playlist_url(found, viewer=person.id, now=clock.now())
        if ready
        else None,
        poster=streaming.poster_url(found),
    ).model_dump(mode="json")
