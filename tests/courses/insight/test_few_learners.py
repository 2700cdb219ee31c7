"""The figures' hard questions and ratings: told from five learners on, and of fewer nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import analysing, attempts, drafting, handing_in
from courses import reviewing
from courses.insight import curves, figures, gathering
from courses.models import Course, CourseVersion, Enrolment, EnrolmentState
from courses.ratings import rating
from tests.courses.conftest import QUESTION
from zhixin import db
from zhixin.people.models import Person

HARD, EASY = "一年至少多少学时？", "学时由谁登记？"
RIGHT, WRONG = ["b"], ["a"]


@pytest.fixture
def version(
    session: Session,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
    reviewer: Person,
    now: datetime,
) -> CourseVersion:
    """A published course whose quiz has two questions."""
    course = create_course()
    (paper_id,) = (u.paper_id for chapter in course.chapters for u in chapter.units if u.paper_id)
    second = {**QUESTION, "id": "q2", "stem": EASY}
    drafting.add_question(session, paper_id, course.owner_id, second, now)
    found = reviewing.get(session, submit(course).id)
    reviewing.approve(session, found, reviewer.id, now)
    session.commit()
    return found


@pytest.fixture
def learn(
    session: Session, create_person: Callable[..., Person], version: CourseVersion, now: datetime
) -> Callable[..., Enrolment]:
    """Somebody completes the course: ``learn(q1=["b"], q2=["a"])``."""
    count = iter(range(100))

    def learning(**answers: list[str]) -> Enrolment:
        person = create_person(f"xue{next(count)}")
        made = Enrolment(
            person_id=person.id, course_id=version.course_id, version_id=version.id,
            state=EnrolmentState.COMPLETED, pages_read=[], enrolled_at=now, completed_at=now,
        )  # fmt: skip
        session.add(made)
        if answers:
            (paper,) = figures.papers(session, version.course_id)
            attempt = attempts.open(
                session, person_id=person.id, scope=f"version:{version.id}", paper_version_id=paper,
                pass_mark=Decimal(1), attempts_allowed=None, now=now,
            )  # fmt: skip
            handing_in.submit(session, attempt.id, person.id, answers, now)
        session.commit()
        return made

    return learning


@pytest.fixture
def part(
    session: Session,
    sign_in: Callable[[Person], FlaskClient],
    writer: Person,
    version: CourseVersion,
    now: datetime,
) -> Callable[[str], str]:
    """A section of the figures' page as it is after the night: ``part("hard")``."""

    def reading(name: str) -> str:
        (paper,) = figures.papers(session, version.course_id)
        assert gathering.gather(db.database(), version.course_id, now)
        assert analysing.make(db.database(), paper, now)
        session.expire_all()
        page = sign_in(writer).get(f"/studio/courses/{version.course_id}/figures").text
        return page.split(f'aria-labelledby="{name}"')[1].split("</section>")[0]

    return reading


def test_hard_questions_from_five_learners_on(learn: Any, part: Callable[[str], str]) -> None:
    """Of four neither the question nor how it went is there; with the fifth the hardest comes
    first, with how many were asked and the part that was right."""
    assert curves.FEWEST == 5
    assert "测验的作答还太少" in part("hard")
    for number in range(4):
        learn(q1=WRONG, q2=RIGHT if number else WRONG)
    shown = part("hard")
    assert "测验的作答还太少" in shown
    assert "%" not in shown
    assert HARD not in shown
    assert EASY not in shown
    learn(q1=RIGHT, q2=RIGHT)
    shown = part("hard")
    assert "不足 5 人作答的题目不列" in shown
    assert 0 < shown.index(HARD) < shown.index("20%") < shown.index(EASY) < shown.index("80%")
    assert shown.count(">5</td>") == 2


def test_who_tries_again_is_no_fifth(
    session: Session, learn: Any, version: CourseVersion, part: Callable[[str], str], now: datetime
) -> None:
    """Learners are counted, not attempts."""
    (paper,) = figures.papers(session, version.course_id)
    for _ in range(4):
        last = learn(q1=WRONG, q2=WRONG)
    again = attempts.open(
        session, person_id=last.person_id, scope=f"version:{version.id}", paper_version_id=paper,
        pass_mark=Decimal(1), attempts_allowed=None, now=now,
    )  # fmt: skip
    handing_in.submit(session, again.id, last.person_id, {"q1": WRONG, "q2": WRONG}, now)
    session.commit()
    assert HARD not in part("hard")


def test_ratings_from_five_learners_on(
    session: Session, learn: Any, part: Callable[[str], str], now: datetime
) -> None:
    """Of four only how many they are: neither their mean nor their stars; with the fifth both."""
    assert rating.FEWEST == 5
    assert "还没有评价" in part("ratings")

    def rate(stars: int) -> None:
        rating.rate(session, learn(), stars, "", now)
        session.commit()

    for stars in (5, 5, 4, 1):
        rate(stars)
    shown = part("ratings")
    assert "4 人评价。满 5 人后显示平均分。" in shown
    assert "rating__mean" not in shown
    assert "rating__counts" not in shown
    rate(4)
    shown = part("ratings")
    assert "<strong>3.8</strong>" in shown
    assert "5 人评价" in shown
    counts = shown.split("rating__counts")[1]
    assert [each.split("<")[0] for each in counts.split('class="number">')[1:]] == [*"22001"]
