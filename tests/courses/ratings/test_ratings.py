"""Ratings: who may, once, from how many on they are told, and what a moderator may do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses.models import CourseVersion, Enrolment, EnrolmentState
from courses.ratings import rating
from courses.ratings.models import CourseRating
from courses.ratings.states import RatingState
from zhixin.audit.models import Trace
from zhixin.people.models import Person, Role


@pytest.fixture
def version(published_course: Callable[..., CourseVersion]) -> CourseVersion:
    return published_course()


@pytest.fixture
def enrol(
    session: Session,
    create_person: Callable[..., Person],
    version: CourseVersion,
    now: datetime,
) -> Callable[..., Enrolment]:
    """A learner of the course: ``enrol()`` has completed it."""
    count = iter(range(100))

    def enrolling(
        state: EnrolmentState = EnrolmentState.COMPLETED, person: Person | None = None
    ) -> Enrolment:
        person = person or create_person(f"xue{next(count)}", name="张三丰")
        made = Enrolment(
            person_id=person.id, course_id=version.course_id, version_id=version.id, state=state,
            pages_read=[], enrolled_at=now, completed_at=now,
        )  # fmt: skip
        session.add(made)
        session.commit()
        return made

    return enrolling


@pytest.fixture
def said(session: Session, enrol: Any, now: datetime) -> CourseRating:
    """One rating with words."""
    made = rating.rate(session, enrol(), 4, "讲得清楚", now)
    session.commit()
    return made


def _page(client: FlaskClient, version: CourseVersion) -> str:
    return client.get(f"/courses/{version.course_id}/ratings").get_data(as_text=True)


def test_who_saw_enough_rates_once_and_may_change_their_mind(
    session: Session, sign_in: Any, enrol: Any, version: CourseVersion
) -> None:
    """The second time is the same rating with other stars."""
    learner = session.get_one(Person, enrol().person_id)
    client, address = sign_in(learner), f"/courses/{version.course_id}/ratings"
    for stars in ("2", "5"):
        assert client.post(address, data={"stars": stars, "words": "好"}).status_code == 303
    assert [each.stars for each in session.scalars(sa.select(CourseRating))] == [5]


def test_the_database_refuses_a_second_rating(session: Session, said: CourseRating) -> None:
    """Once per person and course, whatever races."""
    again = {
        name: getattr(said, name)
        for name in ("course_id", "person_id", "version_id", "rated_at", "changed_at")
    }
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(sa.insert(CourseRating).values(**again, stars=1, words="", state="shown"))


def test_who_saw_little_left_or_wrote_it_may_not(
    session: Session,
    sign_in: Any,
    enrol: Any,
    create_person: Any,
    writer: Person,
    version: CourseVersion,
) -> None:
    """Nothing is kept of what somebody says who doesn't know the course, or made it."""
    active = session.get_one(Person, enrol(EnrolmentState.ACTIVE).person_id)
    left = session.get_one(Person, enrol(EnrolmentState.WITHDRAWN).person_id)
    stranger = create_person("luren")
    for each in (active, left, stranger):
        client = sign_in(each)
        answer = client.post(f"/courses/{version.course_id}/ratings", data={"stars": "1"})
        assert answer.status_code == 403
    assert not rating.may_rate(session, enrol(person=writer))
    assert session.scalar(sa.select(sa.func.count()).select_from(CourseRating)) == 0


@pytest.mark.parametrize("stars", ["0", "6", "-1", "", "五", "1e9"])
def test_stars_are_one_to_five(
    session: Session, sign_in: Any, enrol: Any, version: CourseVersion, stars: str
) -> None:
    """What was typed stays on the screen."""
    learner = session.get_one(Person, enrol().person_id)
    client = sign_in(learner)
    answer = client.post(
        f"/courses/{version.course_id}/ratings", data={"stars": stars, "words": "写了很久"}
    )
    assert answer.status_code == 422
    assert "写了很久" in answer.get_data(as_text=True)


def test_of_four_no_mean_is_told_and_no_stars(
    session: Session, app: Any, enrol: Any, version: CourseVersion, now: datetime
) -> None:
    """From five on: the plain mean, half up, with the distribution. Nobody's name ever."""
    for stars in (5, 5, 4, 2):
        rating.rate(session, enrol(), stars, "好", now)
    session.commit()
    client = app.test_client()
    page = _page(client, version)
    assert "满 5 人后显示平均分" in page
    assert '星"' not in page
    rating.rate(session, enrol(), 1, "差", now)
    session.commit()
    assert rating.summary(session, version.course_id).mean == Decimal("3.4")
    page = _page(client, version)
    assert "3.4" in page
    assert "rating__counts" in page
    assert "张" not in page
    assert "3.4" in client.get(f"/courses/{version.course_id}").get_data(as_text=True)


def test_hidden_words_are_gone_for_all_but_moderators_and_their_writer(
    session: Session,
    app: Any,
    sign_in: Any,
    reviewer: Person,
    writer: Person,
    said: CourseRating,
    version: CourseVersion,
) -> None:
    """With a reason on the trail; the stars still count; editing shows nothing again."""
    judge, learner = sign_in(reviewer), session.get_one(Person, said.person_id)
    address = f"/ratings/{said.id}/moderation"
    assert judge.post(address, data={"act": "hide", "reason": " "}).status_code == 422
    assert judge.post(address, data={"act": "hide", "reason": "含有电话"}).status_code == 303
    assert judge.post(address, data={"act": "hide", "reason": "再次"}).status_code == 409
    session.expire_all()
    trace = session.scalars(sa.select(Trace).where(Trace.act == "hide-rating")).one()
    assert (trace.actor_id, trace.reason) == (reviewer.id, "含有电话")
    for client in (app.test_client(), sign_in(writer)):
        assert "讲得清楚" not in _page(client, version)
    mine = sign_in(learner)
    assert "含有电话" in _page(mine, version)
    mine.post(f"/courses/{version.course_id}/ratings", data={"stars": "3", "words": "改过的话"})
    assert "改过的话" not in _page(app.test_client(), version)
    assert "改过的话" in _page(judge, version)
    assert rating.summary(session, version.course_id).counts == {3: 1}
    assert judge.post(address, data={"act": "show", "reason": "已改"}).status_code == 303
    assert "改过的话" in _page(app.test_client(), version)


def test_nobody_moderates_what_is_said_of_their_own_course(
    session: Session,
    sign_in: Any,
    create_person: Any,
    published_course: Any,
    enrol: Any,
    said: CourseRating,
    writer: Person,
) -> None:
    """An author who also reviews can't make an unwelcome word vanish; nor a mere author."""
    from zhixin.people import accounts

    accounts.grant(session, writer, Role.REVIEWER)
    session.commit()
    hide = {"act": "hide", "reason": "不喜欢"}
    assert sign_in(writer).post(f"/ratings/{said.id}/moderation", data=hide).status_code == 404
    other = create_person("qita", Role.AUTHOR)
    assert sign_in(other).post(f"/ratings/{said.id}/moderation", data=hide).status_code == 403
    assert session.get_one(CourseRating, said.id).state == RatingState.SHOWN


def test_an_answer_stands_until_the_words_change(
    session: Session,
    app: Any,
    writer: Person,
    sign_in: Any,
    said: CourseRating,
    version: CourseVersion,
    now: datetime,
) -> None:
    """Nobody is made to have answered what was written later."""
    sign_in(writer).post(f"/ratings/{said.id}/answer", data={"text": "谢谢！"})
    assert "谢谢！" in _page(app.test_client(), version)
    enrolment = session.scalars(
        sa.select(Enrolment).where(Enrolment.person_id == said.person_id)
    ).one()
    rating.rate(session, enrolment, 1, "其实不好", now)
    session.commit()
    assert "谢谢！" not in _page(app.test_client(), version)
