"""The end of an examination: 2,000 learners hand in 50 questions within the same minute."""

from __future__ import annotations

import heapq
import json
import os
import random
import resource
import selectors
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.models import Attempt, AttemptState, SavedAnswer
from bench.beats import postgres
from bench.crowd import Crowd, Kind
from bench.report import Comparison
from bench.seeding import HOUR_MS, browser, fresh, lecture, publish, quiet
from bench.servers import serving, spending
from courses import scopes
from courses.documents import Chapter, CourseDocument, Unit
from courses.models import Enrolment, EnrolmentState, UnitKind
from zhixin import clock, config, db
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Person, Role, RoleGrant, SignIn, TitleLevel
from zhixin.people.secrets import new_token, token_digest

LEARNERS = int(os.environ.get("BENCH_LEARNERS", "2000"))
QUESTIONS, LAST = 50, 10
MINUTE_S = 60.0
#: Nobody hands in before this part of the minute, so that the second half is the harder one.
FIRST_HALF = 0.5


@dataclass(frozen=True)
class Sitting:
    """One learner at the end of the examination."""

    attempt_id: int
    headers: dict[str, str]
    answers: dict[str, list[str]]  # all fifty, as they will have been given


def measure() -> Iterator[Comparison]:
    found = Comparison(
        f"The end of an examination: {LEARNERS} learners hand in {QUESTIONS} questions in the same minute",
        ["", "in all", "p50 ms", "p95 ms", "p99 ms", "longest ms", "CPU share", "lost"],
        note=(
            f"Each saves the last {LAST} answers one by one within the minute, then hands in, all"
            " in its second half. Latency counts from when a request fell due. CPU share is of the"
            " whole machine; the driver has its own row, and what the host of a virtual machine"
            " took. Lost: answers that are not in the graded sheets as they were given, and"
            " requests not answered with 200."
        ),
    )
    found.rows += _sitting("SQLite", "", ())
    with postgres() as (url, postmaster):
        found.rows += _sitting("PostgreSQL", url, (postmaster,))
    yield found


class Hall(Crowd):
    """Learners whose requests have each its own moment, once."""

    def __init__(
        self, port: int, kinds: list[Kind], moments: list[list[tuple[float, int]]]
    ) -> None:
        super().__init__(port, len(moments), kinds, ramp_s=0)
        self._port = port
        start = time.perf_counter() + 1
        self._due = [
            (start + at, learner, kind) for learner, own in enumerate(moments) for at, kind in own
        ]
        heapq.heapify(self._due)
        self.counting = True

    def _fall_due(self, due: float, number: int, place: int) -> None:
        learner = self._learners[number]
        if learner.current is None and not learner.queue:
            self._send(learner, due, place)
        else:
            learner.queue.append((due, place))

    def _send(self, learner: Any, due: float, place: int) -> None:
        # The server leaves connections that are silent for half a minute, browsers come again.
        if learner.connection is None:
            learner.connection = socket.create_connection(("127.0.0.1", self._port))
            learner.connection.setblocking(False)
            learner.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(learner.connection, selectors.EVENT_READ, learner)
        super()._send(learner, due, place)

    def _read(self, learner: Any) -> None:
        if learner.current is not None:
            super()._read(learner)
            return
        self._selector.unregister(learner.connection)
        learner.connection.close()
        learner.connection = None

    def finish(self, patience_s: float = 60) -> None:
        """Wait for everything that fell due; nothing is given up."""
        stop = time.perf_counter() + patience_s
        while any(each.current for each in self._learners) and time.perf_counter() < stop:
            for key, _events in self._selector.select(0.1):
                self._read(key.data)
        self._selector.close()
        for learner in self._learners:
            if learner.connection is not None:
                learner.connection.close()


def _sitting(name: str, database_url: str, also: tuple[int, ...]) -> list[list[str]]:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        settings = quiet(Path(folder), database_url)
        sittings = _prepare(fresh(settings))
        chance = random.Random(20261126)
        kinds = [Kind("save", 1e9, _saves(sittings)), Kind("hand in", 1e9, _submissions(sittings))]
        with serving("zhixin.app:create_app", folder, database_url) as server:
            _warm(server.port)
            hall = Hall(server.port, kinds, [_moments(chance) for _each in sittings])
            roots = (server.process.pid, *also)
            with spending(*roots) as spent:
                hall.run(MINUTE_S + 2)
                hall.finish()
        lost = _lost(settings, sittings) + sum(kind.refused for kind in kinds)
    rows = [
        [
            f"{name}: {kind.name}", f"{kind.accepted}",
            *(f"{kind.percentile(part):.1f}" for part in (0.5, 0.95, 0.99, 1)), "", "",
        ]
        for kind in kinds
    ]  # fmt: skip
    rows[0][6:] = [spent.share(spent.servers), str(lost)]
    for who, theirs in (("the driver", spent.driver), ("taken by the host", spent.host)):
        rows.append([f"{name}: {who}", *[""] * 5, spent.share(theirs), ""])
    return rows


def _moments(chance: random.Random) -> list[tuple[float, int]]:
    end = MINUTE_S * chance.uniform(FIRST_HALF, 1)
    return [(at, 0) for at in sorted(chance.uniform(0, end) for _n in range(LAST))] + [(end, 1)]


def _warm(port: int) -> None:
    """Both server processes have imported and opened what they need."""
    import http.client

    for _n in range(60):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        connection.close()


def _request(method: str, path: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
    text = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()
    )
    return (
        f"{head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()
        + text
    )


def _saves(sittings: list[Sitting]) -> Any:
    def save(learner: int, number: int, _since: float) -> bytes:
        sitting, question = sittings[learner], f"q{QUESTIONS - LAST + number}"
        change = {"question": question, "answer": sitting.answers[question], "seq": 100 + number}
        path = f"/api/v1/attempts/{sitting.attempt_id}/answers"
        return _request("PUT", path, sitting.headers, {"writer": "bench", "changes": [change]})

    return save


def _submissions(sittings: list[Sitting]) -> Any:
    def submit(learner: int, _number: int, _since: float) -> bytes:
        sitting = sittings[learner]
        path = f"/api/v1/attempts/{sitting.attempt_id}/submission"
        return _request("POST", path, sitting.headers, {"writer": "bench", "changes": []})

    return submit


def _prepare(app: Flask) -> list[Sitting]:
    """Everybody in the middle of the paper, forty answers saved."""
    with app.app_context(), db.database().transaction() as session:
        now = clock.now()
        asset = lecture(session, now)
        paper_version = paper_of_fifty(session, asset.owner_id)
        units = (
            Unit(key="u1", kind=UnitKind.VIDEO, title="节", asset_id=asset.id, duration_ms=HOUR_MS),
            Unit(key="u2", kind=UnitKind.QUIZ, title="考试", paper_version_id=paper_version,
                 questions=QUESTIONS),
        )  # fmt: skip
        publish(session, [CourseDocument(
            title="课", summary="", teacher="", teacher_title="", field_code="energy",
            subject_kind=SubjectKind.PROFESSIONAL, level=TitleLevel.NONE, declared_hours=Decimal(1),
            chapters=(Chapter(title="章", units=units),),
        )])  # fmt: skip
        people = [
            Person(sign_in_name=f"learner{n}", password_hash="-", name=f"学员{n}", created_at=now)
            for n in range(LEARNERS)
        ]
        session.add_all(people)
        session.flush()
        tokens = [new_token() for _person in people]
        whose = [{"person_id": person.id} for person in people]
        session.execute(sa.insert(RoleGrant), [each | {"role": Role.LEARNER} for each in whose])
        session.execute(sa.insert(Enrolment), [
            each | {"course_id": 1, "version_id": 1, "state": EnrolmentState.ACTIVE,
                    "pages_read": [], "enrolled_at": now}
            for each in whose
        ])  # fmt: skip
        session.execute(sa.insert(SignIn), [
            each | {"token_digest": token_digest(token), "created_at": now, "seen_at": now,
                    "address": "127.0.0.1", "user_agent": "bench"}
            for each, token in zip(whose, tokens, strict=True)
        ])  # fmt: skip
        chance = random.Random(7)
        sheets = [
            {
                # Nearly all pass, and whether the course is complete is looked at.
                f"q{n}": ["abcd"[n % 4] if chance.random() < 0.75 else chance.choice("abcd")]
                for n in range(QUESTIONS)
            }
            for _person in people
        ]
        session.execute(sa.insert(Attempt), [
            each | {"id": n, "scope": scopes.of_version(1), "paper_version_id": paper_version,
                    "number": 1, "seed": f"{n:032}", "state": AttemptState.OPEN, "answers": {},
                    "opened_at": now - timedelta(minutes=50), "saved_at": now,
                    "deadline_at": now + timedelta(minutes=10), "pass_mark_millionths": 600_000}
            for n, each in enumerate(whose, 1)
        ])  # fmt: skip
        session.execute(sa.insert(SavedAnswer), [
            {"attempt_id": n, "question_id": question, "seq": place + 1, "writer": "bench",
             "answer": answer, "saved_at": now}
            for n, sheet in enumerate(sheets, 1)
            for place, (question, answer) in enumerate(sheet.items())
            if place < QUESTIONS - LAST
        ])  # fmt: skip
        return [
            Sitting(n, browser(app, token), sheet)
            for n, (token, sheet) in enumerate(zip(tokens, sheets, strict=True), 1)
        ]


def paper_of_fifty(session: Session, owner_id: int) -> int:
    questions = [
        {
            "id": f"q{n}", "kind": "single", "stem": f"第 {n} 题：下列说法中正确的是哪一项？" * 3,
            "options": [{"id": each, "text": f"选项 {each}：" + "内容" * 20} for each in "abcd"],
            "correct": ["abcd"[n % 4]], "explanation": "解析" * 50, "points": "2",
        }
        for n in range(QUESTIONS)
    ]  # fmt: skip
    now = clock.now()
    paper = drafting.create(session, owner_id=owner_id, title="考试", now=now)
    document = {"title": "考试", "questions": questions, "time_limit_minutes": 60}
    drafting.save(session, paper.id, owner_id, document, paper.revision, now)
    return drafting.freeze(session, paper.id, now).id


def _lost(settings: config.Settings, sittings: list[Sitting]) -> int:
    """Answers that are not in the graded sheet as they were given."""
    engine = db.make_engine(settings.database)
    with Session(engine) as session:
        graded = {each.id: each for each in session.scalars(sa.select(Attempt))}
    engine.dispose()
    lost = 0
    for sitting in sittings:
        attempt = graded[sitting.attempt_id]
        if attempt.state != AttemptState.CLOSED or attempt.fraction_millionths is None:
            lost += QUESTIONS
            continue
        lost += sum(attempt.answers.get(q) != answer for q, answer in sitting.answers.items())
        right = sum(answer == ["abcd"[n % 4]] for n, answer in enumerate(sitting.answers.values()))
        if attempt.fraction_millionths != right * 1_000_000 // QUESTIONS:
            raise RuntimeError(f"attempt {attempt.id} was graded wrongly")
    return lost
