"""Media addresses: signed, short-lived, bound to a playback, checked without the database."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app, url_for

from media.models import Asset, AssetState, Playback
from zhixin.errors import NotAllowed, TooManyRequests

#: An address outlives its video once at half speed, and a pause; then the page asks for another.
PAUSE = timedelta(minutes=30)
#: The only files that are ever served of an asset.
SERVED = re.compile(
    r"(?:master|audio)\.m3u8|thumbnails\.vtt|t[0-9]{3}\.jpg"
    r"|[av][0-9]/(?:index\.m3u8|init(?:_[0-9])?\.mp4|s[0-9]{5}\.m4s)"
)
#: Of pictures and of sound, which are cut alike: who only listens is being taught as well.
SEGMENT = re.compile(r"[av][0-9]/s([0-9]{5})\.m4s")
#: Run, whose it is, its beginning and end (seconds since 1970), signature. ``a``: a digit is 0 to 9.
GRANT = re.compile(r"(?a)(\w+)\.([pv]-[\w-]+)\.([0-9]{1,12})\.([0-9]{1,12})\.([\w-]+)")
MIME_TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "mp4": "video/mp4",
    "m4s": "video/iso.segment",
    "jpg": "image/jpeg",
    "vtt": "text/vtt; charset=utf-8",
}


class AddressExpired(NotAllowed):
    """The address is forged or too old."""

    code = "media-address-expired"
    title = "播放地址已失效，请刷新页面"


class TooFarAhead(TooManyRequests):
    """More media than can be watched for long was fetched already."""

    code = "too-far-ahead"
    title = "已缓冲足够多的内容，请稍后再取"


@dataclass(frozen=True, slots=True)
class Grant:
    """What an address opens.

    Attributes:
        folder: the run of renditions.
        playback_id: under which what is sent is noted; None: only a look (an author, a review).
        opened_at_s, expires_at_s: from when until when, seconds since 1970.
    """

    folder: str
    playback_id: str | None
    opened_at_s: int
    expires_at_s: int

    def require_valid(self, now: datetime) -> None:
        """Refuse it when it is too old.

        Raises:
            AddressExpired: it is.
        """
        if self.expires_at_s < now.timestamp():
            raise AddressExpired


def playlist_url(
    asset: Asset, *, playback: Playback | None = None, viewer: int | None = None, now: datetime
) -> str:
    """Address of the HLS playlist. The grant is a part of the path, so segments inherit it.

    Args:
        playback: whose segments count as delivered; without one ``viewer`` (a person's id)
            only looks.
    """
    whose = f"p-{playback.id}" if playback else f"v-{viewer}"
    opened = int(now.timestamp())
    lifetime = timedelta(milliseconds=2 * (asset.duration_ms or 0)) + PAUSE
    expires = int((now + lifetime).timestamp())
    folder = (asset.folder or "").rsplit("/", 1)[-1]
    signature = _signature(asset.id, folder, whose, opened, expires, _secret())
    grant = f"{folder}.{whose}.{opened}.{expires}.{signature}"
    return url_for("media.stream", asset_id=asset.id, grant=grant, name="master.m3u8")


def beside(playlist: str, name: str) -> str:
    """Address of another file of the same run, under the same grant."""
    return f"{playlist.rpartition('/')[0]}/{name}"


def check(asset_id: int, grant: str, now: datetime) -> Grant:
    """What ``grant`` opens.

    Raises:
        AddressExpired: forged, changed or too old.
    """
    granted = signed(asset_id, grant, _secret())
    granted.require_valid(now)
    return granted


def signed(asset_id: int, grant: str, secret: bytes) -> Grant:
    """What ``grant`` opens in its time, which the caller has to ask for.

    Raises:
        AddressExpired: forged or changed.
    """
    if not (parts := GRANT.fullmatch(grant)):
        raise AddressExpired
    folder, whose, opened, expires, signature = parts.groups()
    right = _signature(asset_id, folder, whose, int(opened), int(expires), secret)
    if not hmac.compare_digest(right, signature):
        raise AddressExpired
    return Grant(folder, whose[2:] if whose.startswith("p-") else None, int(opened), int(expires))


def _secret() -> bytes:
    secret = current_app.secret_key
    assert isinstance(secret, bytes)
    return secret


def _signature(
    asset_id: int, folder: str, whose: str, opened: int, expires: int, secret: bytes
) -> str:
    message = f"zhixin media|{asset_id}|{folder}|{whose}|{opened}|{expires}".encode()
    return urlsafe_b64encode(hmac.digest(secret, message, "sha256")[:18]).decode()


def poster_url(asset: Asset) -> str | None:
    """The poster's public address, once there is one."""
    if asset.state != AssetState.READY:
        return None
    return url_for("media.poster", asset_id=asset.id)
