"""A draft is edited freely by its author, never by another, never while it is reviewed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from assessments import drafting
from courses import editing
from courses.models import Course, CourseVersion, UnitKind
from media.models import Asset, AssetState
from zhixin.errors import Invalid, NotFound
from zhixin.people.models import Person, Role

Make = Callable[..., Course]


def titles(items: list[Any]) -> list[str]:
    return [item.title for item in items]


def reread(session: Session, course: Course) -> Course:
    """The course as the database has it."""
    session.commit()
    session.expire_all()
    return editing.get(session, course.id, course.owner_id)


def test_create_gives_a_chapter_to_begin_with(session: Session, create_draft: Make) -> None:
    """A new course is a draft with one empty chapter."""
    course = reread(session, create_draft(title="  名称 "))
    assert (course.title, course.revision, titles(course.chapters)) == ("名称", 0, ["第一章"])


@pytest.mark.parametrize("hours", ["-1", "200.5", "1.005", "NaN", "Infinity", "1E-999999"])
def test_impossible_hours_are_refused(create_draft: Make, hours: str) -> None:
    """Declared hours lie between 0 and 200 with at most two decimals."""
    with pytest.raises(Invalid) as refused:
        create_draft(declared_hours=Decimal(hours))
    assert refused.value.code == "declared-hours"


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"title": " \0 "}, "title-needed"), ({"summary": "长" * 4001}, "text-too-long")],
)
def test_unusable_facts_are_refused(create_draft: Make, changes: dict[str, str], code: str) -> None:
    """A course needs a name, and texts have a most."""
    with pytest.raises(Invalid) as refused:
        create_draft(**changes)
    assert refused.value.code == code


def test_update(
    session: Session, create_draft: Make, create_facts: Callable[..., Any], now: datetime
) -> None:
    """Facts are replaced; revision and time of the last change move on."""
    course, later = create_draft(), now + timedelta(hours=1)
    opened = editing.open_for_edit(session, course.id, course.owner_id, later)
    editing.update(session, opened, create_facts(title="改名", subject_kind="general"), 0)
    course = reread(session, course)
    assert (course.title, course.subject_kind, course.revision) == ("改名", "general", 1)
    assert course.updated_at == later


def test_lost_update_is_refused(
    session: Session, create_draft: Make, create_facts: Callable[..., Any]
) -> None:
    """Two pages read the same facts; the second to save is told instead of overwriting."""
    course = create_draft()
    editing.update(session, course, create_facts(title="先"), 0)
    with pytest.raises(editing.ChangedElsewhere):
        editing.update(session, course, create_facts(title="后"), 0)
    assert reread(session, course).title == "先"


def test_refused_facts_keep_the_revision(
    session: Session, create_draft: Make, create_facts: Callable[..., Any]
) -> None:
    """What was refused has not been saved: the same form may be sent again, corrected."""
    course = create_draft()
    with pytest.raises(Invalid):
        editing.update(session, course, create_facts(title=""), 0)
    editing.update(session, course, create_facts(title="对了"), 0)
    assert course.title == "对了"


def test_adding_and_moving_overwrite_nothing(
    session: Session, create_draft: Make, create_facts: Callable[..., Any]
) -> None:
    """Work on the outline in one page does not make another page's facts stale."""
    course = create_draft()
    editing.add_chapter(session, course, "第二章")
    editing.move(session, course.chapters, course.chapters[1], -1)
    editing.update(session, course, create_facts(title="改名"), 0)


def test_anothers_course_is_not_found(
    session: Session, create_draft: Make, create_person: Callable[..., Person], now: datetime
) -> None:
    """Another author's course answers like one that does not exist."""
    course, other = create_draft(), create_person("other", Role.AUTHOR)
    for course_id, owner_id in ((course.id, other.id), (999_999, course.owner_id)):
        with pytest.raises(NotFound):
            editing.get(session, course_id, owner_id)
        with pytest.raises(NotFound):
            editing.open_for_edit(session, course_id, owner_id, now)


def test_under_review_nothing_is_edited(
    session: Session,
    create_course: Make,
    submit: Callable[..., CourseVersion],
    now: datetime,
) -> None:
    """What a reviewer is reading and what the author sees are the same thing."""
    course = create_course()
    submit(course)
    with pytest.raises(editing.UnderReview):
        editing.open_for_edit(session, course.id, course.owner_id, now)


def test_chapters_move_and_go(session: Session, create_draft: Make) -> None:
    """Chapters move up and down, stay at the ends, and are removed with their order kept."""
    course = create_draft()
    for title in ("二", "三"):
        editing.add_chapter(session, course, title)
    editing.move(session, course.chapters, course.chapters[2], -1)
    course = reread(session, course)
    assert titles(course.chapters) == ["第一章", "三", "二"]
    editing.move(session, course.chapters, course.chapters[0], -1)
    editing.move(session, course.chapters, course.chapters[2], 1)
    editing.move(session, course.chapters, course.chapters[0], 1)
    course = reread(session, course)
    assert titles(course.chapters) == ["三", "第一章", "二"]
    editing.remove(session, course.chapters, course.chapters[1])
    course = reread(session, course)
    assert [(c.title, c.position) for c in course.chapters] == [("三", 0), ("二", 1)]


def test_units_move_and_go(session: Session, create_course: Make, now: datetime) -> None:
    """Units move within their chapter; a removed video's file stays the author's."""
    course = create_course()
    units = course.chapters[0].units
    asset_id = units[0].asset_id
    editing.move(session, units, units[0], 1)
    course = reread(session, course)
    assert titles(course.chapters[0].units) == ["小测", "第一讲", "讲义"]
    editing.remove(session, course.chapters[0].units, course.chapters[0].units[1])
    course = reread(session, course)
    assert titles(course.chapters[0].units) == ["小测", "讲义"]
    assert session.get(Asset, asset_id) is not None


def test_removed_chapter_takes_its_units(session: Session, create_course: Make) -> None:
    """A chapter goes with all that is in it."""
    course = create_course()
    unit_id = course.chapters[0].units[0].id
    editing.remove(session, course.chapters, course.chapters[0])
    assert reread(session, course).chapters == []
    with pytest.raises(NotFound):
        editing.course_of_unit(session, unit_id)


def test_quiz_brings_its_paper(session: Session, create_draft: Make, now: datetime) -> None:
    """A quiz unit has an empty paper of its author from the start."""
    course = create_draft()
    unit = editing.add_unit(session, course, course.chapters[0].id, UnitKind.QUIZ, "小测", now)
    paper = drafting.get(session, unit.paper_id or 0, course.owner_id)
    assert paper.document["title"] == "小测"


@pytest.mark.parametrize("state", AssetState)
def test_a_video_is_attached_ready_or_not(
    session: Session,
    create_draft: Make,
    create_ready_asset: Callable[..., Asset],
    now: datetime,
    state: AssetState,
) -> None:
    """An author need not wait for transcoding to place a video."""
    course = create_draft()
    unit = editing.add_unit(session, course, course.chapters[0].id, UnitKind.VIDEO, "一", now)
    asset = create_ready_asset(state=state)
    editing.attach(session, course, unit, asset.id)
    assert reread(session, course).chapters[0].units[0].asset_id == asset.id


def test_anothers_video_is_not_found(
    session: Session,
    create_course: Make,
    create_ready_asset: Callable[..., Asset],
    create_person: Callable[..., Person],
) -> None:
    """Nobody takes another author's video into a course by its id."""
    course, other = create_course(), create_person("other", Role.AUTHOR)
    with pytest.raises(NotFound):
        editing.attach(
            session, course, course.chapters[0].units[0], create_ready_asset(owner_id=other.id).id
        )


def test_only_video_units_hold_videos(
    session: Session, create_course: Make, create_ready_asset: Callable[..., Asset]
) -> None:
    """A page or quiz takes no video."""
    course = create_course()
    with pytest.raises(Invalid):
        editing.attach(session, course, course.chapters[0].units[2], create_ready_asset().id)


def test_page_text_is_kept_as_written(session: Session, create_course: Make) -> None:
    """Paragraphs survive; what browsers and databases stumble over does not."""
    course = create_course()
    page = course.chapters[0].units[2]
    editing.update_unit(session, course, page, title=" 讲  义 ", body="一\r\n\r\n二\0\n")
    page = reread(session, course).chapters[0].units[2]
    assert (page.title, page.body) == ("讲 义", "一\n\n二")


def test_page_lost_update_is_refused(session: Session, create_course: Make) -> None:
    """A page's text, the longest thing an author types, is not overwritten unseen."""
    course = create_course()
    page, read_at = course.chapters[0].units[2], course.revision
    editing.update_unit(session, course, page, title="讲义", body="先", revision=read_at)
    with pytest.raises(editing.ChangedElsewhere):
        editing.update_unit(session, course, page, title="讲义", body="后", revision=read_at)
    assert reread(session, course).chapters[0].units[2].body == "先"


def test_a_course_has_a_most(
    session: Session, create_draft: Make, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    """Chapters and units are limited, so that no page or document grows without end."""
    course = create_draft()
    monkeypatch.setattr(editing, "MOST_CHAPTERS", 1)
    monkeypatch.setattr(editing, "MOST_UNITS", 0)
    with pytest.raises(Invalid):
        editing.add_chapter(session, course, "第二章")
    with pytest.raises(Invalid):
        editing.add_unit(session, course, course.chapters[0].id, UnitKind.PAGE, "页", now)


def test_of_owner(
    session: Session, create_draft: Make, create_person: Callable[..., Person], now: datetime
) -> None:
    """An author's list: their own, the last edited first."""
    first, second = create_draft(title="一"), create_draft(title="二")
    create_draft(title="别人的", owner_id=create_person("other", Role.AUTHOR).id)
    editing.open_for_edit(session, first.id, first.owner_id, now + timedelta(hours=1))
    session.flush()
    assert list(editing.of_owner(session, first.owner_id)) == [first, second]
