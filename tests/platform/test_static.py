"""Built assets go out compressed to whom can read that, and as they are to others."""

from __future__ import annotations

import gzip
import re

import pytest
from flask import Flask
from werkzeug.wrappers import Response

from zhixin.pages import asset_url


def _get(app: Flask, address: str, codings: str) -> Response:
    with app.test_client().get(address, headers={"Accept-Encoding": codings}) as answer:
        answer.get_data()  # read while the file is open
        return answer


@pytest.mark.parametrize("name", ["app.js", "app.css", "icons.svg"])
def test_texts_are_sent_compressed(app: Flask, name: str) -> None:
    """The same content in a fraction of the bytes, of the same kind, kept by caches for each
    coding apart."""
    with app.test_request_context():
        address = asset_url(name)
    plain = _get(app, address, "gzip;q=0")
    packed = _get(app, address, "gzip, deflate")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) * 2 < len(plain.data)
    for answer in (plain, packed):
        assert "accept-encoding" in answer.vary
        assert answer.mimetype == plain.mimetype
        assert "max-age=31536000" in answer.headers["Cache-Control"]
    small = _get(app, address, "gzip, br")
    assert small.headers["Content-Encoding"] == "br"
    assert len(small.data) < len(packed.data)


def test_what_is_not_there_stays_away(app: Flask) -> None:
    """Neither a packed file of another folder nor a name that was never built."""
    for address in ("/static/dist/none.js", "/static/..%2fREADME.md", "/static/dist/"):
        answer = _get(app, address, "gzip")
        assert answer.status_code == 404
        assert not re.search("gzip", answer.headers.get("Content-Encoding", ""))
