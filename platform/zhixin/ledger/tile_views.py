"""The log for standard tools: C2SP tlog-tiles under ``/ledger``.

The prefix is the log's name, ``ZHIXIN_ORIGIN``, as the specification advises. All but the
checkpoint never changes, so anything between here and the reader may keep it for ever.
"""

from __future__ import annotations

import gzip

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from zhixin import access, db
from zhixin.errors import NotFound
from zhixin.ledger import log, tiles, witness
from zhixin.ledger.tiles import Place

blueprint = Blueprint("tiles", __name__, url_prefix="/ledger")

FOR_EVER = "public, max-age=31536000, immutable"
LEVELS = 8


@blueprint.get("/checkpoint")
@access.public
def checkpoint() -> ResponseReturnValue:
    """The newest signed tree head, with the cosignatures of witnesses."""
    head = log.head(db.session())
    if head is None:
        raise NotFound("账本还没有记录")
    note = witness.cosigned_note(db.session(), head)
    return Response(note, mimetype="text/plain", headers={"Cache-Control": "no-cache"})


@blueprint.get("/tile/<int:level>/<path:number>")
@access.public
def tile(level: int, number: str) -> ResponseReturnValue:
    """Hashes of one level of the tree."""
    at, width = _parse(number)
    if not request.path.startswith(f"/ledger/tile/{level}/") or level >= LEVELS:
        raise NotFound("没有这一层")
    return _for_ever(log.tile(db.session(), Place(level, at), width))


@blueprint.get("/tile/entries/<path:number>")
@access.public
def entries(number: str) -> ResponseReturnValue:
    """The entries under one tile of level 0, compressed for whoever asks."""
    at, width = _parse(number)
    answer = _for_ever(log.bundle(db.session(), at, width))
    answer.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip"):
        answer.data = gzip.compress(answer.data, mtime=0)
        answer.content_encoding = "gzip"
    return answer


def _parse(number: str) -> tuple[int, int]:
    parsed = tiles.parse_path(number)
    if parsed is None:
        raise NotFound("没有这样的地址")
    return parsed


def _for_ever(data: bytes | None) -> Response:
    if data is None:
        raise NotFound("账本还没有这么长")
    headers = {"Cache-Control": FOR_EVER}
    return Response(data, mimetype="application/octet-stream", headers=headers)
