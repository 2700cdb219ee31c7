"""What a version changes against the one published before, in words for its reviewer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _

from courses.documents import Captions, CourseDocument, Unit, VideoCheck
from courses.words import speed_text
from zhixin.pages import format_duration

#: So many characters of a question say which one is meant.
_SHOWN = 20


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
    if before.teachers != after.teachers:
        yield _("专家库中的授课专家有修改")
    if before.textbooks != after.textbooks:
        yield _("教材有修改")


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
        elif changes := list(within(old[key], unit)):
            yield _("改动：%(unit)s（%(changes)s）", unit=unit.title, changes="，".join(changes))
    for key, unit in old.items():
        if key not in new:
            yield _("删去：%(unit)s", unit=unit.title)


def within(old: Unit, new: Unit) -> Iterator[str]:
    """What has changed of one unit."""
    if old.title != new.title:
        yield _("原标题“%(title)s”", title=old.title)
    if old.body != new.body:
        yield _("正文有修改")
    if old.asset_id != new.asset_id:
        yield _("更换了视频")
    if old.paper_version_id != new.paper_version_id:
        yield _("题目有修改")
    yield from _checks(old.checks or (), new.checks or ())
    if old.chapter_marks != new.chapter_marks:
        yield _("章节标记有修改")
    yield from _captions(old.captions or (), new.captions or ())


def _checks(old: Sequence[VideoCheck], new: Sequence[VideoCheck]) -> Iterator[str]:
    """Questions have no names: the same words, or else the same moment, are the same question."""
    gone = [each for each in old if each not in new]
    for each in new:
        if each in old:
            continue
        same = [was for was in gone if was.text == each.text]
        was = next(iter(same or [was for was in gone if was.at_ms == each.at_ms]), None)
        if was is None:
            yield _("新增课间提问：%(check)s", check=_check(each))
            continue
        gone.remove(was)
        what = "、".join(_check_changes(was, each))
        yield _("课间提问“%(check)s”的%(what)s有修改", check=_check(was), what=what)
    for each in gone:
        yield _("删去课间提问：%(check)s", check=_check(each))


def _check(check: VideoCheck) -> str:
    text = check.text if len(check.text) <= _SHOWN else f"{check.text[:_SHOWN]}…"
    return f"{format_duration(check.at_ms)} {text}"


def _check_changes(old: VideoCheck, new: VideoCheck) -> Iterator[str]:
    if old.at_ms != new.at_ms:
        yield _("时刻")
    if old.text != new.text:
        yield _("问题")
    if old.options != new.options:
        yield _("选项")
    if old.options[old.right] != new.options[new.right]:
        yield _("答案")
    if bool(old.everyone) != bool(new.everyone):
        yield _("提问方式")
    if old.explanation != new.explanation:
        yield _("解析")


def _captions(old: Sequence[Captions], new: Sequence[Captions]) -> Iterator[str]:
    was = {each.language: each for each in old}
    there = {each.language: each for each in new}
    for language, each in there.items():
        if language not in was:
            yield _("新增字幕：%(language)s", language=each.label)
        elif each.version_id != was[language].version_id:
            yield _("字幕有修改：%(language)s", language=each.label)
        elif each.label != was[language].label:
            yield _("字幕改名：%(old)s → %(new)s", old=was[language].label, new=each.label)
    for language, each in was.items():
        if language not in there:
            yield _("删去字幕：%(language)s", language=each.label)


def _identities(document: CourseDocument) -> dict[tuple[str, str], Unit]:
    # SQLite gives a deleted row's id again: a unit of another kind is another unit.
    return {(unit.key, unit.kind): unit for unit in document.units()}
