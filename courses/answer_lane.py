"""The express lane of answers: most of all writes while an examination ends.

It takes only the ordinary save: one answer, from the browser of somebody who is signed in, to
an open attempt in time, later than what is there. Whatever else there is, a refusal or an
overtaken answer included, goes on to the ordinary route (``courses.learning_api.save_answers``),
which writes by the same rule; so the lane may give up at any point before it writes. As there,
nothing is graded, and nothing that it does depends on what is right.

What never changes of an attempt (its paper, its end) is remembered; that it is open, in time,
and whose it is are conditions of the write. Answers of one moment are written together
(``zhixin.gathering``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Flask

from assessments import frozen, sheets, timing
from assessments.api import AnswersIn, SavedOut
from assessments.models import Attempt
from assessments.papers import Question
from courses.lane import Lane
from zhixin import clock
from zhixin.db import Database
from zhixin.errors import NotFound
from zhixin.gathering import Gathered
from zhixin.lean import Lean
from zhixin.people import sign_ins
from zhixin.people.models import Role

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: How many attempts a process remembers, and how many answers are written at once.
_REMEMBERED = 20_000
_MOST = 64
#: The attempt is open, in time, and its owner signed in.
_HELD = sa.select(Attempt.id).where(
    Attempt.id == sa.bindparam("attempt_id"),
    Attempt.state == "open",
    sa.or_(Attempt.deadline_at.is_(None), Attempt.deadline_at >= sa.bindparam("in_time_since")),
    sign_ins.signed_in_as(Attempt.__table__.c.person_id, Role.LEARNER),
)


class AnswerLane(Lane):
    """WSGI: ordinary saves here, everything else to ``inner``."""

    endpoint, method, ending = "learning_api.save_answers", "PUT", "/answers"
    address = re.compile(r"/api/v1/attempts/([0-9]{1,9})/answers")

    def __init__(self, inner: WSGIApplication, app: Flask, database: Database) -> None:
        super().__init__(inner, app)
        self._database = database
        self._common = Lean(self._settings.database, most=1)
        held = _HELD
        if not self._lean.is_sqlite:
            # Who hands in at this moment holds the attempt: the ordinary route waits for them.
            held = held.with_for_update(read=True, skip_locked=True, of=Attempt)
        self._put = self._lean.prepare(sheets.put_where(held, sqlite_=self._lean.is_sqlite))
        self._write = Gathered(self._write_together, self._write_alone, most=_MOST).write
        self._known: dict[int, tuple[dict[str, Question], datetime | None]] = {}

    def answer(self, named: str, body: bytes, digest: bytes) -> bytes | None:
        return self._book(int(named), AnswersIn.model_validate_json(body), digest)

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
            with self._turns, self._database.session(writes=False) as session:
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
        if len(group) == 1:
            return [self._write_one(self._common, group[0])]
        with self._common.transaction() as cursor:
            return [self._put.run(cursor, values).rowcount == 1 for values in group]

    def _write_alone(self, values: dict[str, Any]) -> bool:
        return self._write_one(self._lean, values)

    def _write_one(self, lean: Lean, values: dict[str, Any]) -> bool:
        with lean.writing() as cursor:
            return bool(self._put.run(cursor, values).rowcount == 1)


def init_app(app: Flask) -> None:
    database: Database = app.extensions["db"]
    if not app.testing:  # a test's one connection cannot be shared with raw ones
        app.wsgi_app = AnswerLane(app.wsgi_app, app, database)  # type: ignore[method-assign]
