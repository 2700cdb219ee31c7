"""The express lane of segments: most of all requests, answered before Flask begins.

It serves only the ordinary case, a whole segment by a good address; whatever is unusual goes
on to the ordinary route (``media.views.stream``), which says what is wrong.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import Flask

from media import streaming
from media.delivery import Deliveries
from media.storage import MediaStore
from zhixin import clock
from zhixin.errors import DomainError
from zhixin.observe import REQUESTS, SECONDS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ADDRESS = re.compile(r"/media/([0-9]{1,10})/([^/]+)/(v[0-9]/s([0-9]{5})\.m4s)")
_ANSWERED = REQUESTS.labels("media.stream", "GET", 200)
_SECONDS = SECONDS.labels("media.stream")
#: How many addresses a process remembers as well signed.
_REMEMBERED = 20_000
#: With any of these the answer is not simply the whole file.
_UNUSUAL = ("HTTP_RANGE", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE")


class SegmentLane:
    """WSGI: segments here, everything else to ``inner``."""

    def __init__(self, inner: WSGIApplication, app: Flask) -> None:
        self._inner = inner
        self._secret = app.secret_key
        store: MediaStore = app.extensions["media_store"]
        self._assets = str(store.path("assets"))
        self._signed = lru_cache(maxsize=_REMEMBERED)(self._read_address)
        self._deliveries: Deliveries = app.extensions["deliveries"]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.endswith(".m4s") and environ["REQUEST_METHOD"] == "GET":
            started = time.perf_counter()
            body = self._segment(path, environ)
            if body is not None:
                start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(body)))])
                _ANSWERED.inc()
                _SECONDS.observe(time.perf_counter() - started)
                return [body]
        return self._inner(environ, start_response)

    def _segment(self, path: str, environ: WSGIEnvironment) -> bytes | None:
        """The file's bytes, noted as sent; None: not an ordinary request."""
        parts = _ADDRESS.fullmatch(path)
        if parts is None or any(name in environ for name in _UNUSUAL):
            return None
        asset_id, grant, name, number = parts.groups()
        now = clock.now()
        try:
            granted = self._signed(int(asset_id), grant)
            granted.require_valid(now)
        except DomainError:
            return None
        segment = int(number)
        if granted.playback_id is None or self._deliveries.may_send(
            granted.playback_id, segment, granted.opened_at_s, now
        ):
            return None
        try:
            body = _read(f"{self._assets}/{int(asset_id)}/{granted.folder}/{name}")
        except OSError:
            return None
        self._deliveries.note(granted.playback_id, segment)
        return body

    def _read_address(self, asset_id: int, grant: str) -> streaming.Grant:
        """What an address opens; it may be remembered, for nothing but the signature is judged."""
        return streaming.signed(asset_id, grant, self._secret)  # type: ignore[arg-type]


def _read(path: str) -> bytes:
    """The whole file. (``Path.read_bytes`` asks the system twice as much, and waits each time
    for its turn among the threads.)

    Raises:
        OSError: there is none, or it did not come in one piece.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        body = os.read(descriptor, size)
    finally:
        os.close(descriptor)
    if len(body) != size:
        raise OSError
    return body


_HEADERS = (
    ("Content-Type", streaming.MIME_TYPES["m4s"]),
    ("Cache-Control", "private, max-age=21600"),
    ("X-Content-Type-Options", "nosniff"),
)


def init_app(app: Flask) -> None:
    app.wsgi_app = SegmentLane(app.wsgi_app, app)  # type: ignore[method-assign]
