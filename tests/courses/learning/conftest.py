"""A published course of a video, a quiz and a page, and people who study it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import drafting
from courses import enrolments, fields
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, Enrolment, VersionState
from media.models import Asset, AssetState
from zhixin import clock
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule, SubjectKind, Verification
from zhixin.people.models import Person, Role, TitleLevel

#: Length of the video: a whole hour of credit by the rule below.
DURATION_MS = 60_000
QUESTION = {
    "id": "q1",
    "kind": "single",
    "stem": "一年至少多少学时？",
    "options": [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}],
    "correct": ["b"],
}


def rule(**changes: Any) -> CreditRule:
    """A rule under which one minute of video is one hour."""
    facts: dict[str, Any] = {
        "minutes_per_hour": Decimal(1),
        "step": Decimal("0.5"),
        "coverage_needed": Decimal("0.9"),
        "pass_mark": Decimal("0.6"),
        "attempts_allowed": 3,
        "yearly_total": Decimal(90),
        "yearly_minimums": {SubjectKind.PROFESSIONAL: Decimal(60)},
        "verification": Verification(auto=True, sample_percent=Decimal(0)),
    }
    return CreditRule(**(facts | changes))


def video(key: str, asset_id: int, duration_ms: int = DURATION_MS) -> dict[str, Any]:
    return {
        "key": key,
        "kind": "video",
        "title": "第一讲",
        "asset_id": asset_id,
        "duration_ms": duration_ms,
    }


def quiz(key: str, paper_version_id: int) -> dict[str, Any]:
    return {"key": key, "kind": "quiz", "title": "小测", "paper_version_id": paper_version_id}


def page(key: str) -> dict[str, Any]:
    return {"key": key, "kind": "page", "title": "讲义", "body": "第一段\n\n第二段"}


@dataclass
class Offer:
    """A published course and what it is made of."""

    course: Course
    version: CourseVersion
    asset: Asset
    policy: Policy
    paper_version_id: int


def make_offer(
    session: Session,
    owner_id: int,
    now: datetime,
    kinds: tuple[str, ...] = ("video", "quiz", "page"),
    hours: str = "1",
    more: tuple[dict[str, Any], ...] = (),
    checks: tuple[dict[str, Any], ...] = (),
    **rule_changes: Any,
) -> Offer:
    """Publish a course with one unit of each of ``kinds``, keyed u1, u2, …, and ``more``; ``checks``
    are asked in its videos."""
    fields.ensure_shipped(session)
    code = fields.valid(session, now.date())[0].code
    policy = policies.publish(
        session,
        title="示例",
        source="example",
        effective_from=date(2026, 1, 1),
        rule=rule(**rule_changes),
        actor_id=None,
        now=now,
    )
    asset = Asset(
        owner_id=owner_id,
        file_name="a.mp4",
        source="a.mp4",
        source_bytes=1,
        state=AssetState.READY,
        duration_ms=DURATION_MS,
        folder="a",
        segments_ms=[DURATION_MS],
        created_at=now,
        ready_at=now,
    )
    session.add(asset)
    paper = drafting.create(session, owner_id=owner_id, title="测验", now=now)
    drafting.add_question(session, paper.id, owner_id, QUESTION, now)
    frozen = drafting.freeze(session, paper.id, now)
    facts = {
        "title": "新能源基础",
        "field_code": code,
        "subject_kind": SubjectKind.PROFESSIONAL,
        "level": TitleLevel.NONE,
        "declared_hours": Decimal(hours),
    }
    course = Course(
        owner_id=owner_id,
        summary="",
        teacher="王老师",
        teacher_title="",
        created_at=now,
        updated_at=now,
        **facts,
    )
    session.add(course)
    session.flush()
    make = {
        "video": lambda key: video(key, asset.id) | ({"checks": checks} if checks else {}),
        "quiz": lambda key: quiz(key, frozen.id),
        "page": page,
    }
    units = [make[kind](f"u{n}") for n, kind in enumerate(kinds, 1)] + [*more]
    document = CourseDocument(
        summary="",
        teacher="王老师",
        teacher_title="",
        chapters=[{"title": "第一章", "units": units}],
        **facts,
    )
    text = document.to_text()
    version = CourseVersion(
        course_id=course.id,
        number=1,
        state=VersionState.PUBLISHED,
        document=text,
        sha256=document.sha256,
        duration_ms=document.video_ms,
        policy_id=policy.id,
        submitted_at=now,
        decided_at=now,
        **facts,
    )
    session.add(version)
    session.flush()
    return Offer(course, version, asset, policy, frozen.id)


@pytest.fixture
def publish() -> Callable[..., Offer]:
    """For databases of a test's own: ``publish(session, owner_id, now, kinds)``."""
    return make_offer


@pytest.fixture
def author(create_person: Callable[..., Person]) -> Person:
    return create_person("zuozhe", Role.AUTHOR)


@pytest.fixture
def learner(create_person: Callable[..., Person]) -> Person:
    return create_person("xueyuan", Role.LEARNER)


@pytest.fixture
def stranger(create_person: Callable[..., Person]) -> Person:
    return create_person("luren", Role.LEARNER)


@pytest.fixture
def create_offer(session: Session, author: Person, now: datetime) -> Callable[..., Offer]:
    """Publish a course: ``create_offer(("video", "page"), hours="2")``."""

    def create(*args: Any, **kwargs: Any) -> Offer:
        offer = make_offer(session, author.id, now, *args, **kwargs)
        session.commit()
        return offer

    return create


@pytest.fixture
def create_enrolment(
    session: Session, create_offer: Callable[..., Offer], learner: Person, now: datetime
) -> Callable[..., Enrolment]:
    """Publish a course and enrol the learner into it."""

    def create(*args: Any, **kwargs: Any) -> Enrolment:
        offer = create_offer(*args, **kwargs)
        enrolment = enrolments.enrol(session, learner.id, offer.course.id, now)
        session.commit()
        return enrolment

    return create


@pytest.fixture
def client(sign_in: Callable[[Person], FlaskClient], learner: Person) -> FlaskClient:
    """The learner's browser."""
    return sign_in(learner)


class Clock:
    """The server's clock under the test's control; starts at the real time."""

    def __init__(self) -> None:
        self.instant = datetime.now(UTC)

    def now(self) -> datetime:
        return self.instant

    def forward(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


@pytest.fixture
def server_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time passes only when the test says so."""
    made = Clock()
    monkeypatch.setattr(clock, "now", made.now)
    return made


@pytest.fixture
def count_queries(connection: sa.Connection) -> Callable[[], Any]:
    """The statements that a block sends: ``with count_queries() as queries: …``."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                sent.append(statement)

        sa.event.listen(connection, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            sa.event.remove(connection, "before_cursor_execute", note)

    return counting
