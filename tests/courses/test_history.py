"""A course's history: nothing is lost, doubled or out of order, whoever does what and takes it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from courses import authors, conditions, duplicating, editing, history, outlines, snapshots, texts
from courses.history import Act
from courses.models import Course, UnitKind
from zhixin.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound
from zhixin.people.models import Person, Role

Make = Callable[..., Course]


@pytest.fixture
def helper(session: Session, create_person: Callable[..., Person]) -> Person:
    person = create_person("hezuo", Role.AUTHOR, name="合作人")
    session.commit()
    return person


def titles(course: Course) -> list[list[str]]:
    return [[unit.title for unit in chapter.units] for chapter in course.chapters]


def reread(session: Session, course: Course) -> Course:
    session.commit()
    session.expire_all()
    return editing.get(session, course.id, course.owner_id)


def sound(course: Course) -> None:
    """Positions are 0, 1, 2 … and no unit is there twice."""
    assert [each.position for each in course.chapters] == [*range(len(course.chapters))]
    for chapter in course.chapters:
        assert [each.position for each in chapter.units] == [*range(len(chapter.units))]
    keys = [unit.key for unit in conditions.units(course)]
    assert len(keys) == len(set(keys))


ACTS = st.tuples(
    st.booleans(),  # which of two authors
    st.sampled_from(
        ["unit", "chapter", "place", "place", "chapter-place", "remove", "remove-chapter", "rename",
         "write", "wait", "undo", "undo", "redo", "restore"]
    ),
    st.integers(0, 7),
    st.integers(0, 7),
)  # fmt: skip


def step(
    session: Session, course_id: int, actor: int, act: str, one: int, two: int, now: datetime
) -> None:
    """One operation, as the studio's views do it; what can't be done is refused."""
    if act == "undo":
        history.take_back(session, course_id, actor, now)
        return
    if act == "redo":
        history.do_again(session, course_id, actor, now)
        return
    if act == "restore":
        history.restore(session, course_id, actor, one, now)
        return
    with history.changing(session, course_id, actor, Act.MOVED, now) as course:
        units = list(conditions.units(course))
        chapter = course.chapters[one % len(course.chapters)] if course.chapters else None
        unit = units[two % len(units)] if units else None
        if act == "chapter":
            editing.add_chapter(session, course, f"章{one}{two}")
        elif chapter and act == "unit":
            editing.add_unit(session, course, chapter.id, UnitKind.PAGE, f"页{one}{two}", now)
        elif chapter and act == "chapter-place":
            outlines.place_chapter(session, course, chapter, two)
        elif chapter and act == "remove-chapter":
            editing.remove(session, course.chapters, chapter)
        elif chapter and unit and act == "place":
            outlines.place(session, course, unit, chapter, one, 100)
        elif unit and act == "remove":
            editing.remove(session, editing.unit_of(course, unit.id)[0].units, unit)
        elif unit and act == "rename":
            change = texts.Change(texts.mark(unit.title), f"名{one}")
            texts.write(session, course, unit, {"title": change})
        elif unit and act == "write":
            change = texts.Change(texts.mark(unit.body), f"文{one}")
            texts.write(session, course, unit, {"body": change})
        elif unit and act == "wait":
            conditions.lay_down(
                session, course, unit, required=bool(one % 2), after=[units[one % len(units)].id]
            )


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(ACTS, min_size=1, max_size=8))
def test_two_authors_whatever_they_do(
    session: Session,
    create_course: Make,
    helper: Person,
    now: datetime,
    acts: list[tuple[bool, str, int, int]],
) -> None:
    """After every step the outline is sound, and what was refused changed nothing.

    A step taken back at once leaves the course as it was before; done again, as it was after.
    """
    course = create_course()
    authors.invite(session, course, course.owner_id, "hezuo", "co-author", now)
    session.commit()
    for place, (mine, act, one, two) in enumerate(acts):
        at, actor = now + timedelta(hours=place), course.owner_id if mine else helper.id
        before = outlines.take(reread(session, course))
        try:
            step(session, course.id, actor, act, one, two, at)
        except DomainError:
            session.rollback()
            assert outlines.take(reread(session, course)) == before
            continue
        fresh = reread(session, course)
        sound(fresh)
        after = outlines.take(fresh)
        if after == before or act in ("undo", "redo"):
            continue
        history.take_back(session, course.id, actor, at)
        assert outlines.take(reread(session, course)) == before
        history.do_again(session, course.id, actor, at)
        fresh = reread(session, course)
        sound(fresh)
        assert outlines.take(fresh) == after


def test_a_removed_chapter_comes_back_whole(
    session: Session, create_course: Make, now: datetime
) -> None:
    """With its units, their keys, texts, papers and what they wait for."""
    course = create_course()
    video, quiz, _page = course.chapters[0].units
    conditions.lay_down(session, course, quiz, required=True, after=[video.id])
    before = outlines.take(reread(session, course))
    with history.changing(session, course.id, course.owner_id, Act.REMOVED, now) as found:
        editing.remove(session, found.chapters, found.chapters[0])
    assert titles(reread(session, course)) == []
    history.take_back(session, course.id, course.owner_id, now)
    assert outlines.take(reread(session, course)) == before


def test_one_takes_back_ones_own_and_keeps_the_others(
    session: Session, create_course: Make, helper: Person, now: datetime
) -> None:
    """What another author did meanwhile stays; what they changed again is not overwritten."""
    course = create_course()
    owner = course.owner_id
    authors.invite(session, course, owner, "hezuo", "co-author", now)
    page = course.chapters[0].units[2]
    write = texts.Change(texts.mark(page.title), "我的标题")
    with history.changing(session, course.id, owner, Act.WRITTEN, now) as found:
        texts.write(session, found, editing.unit_of(found, page.id)[1], {"title": write})
    with history.changing(session, course.id, helper.id, Act.ADDED, now) as found:
        editing.add_chapter(session, found, "合作者的章")
    history.take_back(session, course.id, owner, now)
    fresh = reread(session, course)
    assert [chapter.title for chapter in fresh.chapters] == ["第一章", "合作者的章"]
    assert fresh.chapters[0].units[2].title == "讲义"
    history.do_again(session, course.id, owner, now)
    again = texts.Change(texts.mark("我的标题"), "合作者的标题")
    with history.changing(session, course.id, helper.id, Act.WRITTEN, now) as found:
        texts.write(session, found, editing.unit_of(found, page.id)[1], {"title": again})
    session.commit()
    with pytest.raises(snapshots.Overlap):
        history.take_back(session, course.id, owner, now)
    session.rollback()
    assert reread(session, course).chapters[0].units[2].title == "合作者的标题"


def test_two_write_one_text_and_neither_is_lost(
    session: Session, create_course: Make, now: datetime
) -> None:
    """Different fields merge; of one field the second is told and shown the first's."""
    course = create_course()
    page = course.chapters[0].units[2]
    read = texts.marks(page)
    texts.write(session, course, page, {"title": texts.Change(read["title"], "新标题")})
    texts.write(session, course, page, {"body": texts.Change(read["body"], "新正文")})
    texts.write(session, course, page, {"body": texts.Change(read["body"], "新正文")})  # sent twice
    with pytest.raises(texts.Differs) as refusal:
        texts.write(session, course, page, {"body": texts.Change(read["body"], "别的")})
    assert refusal.value.facts["saved"] == {"body": "新正文"}
    assert (page.title, page.body) == ("新标题", "新正文")


def test_typing_on_is_one_step(session: Session, create_course: Make, now: datetime) -> None:
    """Autosave does not fill the history; taking it back gives the text from before."""
    course = create_course()
    page = course.chapters[0].units[2]
    for second in range(5):
        at = now + timedelta(seconds=second)
        with history.changing(
            session, course.id, course.owner_id, Act.WRITTEN, at, about=page.key
        ) as found:
            unit = editing.unit_of(found, page.id)[1]
            change = texts.Change(texts.mark(unit.body), "字" * (second + 1))
            texts.write(session, found, unit, {"body": change})
    assert len(history.entries(session, course.id)) == 2
    history.take_back(session, course.id, course.owner_id, now)
    assert reread(session, course).chapters[0].units[2].body == "第一段\n\n第二段"


def test_an_old_state_is_restored_as_a_new_one(
    session: Session, create_course: Make, now: datetime
) -> None:
    """Restoring is itself a step, so what was there before is not lost."""
    course = create_course()
    before = outlines.take(reread(session, course))
    with history.changing(session, course.id, course.owner_id, Act.REMOVED, now) as found:
        editing.remove(session, found.chapters[0].units, found.chapters[0].units[0])
    history.restore(session, course.id, course.owner_id, 0, now)
    assert outlines.take(reread(session, course)) == before
    assert [e.change.act for e in history.entries(session, course.id)] == [
        "restored",
        "removed",
        "begun",
    ]
    first, second = history.between(session, course.id, 1, 0)
    assert [what for what, *_rest in snapshots.changed(first, second)] == ["removed"]


def test_who_may_what(
    session: Session,
    create_course: Make,
    helper: Person,
    create_person: Callable[..., Person],
    now: datetime,
) -> None:
    """Strangers see nothing, viewers read, co-authors edit, the owner alone lets people in."""
    course = create_course()
    create_person("xuesheng", Role.LEARNER)
    session.commit()
    owner = course.owner_id
    with pytest.raises(NotFound):
        editing.get(session, course.id, helper.id)
    authors.invite(session, course, owner, " Hezuo ", "viewer", now)
    assert editing.get(session, course.id, helper.id) is course
    with pytest.raises(NotAllowed):
        editing.open_for_edit(session, course.id, helper.id, now)
    authors.invite(session, course, owner, "hezuo", "co-author", now)
    editing.open_for_edit(session, course.id, helper.id, now)
    with pytest.raises(NotAllowed):
        authors.invite(session, course, helper.id, "hezuo", "viewer", now)
    for name in ("nobody", "xuesheng", "bianxie"):
        with pytest.raises(Invalid):
            authors.invite(session, course, owner, name, "viewer", now)
    with pytest.raises(Invalid):
        authors.invite(session, course, owner, "hezuo", "owner", now)
    authors.remove(session, course, owner, helper.id)
    with pytest.raises(NotFound):
        editing.get(session, course.id, helper.id)


def test_a_co_author_writes_questions_and_uses_the_courses_videos(
    session: Session, create_course: Make, create_ready_asset: Any, helper: Person, now: datetime
) -> None:
    """Of this course only: the owner's other videos and papers stay the owner's."""
    from assessments import drafting

    course, other = create_course(), create_course(title="别的")
    video, quiz, _page = course.chapters[0].units
    authors.invite(session, course, course.owner_id, "hezuo", "co-author", now)
    assert drafting.get(session, quiz.paper_id or 0, helper.id)
    with pytest.raises(NotFound):
        drafting.get(session, other.chapters[0].units[1].paper_id or 0, helper.id)
    editing.attach(session, course, video, video.asset_id or 0, helper.id)
    with pytest.raises(NotFound):
        editing.attach(session, course, video, create_ready_asset().id, helper.id)
    authors.remove(session, course, course.owner_id, helper.id)
    with pytest.raises(NotFound):
        drafting.get(session, quiz.paper_id or 0, helper.id)


def test_a_course_again(session: Session, create_course: Make, now: datetime) -> None:
    """Structure, texts and questions are copied, media referred to; the two share no paper or key."""
    course = create_course()
    video, quiz, page = course.chapters[0].units
    conditions.lay_down(session, course, page, required=False, after=[video.id])
    made = duplicating.duplicate(session, course, course.owner_id, now)
    copied = list(conditions.units(made))
    assert [unit.title for unit in copied] == ["第一讲", "小测", "讲义"]
    assert copied[0].asset_id == video.asset_id
    assert copied[1].paper_id != quiz.paper_id
    assert (copied[2].body, copied[2].required) == (page.body, False)
    assert [wait.for_id for wait in copied[2].waits] == [copied[0].id]
    assert not {unit.key for unit in copied} & {unit.key for unit in conditions.units(course)}


def test_nothing_to_take_back(session: Session, create_course: Make, now: datetime) -> None:
    """A refusal, not a silent nothing."""
    course = create_course()
    for act in (history.take_back, history.do_again):
        with pytest.raises(Conflict):
            act(session, course.id, course.owner_id, now)
