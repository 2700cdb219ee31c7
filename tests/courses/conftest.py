"""Courses in the making for tests: fields, a policy, ready videos, drafts and versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from assessments import drafting
from courses import editing, reviewing, submission
from courses.models import Course, CourseVersion, Field, FieldGroup, UnitKind
from media.models import Asset, AssetState
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule, SubjectKind, Verification
from zhixin.people.models import Person, Role

#: Two hours of credit under the rule below.
LENGTH_MS = 90 * 60_000
QUESTION: dict[str, Any] = {
    "id": "q1",
    "kind": "single",
    "stem": "一年至少多少学时？",
    "options": [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}],
    "correct": ["b"],
    "explanation": "见第八条",
}


@pytest.fixture
def writer(create_person: Callable[..., Person]) -> Person:
    """The author of the courses below."""
    return create_person("bianxie", Role.AUTHOR, name="编写人")


@pytest.fixture
def reviewer(create_person: Callable[..., Person]) -> Person:
    return create_person("shenhe", Role.REVIEWER, name="审核人")


@pytest.fixture
def create_field(session: Session) -> Callable[..., Field]:
    """A field of the list in force: ``create_field("bim", zh="建筑信息")``."""

    def create(code: str = "bim", **facts: Any) -> Field:
        found = session.get(Field, code)
        if found is not None:
            return found
        values: dict[str, Any] = {
            "group": FieldGroup.PRIORITY,
            "zh": f"领域{code}",
            "en": code,
            "aliases": [],
            "position": 0,
            "valid_from": date(2011, 1, 1),
        }
        field = Field(code=code, **(values | facts))
        session.add(field)
        session.flush()
        return field

    return create


@pytest.fixture
def policy(session: Session, now: datetime) -> Policy:
    """In force: 45 minutes are an hour, in steps of half an hour."""
    rule = CreditRule(
        minutes_per_hour=Decimal(45),
        step=Decimal("0.5"),
        coverage_needed=Decimal("0.9"),
        pass_mark=Decimal("0.6"),
        attempts_allowed=None,
        yearly_total=Decimal(90),
        yearly_minimums={SubjectKind.PROFESSIONAL: Decimal(60)},
        verification=Verification(auto=True, sample_percent=Decimal(0)),
    )
    published = policies.publish(
        session,
        title="示例规则",
        source="example",
        effective_from=date(2020, 1, 1),
        rule=rule,
        actor_id=None,
        now=now,
    )
    session.commit()
    return published


@pytest.fixture
def create_ready_asset(session: Session, writer: Person, now: datetime) -> Callable[..., Asset]:
    """A video whose renditions are there: ``create_ready_asset(duration_ms=60_000)``."""

    def create(**facts: Any) -> Asset:
        values: dict[str, Any] = {
            "owner_id": writer.id,
            "file_name": "讲课.mp4",
            "source": "sources/a.mp4",
            "source_bytes": 1,
            "state": AssetState.READY,
            "progress": 100,
            "duration_ms": LENGTH_MS,
            "width": 1280,
            "height": 720,
            "segments_ms": [LENGTH_MS],
            "folder": "assets/a/run",
            "created_at": now,
            "ready_at": now,
        }
        asset = Asset(**(values | facts))
        session.add(asset)
        session.commit()
        return asset

    return create


def make_facts(**changes: Any) -> dict[str, Any]:
    """A course's facts as the form gives them."""
    return {
        "title": "建筑信息模型入门",
        "summary": "从图纸到模型。",
        "teacher": "王工",
        "teacher_title": "市设计院　高级工程师",
        "field_code": "bim",
        "subject_kind": "professional",
        "level": "none",
        "declared_hours": Decimal(2),
    } | changes


@pytest.fixture
def create_draft(
    session: Session,
    writer: Person,
    create_field: Callable[..., Field],
    policy: Policy,
    now: datetime,
) -> Callable[..., Course]:
    """A course with one empty chapter: ``create_draft(title="…")``."""

    def create(**changes: Any) -> Course:
        create_field("bim")
        owner_id = changes.pop("owner_id", writer.id)
        course = editing.create(session, owner_id=owner_id, facts=make_facts(**changes), now=now)
        session.commit()
        return course

    return create


@pytest.fixture
def create_course(
    session: Session,
    create_draft: Callable[..., Course],
    create_ready_asset: Callable[..., Asset],
    now: datetime,
) -> Callable[..., Course]:
    """A draft that lacks nothing: a video, a quiz of one question and a page."""

    def create(**changes: Any) -> Course:
        course = create_draft(**changes)
        chapter = course.chapters[0]
        add = editing.add_unit
        video = add(session, course, chapter.id, UnitKind.VIDEO, "第一讲", now)
        asset = create_ready_asset(owner_id=course.owner_id)
        editing.attach(session, course, video, asset.id)
        quiz = add(session, course, chapter.id, UnitKind.QUIZ, "小测", now)
        drafting.add_question(session, quiz.paper_id or 0, course.owner_id, QUESTION, now)
        page = add(session, course, chapter.id, UnitKind.PAGE, "讲义", now)
        editing.update_unit(session, course, page, title="讲义", body="第一段\n\n第二段")
        session.commit()
        return course

    return create


@pytest.fixture
def submit(session: Session, now: datetime) -> Callable[..., CourseVersion]:
    """Hand a course in for review, as its author does."""

    def submitting(course: Course, at: datetime = now) -> CourseVersion:
        opened = editing.open_for_edit(session, course.id, course.owner_id, at)
        version = submission.submit(session, opened, at)
        session.commit()
        return version

    return submitting


@pytest.fixture
def published_course(
    session: Session,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
    reviewer: Person,
    now: datetime,
) -> Callable[..., CourseVersion]:
    """A course through review; returns the published version."""

    def publish(**changes: Any) -> CourseVersion:
        version = reviewing.get(session, submit(create_course(**changes)).id)
        reviewing.approve(session, version, reviewer.id, now)
        session.commit()
        return version

    return publish


@pytest.fixture
def create_facts() -> Callable[..., dict[str, Any]]:
    """What the form of facts gives: ``create_facts(title="…")``."""
    return make_facts
