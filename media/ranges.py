"""Parts of what is kept, as browsers ask for them (RFC 9110, 13 to 15): players seek in a film, and
some play none that can't be had in parts; downloads go on where they broke off.

One part at a time: who asks for several, or not in bytes, gets the whole, as the RFC allows. Of any
size only a piece is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from flask import Response, request
from werkzeug.http import quote_etag

from media.storage import MediaStore
from media.vaults import CHUNK_BYTES
from zhixin.errors import NotFound


def answer(store: MediaStore, key: str, size: int, media_type: str, *, etag: str) -> Response:
    """What lies under ``key``, or the part of it that this request is about.

    Args:
        size: in bytes.
        etag: another content has another one.

    Raises:
        NotFound: there is nothing under ``key``.
    """
    if request.if_none_match.contains_weak(etag):
        return _with(Response(status=304), etag)
    part = _asked(size, etag)
    if part is not None and not part:
        refusal = Response(status=416, mimetype=media_type)
        refusal.headers["Content-Range"] = f"bytes */{size}"
        return _with(refusal, etag)
    sent = range(size) if part is None else part
    response = Response(status=200 if part is None else 206, mimetype=media_type)
    if part:
        response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    if request.method != "HEAD" and sent:
        try:
            file = store.vault.open(key, sent.start, sent.stop)
        except FileNotFoundError:
            raise NotFound from None
        response.response = _pieces(file, len(sent))
        response.call_on_close(file.close)
    response.content_length = len(sent)
    return _with(response, etag)


def _asked(size: int, etag: str) -> range | None:
    """The bytes that are asked for; empty: there are none such; None: all."""
    asked = request.range
    if request.method != "GET" or asked is None or asked.units != "bytes" or len(asked.ranges) > 1:
        return None
    if request.headers.get("If-Range", quote_etag(etag)) != quote_etag(etag):
        return None  # of another content than this: the whole anew
    begin, end = asked.ranges[0]
    if begin < 0:  # so many of the last
        begin = max(0, size + begin)
    return range(begin, size if end is None else min(end, size))


def _pieces(file: BinaryIO, left: int) -> Iterator[bytes]:
    with file:
        while left and (piece := file.read(min(CHUNK_BYTES, left))):
            left -= len(piece)
            yield piece


def _with(response: Response, etag: str) -> Response:
    response.set_etag(etag)
    response.headers["Accept-Ranges"] = "bytes"
    return response
