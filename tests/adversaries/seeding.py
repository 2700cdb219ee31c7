"""A city in miniature: two published courses of two videos, one of them with presence prompts, a
third of courseware and a video that stops for everybody, and people who learn. Their segments are
small files on disk: the server only serves them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from assessments import drafting
from courses import fields
from courses.courseware import keeping
from courses.courseware.models import Edition
from courses.documents import Chapter, CourseDocument, Unit, VideoCheck
from courses.models import Course, CourseVersion, UnitKind, VersionState
from media.models import Asset, AssetState
from media.storage import MediaStore
from tests.adversaries.viewer import QUESTION, RIGHT, SEGMENT_S, STOP_S, UNITS, VIDEO_S
from zhixin import clock, db
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule, Presence, SubjectKind, Verification
from zhixin.people import accounts
from zhixin.people.models import Person, Role, TitleLevel

PASSWORD = "learn to learn 2026"
ANSWER_S = 60
SEGMENTS = VIDEO_S // SEGMENT_S
CHOICES = ("一九九八年", RIGHT, "二〇一一年")
PAPER: dict[str, Any] = {
    "title": "小测",
    "questions": [{
        "id": "q1", "kind": "single", "stem": "一年至少多少学时？", "correct": ["b"], "points": "1",
        "options": [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}],
    }],
}  # fmt: skip


def seed(app: Flask, learners: int) -> dict[str, int]:
    """Everything; returns the courses' ids by ``plain``, ``asked`` and ``stopping``."""
    with app.app_context(), db.database().transaction() as session:
        author = _person(session, "author", accounts.hasher.hash(PASSWORD), Role.AUTHOR)
        hashed = accounts.hasher.hash(PASSWORD)  # one for all: hashing is slow on purpose
        for number in range(learners):
            _person(session, f"learner{number}", hashed, Role.LEARNER)
        assets = [_asset(session, app.extensions["media_store"], author.id) for _unit in UNITS]
        paper = drafting.create(session, owner_id=author.id, title="小测", now=clock.now())
        drafting.save(session, paper.id, author.id, PAPER, paper.revision, clock.now())
        frozen = drafting.freeze(session, paper.id, clock.now()).id
        asking = Presence(every_minutes=Decimal(2), answer_seconds=ANSWER_S)
        units, plain = _units(assets, frozen), _policy(session, None)
        package = _courseware(session, app.extensions["media_store"], author.id)
        return {
            "plain": _course(session, author.id, units, plain),
            "asked": _course(session, author.id, units, _policy(session, asking)),
            "stopping": _course(session, author.id, _stopping(assets[0], package), plain),
        }


def _person(session: Session, name: str, hashed: str, role: Role) -> Person:
    person = Person(sign_in_name=name, password_hash=hashed, name=name, created_at=clock.now())
    session.add(person)
    session.flush()
    accounts.grant(session, person, role)
    return person


def _asset(session: Session, store: MediaStore, owner_id: int) -> int:
    asset = Asset(
        owner_id=owner_id, file_name="讲座.mp4", source="v", source_bytes=1, state=AssetState.READY,
        progress=100, tries=1, duration_ms=VIDEO_S * 1000, segments_ms=[SEGMENT_S * 1000] * SEGMENTS,
        created_at=clock.now(), ready_at=clock.now(), folder="", width=640, height=360,
    )  # fmt: skip
    session.add(asset)
    session.flush()
    folder = store.run(asset.id, "run1")
    for variant in ("v0", "v1"):
        (folder / variant).mkdir(parents=True)
        names = [f"s{number:05}.m4s" for number in range(SEGMENTS)]
        for name in names:
            (folder / variant / name).write_bytes(b"segment " + name.encode())
        (folder / variant / "init.mp4").write_bytes(b"init")
        listed = "".join(f"#EXTINF:{SEGMENT_S},\n{name}\n" for name in names)
        (folder / variant / "index.m3u8").write_text(
            f'#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n{listed}#EXT-X-ENDLIST\n'
        )
    (folder / "master.m3u8").write_text(
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=600000\nv0/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=300000\nv1/index.m3u8\n"
    )
    asset.folder = store.relative(folder)
    return asset.id


def _courseware(session: Session, store: MediaStore, owner_id: int) -> str:
    """A package of one page; what it would say of a learner, the programs say themselves."""
    with TemporaryDirectory() as folder:
        page = Path(folder) / "start.html"
        page.write_text("<html><head><title>t</title></head></html>")
        brought = keeping.bring(store, owner_id, Edition.SCORM_12, {page.name: page}, clock.now())
    return keeping.keep(session, store, brought).id


def _policy(session: Session, presence: Presence | None) -> Policy:
    rule = CreditRule(
        minutes_per_hour=Decimal(10), step=Decimal("0.5"), coverage_needed=Decimal("0.9"),
        pass_mark=Decimal("0.6"), attempts_allowed=None, yearly_total=Decimal(90),
        yearly_minimums={SubjectKind.PROFESSIONAL: Decimal(60)},
        verification=Verification(auto=True, sample_percent=Decimal(0)), presence=presence,
    )  # fmt: skip
    return policies.publish(
        session, title="示例", source="example", effective_from=date(2026, 1, 1), rule=rule,
        actor_id=None, now=clock.now(),
    )  # fmt: skip


def _units(assets: list[int], paper_version_id: int) -> tuple[Unit, ...]:
    checks = tuple(
        VideoCheck(at_ms=at * 1000, text=QUESTION, options=CHOICES, right=1)
        for at in (30, 300, 600)
    )
    return (
        *(_video(key, asset, checks) for key, asset in zip(UNITS, assets, strict=True)),
        Unit(key="p1", kind=UnitKind.PAGE, title="讲义", body="正文"),
        Unit(key="q1", kind=UnitKind.QUIZ, title="小测", paper_version_id=paper_version_id, questions=1),
    )  # fmt: skip


def _stopping(asset: int, courseware_id: str) -> tuple[Unit, ...]:
    """A video that stops once for everybody, and courseware."""
    stop = VideoCheck(at_ms=STOP_S * 1000, text=QUESTION, options=CHOICES, right=1, everyone=True)
    return (
        _video(UNITS[0], asset, (stop,)),
        Unit(
            key="g1", kind=UnitKind.SCORM, title="课件", courseware_id=courseware_id,
            launch="start.html",
        ),
    )  # fmt: skip


def _video(key: str, asset: int, checks: tuple[VideoCheck, ...]) -> Unit:
    return Unit(
        key=key, kind=UnitKind.VIDEO, title="讲", asset_id=asset, duration_ms=VIDEO_S * 1000,
        checks=checks,
    )  # fmt: skip


def _course(session: Session, owner_id: int, units: tuple[Unit, ...], policy: Policy) -> int:
    now = clock.now()
    facts: dict[str, Any] = {
        "title": "课程", "field_code": fields.valid(session, now.date())[0].code,
        "subject_kind": SubjectKind.PROFESSIONAL, "level": TitleLevel.NONE,
        "declared_hours": Decimal(4),
    }  # fmt: skip
    course = Course(
        owner_id=owner_id, summary="", teacher="王老师", teacher_title="", revision=0,
        created_at=now, updated_at=now, **facts,
    )  # fmt: skip
    session.add(course)
    session.flush()
    document = CourseDocument(
        summary="", teacher="王老师", teacher_title="",
        chapters=(Chapter(title="章", units=units),), **facts,
    )  # fmt: skip
    session.add(CourseVersion(
        course_id=course.id, number=1, state=VersionState.PUBLISHED, document=document.to_text(),
        sha256=document.sha256, duration_ms=document.video_ms, policy_id=policy.id,
        submitted_at=now, decided_at=now, **facts,
    ))  # fmt: skip
    session.flush()
    return course.id
