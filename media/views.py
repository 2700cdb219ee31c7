"""Serving renditions and posters."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from flask import Blueprint, Response, current_app, request, send_file
from werkzeug.exceptions import NotFound as NoFile

from media import streaming
from media.delivery import Deliveries
from media.models import Asset, AssetState
from media.storage import MediaStore
from zhixin import access, clock, db
from zhixin.errors import NotFound

blueprint = Blueprint("media", __name__)


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
    """All of the file, or a range that is all of it, as some players ask (``bytes=0-``)."""
    sent = response.content_range
    if response.status_code == 206:
        return sent.start == 0 and sent.stop is not None and sent.stop == sent.length
    return response.status_code == 200


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


def _file(store: MediaStore, relative: str, max_age: int) -> Response:
    mime_type = streaming.MIME_TYPES[relative.rsplit(".", 1)[-1]]
    try:
        response = send_file(store.path(relative), mime_type, conditional=True, max_age=max_age)
    except (FileNotFoundError, NoFile):
        raise NotFound from None
    response.headers["Cache-Control"] = f"private, max-age={max_age}"
    return response
