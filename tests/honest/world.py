"""The platform that honest learners meet, with a clock and a memory that the test rules."""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.orm import Session

from courses import enrolments, express, fields
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion
from media import intervals, presence
from media.delivery import Deliveries
from media.intervals import Spans
from media.models import Asset, Coverage
from tests.adversaries.seeding import seed
from tests.adversaries.viewer import UNITS
from zhixin import clock, db
from zhixin.people import accounts, sign_ins
from zhixin.people.models import Person, Role

#: Media time per time passed that each course allows, in percent.
RATES = {"plain": 100, "asked": 150}


def lane(app: Flask) -> express.BeatLane:
    """The express lane among the application's layers."""
    layer: Any = app.wsgi_app
    while not isinstance(layer, express.BeatLane):
        layer = layer._inner
    return layer


@dataclass
class Arrived:
    """A learner who has enrolled."""

    person_id: int
    enrolment_id: int


class Foreseen:
    """In place of ``secrets``: the same story meets the same prompts each time it is told."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def randbelow(self, limit: int) -> int:
        return self.chance.randrange(limit)

    def SystemRandom(self) -> Random:
        return self.chance

    def token_urlsafe(self, length: int) -> str:
        return secrets.token_urlsafe(length)


class World:
    """One server process and its database."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = app
        self.chance = Random(0)
        monkeypatch.setattr(presence, "secrets", Foreseen(self.chance))
        self.now = clock.now().replace(microsecond=0)
        monkeypatch.setattr(clock, "now", lambda: self.now)
        with app.app_context(), self.database.transaction() as session:
            fields.ensure_shipped(session)
        self.courses = seed(app, 0)
        with self.database.transaction() as session:
            plain, asked = self.courses["plain"], self.courses["asked"]
            self.courses["asked"] = _again(session, asked, rate_percent=RATES["asked"])
            self.courses["short"] = _again(session, plain, units=1)
        self.restart()

    @property
    def database(self) -> db.Database:
        found: db.Database = self.app.extensions["db"]
        return found

    @property
    def deliveries(self) -> Deliveries:
        found: Deliveries = self.app.extensions["deliveries"]
        return found

    def forward(self, ms: int) -> None:
        self.now += timedelta(milliseconds=ms)

    def restart(self) -> None:
        """The process is killed and another begins: nothing is left but database and journals."""
        before = self.deliveries
        if before._journal is not None:
            os.close(before._journal._file)  # as the kernel does: its lock goes with it
        fresh = Deliveries(self.database, before._folder, background=True)
        fresh._thread = threading.current_thread()  # the test flushes, not a second of real time
        fresh.adopt()
        self.app.extensions["deliveries"] = fresh
        served = lane(self.app)
        served._deliveries = fresh
        served._known.clear()

    def arrive(self, course: str) -> Arrived:
        """Somebody new enrols."""
        with self.app.app_context(), self.database.transaction() as session:
            name = f"learner-{uuid4().hex[:12]}"
            person = Person(sign_in_name=name, password_hash="-", name=name, created_at=self.now)
            session.add(person)
            session.flush()
            accounts.grant(session, person, Role.LEARNER)
            enrolment = enrolments.enrol(session, person.id, self.courses[course], self.now)
            return Arrived(person.id, enrolment.id)

    def browser(self, person_id: int) -> FlaskClient:
        """A browser where this person has signed in."""
        with self.app.app_context(), self.database.transaction() as session:
            person = session.get_one(Person, person_id)
            token = sign_ins.open(session, person, address="::1", user_agent="t", now=self.now)
        client = self.app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"], cookie["csrf_token"] = token, True, "t"
        serializer = URLSafeTimedSerializer(self.app.secret_key, salt="wtf-csrf-token")  # type: ignore[arg-type]
        client.environ_base["HTTP_X_CSRFTOKEN"] = str(serializer.dumps("t"))
        return client

    def covered(self, person_id: int) -> dict[str, Spans]:
        """What is credited to this person, by unit."""
        with self.database.session(writes=False) as session:
            assets = session.scalars(sa.select(Asset.id).order_by(Asset.id)).all()
            kept = session.execute(
                sa.select(Coverage.asset_id, Coverage.spans).where(Coverage.person_id == person_id)
            ).all()
        return {UNITS[assets.index(id)]: intervals.decode(spans) for id, spans in kept}


def _again(
    session: Session, course_id: int, rate_percent: int | None = None, units: int | None = None
) -> int:
    """Publish a course again at another speed, or only its first units; returns the new id."""
    course = session.get_one(Course, course_id)
    version = session.scalars(
        sa.select(CourseVersion).where(CourseVersion.course_id == course_id)
    ).one()
    document = CourseDocument.model_validate_json(version.document)
    chapter = document.chapters[0]
    kept = chapter.model_copy(update={"units": chapter.units[:units]})
    changed = document.model_copy(update={"rate_percent": rate_percent, "chapters": (kept,)})
    again = Course(**_columns(course))
    session.add(again)
    session.flush()
    changes = {"course_id": again.id, "document": changed.to_text(), "sha256": changed.sha256}
    session.add(CourseVersion(**(_columns(version) | changes)))
    return again.id


def _columns(row: Any) -> dict[str, Any]:
    """All values of a row but its id."""
    names = [column.key for column in sa.inspect(type(row)).column_attrs]
    return {name: getattr(row, name) for name in names if name != "id"}
