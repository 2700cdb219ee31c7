"""The express lane of beats: most of all writes, answered before Flask begins.

It takes only the ordinary beat: a browser's, under an open lease of somebody who is signed in,
with no presence prompt and nothing completed by it. Whatever else there is, a refusal
included, goes on to the ordinary route (``courses.learning_api.beat``), which decides by the
same statements and the same function; so the lane may give up at any point before it writes.

A process remembers where the playbacks that it serves stand. A beat is decided on that and
written only if it still is so: the coverage's revision, the lease and the sign-in are
conditions of the write. If it is not, the state is read and the beat decided anew. Beats of
one moment are written together (``zhixin.gathering``).

At the door (``courses.lane``) the value of the header against forgery is not checked: the
address holds a secret of its own, the playback's random id.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import make_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa
from flask import Flask

from courses import watched
from courses.lane import Lane
from media import beats, intervals
from media.api_models import BeatIn
from media.beats import BEAT, COVERAGE, PLAYBACK, Decided, Video
from media.delivery import Deliveries
from media.models import Asset
from zhixin import clock
from zhixin.db import Database
from zhixin.gathering import Gathered
from zhixin.lean import Lean, Rows
from zhixin.observe import BEATS
from zhixin.people import sign_ins
from zhixin.people.models import Role

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_SIGNED_IN = sign_ins.signed_in_as(PLAYBACK.c.person_id, Role.LEARNER)
_STATE = beats.STATE.where(
    PLAYBACK.c.ended_at.is_(None), COVERAGE.c.prompt_id.is_(None), _SIGNED_IN
)
#: Where a playback stands: that row, and what its spans say.
Known = make_dataclass(
    "Known", [*(column.name for column in _STATE.selected_columns), "covered"], slots=True
)

#: The lease is open and its owner signed in.
_LEASE = sa.select(PLAYBACK.c.id).where(
    PLAYBACK.c.id == sa.bindparam("playback_id"), PLAYBACK.c.ended_at.is_(None), _SIGNED_IN
)

#: Writes some beats down in one transaction, each if all is still as it was decided on; says of
#: each whether it was.
Writer = Callable[[Any, Sequence[dict[str, Any]]], list[bool]]

_CREDITED = BEATS.labels("credited")

#: For a group's few rows PostgreSQL is to look each one up, however few or many it believes the
#: tables to hold: making hash tables takes longer, and reading all leases far longer.
_BY_INDEX = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan")

#: How many playbacks a process remembers.
_REMEMBERED = 20_000
#: How many beats are written at once.
_MOST = 64


def _write_one() -> sa.Update:
    """PostgreSQL: all three writes as one statement, which is one transaction.

    The lease is held first, as everywhere; what somebody else holds just now is left to the
    ordinary route, so that nobody's beats wait for another's.
    """
    lease = _LEASE.with_for_update(of=PLAYBACK, skip_locked=True).cte("lease")
    held = sa.select(lease.c.id).exists()
    coverage = beats.NOTE_COVERAGE.where(held).returning(COVERAGE.c.revision).cte("covered")
    decided = sa.select(coverage.c.revision).exists()
    row = sa.select(*beats.BEAT_VALUES.values()).where(decided)
    beat = sa.insert(BEAT).from_select(list(beats.BEAT_VALUES), row).cte("beat_added")
    return beats.NOTE_PLAYBACK.where(decided).add_cte(beat)


def _write_all(rows: Rows) -> sa.Update:
    """The same for each of ``rows``, which go from one step to the next: those whose lease is
    held, then those whose coverage was changed."""
    lease = rows.each(_LEASE).with_only_columns(*rows.columns)
    held = rows.step(lease.with_for_update(of=PLAYBACK, skip_locked=True), "lease")
    coverage = held.each(beats.NOTE_COVERAGE)
    covered = held.step(coverage.returning(*held.columns), "covered")
    row = covered.each(sa.select(*beats.BEAT_VALUES.values()))
    beat = sa.insert(BEAT).from_select(list(beats.BEAT_VALUES), row).cte("beat_added")
    noted: sa.Update = covered.each(beats.NOTE_PLAYBACK).add_cte(beat)
    return noted.returning(covered.place)


def _postgres_writer(lean: Lean) -> Writer:
    one = lean.prepare_write("beat", _write_one())
    rows = Rows.of(_LEASE, beats.NOTE_COVERAGE, beats.ADD_BEAT, beats.NOTE_PLAYBACK)
    several = lean.prepare_rows("beats", _write_all(rows))

    def write(cursor: Any, group: Sequence[dict[str, Any]]) -> list[bool]:
        if len(group) == 1:
            return [one.run(cursor, group[0]) == 1]
        written = several.run(cursor, group)
        return [place in written for place in range(len(group))]

    return write


def _sqlite_writer(lean: Lean) -> Writer:
    coverage, *rest = (
        lean.prepare(statement)
        for statement in (
            beats.NOTE_COVERAGE.where(_LEASE.exists()), beats.ADD_BEAT, beats.NOTE_PLAYBACK
        )
    )  # fmt: skip

    def write_one(cursor: Any, values: dict[str, Any]) -> bool:
        if coverage.run(cursor, values).rowcount != 1:
            return False
        for statement in rest:
            statement.run(cursor, values)
        return True

    def write(cursor: Any, group: Sequence[dict[str, Any]]) -> list[bool]:
        return [write_one(cursor, values) for values in group]

    return write


class BeatLane(Lane):
    """WSGI: ordinary beats here, everything else to ``inner``."""

    endpoint, method, ending = "learning_api.beat", "POST", "/beats"
    address = re.compile(r"/api/v1/playbacks/([A-Za-z0-9_-]{1,32})/beats")

    def __init__(self, inner: WSGIApplication, app: Flask, database: Database) -> None:
        super().__init__(inner, app)
        self._database = database
        self._deliveries: Deliveries = app.extensions["deliveries"]
        self._read = self._lean.prepare(_STATE)
        self._common = Lean(self._settings.database, most=1, without=_BY_INDEX)
        self._writer = (_sqlite_writer if self._lean.is_sqlite else _postgres_writer)(self._lean)
        self._write = Gathered(self._write_together, self._write_alone, most=_MOST).write
        self._needs_of = lru_cache(maxsize=10_000)(self._find_needs)
        self._since_of = lru_cache(maxsize=2)(self._find_since)
        self._known: dict[str, Any] = {}

    def answer(self, named: str, body: bytes, digest: bytes) -> bytes | None:
        reply = self._book(named, BeatIn.model_validate_json(body), digest)
        if reply is not None:
            _CREDITED.inc()
        return reply

    def _book(self, playback_id: str, beat: BeatIn, digest: bytes) -> bytes | None:
        now = clock.now()
        signed_in = self._since_of(math.ceil(now.timestamp())) | {"token_digest": digest}
        known = self._known.pop(playback_id, None)
        if known is not None:
            reply = self._book_on(known, beat, signed_in, now)
            if reply is not None:
                return reply
        known = self._find(playback_id, signed_in)
        return self._book_on(known, beat, signed_in, now) if known else None

    def _find(self, playback_id: str, signed_in: dict[str, Any]) -> Any:
        """What the database knows of a playback; None: its next beat is no ordinary one."""
        with self._lean.cursor() as cursor:
            row = self._read.run(cursor, {"playback_id": playback_id} | signed_in).fetchone()
        if row is None:
            return None
        found = Known(*row, covered=())
        found.opened_at = self._lean.read_instant(found.opened_at)
        found.updated_at = self._lean.read_instant(found.updated_at)
        found.covered = intervals.decode(found.spans)
        return found

    def _book_on(
        self, known: Any, beat: BeatIn, signed_in: dict[str, Any], now: datetime
    ) -> bytes | None:
        """Decide on what is ``known`` and write, if it is an ordinary beat and still stands so."""
        video, needed_ms = self._needs_of(known.scope, known.asset_id)
        sent = int(known.segments or "0", 16) | self._deliveries.saved(known.id)
        decided = beats.decide(known, beat, covered=known.covered, video=video, sent=sent, now=now)
        unusual = decided.booking.refused or decided.prompt_is_due
        if unusual or decided.covered_ms >= needed_ms:
            return None
        values = decided.values | signed_in
        values["now"] = self._lean.instant(values["now"])
        reply = _answer(decided, needed_ms)
        if not self._write(values):
            return None
        _advance(known, decided)
        self._remember(known)
        return reply

    def _write_together(self, group: Sequence[dict[str, Any]]) -> list[bool]:
        with self._common.writing() as cursor:
            return self._writer(cursor, group)

    def _write_alone(self, values: dict[str, Any]) -> bool:
        with self._lean.writing() as cursor:
            (written,) = self._writer(cursor, [values])
        return written

    def _remember(self, known: Any) -> None:
        while len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known), ""), None)
        self._known[known.id] = known

    def _find_since(self, second: int) -> dict[str, Any]:
        """Since when a sign-in must have been seen and opened, by the end of that second of the
        Unix clock: worked out once a second, and rather too strict than too lenient."""
        since = sign_ins.fresh_since(self._settings, datetime.fromtimestamp(second, UTC))
        return {name: self._lean.instant(instant) for name, instant in since.items()}

    def _find_needs(self, scope: str, asset_id: int) -> tuple[Video, int]:
        """What never changes of a video in a course version."""
        with self._turns, self._database.session(writes=False) as session:
            asset = session.get_one(Asset, asset_id)
            return beats.video_of(asset), watched.needed(session, scope, asset)


def _advance(known: Any, decided: Decided) -> None:
    """``known`` once what was decided on it is written."""
    known.booked_ms = decided.booking.booked_after_ms
    known.lapsed_ms = decided.booking.lapsed_after_ms
    known.covered = decided.booking.covered_after
    known.covered_ms = decided.covered_ms
    known.updated_at = decided.values["now"]
    known.revision += 1


def _answer(decided: Decided, needed_ms: int) -> bytes:
    """A ``BeatReplyOut``, written out: its models would take as long as the decision."""
    booked = decided.booking
    return orjson.dumps({
        "credited_ms": intervals.total(booked.credited),
        "refused_ms": 0,
        "reason": None,
        "covered": [(start / 1000, end / 1000) for start, end in booked.covered_after],
        "ended": None,
        "prompt": None,
        "unit": {"confirmed_ms": decided.covered_ms, "needed_ms": needed_ms, "done": False},
        "course": {"complete": False, "award": None},
    })  # fmt: skip


def init_app(app: Flask) -> None:
    database: Database = app.extensions["db"]
    if not app.testing:  # a test's one connection cannot be shared with raw ones
        app.wsgi_app = BeatLane(app.wsgi_app, app, database)  # type: ignore[method-assign]
