"""The learner's pages, without JavaScript: plain forms, and others see nothing."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from assessments.models import Attempt, AttemptState
from courses.models import Enrolment, EnrolmentState
from media.models import Coverage
from zhixin.hours.models import Award


@pytest.fixture
def enrolment(create_enrolment):
    return create_enrolment()


def watched(session, enrolment, offer_asset_id, ms=60_000):
    """All of the video, as if it had been watched."""
    session.add(
        Coverage(
            person_id=enrolment.person_id,
            scope=f"version:{enrolment.version_id}",
            asset_id=offer_asset_id,
            spans=f"0-{ms}",
            covered_ms=ms,
            position_ms=ms,
            updated_at=enrolment.enrolled_at,
        )
    )
    session.commit()


def asset_of(session, enrolment):
    from courses import progress
    from courses.models import CourseVersion

    text = session.get_one(CourseVersion, enrolment.version_id).document
    return progress.document(text).unit("u1").asset_id


def fresh(session, enrolment):
    session.expire_all()
    return session.get_one(Enrolment, enrolment.id)


def test_enrolling_leads_to_the_first_unit(client, create_offer):
    """One click, then learning."""
    offer = create_offer()
    answer = client.post(f"/courses/{offer.course.id}/enrol", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.request.path.endswith("/u1")
    assert "报名成功" in answer.text


def test_enrolling_twice_says_so(session, client, create_offer):
    """A double submit makes one enrolment."""
    offer = create_offer()
    client.post(f"/courses/{offer.course.id}/enrol")
    answer = client.post(f"/courses/{offer.course.id}/enrol", follow_redirects=True)
    assert "已报名" in answer.text
    assert session.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == 1


def test_the_video_page_shows_confirmed_and_missing(session, client, enrolment):
    """The server's numbers are on the page before any script runs."""
    watched(session, enrolment, asset_of(session, enrolment), 30_000)
    page = client.get(f"/learn/{enrolment.id}/u1").text
    assert "data-player" in page
    assert re.search(r"<dd data-confirmed>0:30</dd>", page)
    assert re.search(r"<dd data-missing>0:24</dd>", page)
    assert '<rect x="0.0"' in page
    assert "style=" not in page


def test_continuing_goes_to_the_first_unfinished_unit(session, client, enrolment):
    """Past what is done."""
    watched(session, enrolment, asset_of(session, enrolment))
    answer = client.get(f"/learn/{enrolment.id}")
    assert answer.location.endswith(f"/learn/{enrolment.id}/u2")


def test_a_page_is_read_by_its_button(session, client, enrolment):
    """Opening has no effects; the button has, once."""
    assert "第二段" in client.get(f"/learn/{enrolment.id}/u3").text
    assert fresh(session, enrolment).pages_read == []
    for _twice in range(2):
        client.post(f"/learn/{enrolment.id}/u3/read")
    assert fresh(session, enrolment).pages_read == ["u3"]


def test_a_quiz_is_taken_and_marked(session, client, enrolment):
    """Start, answer, hand in, see the result; the page before holds no key."""
    address = f"/learn/{enrolment.id}/u2"
    assert "开始作答" in client.get(address).text
    page = client.post(f"{address}/attempt", follow_redirects=True).text
    assert 'name="q-q1"' in page
    assert "correct" not in page
    attempt = session.scalars(sa.select(Attempt)).one()
    answer = client.post(
        f"{address}/attempts/{attempt.id}", data={"q-q1": "b"}, follow_redirects=True
    )
    assert "测验已通过" in answer.text


def test_a_quiz_handed_in_twice_keeps_its_first_result(session, client, enrolment):
    """A double submit, or the back button with other answers."""
    address = f"/learn/{enrolment.id}/u2"
    client.post(f"{address}/attempt")
    attempt = session.scalars(sa.select(Attempt.id)).one()
    for option in ("a", "b"):
        client.post(f"{address}/attempts/{attempt}", data={"q-q1": option})
    session.expire_all()
    found = session.scalars(sa.select(Attempt)).one()
    assert (found.state, found.passed) == (AttemptState.CLOSED, False)


def test_an_answer_that_the_paper_does_not_have_leaves_the_attempt_open(session, client, enrolment):
    """422, and the learner may hand in properly."""
    address = f"/learn/{enrolment.id}/u2"
    client.post(f"{address}/attempt")
    attempt = session.scalars(sa.select(Attempt.id)).one()
    assert client.post(f"{address}/attempts/{attempt}", data={"q-q1": "zz"}).status_code == 422
    session.expire_all()
    assert session.scalars(sa.select(Attempt.state)).one() == AttemptState.OPEN


def test_used_up_attempts_are_said(session, client, create_enrolment):
    """One attempt, failed: no button, and words."""
    enrolment = create_enrolment(attempts_allowed=1)
    address = f"/learn/{enrolment.id}/u2"
    client.post(f"{address}/attempt")
    attempt = session.scalars(sa.select(Attempt.id)).one()
    page = client.post(
        f"{address}/attempts/{attempt}", data={"q-q1": "a"}, follow_redirects=True
    ).text
    assert "作答次数已用完" in page
    assert client.post(f"{address}/attempt").status_code == 409


def test_the_whole_course_ends_with_its_award(session, client, enrolment):
    """The last step completes it; the course then shows the award and no “continue”."""
    watched(session, enrolment, asset_of(session, enrolment))
    client.post(f"/learn/{enrolment.id}/u3/read")
    client.post(f"/learn/{enrolment.id}/u2/attempt")
    attempt = session.scalars(sa.select(Attempt.id)).one()
    client.post(f"/learn/{enrolment.id}/u2/attempts/{attempt}", data={"q-q1": "b"})
    assert fresh(session, enrolment).state == EnrolmentState.COMPLETED
    assert session.scalar(sa.select(sa.func.count()).select_from(Award)) == 1
    page = client.get(f"/learn/{enrolment.id}").text
    assert "获得 1 学时" in page
    assert "已核验" in page or "已入账" in page
    mine = client.get("/my/learning").text
    assert "继续学习" not in mine
    assert "新能源基础" in mine


def test_a_completed_course_can_be_looked_at_again(session, client, enrolment, now):
    """Every unit opens, and says that it does not count."""
    enrolment.state, enrolment.completed_at = EnrolmentState.COMPLETED, now
    session.commit()
    for unit in ("u1", "u2", "u3"):
        page = client.get(f"/learn/{enrolment.id}/{unit}")
        assert page.status_code == 200
        assert "回看不再计算学时" in page.text
    assert client.post(f"/learn/{enrolment.id}/u2/attempt").status_code == 409
    assert client.post(f"/learn/{enrolment.id}/withdraw").status_code == 409


def test_my_learning_says_what_comes_next(client, enrolment):
    """In words and numbers."""
    page = client.get("/my/learning").text
    assert "接下来：第一讲" in page
    assert "还差 0:54" in page


def test_my_learning_is_friendly_when_empty(client):
    """An offer instead of an empty table."""
    assert "还没有课程" in client.get("/my/learning").text


def test_leaving_a_course(client, enrolment):
    """It is gone from the list; its pages answer 404."""
    client.post(f"/learn/{enrolment.id}/withdraw")
    assert "还没有课程" in client.get("/my/learning").text
    assert client.get(f"/learn/{enrolment.id}").status_code == 404


@pytest.mark.parametrize("path", ["", "/u1", "/u2", "/u3"])
def test_strangers_find_nothing(sign_in, stranger, enrolment, path):
    """Another person's course is not there."""
    assert sign_in(stranger).get(f"/learn/{enrolment.id}{path}").status_code == 404


@pytest.mark.parametrize("path", ["withdraw", "u3/read", "u2/attempt", "u2/attempts/1"])
def test_strangers_change_nothing(session, sign_in, stranger, enrolment, path):
    """Nor can anything be done to it."""
    assert sign_in(stranger).post(f"/learn/{enrolment.id}/{path}").status_code == 404
    assert fresh(session, enrolment).pages_read == []


def test_unknown_units_are_not_found(client, enrolment):
    """And a page is no quiz, a quiz no page."""
    assert client.get(f"/learn/{enrolment.id}/u9").status_code == 404
    assert client.post(f"/learn/{enrolment.id}/u2/read").status_code == 404
    assert client.post(f"/learn/{enrolment.id}/u3/attempt").status_code == 404


def test_nobody_is_asked_to_sign_in(app, enrolment):
    """And comes back to the same unit afterwards."""
    answer = app.test_client().get(f"/learn/{enrolment.id}/u1")
    assert answer.status_code == 302
    assert "next=" in answer.location
