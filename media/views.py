"""Serving renditions and posters."""

from __future__ import annotations

import io
from datetime import datetime
from math import ceil

from flask import Blueprint, Response, current_app, redirect, request, send_file
from werkzeug.exceptions import NotFound as NoFile

from media import files, sending, streaming
from media.delivery import Deliveries
from media.file_models import Picture
from media.models import Asset, AssetState
from media.storage import MediaStore
from media.vaults import FolderVault
from zhixin import access, clock, db
from zhixin.errors import NotFound
from zhixin.people.models import Role

blueprint = Blueprint("media", __name__)
#: A bucket's address of one segment, in seconds: as long as it takes to fetch it.
ADDRESS_S = 60


@blueprint.get("/media/<int:asset_id>/<grant>/<path:name>")
@access.public  # the signed grant in the address is the permission
def stream(asset_id: int, grant: str, name: str) -> Response:
    """A playlist or segment. No database: a segment costs a signature check and a file."""
    now = clock.now()
    granted = streaming.check(asset_id, grant, now)
    if not streaming.SERVED.fullmatch(name):
        raise NotFound
    store: MediaStore = current_app.extensions["media_store"]
    segment = streaming.SEGMENT.fullmatch(name)
    if granted.playback_id and segment:
        number = int(segment[1])
        _keep_pace(granted, number, now)
    response = _file(store, f"assets/{asset_id}/{granted.folder}/{name}", 6 * 3600)
    # Whole and with its body: asking for the head or for a byte is not fetching.
    if granted.playback_id and segment and request.method == "GET" and _is_whole(response):
        _deliveries().note(granted.playback_id, number)
    return response


def _is_whole(response: Response) -> bool:
    """All of the file, or a range that is all of it, as some players ask (``bytes=0-``), or the
    way to it: who was shown where a segment is has been sent it, as far as this server can see."""
    sent = response.content_range
    if response.status_code == 206:
        return sent.start == 0 and sent.stop is not None and sent.stop == sent.length
    return response.status_code in (200, 302)


def _deliveries() -> Deliveries:
    deliveries: Deliveries = current_app.extensions["deliveries"]
    return deliveries


def _keep_pace(granted: streaming.Grant, segment: int, now: datetime) -> None:
    assert granted.playback_id is not None
    wait_s = _deliveries().may_send(granted.playback_id, segment, granted.opened_at_s, now)
    if wait_s is not None:
        raise streaming.TooFarAhead(retry_after_s=ceil(wait_s))


@blueprint.get("/media/<int:asset_id>/poster.jpg")
@access.public
def poster(asset_id: int) -> Response:
    """A video's still picture."""
    asset = db.session().get(Asset, asset_id)
    if asset is None or asset.state != AssetState.READY:
        raise NotFound
    return _file(current_app.extensions["media_store"], f"{asset.folder}/poster.jpg", 3600)


@blueprint.get("/pictures/<picture_id>")
@access.signed_in
def picture(picture_id: str) -> Response:
    """A picture of a page or a question. Its random name is known from there alone."""
    found = db.session().get(Picture, picture_id)
    if found is None:
        raise NotFound
    if found.id in request.if_none_match:
        return Response(status=304)
    return sending.picture(current_app.extensions["media_store"], found)


@blueprint.get("/studio/files/<file_id>")
@access.only(Role.AUTHOR)
def file(file_id: str) -> Response:
    """One's own file, as learners get it."""
    found = files.get(db.session(), file_id, access.person().id)
    return sending.attachment(current_app.extensions["media_store"], found)


def _file(store: MediaStore, relative: str, max_age: int) -> Response:
    """A file of the vault; where a bucket may be asked directly, the way there."""
    mime_type = streaming.MIME_TYPES[relative.rsplit(".", 1)[-1]]
    if address := _elsewhere(store, relative, mime_type):
        return redirect(address, 302)  # type: ignore[return-value]
    try:
        if isinstance(store.vault, FolderVault):
            path = store.vault.path(relative)
            response = send_file(path, mime_type, conditional=True, max_age=max_age)
        else:
            with store.vault.open(relative) as file:
                content = io.BytesIO(file.read())
            response = send_file(content, mime_type, conditional=True, max_age=max_age)
    except (FileNotFoundError, NoFile):
        raise NotFound from None
    response.headers["Cache-Control"] = f"private, max-age={max_age}"
    return response


def _elsewhere(store: MediaStore, relative: str, mime_type: str) -> str | None:
    # Only segments: a playlist's addresses are relative to where it came from.
    if request.method != "GET" or not relative.endswith(".m4s"):
        return None
    return store.vault.address(relative, media_type=mime_type, seconds=ADDRESS_S)
