"""Teachers from the pool, a textbook, ratings, and the figures that authors read."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import analysing
from courses.insight import gathering
from courses.models import Course, Enrolment, EnrolmentState
from courses.ratings import rating
from courses.registers import attaching, register
from courses.registers.entries import EXPERTS, TEXTBOOKS
from courses.registers.states import EntryState
from zhixin.db import Database
from zhixin.demo.people import Cast

#: Of the example of ISO 2108's users' manual: no book on sale has it.
BOOK = {
    "title": "专业技术人员继续教育读本（示例）", "authors": "示例编写组", "publisher": "示例出版社",
    "isbn": "978-0-306-40615-7", "edition": "第 1 版", "year": "2025",
    "licence": "仅供演示，课程内提供",
}  # fmt: skip
WORDS = (
    (5, "讲得清楚，案例贴近实际工作。"),
    (4, "内容扎实，希望多一些例题。"),
    (5, ""),
    (5, "视频不长，可以分几次看完，很方便。"),
    (3, "后半部分节奏有点快。"),
    (4, ""),
)
#: Learners of a course who rate it, and courses whose figures are there from the start.
RATING = 0.7
MOST_FIGURES = 12


def teachers(session: Session, cast: Cast, draft: Course, at: datetime) -> None:
    """The course's teacher stands in the pool, and the course names them and a book."""
    unit, _space, title = draft.teacher_title.partition(" ")
    facts, _problems = EXPERTS.read(
        {
            "name": draft.teacher,
            "unit": unit,
            "title": title,
            "field_codes": draft.field_code,
            "biography": "长期从事本领域的**教学与工程实践**。（示例人物）",
        },
        register.known(session),
    )
    who = cast.administrator.id
    expert = register.same(session, EXPERTS, facts) or register.put(
        session, EXPERTS, facts, None, who, EntryState.IN_FORCE, None, at
    )
    attaching.add(session, EXPERTS, draft.id, expert.id)
    book, _problems = TEXTBOOKS.read(BOOK, {})
    known = register.same(session, TEXTBOOKS, book) or register.put(
        session, TEXTBOOKS, book, None, who, EntryState.IN_FORCE, None, at
    )
    attaching.add(session, TEXTBOOKS, draft.id, known.id)


def rate(session: Session, now: datetime) -> None:
    """Most of those who completed a course say what they think; an author has answered once."""
    chance = random.Random(20)  # noqa: S311
    completed = session.scalars(
        sa.select(Enrolment)
        .where(Enrolment.state == EnrolmentState.COMPLETED)
        .order_by(Enrolment.id)
    ).all()
    answered = False
    for enrolment in completed:
        if chance.random() > RATING or not rating.may_rate(session, enrolment):
            continue
        stars, words = chance.choice(WORDS)
        at = min(now, (enrolment.completed_at or now) + timedelta(days=1))
        made = rating.rate(session, enrolment, stars, words, at)
        if words and not answered:
            owner_id = session.get_one(Course, enrolment.course_id).owner_id
            rating.answer(session, made.id, owner_id, "谢谢您的建议，下一版会补充例题。", now)
            answered = True


def gather(database: Database, now: datetime) -> None:
    """The figures of the courses with most learners, as the night would gather them."""
    learners = sa.func.count(Enrolment.id)
    with database.session(writes=False) as session:
        courses = session.scalars(
            sa.select(Enrolment.course_id)
            .group_by(Enrolment.course_id)
            .order_by(learners.desc(), Enrolment.course_id)
            .limit(MOST_FIGURES)
        ).all()
        papers = analysing.due(session, now, night=True)
    for course_id in courses:
        gathering.gather(database, course_id, now)
    for paper_version_id in papers:
        analysing.make(database, paper_version_id, now)
