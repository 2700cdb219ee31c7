"""From a draft to a frozen version that waits for review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from assessments import blueprinting, drafting, papers
from assessments.models import Paper
from courses import chaptering, checks, conditions, editing, fields, kinds
from courses.documents import Captions, Chapter, ChapterMark, CourseDocument, Unit, VideoCheck
from courses.models import Course, CourseVersion, UnitKind, VersionState
from courses.models import Unit as DraftUnit
from courses.registers import attaching
from courses.registers.entries import EXPERTS
from courses.reviews import seats
from media import captions
from media.file_models import Attachment
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
    asked = conditions.asked(course)
    counted = {u.asset_id for u in conditions.units(course) if u.asset_id and u.id in asked}
    arithmetic = Arithmetic(
        sum(videos[id].duration_ms or 0 for id in counted), policies.in_force(session, today)
    )
    named = bool(attaching.of(session, EXPERTS, course.id))
    problems = [*_fact_problems(course, named)]
    if course.field_code not in {field.code for field in fields.valid(session, today)}:
        problems.append(_("所选领域已不在现行目录中，请重新选择"))
    problems += _content_problems(session, course, videos, _papers(session, course))
    problems += _caption_problems(session, course)
    problems += _hours_problems(course.declared_hours, arithmetic)
    return Standing(arithmetic, problems)


def _fact_problems(course: Course, teachers_named: bool) -> Iterator[str]:
    if not course.title.strip():
        yield _("请填写课程名称")
    if not course.summary.strip():
        yield _("请填写课程简介")
    if not course.teacher.strip() and not teachers_named:
        yield _("请填写授课专家")


def _content_problems(
    session: Session, course: Course, videos: dict[int, Asset], drafts: dict[int, Paper]
) -> Iterator[str]:
    units = [unit for chapter in course.chapters for unit in chapter.units]
    if not any(unit.kind == UnitKind.VIDEO for unit in units):
        yield _("至少需要一节视频")
    if units and not conditions.asked(course):
        yield _("至少需要一节必修的内容")
    for chapter in course.chapters:
        if not chapter.units:
            yield _("“%(title)s”里还没有内容", title=chapter.title)
    for unit in units:
        match UnitKind(unit.kind):
            case UnitKind.VIDEO:
                yield from _video_problems(unit, videos.get(unit.asset_id or 0))
            case UnitKind.QUIZ | UnitKind.PRACTICE:
                yield from _quiz_problems(session, unit, drafts[unit.paper_id or 0])
            case UnitKind.PAGE if not unit.body.strip():
                yield _("“%(title)s”还没有正文", title=unit.title)
            case UnitKind.FILE if unit.file_id is None:
                yield _("“%(title)s”还没有文件", title=unit.title)
            case UnitKind.SCORM if unit.courseware_id is None:
                yield _("“%(title)s”还没有课件", title=unit.title)
            case UnitKind.LIVE if unit.starts_at is None:
                yield _("“%(title)s”还没有填写直播的时间和地址", title=unit.title)


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
    elif any(
        check["at_ms"] > checks.latest_ms(video, everyone=check.get("everyone"))
        for check in unit.checks or ()
    ):
        yield _("“%(title)s”有课间提问的时刻超出了视频，请修改或删除", title=unit.title)
    elif chaptering.beyond(unit.chapter_marks, video):
        yield _("“%(title)s”有章节标记的时刻超出了视频，请修改", title=unit.title)


def _caption_problems(session: Session, course: Course) -> Iterator[str]:
    faults = captions.faults(session, [u.asset_id for u in conditions.units(course) if u.asset_id])
    unread = captions.unread(session, [u.asset_id for u in conditions.units(course) if u.asset_id])
    for unit in conditions.units(course):
        for label in unread.get(unit.asset_id or 0, ()):
            yield _(
                "“%(title)s”的字幕（%(label)s）是自动识别的，请校对后在字幕页确认",
                title=unit.title,
                label=label,
            )
        if count := faults.get(unit.asset_id or 0):
            yield _(
                "“%(title)s”的字幕有 %(n)d 处错误，播放器无法显示，请修改",
                title=unit.title,
                n=count,
            )


def _quiz_problems(session: Session, unit: DraftUnit, draft: Paper) -> Iterator[str]:
    if not draft.document.get("questions") and not draft.document.get("blueprint"):
        yield _("“%(title)s”还没有题目", title=unit.title)
        return
    try:
        papers.Paper.from_document(draft.document)
    except papers.InvalidPaper as invalid:
        yield _("“%(title)s”的试卷有误：%(why)s", title=unit.title, why=invalid.message)
        return
    for why in blueprinting.problems(session, draft):
        yield _("“%(title)s”的抽题规则：%(why)s", title=unit.title, why=why)


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
    attaching.note_version(session, version, document.teachers or ())
    seats.open_review(session, version, now)
    return version


def _freeze(session: Session, course: Course, now: datetime) -> CourseDocument:
    videos = editing.videos(session, course)
    keys = {draft.id: draft.key for draft in conditions.units(course)}

    def unit(draft: DraftUnit) -> Unit:
        kind = kinds.of(draft.kind)
        file = session.get(Attachment, draft.file_id) if draft.file_id else None
        after = tuple(sorted(keys[wait.for_id] for wait in draft.waits))
        text = draft.body if draft.kind == UnitKind.PAGE else draft.body or None
        frozen = drafting.freeze(session, draft.paper_id, now) if draft.paper_id else None
        tracks = captions.freeze_all(session, draft.asset_id, now) if draft.asset_id else []
        return Unit(
            key=draft.key,
            kind=UnitKind(draft.kind),
            title=draft.title,
            body=text if kind.written else None,
            rich=True if kind.written and text else None,
            required=None if draft.required and kind.may_be_asked else False,
            after=after or None,
            starts_at=draft.starts_at,
            minutes=draft.minutes,
            address=draft.address,
            file_id=file.id if file else None,
            file_name=file.file_name if file else None,
            file_bytes=file.size_bytes if file else None,
            courseware_id=draft.courseware_id,
            launch=draft.launch,
            asset_id=draft.asset_id,
            duration_ms=videos[draft.asset_id].duration_ms if draft.asset_id else None,
            paper_version_id=frozen.id if frozen else None,
            questions=drafting.load(frozen).asks if frozen else None,
            checks=tuple(map(VideoCheck.model_validate, draft.checks)) if draft.checks else None,
            captions=tuple(Captions(**vars(each)) for each in tracks) or None,
            chapter_marks=tuple(map(ChapterMark.model_validate, draft.chapter_marks))
            if draft.chapter_marks
            else None,
        )

    teachers = attaching.teachers(session, course)
    return CourseDocument(
        title=course.title.strip(),
        summary=course.summary.strip(),
        teacher=(course.teacher.strip() or "、".join(each.name for each in teachers))[:64],
        teacher_title=course.teacher_title.strip(),
        teachers=teachers or None,
        textbooks=attaching.textbooks(session, course) or None,
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
