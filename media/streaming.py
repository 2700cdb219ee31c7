"""Media addresses: signed, short-lived, bound to a viewer, checked without the database."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from flask import current_app, url_for

from media.models import Asset, AssetState
from zhixin.errors import NotAllowed

LIFETIME = timedelta(hours=6)
#: The only files that are ever served of an asset.
SERVED = re.compile(r"master\.m3u8|v[0-9]/(?:index\.m3u8|init(?:_[0-9])?\.mp4|s[0-9]{5}\.m4s)")
#: Run, viewer, end (seconds since 1970), signature. ``a``: a digit is 0 to 9 here.
GRANT = re.compile(r"(?a)(\w+)\.(\w+)\.([0-9]{1,12})\.([\w-]+)")
MIME_TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mp4": "video/mp4",
    "m4s": "video/iso.segment",
    "jpg": "image/jpeg",
}


class AddressExpired(NotAllowed):
    """The address is forged or too old."""

    code = "media-address-expired"
    title = "播放地址已失效，请刷新页面"


def playlist_url(asset: Asset, *, viewer: int | str, now: datetime) -> str:
    """Address of the HLS playlist. The grant is a part of the path, so segments inherit it."""
    expires = int((now + LIFETIME).timestamp())
    folder = (asset.folder or "").rsplit("/", 1)[-1]
    grant = f"{folder}.{viewer}.{expires}.{_signature(asset.id, folder, viewer, expires)}"
    return url_for("media.stream", asset_id=asset.id, grant=grant, name="master.m3u8")


def check(asset_id: int, grant: str, now: datetime) -> str:
    """The folder (run) of renditions that ``grant`` opens.

    Raises:
        AddressExpired: forged, changed or too old.
    """
    if not (parts := GRANT.fullmatch(grant)):
        raise AddressExpired
    folder, viewer, expires, signature = parts.groups()
    right = _signature(asset_id, folder, viewer, int(expires))
    if not hmac.compare_digest(right, signature) or int(expires) < now.timestamp():
        raise AddressExpired
    return folder


def _signature(asset_id: int, folder: str, viewer: int | str, expires: int) -> str:
    secret = current_app.secret_key
    assert isinstance(secret, bytes)
    message = f"zhixin media|{asset_id}|{folder}|{viewer}|{expires}".encode()
    return urlsafe_b64encode(hmac.digest(secret, message, "sha256")[:18]).decode()


def poster_url(asset: Asset) -> str | None:
    """The poster's public address, once there is one."""
    if asset.state != AssetState.READY:
        return None
    return url_for("media.poster", asset_id=asset.id)
