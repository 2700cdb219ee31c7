"""Pictures and files, handed to a browser so that it runs nothing of them."""

from __future__ import annotations

from typing import BinaryIO

from flask import Response, send_file
from werkzeug.exceptions import NotFound as NoFile

from media.file_models import Attachment, Picture
from media.storage import MediaStore
from zhixin.errors import NotFound

#: Nothing may be loaded, run or framed, even if somebody opens it in a tab of its own.
NOTHING = "default-src 'none'; sandbox; frame-ancestors 'none'"
YEAR_S = 365 * 86400


def picture(store: MediaStore, found: Picture) -> Response:
    """A picture for a page; it never changes, so a browser asks once."""
    with _open(store, found.key) as file:
        response = Response(file.read(), content_type=found.media_type)
    response.set_etag(found.id)
    response.headers["Cache-Control"] = f"private, max-age={YEAR_S}, immutable"
    return _guarded(response)


def attachment(store: MediaStore, found: Attachment) -> Response:
    """A download under the author's name for it, never a page."""
    response = send_file(
        _open(store, found.key),
        found.media_type,
        as_attachment=True,
        download_name=found.file_name,
    )
    response.content_length = found.size_bytes
    response.headers["Cache-Control"] = "private, no-cache"
    return _guarded(response)


def _open(store: MediaStore, key: str) -> BinaryIO:
    try:
        return store.vault.open(key)
    except (FileNotFoundError, NoFile):
        raise NotFound from None


def _guarded(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = NOTHING
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
