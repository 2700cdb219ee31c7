"""The frozen form of a course: canonical JSON, named by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Self

import rfc8785
from pydantic import BaseModel, ConfigDict, field_serializer, model_validator

from courses.models import UnitKind
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoCheck(_Frozen):
    """An author's question on what a video shows at a moment, asked as a presence prompt.

    ``right`` (an index of ``options``) never leaves the server before the answer.
    """

    at_ms: int
    text: str
    options: tuple[str, ...]
    right: int

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if not 2 <= len(self.options) <= 6 or not 0 <= self.right < len(self.options):
            raise ValueError("a check has two to six options, one of them right")
        if self.at_ms < 0:
            raise ValueError("a check before the beginning")
        return self


class Unit(_Frozen):
    """One step: a video (with its length in ms), a quiz (with its frozen paper) or a page."""

    key: str
    kind: UnitKind
    title: str
    body: str | None = None
    asset_id: int | None = None
    duration_ms: int | None = None
    paper_version_id: int | None = None
    questions: int | None = None
    checks: tuple[VideoCheck, ...] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {
            UnitKind.VIDEO: (self.asset_id, self.duration_ms),
            UnitKind.QUIZ: (self.paper_version_id,),
            UnitKind.PAGE: (self.body,),
        }
        if None in needed[self.kind]:
            raise ValueError(f"unit {self.key}: a {self.kind} without its content")
        return self


class Chapter(_Frozen):
    title: str
    units: tuple[Unit, ...]


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
    chapters: tuple[Chapter, ...]

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        keys = [unit.key for unit in self.units()]
        if len(set(keys)) < len(keys):
            raise ValueError("two units have the same key")
        return self

    @field_serializer("declared_hours")
    def _hours(self, hours: Decimal) -> str:
        # 1, 1.0 and 1.00 are the same hours, so they must be the same text.
        return format(hours.normalize(), "f")

    def units(self) -> Iterator[Unit]:
        for chapter in self.chapters:
            yield from chapter.units

    def unit(self, key: str) -> Unit | None:
        return next((unit for unit in self.units() if unit.key == key), None)

    @property
    def video_ms(self) -> int:
        """Length of all videos; one that appears twice counts once."""
        lengths = {u.asset_id: u.duration_ms or 0 for u in self.units() if u.kind is UnitKind.VIDEO}
        return sum(lengths.values())

    def to_text(self) -> str:
        """Canonical JSON (RFC 8785): the same content is the same text."""
        return rfc8785.dumps(self.model_dump(mode="json", exclude_none=True)).decode()

    @classmethod
    def from_text(cls, text: str) -> CourseDocument:
        return cls.model_validate(json.loads(text))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_text().encode()).hexdigest()
