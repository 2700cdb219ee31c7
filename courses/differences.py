"""What a version changes against the one published before, in words for its reviewer."""

from __future__ import annotations

from collections.abc import Iterator

from flask_babel import gettext as _

from courses.documents import CourseDocument, Unit
from courses.words import speed_text


def between(before: CourseDocument, after: CourseDocument) -> list[str]:
    """Every difference as one line; empty when there is none."""
    return [*_facts(before, after), *_outline(before, after), *_units(before, after)]


def _facts(before: CourseDocument, after: CourseDocument) -> Iterator[str]:
    shown = {
        "title": _("课程名称"),
        "teacher": _("授课专家"),
        "teacher_title": _("专家单位与职称"),
        "declared_hours": _("申报学时"),
    }
    for name, word in shown.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield _("%(fact)s：%(old)s → %(new)s", fact=word, old=old or "—", new=new or "—")
    old_speed, new_speed = speed_text(before.rate_percent), speed_text(after.rate_percent)
    if old_speed != new_speed:
        yield _("%(fact)s：%(old)s → %(new)s", fact=_("计时速度"), old=old_speed, new=new_speed)
    named = {
        "summary": _("课程简介"),
        "field_code": _("领域"),
        "subject_kind": _("科目"),
        "level": _("适合"),
    }
    for name, word in named.items():
        if getattr(before, name) != getattr(after, name):
            yield _("%(fact)s有修改", fact=word)


def _outline(before: CourseDocument, after: CourseDocument) -> Iterator[str]:
    old, new = _identities(before), _identities(after)
    kept = old.keys() & new.keys()
    if [key for key in old if key in kept] != [key for key in new if key in kept]:
        yield _("内容的顺序有调整")
    if [c.title for c in before.chapters] != [c.title for c in after.chapters]:
        yield _("章的名称或划分有调整")


def _units(before: CourseDocument, after: CourseDocument) -> Iterator[str]:
    old, new = _identities(before), _identities(after)
    for key, unit in new.items():
        if key not in old:
            yield _("新增：%(unit)s", unit=unit.title)
        elif changes := list(_unit(old[key], unit)):
            yield _("改动：%(unit)s（%(changes)s）", unit=unit.title, changes="，".join(changes))
    for key, unit in old.items():
        if key not in new:
            yield _("删去：%(unit)s", unit=unit.title)


def _unit(old: Unit, new: Unit) -> Iterator[str]:
    if old.title != new.title:
        yield _("原标题“%(title)s”", title=old.title)
    if old.body != new.body:
        yield _("正文有修改")
    if old.asset_id != new.asset_id:
        yield _("更换了视频")
    if old.paper_version_id != new.paper_version_id:
        yield _("题目有修改")
    if old.checks != new.checks:
        yield _("课间提问有修改")


def _identities(document: CourseDocument) -> dict[tuple[str, str], Unit]:
    # SQLite gives a deleted row's id again: a unit of another kind is another unit.
    return {(unit.key, unit.kind): unit for unit in document.units()}
