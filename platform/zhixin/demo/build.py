"""Filling an empty database with a small city: people, courses, videos, histories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa
from flask import current_app
from sqlalchemy.orm import Session

from assessments import drafting
from courses import editing, fields, reviewing, search, submission
from courses.models import Course, Field, FieldGroup, UnitKind
from media import assets, probe, renditions, transcode, usage
from media.models import Asset, AssetState
from media.storage import MediaStore
from zhixin import clock, db
from zhixin.demo import classes, content, declared, histories, insight, reviewed, showcase, video
from zhixin.demo.people import Cast, create_cast
from zhixin.hours import policies
from zhixin.hours.rules import CreditRule, Presence, SubjectKind, Verification, justified_hours
from zhixin.ledger import log
from zhixin.ledger.keys import Signer
from zhixin.reports import targets

#: The first courses have two lectures of several minutes, the others one short lecture.
FLAGSHIPS = 6
FLAGSHIP_SECONDS = 150
SHORT_SECONDS = 60
PARALLEL = 2
COLOURS = {
    FieldGroup.PRIORITY: ("#0f2f3a", "#1f6f8b"),
    FieldGroup.MODERN_SERVICE: ("#3a1512", "#a8433a"),
}
#: One minute makes an hour, so that a visitor can walk the whole way in minutes.
RULE = CreditRule(
    minutes_per_hour=Decimal(1),
    step=Decimal("0.5"),
    coverage_needed=Decimal("0.95"),
    pass_mark=Decimal("0.6"),
    attempts_allowed=None,
    yearly_total=Decimal(20),
    yearly_minimums={SubjectKind.GENERAL: Decimal(3), SubjectKind.PROFESSIONAL: Decimal(12)},
    verification=Verification(auto=True, sample_percent=Decimal(15)),
    # Only the longer lectures are long enough for one.
    presence=Presence(every_minutes=Decimal(1), answer_seconds=60),
    activities={each.code: each for each in declared.ACTIVITIES},
)
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Lecture:
    """A video to be made for a course."""

    course: content.DemoCourse
    topics: tuple[str, ...]
    seconds: int
    asset_id: int


def build(report: Report) -> Cast:
    """Everything, in a few transactions; the last one makes the demonstration known as done.

    Args:
        report: called with (what, done, of).
    """
    now = clock.now()
    start = now - timedelta(days=700)
    database = db.database()
    with database.transaction() as session:
        report("账号与机构", 0, 1)
        policies.publish(
            session,
            title="演示规则（1 分钟折 1 学时）",
            source="仅供演示：便于在几分钟内走完全程。正式使用前请发布本市规则。",
            effective_from=start.date() - timedelta(days=30),
            rule=RULE,
            actor_id=None,
            now=start,
        )
        cast = create_cast(session, start)
        report("账号与机构", 1, 1)
    lectures = _make_videos(cast, start, report)
    with database.transaction() as session:
        _make_courses(session, cast, lectures, start, now, report)
    with database.transaction() as session:
        histories.simulate(session, cast, start, now, report)
        report("综合示例课程", 0, 1)
        showcase.build(session, cast, now)
        report("综合示例课程", 1, 1)
        declared.declare(session, cast, now)
        classes.simulate(session, cast, cast.administrator, now)
        reviewed.quality(session, cast, now)
        insight.rate(session, now)
        signer = Signer.of(current_app.extensions["settings"])
        while log.append_waiting(session, signer, now):
            pass
        histories.after_recording(session, cast, now)
        while log.append_waiting(session, signer, now):
            pass
    insight.gather(database, now)
    with database.transaction() as session:
        usage.add_up(session, current_app.extensions["media_store"])
        report("搜索索引", 0, 1)
        search.sync(session, current_app.extensions["course_index"])
        report("搜索索引", 1, 1)
    return cast


def _plan(
    demo: list[content.DemoCourse],
) -> Iterator[tuple[content.DemoCourse, tuple[str, ...], int]]:
    for place, course in enumerate(demo):
        if place < 2 * FLAGSHIPS and place % 2 == 0:
            yield course, course.topics[:2], FLAGSHIP_SECONDS
            yield course, course.topics[2:], FLAGSHIP_SECONDS
        else:
            yield course, course.topics, SHORT_SECONDS


def _make_videos(cast: Cast, now: datetime, report: Report) -> list[Lecture]:
    store: MediaStore = current_app.extensions["media_store"]
    with db.database().transaction() as session:
        names = {f.code: (f.zh, FieldGroup(f.group)) for f in session.scalars(sa.select(Field))}
        lectures = []
        for place, (course, topics, seconds) in enumerate(_plan(content.courses())):
            asset = Asset(
                owner_id=cast.authors[place % len(cast.authors)].id,
                file_name=f"{course.title}.mp4",
                source="",
                source_bytes=0,
                state=AssetState.UPLOADED,
                progress=0,
                tries=0,
                created_at=now,
            )
            session.add(asset)
            session.flush()
            lectures.append(Lecture(course, topics, seconds, asset.id))

    def make(lecture: Lecture) -> tuple[Lecture, transcode.Transcoded, Path]:
        source = store.source(lecture.asset_id)
        field_name, group = names[lecture.course.field]
        video.lecture(
            source,
            lecture.course.slides(field_name, lecture.topics, COLOURS[group]),
            lecture.seconds,
        )
        found = probe.probe(source)
        final = store.run(lecture.asset_id, "demo")
        making = final.with_name("demo.making")
        made = transcode.transcode(
            source,
            making,
            found,
            renditions.plan(found),
            on_progress=lambda _percent: None,
            timeout_s=600,
            cancelled=lambda: False,
        )
        transcode.publish(making, final)
        return lecture, made, source

    with ThreadPoolExecutor(PARALLEL) as pool:
        for done, (lecture, made, source) in enumerate(pool.map(make, lectures), 1):
            with db.database().transaction() as session:
                mark = assets.claim(session, lecture.asset_id, now)
                assert mark is not None
                asset = session.get_one(Asset, lecture.asset_id)
                asset.source, asset.source_bytes = store.relative(source), source.stat().st_size
                session.flush()
                folder = store.relative(store.run(lecture.asset_id, "demo"))
                assets.ready(session, lecture.asset_id, mark, made, folder, "", now)
            report("制作讲课视频", done, len(lectures))
    return lectures


def _make_courses(
    session: Session,
    cast: Cast,
    lectures: list[Lecture],
    start: datetime,
    now: datetime,
    report: Report,
) -> None:
    fields.ensure_shipped(session)
    targets.ensure_shipped(session, now)
    demo = content.courses()
    for place, course in enumerate(demo):
        own = [
            lecture for lecture in lectures if lecture.course is course or lecture.course == course
        ]
        made_at = start + timedelta(days=place * 6)
        draft = _draft(session, cast, course, own, demo[(place + 7) % len(demo)].topics, made_at)
        if place < 2 * FLAGSHIPS:
            insight.teachers(session, cast, draft, made_at)
        version = submission.submit(session, draft, made_at + timedelta(hours=1))
        reviewer = cast.reviewers[place % len(cast.reviewers)]
        reviewing.approve(session, version, reviewer.id, made_at + timedelta(days=1))
        report("编写课程", place + 1, len(demo))
    _unfinished(session, cast, demo, lectures, now)


def _draft(
    session: Session,
    cast: Cast,
    course: content.DemoCourse,
    own: list[Lecture],
    others: tuple[str, ...],
    at: datetime,
) -> Course:
    video_ms = sum(session.get_one(Asset, lecture.asset_id).duration_ms or 0 for lecture in own)
    owner_id = session.get_one(Asset, own[0].asset_id).owner_id
    for lecture in own:
        session.get_one(Asset, lecture.asset_id).owner_id = owner_id
    draft = editing.create(
        session,
        owner_id=owner_id,
        facts={
            "title": course.title,
            "summary": course.summary,
            "teacher": course.teacher,
            "teacher_title": course.teacher_title,
            "field_code": course.field,
            "subject_kind": course.kind,
            "level": course.level,
            "declared_hours": justified_hours(video_ms, RULE),
        },
        now=at,
    )
    first = draft.chapters[0]
    editing.rename_chapter(session, draft, first.id, "课程导读")
    page = editing.add_unit(session, draft, first.id, UnitKind.PAGE, "学习指南", at)
    editing.update_unit(
        session, draft, page, title=page.title, asset_id=None,
        body=f"{course.summary}\n\n本课程包括：{'、'.join(course.topics)}。\n\n建议先看视频，再完成测验；测验可以多次作答。",
    )  # fmt: skip
    lessons = editing.add_chapter(session, draft, "视频讲解")
    for number, lecture in enumerate(own, 1):
        title = "、".join(lecture.topics[:2])
        unit = editing.add_unit(
            session, draft, lessons.id, UnitKind.VIDEO, f"第 {number} 讲　{title}", at
        )
        editing.update_unit(
            session, draft, unit, title=unit.title, body=None, asset_id=lecture.asset_id
        )
    ending = editing.add_chapter(session, draft, "学习检验")
    quiz = editing.add_unit(session, draft, ending.id, UnitKind.QUIZ, "课程测验", at)
    assert quiz.paper_id is not None
    paper = drafting.get(session, quiz.paper_id, owner_id)
    drafting.save(session, paper.id, owner_id, course.paper(others), paper.revision, at)
    return draft


def _unfinished(
    session: Session,
    cast: Cast,
    demo: list[content.DemoCourse],
    lectures: list[Lecture],
    now: datetime,
) -> None:
    """A draft, one waiting for review and one sent back, for those who look at the studio."""
    for place, title in enumerate(
        ("城市更新中的既有建筑安全评估", "人工智能辅助工程设计入门", "高层建筑电气火灾监控")
    ):
        model = demo[place * 2]
        own = [lecture for lecture in lectures if lecture.course == model]
        draft = _draft(session, cast, model, own, demo[20].topics, now - timedelta(days=5 - place))
        draft.title = title
        if place:
            version = submission.submit(session, draft, now - timedelta(days=3 - place))
            if place == 1:
                reviewed.remark(session, cast, reviewing.get(session, version.id), now)
            if place == 2:
                reviewing.send_back(
                    session,
                    version,
                    cast.reviewers[0].id,
                    "第一讲的案例缺少来源说明，请补充后再提交。",
                    now - timedelta(hours=5),
                )
