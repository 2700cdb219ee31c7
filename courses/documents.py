"""The frozen form of a course: canonical JSON, named by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from courses import kinds
from courses.models import UnitKind
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoCheck(_Frozen):
    """An author's question on what a video shows at a moment, asked as a presence prompt.

    ``right`` (an index of ``options``) never leaves the server before the answer.

    Attributes:
        everyone: the video stops at this moment and asks everybody (a stop, 弹题); it is then no
            presence prompt.
        explanation: of a stop: shown after the right answer.
    """

    at_ms: int
    text: str
    options: tuple[str, ...]
    right: int
    everyone: bool | None = None
    explanation: str | None = None

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if not 2 <= len(self.options) <= 6 or not 0 <= self.right < len(self.options):
            raise ValueError("a check has two to six options, one of them right")
        if self.at_ms < 0:
            raise ValueError("a check before the beginning")
        return self


class Captions(_Frozen):
    """Captions of a video: a frozen version of them (``media.captions``), for good."""

    version_id: int
    language: str
    label: str


class ChapterMark(_Frozen):
    """What begins at a moment of a video; learners jump there."""

    at_ms: int = Field(ge=0)
    title: str = Field(min_length=1)


class Unit(_Frozen):
    """One step, with what its kind needs (see ``courses.kinds``).

    Whatever came after the first published versions is None where it says nothing, and left out
    of the text: their hashes stay.

    Attributes:
        required: False: completion does not ask for it.
        after: keys of the units that have to be done first.
        rich: True: ``body`` is as ``zhixin.richtext`` reads it; else paragraphs of plain text.
        starts_at, minutes, address: of a live meeting.
        file_id, file_name, file_bytes: of a file to be taken home.
        courseware_id, launch: of courseware: its package, and where it begins.
        captions: of a video.
    """

    key: str
    kind: UnitKind
    title: str
    body: str | None = None
    asset_id: int | None = None
    duration_ms: int | None = None
    paper_version_id: int | None = None
    questions: int | None = None
    checks: tuple[VideoCheck, ...] | None = None
    chapter_marks: tuple[ChapterMark, ...] | None = None
    required: bool | None = None
    after: tuple[str, ...] | None = None
    rich: bool | None = None
    starts_at: datetime | None = None
    minutes: int | None = None
    address: str | None = None
    file_id: str | None = None
    file_name: str | None = None
    file_bytes: int | None = None
    courseware_id: str | None = None
    launch: str | None = None
    captions: tuple[Captions, ...] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(getattr(self, name) is None for name in kinds.of(self.kind).needs):
            raise ValueError(f"unit {self.key}: a {self.kind} without its content")
        return self

    @property
    def stops(self) -> tuple[tuple[int, VideoCheck], ...]:
        """The questions at which the video stops, with their places among its checks."""
        asked = enumerate(self.checks or ())
        return tuple((place, check) for place, check in asked if check.everyone)

    @property
    def ends_at(self) -> datetime | None:
        """When a live meeting is over."""
        if self.starts_at is None or self.minutes is None:
            return None
        return self.starts_at + timedelta(minutes=self.minutes)


class Chapter(_Frozen):
    title: str
    units: tuple[Unit, ...]


class TeacherProfile(_Frozen):
    """An expert as a course was frozen with them. ``portrait``: ``picture:ID``."""

    expert_id: int
    name: str
    title: str | None = None
    unit: str | None = None
    biography: str | None = None
    portrait: str | None = None


class TextbookRecord(_Frozen):
    """A textbook as a course was frozen with it. ``isbn``: thirteen digits."""

    textbook_id: int
    title: str
    authors: str
    publisher: str
    isbn: str | None = None
    edition: str | None = None
    year: int | None = None
    licence: str | None = None
    file_id: str | None = None
    file_name: str | None = None
    file_bytes: int | None = None


class CourseDocument(_Frozen):
    """Everything that learners study and awards name. Hours are a decimal string in JSON."""

    title: str
    summary: str
    teacher: str
    teacher_title: str
    field_code: str
    subject_kind: SubjectKind
    level: TitleLevel
    declared_hours: Decimal
    #: Media time credited per time passed; None, as in versions from before: 100.
    rate_percent: int | None = None
    #: From the registers; None, as in versions from before: none named.
    teachers: tuple[TeacherProfile, ...] | None = None
    textbooks: tuple[TextbookRecord, ...] | None = None
    chapters: tuple[Chapter, ...]

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        keys = [unit.key for unit in self.units()]
        if len(set(keys)) < len(keys):
            raise ValueError("two units have the same key")
        return self

    @model_validator(mode="after")
    def _openable(self) -> Self:
        """Every unit can be reached: what it waits for is there, can be done, and waits not for it."""
        waiting = {unit.key: unit.after or () for unit in self.units()}
        done = {u.key for u in self.units() if kinds.of(u.kind).may_be_asked}
        if any(key not in done for after in waiting.values() for key in after):
            raise ValueError("a unit waits for what is never done")
        try:
            TopologicalSorter(waiting).prepare()
        except CycleError:
            raise ValueError("units wait for each other") from None
        return self

    @field_serializer("declared_hours")
    def _hours(self, hours: Decimal) -> str:
        # 1, 1.0 and 1.00 are the same hours, so they must be the same text.
        return format(hours.normalize(), "f")

    def units(self) -> Iterator[Unit]:
        for chapter in self.chapters:
            yield from chapter.units

    @cached_property
    def has_stops(self) -> bool:
        """Does a video stop for a question?"""
        return any(unit.stops for unit in self.units())

    def unit(self, key: str) -> Unit | None:
        return next((unit for unit in self.units() if unit.key == key), None)

    @cached_property
    def asked(self) -> frozenset[str]:
        """Keys of the units that completion asks for: the required ones and all they wait for."""
        by_key: Mapping[str, Unit] = {unit.key: unit for unit in self.units()}
        asked: set[str] = set()
        look_at = [
            unit.key
            for unit in by_key.values()
            if unit.required is not False and kinds.of(unit.kind).may_be_asked
        ]
        while look_at:
            key = look_at.pop()
            if key not in asked:
                asked.add(key)
                look_at += by_key[key].after or ()
        return frozenset(asked)

    @property
    def video_ms(self) -> int:
        """Length of the videos that completion asks for; one that appears twice counts once.

        Hours follow from it: nobody is given hours for a video that need not be watched.
        """
        return sum(
            {
                unit.asset_id: unit.duration_ms or 0
                for unit in self.units()
                if unit.kind is UnitKind.VIDEO and unit.key in self.asked
            }.values()
        )

    def to_text(self) -> str:
        """Canonical JSON (RFC 8785): the same content is the same text."""
        return rfc8785.dumps(self.model_dump(mode="json", exclude_none=True)).decode()

    @classmethod
    def from_text(cls, text: str) -> CourseDocument:
        return cls.model_validate(json.loads(text))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_text().encode()).hexdigest()
