"""Questions asked while a video is watched: written by the author, seen by the reviewer, and
never with their answers by a learner."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from courses import checks, editing, reviewing
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, Unit
from zhixin import clock
from zhixin.errors import Invalid
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.hours.rules import Presence
from zhixin.pages import format_duration
from zhixin.people.models import Person, Role

TYPED: dict[str, Any] = {
    "at": "1:05", "text": "图中的构件是？", "option": ["梁", "柱", "", "板"], "right": "3",
}  # fmt: skip
KEPT = {"at_ms": 65_000, "text": "图中的构件是？", "options": ["梁", "柱", "板"], "right": 2}


@pytest.fixture
def client(sign_in: Callable[[Person], FlaskClient], writer: Person) -> FlaskClient:
    return sign_in(writer)


def video(course: Course) -> Unit:
    return course.chapters[0].units[0]


def kept(session: Session, course: Course) -> Any:
    session.expire_all()
    return video(editing.get(session, course.id, course.owner_id)).checks


def send(client: FlaskClient, course: Course, place: int | None = None, **changes: Any) -> Any:
    data = TYPED | {"revision": str(course.revision)} | changes
    path = f"/studio/units/{video(course).id}/checks"
    return client.post(path if place is None else f"{path}/{place}", data=data)


@given(st.integers(0, 99 * 3600 + 3599))
def test_a_moment_is_read_as_it_is_shown(seconds: int) -> None:
    """What the page shows can be sent back as it stands."""
    assert checks.moment_ms(format_duration(seconds * 1000)) == seconds * 1000


@pytest.mark.parametrize("text", ["", "65", "1:5", "1:60", "1:60:00", "-1:05", "１:05", "1:05.5"])
def test_no_moment(text: str) -> None:
    """What is none is refused."""
    with pytest.raises(Invalid):
        checks.moment_ms(text)


def test_a_question_is_added_changed_and_removed(
    session: Session, client: FlaskClient, create_course: Callable[..., Course]
) -> None:
    """In the order of their moments, without the options that were left empty."""
    course = create_course()
    assert send(client, course).status_code == 303
    assert kept(session, course) == [KEPT]
    course = editing.get(session, course.id, course.owner_id)
    assert send(client, course, at="0:10").status_code == 303
    assert [each["at_ms"] for each in kept(session, course)] == [10_000, 65_000]
    course = editing.get(session, course.id, course.owner_id)
    assert send(client, course, 0, text="另一问").status_code == 303
    assert [each["text"] for each in kept(session, course)] == ["图中的构件是？", "另一问"]
    page = client.get(f"/studio/units/{video(course).id}").text
    assert "另一问" in page
    for _each in range(2):
        course = editing.get(session, course.id, course.owner_id)
        assert send(client, course, 0, act="remove").status_code == 303
        kept(session, course)
    assert kept(session, course) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"at": "soon"}, "分:秒"),
        ({"at": "89:31"}, "结束前 30 秒"),
        ({"text": " "}, "请填写问题"),
        ({"text": "问" * 301}, "文字过长"),
        ({"option": ["一", "", ""]}, "至少两个选项"),
        ({"option": ["一", "一"]}, "相同"),
        ({"right": ""}, "哪个选项正确"),
        ({"right": "2"}, "哪个选项正确"),
        ({"right": "-1"}, "哪个选项正确"),
        ({"revision": "77"}, "另一个页面"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    session: Session,
    client: FlaskClient,
    create_course: Callable[..., Course],
    changes: dict[str, Any],
    why: str,
) -> None:
    """Refused in words beside the form, which still holds what was typed."""
    course = create_course()
    answer = send(client, course, **changes)
    assert answer.status_code in (409, 422)
    assert why in answer.text
    assert 'value="柱"' in answer.text or "option" in changes
    assert kept(session, course) is None


def test_a_question_may_stop_the_video_for_everybody(
    session: Session, client: FlaskClient, create_course: Callable[..., Course]
) -> None:
    """With an explanation for afterwards, nearly up to the video's end; without the mark it is
    what it was, and its text in the version too."""
    course = create_course()
    late = {"at": "89:45"}
    assert "30 秒" in send(client, course, **late).text
    answer = send(client, course, everyone="1", explanation=" 荷载 由柱传递 ", **late)
    assert answer.status_code == 303
    made = {**KEPT, "at_ms": 5_385_000, "everyone": True, "explanation": "荷载 由柱传递"}
    assert kept(session, course) == [made]
    page = client.get(f"/studio/units/{video(course).id}").text
    assert "荷载 由柱传递" in page
    preview = client.get(f"/studio/courses/{course.id}/preview/{video(course).id}").text
    (asked,) = json.loads(preview.split("data-asked")[1].split(">", 1)[1].split("</script>")[0])
    assert (asked["at"], asked["text"], asked["right"]) == (5385.0, "图中的构件是？", made["right"])
    assert "data-stop " in preview


def test_too_many(
    session: Session, client: FlaskClient, create_course: Callable[..., Course]
) -> None:
    """Fifty are more than any video needs."""
    course = create_course()
    video(course).checks = [KEPT] * checks.MOST_CHECKS
    session.commit()
    assert send(client, course).status_code == 422
    assert send(client, course, checks.MOST_CHECKS).status_code == 404


def test_another_authors_question(
    session: Session,
    create_course: Callable[..., Course],
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Not found, and nothing changes."""
    course = create_course()
    other = sign_in(create_person("other", Role.AUTHOR))
    assert send(other, course).status_code == 404
    assert kept(session, course) is None


def test_under_review_nothing_is_asked_anew(
    session: Session,
    client: FlaskClient,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
) -> None:
    """What was handed in stays as it is; its author still sees it."""
    course = create_course()
    video(course).checks = [KEPT]
    session.commit()
    submit(course)
    assert send(client, course).status_code == 409
    assert kept(session, course) == [KEPT]
    assert "图中的构件是？" in client.get(f"/studio/units/{video(course).id}").text


def test_a_shorter_video_is_refused_at_submission(
    session: Session,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
) -> None:
    """A question beyond the new video's end would never be asked: the author is told."""
    course = create_course()
    video(course).checks = [{**KEPT, "at_ms": 89 * 60_000 + 40_000}]
    session.commit()
    with pytest.raises(Invalid, match="课间提问的时刻超出了视频"):
        submit(course)


def test_frozen_with_the_speed(
    session: Session, create_course: Callable[..., Course], submit: Callable[..., CourseVersion]
) -> None:
    """A version carries questions and speed; normal speed and no question are not written, so
    that documents from before keep their hash."""
    plain = json.loads(submit(create_course()).document)
    assert "rate_percent" not in plain
    assert "checks" not in plain["chapters"][0]["units"][0]
    course = create_course(rate_percent=150)
    video(course).checks = [KEPT]
    session.commit()
    document = CourseDocument.from_text(submit(course).document)
    assert document.rate_percent == 150
    assert document.chapters[0].units[0].checks[0].right == 2  # type: ignore[index]


def test_reviewers_see_what_learners_do_not(
    session: Session,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
    reviewer: Person,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    now: datetime,
) -> None:
    """The reviewer reads question, options and answer; of all that, a learner's pages and the
    answer that opens the video hold nothing."""
    course = create_course(rate_percent=125)
    video(course).checks = [KEPT]
    session.commit()
    version = submit(course)
    page = sign_in(reviewer).get(f"/review/{version.id}").text
    assert "图中的构件是？" in page
    assert "1.25×" in page
    reviewing.approve(session, reviewing.get(session, version.id), reviewer.id, now)
    session.commit()
    learner = sign_in(create_person("xuesheng", Role.LEARNER))
    enrolment = learner.post(f"/courses/{course.id}/enrol").location.rpartition("/")[2]
    key = video(course).key
    shown = [
        learner.get(path).text
        for path in (f"/courses/{course.id}", "/my/learning", f"/learn/{enrolment}/{key}")
    ]
    opened = learner.post(f"/api/v1/enrolments/{enrolment}/playbacks", json={"unit": key})
    assert opened.get_json()["rate_percent"] == 125
    shown.append(opened.text)
    for text in shown:
        assert "图中的构件是" not in text
        assert '"right"' not in text


def test_a_prompt_tells_a_learner_no_answer(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
    policy: Policy,
    reviewer: Person,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    now: datetime,
) -> None:
    """The author's question as a prompt: text and options in an order of its own, in the beat's
    answer, on opening again and after a wrong choice; which is right, or its place, nowhere."""
    asking = replace(
        policies.rule(policy), presence=Presence(every_minutes=Decimal(1), answer_seconds=60)
    )
    policies.publish(
        session, title="确认", source="example", effective_from=date(2020, 1, 2), rule=asking,
        actor_id=None, now=now,
    )  # fmt: skip
    options = ["甲", "乙", "丙", "丁", "戊", "己"]
    course = create_course()
    video(course).checks = [{"at_ms": 5_000, "text": "刚才讲了？", "options": options, "right": 4}]
    session.commit()
    version = submit(course)
    reviewing.approve(session, reviewing.get(session, version.id), reviewer.id, now)
    session.commit()
    learner, instant, orders = create_person("xuesheng", Role.LEARNER), now, set()
    client = sign_in(learner)
    monkeypatch.setattr(clock, "now", lambda: instant)
    number = client.post(f"/courses/{course.id}/enrol").location.rpartition("/")[2]
    body: dict[str, Any] = {"unit": video(course).key, "take_over": True}
    path = f"/api/v1/enrolments/{number}/playbacks"
    opened = client.post(path, json=body)
    playback = opened.get_json()["playback"]
    client.application.extensions["deliveries"].note(playback, 0)
    answers, second, prompt = [opened], 0, None
    while prompt is None:
        instant, second = instant + timedelta(seconds=15), second + 15
        beat = {"seq": second, "played": [[0, second]], "position": second}
        answers.append(client.post(f"/api/v1/playbacks/{playback}/beats", json=beat))
        prompt = answers[-1].get_json()["prompt"]
    assert (prompt["kind"], prompt["text"]) == ("question", "刚才讲了？")
    for _try in range(6):
        orders.add(tuple(prompt["options"]))
        chosen = {"prompt": prompt["id"], "choice": prompt["options"].index("甲")}
        answers.append(client.post(f"/api/v1/playbacks/{playback}/presence", json=chosen))
        assert answers[-1].get_json()["right"] is False
        prompt = answers[-1].get_json()["prompt"]
        instant += timedelta(seconds=answers[-1].get_json()["wait_s"])
    answers.append(client.post(path, json=body | {"after": playback}))
    for answer in answers:
        assert answer.status_code in (200, 201)
        shown = answer.get_json()["prompt"]
        if shown is not None:
            assert set(shown) == {"id", "kind", "text", "options", "seconds_left", "tries"}
            assert sorted(shown["options"]) == sorted(options)
    assert len(orders) > 1
    again = answers[-1].get_json()
    chosen = {"prompt": prompt["id"], "choice": again["prompt"]["options"].index("戊")}
    answer = client.post(f"/api/v1/playbacks/{again['playback']}/presence", json=chosen)
    assert answer.get_json()["right"] is True
    assert "刚才讲了" not in client.get(f"/learn/{number}/u{video(course).id}").text
