"""The express lane of handing in: what everybody does within the last minute of an examination.

It takes only the ordinary case: the browser of somebody who is signed in hands an open attempt
in. It does so by the rule of the ordinary route (``assessments.handing_in.submit`` and
``courses.completion.check``), with less around it; and those who hand in at one
moment share a transaction (``zhixin.gathering``).
Whatever else there is, a refusal included, goes on to the ordinary route
(``courses.learning_api.submit_attempt``), so the lane may give up at any point before it commits.

Forgery is kept out as in ``courses.express``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Flask
from itsdangerous import BadSignature
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.http import parse_cookie

from assessments import frozen, handing_in
from assessments.api import AnswersIn
from assessments.models import Attempt
from assessments.sheets import Change
from courses import completion, quizzes, scopes
from courses.learning import sampling_seed
from courses.learning_api import SubmittedOut
from courses.models import Enrolment
from zhixin import clock
from zhixin.config import Settings
from zhixin.db import Database
from zhixin.errors import DomainError
from zhixin.gathering import Gathered
from zhixin.lean import Lean
from zhixin.observe import REQUESTS, SECONDS
from zhixin.people import sign_ins
from zhixin.people.models import Role
from zhixin.people.secrets import token_digest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ADDRESS = re.compile(r"/api/v1/attempts/([0-9]{1,9})/submission")
_MOST_BYTES = 64 * 1024
_ENDPOINT = "learning_api.submit_attempt"
_ANSWERED = REQUESTS.labels(_ENDPOINT, "POST", 200)
_SECONDS = SECONDS.labels(_ENDPOINT)
#: How many hand in together.
_MOST = 16
_HEADERS = (
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)

#: The attempt is open and its owner signed in: whose it is, and for what.
_THEIRS = sa.select(Attempt.person_id, Attempt.scope, Attempt.paper_version_id).where(
    Attempt.id == sa.bindparam("attempt_id"),
    Attempt.state == "open",
    sign_ins.signed_in_as(Attempt.__table__.c.person_id, Role.LEARNER),
)
_ENROLMENT = (
    sa.select(Enrolment.id)
    .where(
        Enrolment.person_id == sa.bindparam("person_id"),
        Enrolment.version_id == sa.bindparam("version_id"),
    )
    .order_by(Enrolment.id.desc())
    .limit(1)
)


@dataclass(slots=True)
class HandIn:
    """One request; ``closed_at`` once it is done."""

    attempt_id: int
    person_id: int
    enrolment_id: int
    changes: Sequence[Change]
    now: datetime
    closed_at: datetime | None = None


class HandInLane:
    """WSGI: ordinary hand-ins here, everything else to ``inner``."""

    def __init__(self, inner: WSGIApplication, app: Flask, database: Database) -> None:
        self._inner, self._app, self._database = inner, app, database
        self._settings: Settings = app.extensions["settings"]
        self._cookie = app.config["SESSION_COOKIE_NAME"]
        self._serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        self._addresses = app.url_map.bind("")
        self._lean = Lean(self._settings.database)
        self._theirs = self._lean.prepare(_THEIRS)
        self._enrolment = self._lean.prepare(_ENROLMENT)
        self._write = Gathered(
            self._hand_in_together, lambda one: self._hand_in_together([one])[0], most=_MOST
        ).write
        self._digest_of = lru_cache(maxsize=20_000)(self._read_cookies)
        self._unit_of = lru_cache(maxsize=1_000)(self._find_unit)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].endswith("/submission"):
            started = time.perf_counter()
            reply = self._take(environ)
            if reply is not None:
                start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(reply)))])
                _ANSWERED.inc()
                _SECONDS.observe(time.perf_counter() - started)
                return [reply]
        return self._inner(environ, start_response)

    def _take(self, environ: WSGIEnvironment) -> bytes | None:
        """The answer to an ordinary hand-in, which is then done; None: not an ordinary one."""
        address = _ADDRESS.fullmatch(environ["PATH_INFO"])
        length = environ.get("CONTENT_LENGTH") or ""
        if (
            address is None
            or environ.get("SCRIPT_NAME")
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
            sent = AnswersIn.model_validate_json(body)
            return self._hand_in(int(address[1]), sent.as_changes, digest)
        except (BadSignature, ValidationError, DomainError, SQLAlchemyError, self._errors):
            return None

    def _hand_in(self, attempt_id: int, changes: Sequence[Change], digest: bytes) -> bytes | None:
        now = clock.now()
        found = self._read(attempt_id, digest, now)
        if found is None:
            return None
        person_id, enrolment_id, unit_key = found
        one = HandIn(attempt_id, person_id, enrolment_id, changes, now)
        if not self._write(one):
            return None
        page = self._addresses.build(
            "learning.unit", {"enrolment_id": enrolment_id, "unit_key": unit_key}
        )
        closed = SubmittedOut(closed_at=(one.closed_at or now).isoformat(), page=page)
        return closed.model_dump_json().encode()

    def _read(self, attempt_id: int, digest: bytes, now: datetime) -> tuple[int, int, str] | None:
        """Whose open attempt it is: the person, the enrolment and the unit's key."""
        values = {
            name: self._lean.instant(instant)
            for name, instant in sign_ins.fresh_since(self._settings, now).items()
        } | {"attempt_id": attempt_id, "token_digest": digest}
        with self._lean.cursor() as cursor:
            theirs = self._theirs.run(cursor, values).fetchone()
            if theirs is None:
                return None
            person_id, scope, paper_version_id = theirs
            of = {"person_id": person_id, "version_id": scopes.version_of(scope)}
            enrolment = self._enrolment.run(cursor, of).fetchone()
        return enrolment and (person_id, enrolment[0], self._unit_of(scope, paper_version_id))

    def _find_unit(self, scope: str, paper_version_id: int) -> str:
        """The key of the unit; its paper is read before anybody waits for the database."""
        with self._app.app_context(), self._database.session(writes=False) as session:
            frozen.paper(session, paper_version_id)
            return quizzes.unit_of(session, scope, paper_version_id).key

    def _hand_in_together(self, group: Sequence[HandIn]) -> list[bool]:
        with self._app.app_context(), self._database.transaction() as session:
            # In one order, so that no two wait for each other.
            for one in sorted(group, key=lambda each: each.attempt_id):
                self._close(session, one)
        return [True] * len(group)

    def _close(self, session: Session, one: HandIn) -> None:
        closed = handing_in.submit(
            session, one.attempt_id, one.person_id, None, one.now, changes=one.changes
        )
        one.closed_at = closed.closed_at
        if closed.passed:
            completion.check(session, one.enrolment_id, sampling_seed=sampling_seed(), now=one.now)

    @property
    def _errors(self) -> type[Exception]:
        """What this database's driver raises: a lost connection, a busy database."""
        error: type[Exception] = self._lean.engine.dialect.loaded_dbapi.Error
        return error

    def _read_cookies(self, header: str) -> bytes:
        """The digest of the sign-in's token in a signed cookie, see ``express.BeatLane``."""
        session = self._serializer.loads(parse_cookie(header).get(self._cookie, ""))
        return token_digest(str(session.get("_user_id", "")))


def init_app(app: Flask) -> None:
    database: Database = app.extensions["db"]
    if not app.testing:  # a test's one connection cannot be shared with raw ones
        app.wsgi_app = HandInLane(app.wsgi_app, app, database)  # type: ignore[method-assign]
