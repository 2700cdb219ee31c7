"""The public catalogue: published courses by field, kind, level, hours and quality mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, UnitKind, VersionState
from zhixin.errors import NotFound
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import TitleLevel

PAGE_SIZE = 24
#: Facet of hours: name → (more than or equal, less than).
HOUR_RANGES = {"short": (0, 2), "medium": (2, 6), "long": (6, 1000)}


@dataclass(frozen=True)
class Filters:
    """What a visitor asked for; None is "any". Unknown values are dropped, not errors."""

    field: str | None = None
    kind: SubjectKind | None = None
    level: TitleLevel | None = None
    hours: str | None = None
    quality: bool = False

    @classmethod
    def of(cls, words: Mapping[str, str]) -> Filters:
        kind, level, hours = words.get("kind"), words.get("level"), words.get("hours")
        return cls(
            field=words.get("field") or None,
            kind=SubjectKind(kind) if kind in set(SubjectKind) else None,
            level=TitleLevel(level) if level in set(TitleLevel) else None,
            hours=hours if hours in HOUR_RANGES else None,
            quality=words.get("quality") == "1",
        )

    def words(self) -> dict[str, str]:
        """The same as words of an address, without the unset ones."""
        found = {
            "field": self.field,
            "kind": self.kind,
            "level": self.level,
            "hours": self.hours,
            "quality": "1" if self.quality else None,
        }
        return {name: str(value) for name, value in found.items() if value}


@dataclass(frozen=True)
class Card:
    """A published course as lists show it."""

    course_id: int
    version_id: int
    title: str
    teacher: str
    teacher_title: str
    summary: str
    field_code: str
    subject_kind: SubjectKind
    level: TitleLevel
    hours: Decimal
    duration_ms: int
    quality: bool
    poster_asset_id: int | None


@dataclass(frozen=True)
class Listing:
    """One page of the catalogue with how many courses each facet would leave."""

    cards: list[Card]
    total: int
    page: int
    facets: dict[str, dict[str, int]]

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


@lru_cache(maxsize=4096)
def _document(version_id: int, text: str) -> CourseDocument:  # a version's document never changes
    return CourseDocument.from_text(text)


def card(version: CourseVersion, quality_until: date | None, today: date) -> Card:
    document = _document(version.id, version.document)
    poster = next((u.asset_id for u in document.units() if u.kind == UnitKind.VIDEO), None)
    return Card(
        course_id=version.course_id,
        version_id=version.id,
        title=version.title,
        teacher=document.teacher,
        teacher_title=document.teacher_title,
        summary=document.summary,
        field_code=version.field_code,
        subject_kind=version.subject_kind,
        level=version.level,
        hours=version.declared_hours,
        duration_ms=version.duration_ms,
        quality=quality_until is not None and quality_until >= today,
        poster_asset_id=poster,
    )


def _where(
    filters: Filters, ids: Sequence[int] | None, today: date
) -> list[sa.ColumnElement[bool]]:
    conditions = [CourseVersion.state == VersionState.PUBLISHED]
    if ids is not None:
        conditions.append(CourseVersion.course_id.in_(ids))
    if filters.field:
        conditions.append(CourseVersion.field_code == filters.field)
    if filters.kind:
        conditions.append(CourseVersion.subject_kind == filters.kind)
    if filters.level:
        conditions.append(CourseVersion.level == filters.level)
    if filters.hours:
        low, high = HOUR_RANGES[filters.hours]
        conditions += [
            CourseVersion.declared_hours >= Decimal(low),
            CourseVersion.declared_hours < Decimal(high),
        ]
    if filters.quality:
        conditions.append(Course.quality_mark_until >= today)
    return conditions


def browse(
    session: Session, filters: Filters, *, page: int, today: date, ids: Sequence[int] | None = None
) -> Listing:
    """One page of published courses.

    Args:
        ids: only these courses, in this order (a search's result); else newest first.
    """
    total, facets = _count(session, filters, ids, today)
    found = (
        sa.select(CourseVersion, Course.quality_mark_until)
        .join(Course, Course.id == CourseVersion.course_id)
        .where(*_where(filters, ids, today))
    )
    if ids is None:
        found = found.order_by(CourseVersion.decided_at.desc(), CourseVersion.id.desc())
        rows = session.execute(found.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)).all()
    else:
        # A search's order is known to the index only: page over ids, then fetch these.
        matching = set(session.scalars(found.with_only_columns(CourseVersion.course_id)))
        ordered = [i for i in ids if i in matching][(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        rank = {course_id: place for place, course_id in enumerate(ordered)}
        fetched = session.execute(found.where(CourseVersion.course_id.in_(ordered))).all()
        rows = sorted(fetched, key=lambda row: rank[row.CourseVersion.course_id])
    return Listing([card(v, q, today) for v, q in rows], total, page, facets)


def _count(
    session: Session, filters: Filters, ids: Sequence[int] | None, today: date
) -> tuple[int, dict[str, dict[str, int]]]:
    """How many courses the filters leave, and how many each value of each facet would.

    One look at the courses for all of it: they are counted by all facets at once, which
    makes a few hundred rows, and these are added up here.
    """
    hours = CourseVersion.declared_hours
    of_hours = [
        ((hours >= Decimal(a)) & (hours < Decimal(b)), key) for key, (a, b) in HOUR_RANGES.items()
    ]
    columns = {
        "field": CourseVersion.field_code,
        "kind": CourseVersion.subject_kind,
        "level": CourseVersion.level,
        "hours": sa.case(*of_hours, else_="long"),
        "quality": sa.case((Course.quality_mark_until >= today, "1"), else_="0"),
    }
    inner = (
        sa.select(*(column.label(name) for name, column in columns.items()))
        .join(Course, Course.id == CourseVersion.course_id)
        .where(*_where(Filters(), ids, today))
        .subquery()
    )
    counted = sa.select(*inner.c, sa.func.count()).group_by(*inner.c)
    chosen, total = filters.words(), 0
    facets: dict[str, dict[str, int]] = {name: {} for name in columns}
    for *values, count in session.execute(counted):
        found = dict(zip(columns, map(str, values), strict=True))
        missed = [name for name, value in chosen.items() if found[name] != value]
        total += 0 if missed else count
        for name in columns:
            if missed in ([], [name]):  # would be left if this facet were not chosen
                facets[name][found[name]] = facets[name].get(found[name], 0) + count
    return total, facets


def newest(session: Session, filters: Filters, *, most: int, today: date) -> list[Card]:
    """The latest published courses, without counting the others."""
    rows = session.execute(
        sa.select(CourseVersion, Course.quality_mark_until)
        .join(Course, Course.id == CourseVersion.course_id)
        .where(*_where(filters, None, today))
        .order_by(CourseVersion.decided_at.desc(), CourseVersion.id.desc())
        .limit(most)
    )
    return [card(version, quality_until, today) for version, quality_until in rows]


def published(
    session: Session, course_id: int
) -> tuple[CourseVersion, CourseDocument, date | None]:
    """The published version of a course with its document and quality mark's expiry."""
    row = session.execute(
        sa.select(CourseVersion, Course.quality_mark_until)
        .join(Course, Course.id == CourseVersion.course_id)
        .where(CourseVersion.course_id == course_id, CourseVersion.state == VersionState.PUBLISHED)
    ).one_or_none()
    if row is None:
        raise NotFound("没有这门课程，或课程尚未发布")
    version, quality_until = row
    return version, _document(version.id, version.document), quality_until


def counts_by_field(session: Session) -> dict[str, int]:
    """Published courses of each field."""
    return dict(
        session.execute(
            sa.select(CourseVersion.field_code, sa.func.count())
            .where(CourseVersion.state == VersionState.PUBLISHED)
            .group_by(CourseVersion.field_code)
        ).all()
    )
