"""``course.json``: a whole course as plain data, whatever installation it stands in.

What is beside the text (pictures, files, videos) is named by the archive's members. Units and
pictures have numbers of their own here, so that the same course is the same text everywhere;
described in ``docs/integrator/course-archive.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import Field, StringConstraints, ValidationError
from pydantic import field_serializer as serializer
from pydantic import field_validator as field_check
from pydantic import model_validator as check

from assessments import drafting, papers
from assessments.questions.base import wrong
from courses import chaptering, checks, editing, kinds, meetings
from courses.courseware import keeping
from courses.courseware.models import Edition
from courses.courseware.playing import launched
from courses.documents import ChapterMark, VideoCheck
from courses.models import UnitKind
from courses.packages import parts
from courses.packages.parts import Bank, Captions, MemberName, Teacher, Textbook
from courses.packages.parts import Part as _Part
from courses.registers import attaching
from zhixin import richtext
from zhixin.errors import DomainError, Invalid
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel

FORMAT, VERSION = "zhixin-course", 1
MEMBER = "course.json"
MOST_BYTES = 64 * 1024 * 1024
MOST_PICTURES = 5_000
MOST_COURSEWARE = 20
#: Problems that are told one by one.
MOST_SAID = 20
_LONGEST_MS = 24 * 3600_000


class BadPackage(Invalid):
    """The file holds no course that we can take; nothing of it was."""

    code = "bad-package"
    title = "无法从这个文件导入课程"


Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
PictureId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Title = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=editing.MOST_CHARACTERS["title"]
    ),
]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=keeping.MOST_NAME)]


class Held(_Part):
    """Something beside the text: the archive's member, and the name its author gave it."""

    member: MemberName
    name: Annotated[str, StringConstraints(max_length=255)] = ""


class Picture(_Part):
    """What ``![…](picture:ID)`` in the texts means."""

    id: PictureId
    member: MemberName


class Courseware(_Part):
    """A SCORM package: the archive's members by the names that they have in it."""

    id: Id
    edition: Edition
    files: Annotated[dict[FileName, MemberName], Field(max_length=keeping.MOST_FILES)]

    @check(mode="after")
    def _sound(self) -> Self:
        if any(part in ("", ".", "..") for name in self.files for part in name.split("/")):
            raise wrong("课件的文件名指向包外或不完整")
        return self


class Unit(_Part):
    """One step. ``after`` names the units that have to be done first."""

    id: Id
    kind: UnitKind
    title: Title
    body: Annotated[str, StringConstraints(max_length=editing.MOST_PAGE_CHARACTERS)] = ""
    required: bool = True
    after: tuple[Id, ...] = ()
    video: Held | None = None
    captions: tuple[Captions, ...] = ()
    checks: tuple[VideoCheck, ...] = ()
    chapter_marks: tuple[ChapterMark, ...] = ()
    file: Held | None = None
    paper: dict[str, Any] | None = None
    courseware: Id | None = None
    launch: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] | None = None
    starts_at: datetime | None = None
    minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    address: Annotated[str, StringConstraints(max_length=500)] | None = None

    @check(mode="after")
    def _of_its_kind(self) -> Self:
        kind = kinds.of(self.kind)
        if kind.paper != (self.paper is not None):
            raise wrong("测验和练习应有试题，其他内容不应有")
        if self.kind != UnitKind.VIDEO and (self.video or self.checks or self.chapter_marks):
            raise wrong("只有视频节可以有视频、章节标记和课间提问")
        if self.captions and self.video is None:
            raise wrong("没有视频的小节不应有字幕")
        if parts.several(self.captions):
            raise wrong("一种语言有两份字幕")
        if self.kind != UnitKind.FILE and self.file:
            raise wrong("只有文件节可以有文件")
        if self.kind != UnitKind.SCORM and (self.courseware or self.launch):
            raise wrong("只有互动课件可以有课件")
        if (self.courseware is None) != (self.launch is None):
            raise wrong("互动课件应写明课件和从哪个文件开始")
        meeting = (self.starts_at, self.minutes, self.address)
        if self.kind != UnitKind.LIVE and meeting != (None, None, None):
            raise wrong("只有直播节可以有时间和地址")
        if self.address is not None:
            _sound_address(self.address)
        _sound_checks(self.checks)
        late = any(mark.at_ms > _LONGEST_MS for mark in self.chapter_marks)
        if late or not chaptering.sound(self.chapter_marks):
            raise wrong("章节标记的文字为空或过长，时刻不按先后，或超出视频")
        if self.body and not kind.written:
            raise wrong("这种内容没有正文")
        return self

    @field_check("starts_at", mode="after")
    @classmethod
    def _instant(cls, moment: datetime | None) -> datetime | None:
        if moment is None:
            return None
        if moment.tzinfo is None or not 2000 <= moment.year <= 2100:
            raise wrong("直播的时间应带时区，在 2000 到 2100 年之间")
        return moment.astimezone(UTC)

    def media(self) -> Iterator[Held]:
        yield from (each for each in (self.video, self.file) if each is not None)

    def pictures(self) -> set[str]:
        """Ids of the pictures that its texts and questions show."""
        told = json.dumps(self.paper, ensure_ascii=False) if self.paper else ""
        return richtext.pictures(self.body) | richtext.pictures(told) | set(hotspots(self.paper))


class Chapter(_Part):
    title: Title
    units: Annotated[tuple[Unit, ...], Field(max_length=editing.MOST_UNITS)] = ()


class Facts(_Part):
    """What a course says of itself."""

    title: Title
    summary: Annotated[str, StringConstraints(max_length=4_000)] = ""
    teacher: Annotated[str, StringConstraints(max_length=64)] = ""
    teacher_title: Annotated[str, StringConstraints(max_length=120)] = ""
    field_code: Annotated[str, StringConstraints(max_length=32)] = ""
    subject_kind: SubjectKind = SubjectKind.PROFESSIONAL
    level: TitleLevel = TitleLevel.NONE
    declared_hours: Annotated[
        Decimal, Field(ge=0, le=editing.MOST_HOURS, decimal_places=2, allow_inf_nan=False)
    ] = Decimal(0)
    rate_percent: int = 100

    @check(mode="after")
    def _sound(self) -> Self:
        if self.rate_percent not in editing.RATES:
            raise wrong("计时速度应为 100、125、150 或 200")
        return self

    @serializer("declared_hours")
    def _hours(self, hours: Decimal) -> str:
        return format(hours.normalize(), "f")


class PackagedCourse(_Part):
    """The whole."""

    format: Literal["zhixin-course"] = "zhixin-course"
    version: Literal[1] = 1
    course: Facts
    chapters: Annotated[tuple[Chapter, ...], Field(max_length=editing.MOST_CHAPTERS)]
    teachers: Annotated[tuple[Teacher, ...], Field(max_length=attaching.MOST)] = ()
    textbooks: Annotated[tuple[Textbook, ...], Field(max_length=attaching.MOST)] = ()
    pictures: Annotated[tuple[Picture, ...], Field(max_length=MOST_PICTURES)] = ()
    courseware: Annotated[tuple[Courseware, ...], Field(max_length=MOST_COURSEWARE)] = ()
    banks: tuple[Bank, ...] = ()

    @check(mode="after")
    def _drawable(self) -> Self:
        """A blueprint names one of these banks, never one that happens to be here."""
        drawn = [
            _bank_of(unit.paper) for unit in self.units() if (unit.paper or {}).get("blueprint")
        ]
        if len(drawn) > parts.MOST_DRAWN_PAPERS:
            raise wrong(f"一门课程最多 {parts.MOST_DRAWN_PAPERS} 份试卷按题库抽题")
        if any(type(number) is not int for number in drawn) or (
            {*drawn} != {*range(1, len(self.banks) + 1)}
        ):
            raise wrong("试卷抽题的题库不在包中，或有题库没有试卷从中抽题")
        if sum(bank.questions for bank in self.banks) > parts.MOST_BANKED:
            raise wrong(f"题库合起来最多 {parts.MOST_BANKED} 题")
        return self

    @check(mode="after")
    def _playable(self) -> Self:
        files = {each.id: each.files for each in self.courseware}
        if len(files) < len(self.courseware):
            raise wrong("课件编号重复")
        for unit in self.units():
            begins = launched(unit.launch or "")[0]
            if unit.courseware and begins not in files.get(unit.courseware, {}):
                raise wrong(f"“{unit.title[:40]}”的课件不在包中")
        return self

    @check(mode="after")
    def _captioned(self) -> Self:
        """Captions belong to a video: in two units they are the same."""
        known: dict[str, tuple[Captions, ...]] = {}
        for unit in self.units():
            if unit.video and known.setdefault(unit.video.member, unit.captions) != unit.captions:
                raise wrong(f"“{unit.title[:40]}”的视频在另一节中有不同的字幕")
        return self

    @check(mode="after")
    def _openable(self) -> Self:
        units = list(self.units())
        able = {unit.id for unit in units if kinds.of(unit.kind).may_be_asked}
        if len({unit.id for unit in units}) < len(units):
            raise wrong("小节编号重复")
        waiting = {unit.id: unit.after for unit in units}
        if any(key not in able for after in waiting.values() for key in after):
            raise wrong("先修的小节不存在，或永远不会完成")
        try:
            TopologicalSorter(waiting).prepare()
        except CycleError:
            raise wrong("有小节互相等待，学员永远打不开") from None
        return self

    @check(mode="after")
    def _pictured(self) -> Self:
        known = [picture.id for picture in self.pictures]
        if len(set(known)) < len(known):
            raise wrong("图片编号重复")
        for unit in self.units():
            if not unit.pictures() <= set(known):
                raise wrong(f"“{unit.title[:40]}”中的图片不在包中")
        return self

    def units(self) -> Iterator[Unit]:
        for chapter in self.chapters:
            yield from chapter.units

    def members(self) -> set[str]:
        """Names of all that stands beside the text."""
        held = {each.member for unit in self.units() for each in unit.media()}
        held |= {each.member for unit in self.units() for each in unit.captions}
        held |= {member for each in self.courseware for member in each.files.values()}
        held |= {bank.member for bank in self.banks}
        return held | {picture.member for picture in self.pictures}

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785), what says nothing left out."""
        return rfc8785.dumps(self.model_dump(mode="json", exclude_defaults=True) | _HEAD)


_HEAD = {"format": FORMAT, "version": VERSION}


def read(content: bytes) -> PackagedCourse:
    """Raises:
    BadPackage: with what is wrong in words.
    """
    told = parsed(content, MEMBER)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise BadPackage(f"{MEMBER} 不是本平台的课程（format 应为 {FORMAT}）")
    if told.get("version") != VERSION:
        raise BadPackage(f"不支持这个版本的课程包（version 应为 {VERSION}），请先升级平台")
    try:
        return checked(told)
    except RecursionError:
        raise BadPackage(f"{MEMBER} 层层嵌套过深") from None


def parsed(content: bytes, member: str) -> Any:
    """A member's JSON, without what no database keeps.

    Raises:
        BadPackage: it is none.
    """
    try:
        text = content.decode()
        told = json.loads(text)
        json.dumps(told, ensure_ascii=False).encode()  # half a character, which nobody keeps
    except (ValueError, RecursionError):
        raise BadPackage(f"{member} 不是 UTF-8 的 JSON，或已损坏") from None
    if "\\u0000" in text:
        raise BadPackage(f"{member} 含有无法保存的字符（U+0000）")
    return told


def checked(told: Mapping[str, Any]) -> PackagedCourse:
    """``told`` as a course whose papers are sound, in the form that they are kept in.

    Raises:
        BadPackage: with what is wrong in words.
    """
    try:
        made = PackagedCourse.model_validate(told)
    except ValidationError as error:
        said = papers.said(error)
        raise BadPackage("；".join(said[:5]), problems=said[:MOST_SAID]) from None
    chapters = tuple(
        chapter.model_copy(update={"units": tuple(_with_paper(unit) for unit in chapter.units)})
        for chapter in made.chapters
    )
    return made.model_copy(update={"chapters": chapters})


def _with_paper(unit: Unit) -> Unit:
    if unit.paper is None:
        return unit
    try:
        paper = drafting.Draft.from_document(unit.paper).to_document()
    except ValidationError as error:
        raise BadPackage(f"“{unit.title}”的试题有误：{papers.said(error)[0]}") from None
    except papers.InvalidPaper as error:
        raise BadPackage(f"“{unit.title}”的试题有误：{error.message}") from None
    return unit.model_copy(update={"paper": paper})


def _bank_of(paper: Mapping[str, Any] | None) -> Any:
    plan = (paper or {}).get("blueprint")
    return plan.get("bank") if isinstance(plan, Mapping) else None


def hotspots(paper: Mapping[str, Any] | None) -> Iterable[str]:
    """The pictures that questions ask to point at: named bare, not within a text."""
    for question in (paper or {}).get("questions", ()):
        if isinstance(question, Mapping) and isinstance(question.get("picture"), str):
            yield question["picture"]


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A text or a paper with its pictures under other names; one without a name stays."""
    if isinstance(value, str):
        return richtext.PICTURE.sub(lambda m: f"picture:{names.get(m[1], m[1])}", value)
    if isinstance(value, Mapping):
        made = {key: renamed(each, names) for key, each in value.items()}
        if isinstance(made.get("picture"), str):
            made["picture"] = names.get(made["picture"], made["picture"])
        return made
    if isinstance(value, list | tuple):
        return [renamed(each, names) for each in value]
    return value


def _sound_checks(asked: tuple[VideoCheck, ...]) -> None:
    if len(asked) > checks.MOST_CHECKS:
        raise wrong(f"一节视频最多 {checks.MOST_CHECKS} 个课间提问")
    for each in asked:
        said = (each.text, *each.options)
        long = len(each.text) > checks.MOST_TEXT or max(map(len, each.options)) > checks.MOST_OPTION
        long = long or len(each.explanation or "") > checks.MOST_EXPLANATION
        if long or not all(text.strip() for text in said) or each.at_ms > _LONGEST_MS:
            raise wrong("课间提问的文字为空或过长，或时刻超出视频")
        if len(set(each.options)) < len(each.options):
            raise wrong("课间提问有两个选项相同")


def _sound_address(address: str) -> None:
    try:
        meetings.read_address(address)
    except DomainError as error:
        raise wrong(error.message) from None
