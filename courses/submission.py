"""From a draft to a frozen version that waits for review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from assessments import drafting, papers
from assessments.models import Paper
from courses import checks, editing, fields
from courses.documents import Chapter, CourseDocument, Unit, VideoCheck
from courses.models import Course, CourseVersion, UnitKind, VersionState
from courses.models import Unit as DraftUnit
from media.models import Asset, AssetState
from zhixin import clock
from zhixin.errors import Invalid
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import CreditRule, justified_hours


class Incomplete(Invalid):
    """``facts['problems']`` lists everything that is missing, at once."""

    code = "course-incomplete"
    title = "课程还不能提交审核"


@dataclass(frozen=True)
class Arithmetic:
    """How a length becomes hours under a policy, step by step."""

    video_ms: int
    policy: Policy

    @property
    def rule(self) -> CreditRule:
        return policies.rule(self.policy)

    @property
    def quotient(self) -> Decimal:
        """Hours before rounding to the rule's step; two decimals, cut off."""
        hours = Decimal(self.video_ms) / 60_000 / self.rule.minutes_per_hour
        return hours.quantize(Decimal("0.01"), ROUND_DOWN)

    @property
    def justified(self) -> Decimal:
        return justified_hours(self.video_ms, self.rule)


@dataclass(frozen=True)
class Standing:
    """What a draft amounts to now, and all that keeps it from submission, in words."""

    arithmetic: Arithmetic
    problems: list[str]


def standing(session: Session, course: Course, now: datetime) -> Standing:
    """The draft under the policy of today.

    Args:
        course: with chapters and units, as ``editing.get`` gives it.
    """
    today = clock.local(now).date()
    videos = editing.videos(session, course)
    arithmetic = Arithmetic(
        sum(video.duration_ms or 0 for video in videos.values()), policies.in_force(session, today)
    )
    problems = [*_fact_problems(course)]
    if course.field_code not in {field.code for field in fields.valid(session, today)}:
        problems.append(_("所选领域已不在现行目录中，请重新选择"))
    problems += _content_problems(course, videos, _papers(session, course))
    problems += _hours_problems(course.declared_hours, arithmetic)
    return Standing(arithmetic, problems)


def _fact_problems(course: Course) -> Iterator[str]:
    if not course.title.strip():
        yield _("请填写课程名称")
    if not course.summary.strip():
        yield _("请填写课程简介")
    if not course.teacher.strip():
        yield _("请填写授课专家")


def _content_problems(
    course: Course, videos: dict[int, Asset], drafts: dict[int, Paper]
) -> Iterator[str]:
    units = [unit for chapter in course.chapters for unit in chapter.units]
    if not any(unit.kind == UnitKind.VIDEO for unit in units):
        yield _("至少需要一节视频")
    for chapter in course.chapters:
        if not chapter.units:
            yield _("“%(title)s”里还没有内容", title=chapter.title)
    for unit in units:
        match UnitKind(unit.kind):
            case UnitKind.VIDEO:
                yield from _video_problems(unit, videos.get(unit.asset_id or 0))
            case UnitKind.QUIZ:
                yield from _quiz_problems(unit, drafts[unit.paper_id or 0])
            case UnitKind.PAGE if not unit.body.strip():
                yield _("“%(title)s”还没有正文", title=unit.title)


def _video_problems(unit: DraftUnit, video: Asset | None) -> Iterator[str]:
    if video is None:
        yield _("“%(title)s”还没有上传视频", title=unit.title)
    elif video.state == AssetState.FAILED:
        yield _(
            "“%(title)s”的视频处理失败：%(why)s",
            title=unit.title,
            why=_(video.failure) if video.failure else "",
        )
    elif video.state != AssetState.READY:
        yield _("“%(title)s”的视频还在处理中", title=unit.title)
    elif any(check["at_ms"] > checks.latest_ms(video) for check in unit.checks or ()):
        yield _("“%(title)s”有课间提问的时刻超出了视频，请修改或删除", title=unit.title)


def _quiz_problems(unit: DraftUnit, draft: Paper) -> Iterator[str]:
    if not draft.document.get("questions"):
        yield _("“%(title)s”还没有题目", title=unit.title)
        return
    try:
        papers.Paper.from_document(draft.document)
    except papers.InvalidPaper as invalid:
        yield _("“%(title)s”的试卷有误：%(why)s", title=unit.title, why=invalid.message)


def _hours_problems(declared: Decimal, arithmetic: Arithmetic) -> Iterator[str]:
    if declared <= 0:
        yield _("请填写申报学时")
    elif declared > arithmetic.justified:
        yield _(
            "申报学时 %(declared)s 超过了视频时长可支持的 %(justified)s 学时",
            declared=_plain(declared),
            justified=_plain(arithmetic.justified),
        )
    elif declared % arithmetic.rule.step:
        yield _("申报学时应为 %(step)s 的整数倍", step=_plain(arithmetic.rule.step))


def _plain(hours: Decimal) -> str:
    return format(hours.normalize(), "f")


def _papers(session: Session, course: Course) -> dict[int, Paper]:
    ids = [u.paper_id for c in course.chapters for u in c.units if u.paper_id]
    return {paper.id: paper for paper in session.scalars(sa.select(Paper).where(Paper.id.in_(ids)))}


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
        policy_id=found.arithmetic.policy.id,
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
            checks=tuple(map(VideoCheck.model_validate, draft.checks)) if draft.checks else None,
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
        rate_percent=course.rate_percent if course.rate_percent != 100 else None,
        chapters=tuple(
            Chapter(title=chapter.title, units=tuple(unit(u) for u in chapter.units))
            for chapter in course.chapters
        ),
    )
