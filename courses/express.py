"""The express lane of beats: most of all writes, answered before Flask begins.

It takes only the ordinary beat: a browser's, under an open lease of somebody who is signed in,
with no presence prompt and nothing completed by it. Whatever else there is, a refusal
included, goes on to the ordinary route (``courses.learning_api.beat``), which decides by the
same statements and the same function; so the lane may give up at any point before it writes.

A process remembers where the playbacks that it serves stand. A beat is decided on that and
written only if it still is so: the coverage's revision, the lease and the sign-in are
conditions of the write. If it is not, the state is read and the beat decided anew.

Forgery from another site is kept out as the ordinary route does, by what such a site cannot
send: a header of our own with a JSON body. That header's value is checked there and not here,
for the address holds a secret of its own: the playback's random id.
"""

from __future__ import annotations

import re
import time
from collections import namedtuple
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Flask
from itsdangerous import BadSignature
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.http import parse_cookie

from courses import watched
from courses.learning_api import BeatReplyOut, CourseOut, UnitOut
from media import beats, intervals
from media.api_models import BeatIn
from media.beats import BEAT, COVERAGE, PLAYBACK, Decided, Video
from media.booking import ClaimRefused
from media.delivery import Deliveries
from media.models import Asset
from zhixin import clock
from zhixin.config import Settings
from zhixin.db import Database
from zhixin.lean import Lean
from zhixin.observe import BEATS, REQUESTS, SECONDS
from zhixin.people import sign_ins
from zhixin.people.models import Role
from zhixin.people.secrets import token_digest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ADDRESS = re.compile(r"/api/v1/playbacks/([A-Za-z0-9_-]{1,32})/beats")
_MOST_BYTES = 64 * 1024
_ENDPOINT = "learning_api.beat"

_SIGNED_IN = sign_ins.signed_in_as(PLAYBACK.c.person_id, Role.LEARNER)
_STATE = beats.STATE.where(
    PLAYBACK.c.ended_at.is_(None), COVERAGE.c.prompt_id.is_(None), _SIGNED_IN
)
State = namedtuple("State", [column.name for column in _STATE.selected_columns])  # type: ignore[misc]

#: The lease is open and its owner signed in. On PostgreSQL it is held first, as everywhere.
_LEASE = sa.select(PLAYBACK.c.id).where(
    PLAYBACK.c.id == sa.bindparam("playback_id"), PLAYBACK.c.ended_at.is_(None), _SIGNED_IN
)

#: Writes a beat down, if all is still as it was decided on; says whether it was.
Writer = Callable[[Any, dict[str, Any]], bool]

_CREDITED = BEATS.labels("credited")
_ANSWERED = REQUESTS.labels(_ENDPOINT, "POST", 200)
_SECONDS = SECONDS.labels(_ENDPOINT)

#: How many playbacks a process remembers.
_REMEMBERED = 20_000


def _write_at_once() -> sa.Update:
    """PostgreSQL: all three writes as one statement, which is one transaction."""
    lease = _LEASE.with_for_update(of=PLAYBACK).cte("lease")
    held = sa.select(lease.c.id).exists()
    coverage = beats.NOTE_COVERAGE.where(held).returning(COVERAGE.c.revision).cte("covered")
    decided = sa.select(coverage.c.revision).exists()
    row = sa.select(*beats.BEAT_VALUES.values()).where(decided)
    beat = sa.insert(BEAT).from_select(list(beats.BEAT_VALUES), row).cte("beat_added")
    return beats.NOTE_PLAYBACK.where(decided).add_cte(beat)


class BeatLane:
    """WSGI: ordinary beats here, everything else to ``inner``."""

    def __init__(self, inner: WSGIApplication, app: Flask, database: Database) -> None:
        self._inner, self._database = inner, database
        self._settings: Settings = app.extensions["settings"]
        self._deliveries: Deliveries = app.extensions["deliveries"]
        self._cookie = app.config["SESSION_COOKIE_NAME"]
        self._serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        self._lean = Lean(self._settings.database)
        self._read = self._lean.prepare(_STATE)
        self._write = self._writer_of_three() if self._lean.is_sqlite else self._writer_at_once()
        self._digest_of = lru_cache(maxsize=20_000)(self._read_cookies)
        self._needs_of = lru_cache(maxsize=10_000)(self._find_needs)
        self._known: dict[str, Any] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].endswith("/beats"):
            started = time.perf_counter()
            reply = self._beat(environ)
            if reply is not None:
                start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(reply)))])
                _CREDITED.inc()
                _ANSWERED.inc()
                _SECONDS.observe(time.perf_counter() - started)
                return [reply]
        return self._inner(environ, start_response)

    def _beat(self, environ: WSGIEnvironment) -> bytes | None:
        """The answer to an ordinary beat, which is then booked; None: not an ordinary one."""
        address = _ADDRESS.fullmatch(environ["PATH_INFO"])
        length = environ.get("CONTENT_LENGTH") or ""
        if (
            address is None
            or "HTTP_AUTHORIZATION" in environ
            or "HTTP_X_CSRFTOKEN" not in environ
            or not environ.get("CONTENT_TYPE", "").startswith("application/json")
            or not (length.isdecimal() and int(length) <= _MOST_BYTES)
        ):
            return None
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(body)  # for the ordinary route
        try:
            digest = self._digest_of(environ.get("HTTP_COOKIE", ""))
            beat = BeatIn.model_validate_json(body)
            return self._book(address[1], beat, digest)
        except (BadSignature, ValidationError, ClaimRefused, SQLAlchemyError, self._errors):
            return None

    @property
    def _errors(self) -> type[Exception]:
        """What this database's driver raises: a double, a lost connection, a busy database."""
        error: type[Exception] = self._lean.engine.dialect.loaded_dbapi.Error
        return error

    def _book(self, playback_id: str, beat: BeatIn, digest: bytes) -> bytes | None:
        now = clock.now()
        since = sign_ins.fresh_since(self._settings, now)
        signed_in: dict[str, Any] = {
            name: self._lean.instant(instant) for name, instant in since.items()
        }
        signed_in["token_digest"] = digest
        known = self._known.pop(playback_id, None)
        with self._lean.cursor() as cursor:
            if known is not None:
                reply = self._book_on(known, beat, cursor, signed_in, now)
                if reply is not None:
                    return reply
            row = self._read.run(cursor, {"playback_id": playback_id} | signed_in).fetchone()
            return self._book_on(State(*row), beat, cursor, signed_in, now) if row else None

    def _book_on(
        self, state: Any, beat: BeatIn, cursor: Any, signed_in: dict[str, Any], now: datetime
    ) -> bytes | None:
        """Decide on ``state`` and write, if it is an ordinary beat and still stands so."""
        video, needed_ms = self._needs_of(state.scope, state.asset_id)
        sent = int(state.segments or "0", 16) | self._deliveries.saved(state.id)
        decided = beats.decide(
            state, beat, video=video, sent=sent, now=now, instant=self._lean.read_instant
        )
        unusual = decided.booking.refused or decided.prompt_is_due
        if unusual or decided.covered_ms >= needed_ms:
            return None
        values = decided.values | signed_in
        values["now"] = self._lean.instant(values["now"])
        if not self._write(cursor, values):
            return None
        self._remember(state, values)
        return _answer(decided, needed_ms)

    def _writer_at_once(self) -> Writer:
        write = self._lean.prepare_write("beat", _write_at_once())
        return lambda cursor, values: write.run(cursor, values) == 1

    def _writer_of_three(self) -> Writer:
        coverage, *rest = (
            self._lean.prepare(statement)
            for statement in (
                beats.NOTE_COVERAGE.where(_LEASE.exists()), beats.ADD_BEAT, beats.NOTE_PLAYBACK
            )
        )  # fmt: skip

        def write(cursor: Any, values: dict[str, Any]) -> bool:
            cursor.execute("BEGIN IMMEDIATE")
            if coverage.run(cursor, values).rowcount != 1:
                cursor.execute("ROLLBACK")
                return False
            for statement in rest:
                statement.run(cursor, values)
            cursor.execute("COMMIT")
            return True

        return write

    def _remember(self, state: Any, values: dict[str, Any]) -> None:
        while len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known), ""), None)
        self._known[state.id] = state._replace(
            booked_ms=values["booked_after"],
            lapsed_ms=values["lapsed_after"],
            spans=values["spans_after"],
            covered_ms=values["covered_after"],
            updated_at=values["now"],
            revision=state.revision + 1,
        )

    def _read_cookies(self, header: str) -> bytes:
        """The digest of the sign-in's token in a signed cookie. Only the signature is judged
        here, so that it may be remembered; whether the sign-in is open is asked each time."""
        session = self._serializer.loads(parse_cookie(header).get(self._cookie, ""))
        return token_digest(str(session.get("_user_id", "")))

    def _find_needs(self, scope: str, asset_id: int) -> tuple[Video, int]:
        """What never changes of a video in a course version."""
        with self._database.session(writes=False) as session:
            asset = session.get_one(Asset, asset_id)
            return beats.video_of(asset), watched.needed(session, scope, asset)


def _answer(decided: Decided, needed_ms: int) -> bytes:
    booked = decided.booking
    reply = BeatReplyOut(
        credited_ms=intervals.total(booked.credited),
        refused_ms=0,
        reason=None,
        covered=[(start / 1000, end / 1000) for start, end in booked.covered_after],
        ended=None,
        prompt=None,
        unit=UnitOut(confirmed_ms=decided.covered_ms, needed_ms=needed_ms, done=False),
        course=CourseOut(complete=False, award=None),
    )
    return reply.model_dump_json().encode()


_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


def init_app(app: Flask) -> None:
    database: Database = app.extensions["db"]
    if not app.testing:  # a test's one connection cannot be shared with raw ones
        app.wsgi_app = BeatLane(app.wsgi_app, app, database)  # type: ignore[method-assign]
