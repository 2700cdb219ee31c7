"""From a draft to a frozen version that waits for review."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.models import Paper
from courses import editing
from courses.documents import Chapter, CourseDocument, Unit
from courses.models import Course, CourseVersion, UnitKind, VersionState
from courses.models import Unit as DraftUnit
from media.models import Asset, AssetState
from zhixin import clock
from zhixin.errors import Invalid
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import justified_hours


class Incomplete(Invalid):
    """``facts['problems']`` lists everything that is missing, at once."""

    code = "course-incomplete"
    title = "课程还不能提交审核"


@dataclass(frozen=True)
class Standing:
    """What a draft amounts to now: shown beside the declared hours."""

    video_ms: int
    justified: Decimal
    policy: Policy
    problems: list[str]


def standing(session: Session, course: Course, now: datetime) -> Standing:
    """Length, justified hours under today's policy, and all that keeps it from submission."""
    policy = policies.in_force(session, clock.local(now).date())
    videos = editing.videos(session, course)
    video_ms = sum(asset.duration_ms or 0 for asset in videos.values())
    justified = justified_hours(video_ms, policies.rule(policy))
    papers = _papers(session, course)
    problems = []
    for name, value in (("课程简介", course.summary), ("授课专家", course.teacher)):
        if not value.strip():
            problems.append(f"请填写{name}")
    units = [unit for chapter in course.chapters for unit in chapter.units]
    if not any(unit.kind == UnitKind.VIDEO for unit in units):
        problems.append("至少需要一节视频")
    problems += [f"“{c.title}”里还没有内容" for c in course.chapters if not c.units]
    for unit in units:
        problems += _unit_problems(unit, videos, papers)
    if course.declared_hours <= 0:
        problems.append("请填写申报学时")
    elif course.declared_hours > justified:
        problems.append(f"申报学时 {course.declared_hours} 超过了视频时长可支持的 {justified} 学时")
    return Standing(video_ms, justified, policy, problems)


def _papers(session: Session, course: Course) -> dict[int, Paper]:
    ids = [u.paper_id for c in course.chapters for u in c.units if u.paper_id]
    return {paper.id: paper for paper in session.scalars(sa.select(Paper).where(Paper.id.in_(ids)))}


def _unit_problems(
    unit: DraftUnit, videos: dict[int, Asset], papers: dict[int, Paper]
) -> list[str]:
    if unit.kind == UnitKind.PAGE and not unit.body.strip():
        return [f"“{unit.title}”还没有正文"]
    if unit.kind == UnitKind.QUIZ and not papers[unit.paper_id or 0].document.get("questions"):
        return [f"“{unit.title}”还没有题目"]
    if unit.kind == UnitKind.VIDEO:
        video = videos.get(unit.asset_id or 0)
        if video is None:
            return [f"“{unit.title}”还没有上传视频"]
        if video.state == AssetState.FAILED:
            return [f"“{unit.title}”的视频处理失败：{video.failure}"]
        if video.state != AssetState.READY:
            return [f"“{unit.title}”的视频还在处理中"]
    return []


def submit(session: Session, course: Course, now: datetime) -> CourseVersion:
    """Freeze the draft as the next version, waiting for review.

    Args:
        course: as ``editing.open_for_edit`` gives it: locked and not under review.

    Raises:
        Incomplete: with every problem in words.
    """
    found = standing(session, course, now)
    if found.problems:
        raise Incomplete("；".join(found.problems), problems=found.problems)
    document = _freeze(session, course, now)
    number = session.scalar(
        sa.select(sa.func.max(CourseVersion.number)).where(CourseVersion.course_id == course.id)
    )
    version = CourseVersion(
        course_id=course.id,
        number=(number or 0) + 1,
        state=VersionState.SUBMITTED,
        document=document.to_text(),
        sha256=document.sha256,
        title=document.title,
        field_code=document.field_code,
        subject_kind=document.subject_kind,
        level=document.level,
        duration_ms=document.video_ms,
        declared_hours=document.declared_hours,
        policy_id=found.policy.id,
        submitted_at=now,
    )
    session.add(version)
    session.flush()
    return version


def _freeze(session: Session, course: Course, now: datetime) -> CourseDocument:
    videos = editing.videos(session, course)

    def unit(draft: DraftUnit) -> Unit:
        frozen = drafting.freeze(session, draft.paper_id, now) if draft.paper_id else None
        return Unit(
            key=f"u{draft.id}",
            kind=UnitKind(draft.kind),
            title=draft.title,
            body=draft.body if draft.kind == UnitKind.PAGE else None,
            asset_id=draft.asset_id,
            duration_ms=videos[draft.asset_id].duration_ms if draft.asset_id else None,
            paper_version_id=frozen.id if frozen else None,
            questions=len(drafting.load(frozen).questions) if frozen else None,
        )

    return CourseDocument(
        title=course.title.strip(),
        summary=course.summary.strip(),
        teacher=course.teacher.strip(),
        teacher_title=course.teacher_title.strip(),
        field_code=course.field_code,
        subject_kind=course.subject_kind,
        level=course.level,
        declared_hours=course.declared_hours,
        chapters=tuple(
            Chapter(title=chapter.title, units=tuple(unit(u) for u in chapter.units))
            for chapter in course.chapters
        ),
    )
