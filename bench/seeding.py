"""Rows put straight into a fresh database: what a comparison needs, in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy.orm import Session

from courses import fields, scopes
from courses.documents import Chapter, CourseDocument, Unit
from courses.models import Course, CourseVersion, Enrolment, EnrolmentState, UnitKind, VersionState
from media import delivery
from media.models import Asset, AssetState, Coverage, Delivery, Playback
from zhixin import clock, config, db, schema
from zhixin.app import create_app
from zhixin.db import Base
from zhixin.hours import policies
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Person, Role, RoleGrant, SignIn, TitleLevel
from zhixin.people.secrets import new_token, token_digest

HOUR_MS = 3_600_000
#: A playback's name and the headers of the browser that plays it.
Watching = tuple[str, dict[str, str]]


def quiet(folder: Path, database_url: str = "") -> config.Settings:
    """Settings of an installation in ``folder`` that rings no jobs and logs errors only."""
    return config.Settings(
        data_dir=folder, database_url=database_url, broker_url="memory://", log_level="ERROR"
    )


def fresh(settings: config.Settings) -> Flask:
    """The application on a new database: migrated, with the shipped fields and policies."""
    engine = db.make_engine(settings.database)
    with engine.connect() as connection:
        schema.upgrade(connection)
    engine.dispose()
    app = create_app(settings)
    with app.app_context(), db.database().transaction() as session:
        fields.ensure_shipped(session)
        policies.ensure_shipped(session, clock.now())
    return app


def publish(session: Session, documents: Iterable[CourseDocument]) -> None:
    """Courses 1, 2, 3… of one author, each with its published version of the same number."""
    now = clock.now()
    owner = _person(session, "author", now)
    policy = policies.in_force(session, now.date())
    courses, versions = [], []
    for number, document in enumerate(documents, 1):
        facts = {
            "title": document.title,
            "field_code": document.field_code,
            "subject_kind": document.subject_kind,
            "level": document.level,
            "declared_hours": document.declared_hours,
        }
        courses.append({
            "id": number, "owner_id": owner.id, "summary": document.summary, "teacher": document.teacher,
            "teacher_title": document.teacher_title, "revision": 0, "created_at": now, "updated_at": now,
            "quality_mark_until": now.date() + timedelta(days=365) if number % 10 == 0 else None, **facts,
        })  # fmt: skip
        versions.append({
            "id": number, "course_id": number, "number": 1, "state": VersionState.PUBLISHED,
            "document": document.to_text(), "sha256": document.sha256, "duration_ms": document.video_ms,
            "policy_id": policy.id, "submitted_at": now, "decided_at": now - timedelta(minutes=number), **facts,
        })  # fmt: skip
    session.execute(sa.insert(Course), courses)
    session.execute(sa.insert(CourseVersion), versions)


def watchers(app: Flask, count: int) -> list[Watching]:
    """``count`` learners, each in the middle of a course of one video of an hour.

    Their playbacks were opened hours ago, so that the server's clock has time to credit, and
    its segments were sent to them.
    """
    with app.app_context(), db.database().transaction() as session:
        now = clock.now()
        asset = lecture(session, now)
        publish(session, [course(asset)])
        people = [
            Person(sign_in_name=f"learner{n}", password_hash="-", name=f"学员{n}", created_at=now)
            for n in range(count)
        ]
        session.add_all(people)
        session.flush()
        tokens = [new_token() for _person in people]
        for model, rows in _watching(people, tokens, asset, now).items():
            session.execute(sa.insert(model), rows)
        if session.get_bind().dialect.name == "postgresql":
            session.execute(sa.text("ANALYZE"))  # as autovacuum does within a minute
        return [(f"bench{n}", browser(app, token)) for n, token in enumerate(tokens)]


def _watching(
    people: list[Person], tokens: list[str], asset: Asset, now: datetime
) -> dict[type[Base], list[dict[str, object]]]:
    """The rows that make each of them play the video."""
    scope, sent = scopes.of_version(1), f"{delivery.everything(asset):x}"
    whose = [{"person_id": person.id} for person in people]
    leases = [each | {"asset_id": asset.id, "scope": scope} for each in whose]
    device = {"address": "127.0.0.1", "user_agent": "bench"}
    return {
        RoleGrant: [each | {"role": Role.LEARNER} for each in whose],
        Enrolment: [
            each | {"course_id": 1, "version_id": 1, "state": EnrolmentState.ACTIVE,
                    "pages_read": [], "enrolled_at": now}
            for each in whose
        ],
        SignIn: [
            each | device | {"token_digest": token_digest(token), "created_at": now, "seen_at": now}
            for each, token in zip(whose, tokens, strict=True)
        ],
        Playback: [
            lease | device | {"id": f"bench{n}", "opened_at": now - timedelta(hours=2),
                              "heard_at": now, "booked_ms": 0, "rate_percent": 100}
            for n, lease in enumerate(leases)
        ],
        Coverage: [
            lease | {"spans": "", "covered_ms": 0, "position_ms": 0, "updated_at": now, "revision": 0}
            for lease in leases
        ],
        Delivery: [{"playback_id": f"bench{n}", "segments": sent} for n in range(len(people))],
    }  # fmt: skip


def lecture(session: Session, now: datetime) -> Asset:
    """A video of an hour."""
    owner = _person(session, "uploader", now)
    asset = Asset(
        owner_id=owner.id, file_name="v.mp4", source="v", source_bytes=1, state=AssetState.READY,
        duration_ms=HOUR_MS, segments_ms=[4000] * 900, folder="assets/1/x", created_at=now, ready_at=now,
    )  # fmt: skip
    session.add(asset)
    session.flush()
    return asset


def course(asset: Asset) -> CourseDocument:
    """A course of that video alone."""
    video = Unit(key="u1", kind=UnitKind.VIDEO, title="节", asset_id=asset.id, duration_ms=HOUR_MS)
    return CourseDocument(
        title="课", summary="", teacher="", teacher_title="", field_code="energy",
        subject_kind=SubjectKind.PROFESSIONAL, level=TitleLevel.NONE, declared_hours=Decimal(1),
        chapters=(Chapter(title="章", units=(video,)),),
    )  # fmt: skip


def learner(app: Flask, session: Session, now: datetime) -> tuple[int, dict[str, str]]:
    """A person who learns, and the headers of the browser where they signed in."""
    person = _person(session, "learner", now)
    session.add(RoleGrant(person_id=person.id, role=Role.LEARNER))
    return person.id, signed_in(app, session, person, now)


def signed_in(app: Flask, session: Session, person: Person, now: datetime) -> dict[str, str]:
    """The headers of a browser where ``person`` has signed in."""
    token = new_token()
    session.add(SignIn(
        person_id=person.id, token_digest=token_digest(token), address="127.0.0.1",
        user_agent="bench", created_at=now, seen_at=now,
    ))  # fmt: skip
    session.flush()
    return browser(app, token)


def _person(session: Session, name: str, now: datetime) -> Person:
    person = Person(sign_in_name=name, password_hash="-", name=name, created_at=now, active=True)
    session.add(person)
    session.flush()
    return person


def browser(app: Flask, token: str) -> dict[str, str]:
    """Cookie and CSRF header of a signed-in browser."""
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookie = signer.dumps({"_user_id": token, "_fresh": True, "csrf_token": "t"})
    assert app.secret_key is not None
    csrf = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("t")
    return {"Cookie": f"zhixin={cookie}", "X-CSRFToken": str(csrf)}
