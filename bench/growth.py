"""What a beat costs a learner who has studied for years, against one who has just begun."""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from bench.beats import postgres
from bench.report import Comparison
from bench.seeding import HOUR_MS, course, fresh, learner, lecture, publish, quiet
from bench.servers import cpu_s
from courses import enrolments, scopes
from media import delivery, intervals, watching
from media.models import Asset, Coverage
from zhixin import clock, db
from zhixin.people.models import SignIn

BEAT_S = 15
#: Of an hour's 240: short of what completes the course.
BEATS = 220
#: Hours studied before the measured ones; nobody has more than a few years of ninety.
HISTORIES = (0, 90, 270)
#: Hours measured after each.
MEASURED = 5
#: The measured beats add 240 more; 1,000 are the most that are taken.
PIECES = (1, 100, 500, 750)


def measure() -> Iterator[Comparison]:
    found = Comparison(
        "One learner's beats after so many hours of study, and on a coverage in so many pieces",
        ["", "CPU ms a beat", "bytes a beat", "ratio of CPU"],
        note=(
            "In one process through the whole WSGI application, the database's CPU time included."
            " Bytes: by which the database grew, coverage and indexes included."
        ),
    )
    found.rows += _on("SQLite", "", None)
    with postgres() as (url, postmaster):
        found.rows += _on("PostgreSQL", url, postmaster)
    yield found


def _on(name: str, database_url: str, postmaster: int | None) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = quiet(Path(folder), database_url)
        study = Study(fresh(settings), postmaster)
        rows, first = [], 0.0
        for hours in HISTORIES:
            while study.hours < hours:
                study.hour()
            before, spent = study.bytes(), 0.0
            for _hour in range(MEASURED):
                spent += study.hour()
            each_ms = 1000 * spent / (MEASURED * BEATS)
            first = first or each_ms
            grown = (study.bytes() - before) / (MEASURED * BEATS)
            rows.append(
                [
                    f"{name}: after {hours} h",
                    f"{each_ms:.2f}",
                    f"{grown:.0f}",
                    f"{each_ms / first:.2f}",
                ]
            )
        for pieces in PIECES:
            each_ms = 1000 * study.in_pieces(pieces) / BEATS
            rows.append(
                [f"{name}: {pieces} pieces", f"{each_ms:.2f}", "", f"{each_ms / first:.2f}"]
            )
    return rows


class Study:
    """A learner who watches one hour after another, each in a course of its own, beat by beat."""

    def __init__(self, app: Flask, postmaster: int | None) -> None:
        self._app, self._postmaster = app, postmaster
        self.hours = 0
        self._now = clock.now()
        clock.now = self._clock
        courses = HISTORIES[-1] + MEASURED + len(PIECES)
        with app.app_context(), db.database().transaction() as session:
            self._asset = lecture(session, self._now)
            publish(session, [course(self._asset)] * courses)
            self._person, self._headers = learner(app, session, self._now)

    def _clock(self) -> datetime:
        return self._now

    def hour(self) -> float:
        """Study one hour; returns the CPU seconds that its beats took."""
        playback = self._open()
        return self._timed(playback, lambda beat: (beat * BEAT_S, (beat + 1) * BEAT_S))

    def in_pieces(self, pieces: int) -> float:
        """The same for beats in the gaps of a coverage that is in so many pieces already."""
        playback = self._open()
        step_ms = HOUR_MS // (pieces + 1)
        spans = tuple((n * step_ms, n * step_ms + 1) for n in range(1, pieces + 1))
        with self._app.app_context(), db.database().transaction() as session:
            coverage = session.scalars(
                sa.select(Coverage).where(Coverage.scope == scopes.of_version(self.hours))
            ).one()
            coverage.spans, coverage.covered_ms = intervals.encode(spans), pieces
        # Two seconds here and there, so that the pieces stay pieces.
        return self._timed(playback, lambda beat: (beat * BEAT_S + 0.01, beat * BEAT_S + 2))

    def bytes(self) -> int:
        """How large the database is."""
        size = "SELECT pg_database_size(current_database())"
        if not self._postmaster:
            size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        with self._app.app_context(), db.database().transaction() as session:
            return int(session.scalar(sa.text(size)) or 0)

    def _open(self) -> str:
        self.hours += 1
        self._now += timedelta(hours=1)
        with self._app.app_context(), db.database().transaction() as session:
            session.execute(sa.update(SignIn).values(created_at=self._now, seen_at=self._now))
            enrolments.enrol(session, self._person, self.hours, self._now)
            playback = watching.open(
                session, person_id=self._person, asset=session.get_one(Asset, self._asset.id),
                scope=scopes.of_version(self.hours), address="127.0.0.1", user_agent="bench",
                now=self._now, take_over=True,
            )  # fmt: skip
            delivery.merge(session, {playback.id: delivery.everything(self._asset)})
            return playback.id

    def _timed(self, playback: str, played: Callable[[int], tuple[float, float]]) -> float:
        databases = (self._postmaster,) if self._postmaster else ()
        before, started = cpu_s(*databases) if databases else 0.0, time.process_time()
        for beat in range(BEATS):
            self._now += timedelta(seconds=BEAT_S)
            start, end = played(beat)
            self._beat(playback, {"seq": beat + 1, "played": [[start, end]], "position": end})
        spent = time.process_time() - started
        return spent + (cpu_s(*databases) - before if databases else 0.0)

    def _beat(self, playback: str, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": f"/api/v1/playbacks/{playback}/beats",
            "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(data), "wsgi.errors": sys.stderr, "wsgi.version": (1, 0),
            "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(data)),
            "HTTP_HOST": "127.0.0.1", "HTTP_COOKIE": self._headers["Cookie"],
            "HTTP_X_CSRFTOKEN": self._headers["X-CSRFToken"],
        }  # fmt: skip
        answered: list[str] = []

        def start_response(status: str, _headers: Any, _error: Any = None) -> Callable[..., Any]:
            answered.append(status)
            return lambda _data: None

        answer = b"".join(self._app.wsgi_app(environ, start_response))
        if not answered[0].startswith("200") or b'"refused_ms":0' not in answer:
            raise RuntimeError(f"{answered[0]}: {answer.decode()[:300]}")
