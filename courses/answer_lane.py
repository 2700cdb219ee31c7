"""The express lane of answers: most of all writes while an examination ends.

It takes only the ordinary save: one answer, from the browser of somebody who is signed in, to
an open attempt in time, later than what is there. Whatever else there is, a refusal or an
overtaken answer included, goes on to the ordinary route (``courses.learning_api.save_answers``),
which writes by the same rule; so the lane may give up at any point before it writes. As there,
nothing is graded, and nothing that it does depends on what is right.

What never changes of an attempt (its paper, its end) is remembered; that it is open, in time,
and whose it is are conditions of the write. Answers of one moment are written together
(``zhixin.gathering``). Forgery is kept out as in ``courses.express``: by a header of our own
with a JSON body, which no other site can send.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
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

from assessments import frozen, sheets, timing
from assessments.api import AnswersIn, SavedOut
from assessments.grading import AnswerRefused
from assessments.models import Attempt
from assessments.papers import Question
from zhixin import clock
from zhixin.config import Settings
from zhixin.db import Database
from zhixin.errors import NotFound
from zhixin.gathering import Gathered
from zhixin.lean import Lean
from zhixin.observe import REQUESTS, SECONDS
from zhixin.people import sign_ins
from zhixin.people.models import Role
from zhixin.people.secrets import token_digest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ADDRESS = re.compile(r"/api/v1/attempts/([0-9]{1,9})/answers")
_MOST_BYTES = 64 * 1024
_ENDPOINT = "learning_api.save_answers"
_ANSWERED = REQUESTS.labels(_ENDPOINT, "PUT", 200)
_SECONDS = SECONDS.labels(_ENDPOINT)
#: How many attempts a process remembers, and how many answers are written at once.
_REMEMBERED = 20_000
_MOST = 64
_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)

#: The attempt is open, in time, and its owner signed in.
_HELD = sa.select(Attempt.id).where(
    Attempt.id == sa.bindparam("attempt_id"),
    Attempt.state == "open",
    sa.or_(Attempt.deadline_at.is_(None), Attempt.deadline_at >= sa.bindparam("in_time_since")),
    sign_ins.signed_in_as(Attempt.__table__.c.person_id, Role.LEARNER),
)


class AnswerLane:
    """WSGI: ordinary saves here, everything else to ``inner``."""

    def __init__(self, inner: WSGIApplication, app: Flask, database: Database) -> None:
        self._inner, self._database = inner, database
        self._settings: Settings = app.extensions["settings"]
        self._cookie = app.config["SESSION_COOKIE_NAME"]
        self._serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        self._lean = Lean(self._settings.database)
        self._common = Lean(self._settings.database, of_all_threads=True)
        held = _HELD
        if not self._lean.is_sqlite:
            # Who hands in at this moment holds the attempt: the ordinary route waits for them.
            held = held.with_for_update(read=True, skip_locked=True, of=Attempt)
        self._put = self._lean.prepare(sheets.put_where(held, sqlite_=self._lean.is_sqlite))
        self._write = Gathered(self._write_together, self._write_alone, most=_MOST).write
        self._digest_of = lru_cache(maxsize=20_000)(self._read_cookies)
        self._known: dict[int, tuple[dict[str, Question], datetime | None]] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].endswith("/answers"):
            started = time.perf_counter()
            reply = self._save(environ)
            if reply is not None:
                start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(reply)))])
                _ANSWERED.inc()
                _SECONDS.observe(time.perf_counter() - started)
                return [reply]
        return self._inner(environ, start_response)

    def _save(self, environ: WSGIEnvironment) -> bytes | None:
        """The answer to an ordinary save, which is then written; None: not an ordinary one."""
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
            return self._book(int(address[1]), AnswersIn.model_validate_json(body), digest)
        except (
            BadSignature, ValidationError, AnswerRefused, NotFound, SQLAlchemyError, self._errors
        ):  # fmt: skip
            return None

    @property
    def _errors(self) -> type[Exception]:
        """What this database's driver raises: a lost connection, a busy database."""
        error: type[Exception] = self._lean.engine.dialect.loaded_dbapi.Error
        return error

    def _book(self, attempt_id: int, body: AnswersIn, digest: bytes) -> bytes | None:
        if len(body.changes) != 1:
            return None
        now, (change,) = clock.now(), body.as_changes
        questions, deadline_at = self._find(attempt_id)
        asked = questions.get(change.question)
        if asked is None:
            return None
        values: dict[str, Any] = {
            name: self._lean.instant(instant)
            for name, instant in sign_ins.fresh_since(self._settings, now).items()
        } | {
            "attempt_id": attempt_id,
            "token_digest": digest,
            "in_time_since": self._lean.instant(now - timing.GRACE),
            "question": change.question,
            "seq": change.seq,
            "writer": change.writer,
            "answer": json.dumps(asked.answer(change.answer)),
            "now": self._lean.instant(now),
        }
        if not self._write(values):
            return None
        remaining = timing.remaining_ms(deadline_at, now)
        saved = SavedOut(saved_at=now.isoformat(), remaining_ms=remaining, overtaken=[])
        return saved.model_dump_json().encode()

    def _find(self, attempt_id: int) -> tuple[dict[str, Question], datetime | None]:
        """What never changes of an attempt: its questions and its end."""
        known = self._known.get(attempt_id)
        if known is None:
            with self._database.session(writes=False) as session:
                query = sa.select(Attempt.paper_version_id, Attempt.drawn, Attempt.deadline_at)
                found = session.execute(query.where(Attempt.id == attempt_id)).one_or_none()
                if found is None:
                    raise NotFound
                asked = frozen.asked(session, found.paper_version_id, found.drawn)
            while len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known), 0), None)
            known = self._known[attempt_id] = (asked, found.deadline_at)
        return known

    def _write_together(self, group: Sequence[dict[str, Any]]) -> list[bool]:
        with self._common.cursor() as cursor:
            if len(group) == 1:
                return [self._put.run(cursor, group[0]).rowcount == 1]
            cursor.execute("BEGIN IMMEDIATE" if self._common.is_sqlite else "BEGIN")
            try:
                written = [self._put.run(cursor, values).rowcount == 1 for values in group]
                cursor.execute("COMMIT")
            except BaseException:
                if not self._common.is_sqlite:
                    cursor.execute("ROLLBACK")
                raise
            return written

    def _write_alone(self, values: dict[str, Any]) -> bool:
        with self._lean.cursor() as cursor:
            return bool(self._put.run(cursor, values).rowcount == 1)

    def _read_cookies(self, header: str) -> bytes:
        """The digest of the sign-in's token in a signed cookie, see ``express.BeatLane``."""
        session = self._serializer.loads(parse_cookie(header).get(self._cookie, ""))
        return token_digest(str(session.get("_user_id", "")))


def init_app(app: Flask) -> None:
    database: Database = app.extensions["db"]
    if not app.testing:  # a test's one connection cannot be shared with raw ones
        app.wsgi_app = AnswerLane(app.wsgi_app, app, database)  # type: ignore[method-assign]
