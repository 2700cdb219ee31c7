"""The express lane of handing in: what everybody does within the last minute of an examination.

It takes only the ordinary case: the browser of somebody who is signed in hands an open attempt
in. It does so by the rule of the ordinary route (``assessments.handing_in.submit`` and
``courses.completion.check``), with less around it; on SQLite those who hand in at one moment
share a transaction (``zhixin.gathering``). Whatever else there is, a refusal included, goes on to
the ordinary route (``courses.learning_api.submit_attempt``), so the lane may give up at any point
before it commits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from assessments import frozen, handing_in
from assessments.api import AnswersIn
from assessments.models import Attempt
from assessments.sheets import Change
from courses import completion, quizzes, scopes
from courses.lane import Lane
from courses.learning import sampling_seed
from courses.learning_api import SubmittedOut
from courses.models import Enrolment
from zhixin import clock
from zhixin.db import Database
from zhixin.gathering import Gathered
from zhixin.people import sign_ins
from zhixin.people.models import Role

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: How many hand in together.
_MOST = 16
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


class HandInLane(Lane):
    """WSGI: ordinary hand-ins here, everything else to ``inner``."""

    endpoint, method, ending = "learning_api.submit_attempt", "POST", "/submission"
    address = re.compile(r"/api/v1/attempts/([0-9]{1,9})/submission")

    def __init__(self, inner: WSGIApplication, app: Flask, database: Database) -> None:
        super().__init__(inner, app)
        self._app, self._database = app, database
        self._pages = app.url_map.bind("")
        self._theirs = self._lean.prepare(_THEIRS)
        self._enrolment = self._lean.prepare(_ENROLMENT)
        # SQLite has one writer at a time anyway; PostgreSQL's do not wait for each other.
        self._write = (
            Gathered(self._hand_in_together, self._hand_in_alone, most=_MOST).write
            if self._lean.is_sqlite
            else self._hand_in_alone
        )
        self._unit_of = lru_cache(maxsize=1_000)(self._find_unit)

    def answer(self, named: str, body: bytes, digest: bytes) -> bytes | None:
        changes = AnswersIn.model_validate_json(body).as_changes
        with self._turns:  # other than beats it is work for a processor
            return self._hand_in(int(named), changes, digest)

    def _hand_in(self, attempt_id: int, changes: Sequence[Change], digest: bytes) -> bytes | None:
        now = clock.now()
        found = self._read(attempt_id, digest, now)
        if found is None:
            return None
        person_id, enrolment_id, unit_key = found
        one = HandIn(attempt_id, person_id, enrolment_id, changes, now)
        if not self._write(one):
            return None
        page = self._pages.build(
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

    def _hand_in_alone(self, one: HandIn) -> bool:
        return self._hand_in_together([one])[0]

    def _close(self, session: Session, one: HandIn) -> None:
        closed = handing_in.submit(
            session, one.attempt_id, one.person_id, None, one.now, changes=one.changes
        )
        one.closed_at = closed.closed_at
        if closed.passed:
            completion.check(session, one.enrolment_id, sampling_seed=sampling_seed(), now=one.now)


def init_app(app: Flask) -> None:
    database: Database = app.extensions["db"]
    if not app.testing:  # a test's one connection cannot be shared with raw ones
        app.wsgi_app = HandInLane(app.wsgi_app, app, database)  # type: ignore[method-assign]
