"""A review with pinned remarks, and two rounds of 精品课程: one with its marks, one on notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, UnitKind, VersionState
from courses.quality import applications, criteria, objections, panel, rounds
from courses.quality.models import QualityApplication, QualityRound
from courses.reviews import comments, seats
from zhixin import clock
from zhixin.demo.people import Cast

#: (place of the criterion's points below the most, by application)
LOST = ((1, 2, 1, 0, 1), (2, 1, 3, 1, 1), (4, 3, 5, 2, 3), (3, 3, 2, 1, 2), (6, 5, 4, 3, 2))


def remark(session: Session, cast: Cast, version: CourseVersion, now: datetime) -> None:
    """A reviewer has taken a version and remarked on it; its author has answered once."""
    who = cast.reviewers[0].id
    seats.take(session, version, who, now - timedelta(hours=20))
    document = CourseDocument.from_text(version.document)
    video = next(unit for unit in document.units() if unit.kind is UnitKind.VIDEO)
    page = next(unit for unit in document.units() if unit.kind is UnitKind.PAGE)
    first = comments.add(
        session, version, who, unit_key=video.key, at_ms=min(12_000, (video.duration_ms or 0) // 2),
        text="这里引用的数据没有写明年份和来源，请在画面上注明。", now=now - timedelta(hours=19),
    )  # fmt: skip
    comments.add(
        session, version, who, unit_key=video.key, at_ms=min(4_000, (video.duration_ms or 0) // 3),
        text="字号偏小，手机上看不清，建议放大。", now=now - timedelta(hours=19),
    )  # fmt: skip
    comments.add(
        session, version, who, unit_key=page.key, at_ms=None,
        text="学习指南里可以补充先修要求。", now=now - timedelta(hours=18),
    )  # fmt: skip
    comments.reply(
        session, first, version.course.owner_id, "数据来自 2025 年统计公报，下一版注明。",
        now - timedelta(hours=6),
    )  # fmt: skip


def quality(session: Session, cast: Cast, now: datetime) -> None:
    """The first round has given its marks; the second is before the public."""
    versions = session.scalars(
        sa.select(CourseVersion)
        .join(Course, Course.id == CourseVersion.course_id)
        .where(CourseVersion.state == VersionState.PUBLISHED)
        .order_by(CourseVersion.id)
    ).all()
    first = _noticed(
        session, cast, "第一批精品课程评选", versions[:5], 3, now - timedelta(days=200)
    )
    rounds.conclude(session, first.id, cast.administrator.id, now - timedelta(days=190))
    second = _noticed(
        session, cast, "第二批精品课程评选", versions[5:9], 2, now - timedelta(days=2)
    )
    shown = next(a for a in rounds.applications(session, second.id) if a.state == "selected")
    objections.lodge(
        session, shown.id, round_id=second.id, person_id=None, name="陈先生",
        contact="chen@example.org", text="第二讲的案例与某教材雷同，请核实是否取得授权。",
        now=now - timedelta(hours=9),
    )  # fmt: skip


def _noticed(
    session: Session,
    cast: Cast,
    title: str,
    versions: Sequence[CourseVersion],
    chosen: int,
    at: datetime,
) -> QualityRound:
    """A round that came before the public at ``at``."""
    office, begun = cast.administrator.id, at - timedelta(days=40)
    opens = clock.local(begun).date() + timedelta(days=5)
    made = rounds.create(
        session, title=title, lines=criteria.EXAMPLE, trimmed=True, scores_needed=1,
        call="面向已发布的网络课程。每位作者可申报多门课程，请对照评审标准说明特色和效果。",
        notice_days=7, mark_years=3, opens=opens, closes=opens + timedelta(days=20),
        actor_id=office, now=begun,
    )  # fmt: skip
    rounds.announce(session, made.id, office, begun)
    for judge in cast.reviewers:
        panel.appoint(session, made.id, judge.id, office, begun)
    applied: list[QualityApplication] = []
    for version in versions:
        owner_id = session.get_one(Course, version.course_id).owner_id
        applied.append(
            applications.apply(
                session, made.id, owner_id, course_id=version.course_id,
                statement=f"《{version.title}》案例来自一线工程，每讲配有测验，学员反馈良好。",
                now=made.opens_at + timedelta(days=1),
            )
        )  # fmt: skip
    rounds.start_scoring(session, made.id, office, made.closes_at)
    items = criteria.load(made.criteria)
    for judge in cast.reviewers:
        kept = panel.conflicts(session, judge, applied)
        for place, application in enumerate(applied):
            lost = LOST[place % len(LOST)]
            sent = {f"points:{c.key}": str(c.points - lost[n]) for n, c in enumerate(items)}
            if application.id not in kept:
                moment = at - timedelta(days=3)
                panel.save(session, application.id, judge, sent, moment)
    rounds.close_scoring(session, made.id, office, at - timedelta(days=1))
    best = sorted(applied, key=lambda a: (a.place or 0, a.id))[:chosen]
    rounds.post_notice(session, made.id, frozenset(a.id for a in best), "", office, at)
    return made
