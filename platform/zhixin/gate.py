"""Who waits for the network, and who for a processor: two kinds of requests, a bound for each.

A thread that takes a large body from a slow line does nothing for minutes or hours. Were it one
of the few that answer pages and beats, a handful of authors would stop the platform. So the
server has threads for both (``zhixin.serving``), and this decides how many of each kind go on at
once: of the ordinary ones as many as are good for the processors, the others waiting their turn;
of those that bring much, more, and whoever comes beyond is asked to come again.

What is answered before Flask (``courses.lane``) does not come here: beats wait to be written
together and hardly for a processor, and the more of them, the cheaper each.
"""

from __future__ import annotations

from collections.abc import Iterable
from queue import Empty
from typing import TYPE_CHECKING

from flask import Flask, request

from zhixin.config import Settings
from zhixin.errors import DomainError
from zhixin.places import Places

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: A body up to here is in the socket's buffer by the time that its request is read.
SMALL_BYTES = 64 * 1024
#: Pieces of a tus upload (``media.api``), however small: they come straight from the author's
#: line, where a reverse proxy gathers all other bodies before it passes them on.
STREAMED = "application/offset+octet-stream"
RETRY_AFTER_S = 5
_REFUSED = "zhixin.uploads_full"


class UploadsFull(DomainError):
    """So many bring large bodies at this moment that another would take a page's thread."""

    status = 503
    code = "uploads-full"
    title = "同时上传的人太多，请稍后再试"


class Gate:
    """WSGI: at most ``threads`` ordinary requests at once and ``uploads`` that bring much.

    Attributes:
        ordinary: the places of ordinary requests, for whoever has work of their kind.
    """

    def __init__(self, inner: WSGIApplication, *, threads: int, uploads: int) -> None:
        self._inner = inner
        self.ordinary, self._uploads = Places(threads), Places(uploads)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        places = self.ordinary
        if _brings_much(environ):
            try:
                self._uploads.get_nowait()
            except Empty:
                environ[_REFUSED] = True
                places.get()
            else:
                places = self._uploads
        else:
            places.get()
        try:
            return self._inner(environ, start_response)
        finally:
            places.put(None)


def _brings_much(environ: WSGIEnvironment) -> bool:
    """Will somebody have to wait for this request's body?"""
    length = environ.get("CONTENT_LENGTH")
    if not length:
        return "HTTP_TRANSFER_ENCODING" in environ
    streamed = environ.get("CONTENT_TYPE") == STREAMED
    return streamed or not length.isdecimal() or int(length) > SMALL_BYTES


def _refuse() -> None:
    if request.environ.get(_REFUSED):
        raise UploadsFull(retry_after_s=RETRY_AFTER_S)


def init_app(app: Flask, settings: Settings) -> None:
    """Before anything looks at a body, so first of what Flask asks."""
    app.before_request_funcs.setdefault(None, []).insert(0, _refuse)
    gate = Gate(app.wsgi_app, threads=settings.web_threads, uploads=settings.web_uploads)
    app.extensions["gate"] = app.wsgi_app = gate  # type: ignore[method-assign]
