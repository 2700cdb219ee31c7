"""The review desk as a reviewer's browser meets it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import editing
from courses.models import Course, CourseVersion, VersionState
from zhixin.people.models import Person, Role

Make = Callable[..., Course]
Submit = Callable[..., CourseVersion]


@pytest.fixture
def client(sign_in: Callable[[Person], FlaskClient], reviewer: Person) -> FlaskClient:
    return sign_in(reviewer)


@pytest.fixture
def waiting(create_course: Make, submit: Submit) -> CourseVersion:
    return submit(create_course())


def test_queue(client: FlaskClient, waiting: CourseVersion) -> None:
    """What waits, with author, hours and real length, and the way to it."""
    page = client.get("/review").text
    for shown in (waiting.title, "编写人", "1:30:00", f"/review/{waiting.id}"):
        assert shown in page


def test_queue_may_be_empty(client: FlaskClient) -> None:
    """Nothing to do is said."""
    assert "没有等待审核的课程" in client.get("/review").text


def test_version_shows_what_to_judge(client: FlaskClient, waiting: CourseVersion) -> None:
    """Declared hours beside the arithmetic, the whole content, and the keys of the questions."""
    page = client.get(f"/review/{waiting.id}").text
    for shown in (
        "1:30:00 ÷ 每学时 45 分钟 = 2.00，按 0.5 学时向下取整 = 2 学时",
        "示例规则",
        "data-preview",
        "第一段",
        "一年至少多少学时？",
        "正确答案",
        "见第八条",
        waiting.sha256,
    ):
        assert shown in page


def test_send_back(session: Session, client: FlaskClient, waiting: CourseVersion) -> None:
    """The version goes back with the reason and leaves the queue."""
    answer = client.post(f"/review/{waiting.id}/send-back", data={"reason": "请补充来源"})
    assert answer.status_code == 303
    assert waiting.title not in client.get("/review").text
    found = session.get_one(CourseVersion, waiting.id, populate_existing=True)
    assert (found.state, found.reason) == (VersionState.RETURNED, "请补充来源")


@pytest.mark.parametrize("reason", ["", " ", "长" * 2001])
def test_send_back_without_a_reason(
    session: Session, client: FlaskClient, waiting: CourseVersion, reason: str
) -> None:
    """The form comes back with what was typed; nothing is decided."""
    answer = client.post(f"/review/{waiting.id}/send-back", data={"reason": reason})
    assert answer.status_code == 422
    assert f">{reason}</textarea>" in answer.text
    assert (
        session.get_one(CourseVersion, waiting.id, populate_existing=True).state
        == VersionState.SUBMITTED
    )


def test_approve(session: Session, client: FlaskClient, waiting: CourseVersion) -> None:
    """An approved course is in the catalogue at once."""
    assert client.post(f"/review/{waiting.id}/approve").status_code == 303
    assert (
        session.get_one(CourseVersion, waiting.id, populate_existing=True).state
        == VersionState.PUBLISHED
    )
    assert client.get(f"/courses/{waiting.course_id}").status_code == 200


def test_decided_twice(client: FlaskClient, waiting: CourseVersion) -> None:
    """A second decision is refused with words, and the page offers none."""
    client.post(f"/review/{waiting.id}/approve")
    again = client.post(f"/review/{waiting.id}/send-back", data={"reason": "原因"})
    assert again.status_code == 409
    assert "刚刚已被处理" in again.text
    assert "退回修改" not in client.get(f"/review/{waiting.id}").text


def test_own_course(
    session: Session,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    create_course: Make,
    submit: Submit,
) -> None:
    """An author who is a reviewer too sees why they may not decide, and may not."""
    both = create_person("both", Role.AUTHOR, Role.REVIEWER)
    version = submit(create_course(owner_id=both.id))
    client = sign_in(both)
    page = client.get(f"/review/{version.id}").text
    assert "这是您自己的课程" in page
    assert "退回修改" not in page
    assert client.post(f"/review/{version.id}/approve").status_code == 403
    assert (
        session.get_one(CourseVersion, version.id, populate_existing=True).state
        == VersionState.SUBMITTED
    )


def test_differences_from_the_published_version(
    session: Session,
    client: FlaskClient,
    published_course: Callable[..., CourseVersion],
    create_facts: Callable[..., dict[str, Any]],
    submit: Submit,
    now: datetime,
) -> None:
    """A revision says what is new in it, so that nothing slips in."""
    first = published_course()
    course = editing.open_for_edit(session, first.course_id, first.course.owner_id, now)
    editing.update(session, course, create_facts(title="新名"), course.revision)
    second = submit(course)
    page = client.get(f"/review/{second.id}").text
    assert "与已发布的第 1 版相比" in page
    assert "课程名称：建筑信息模型入门 → 新名" in page
    assert "相比" not in client.get(f"/review/{first.id}").text


def test_unknown_version(client: FlaskClient) -> None:
    """A version that does not exist is not found."""
    assert client.get("/review/999999").status_code == 404
    assert client.post("/review/999999/approve").status_code == 404


def test_only_reviewers(
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    waiting: CourseVersion,
    writer: Person,
) -> None:
    """Keys of questions are on this page: learners, authors and auditors stay out."""
    people = [writer, create_person("l", Role.LEARNER), create_person("a", Role.AUDITOR)]
    for person in people:
        client = sign_in(person)
        assert client.get("/review").status_code == 403
        assert client.get(f"/review/{waiting.id}").status_code == 403
        assert client.post(f"/review/{waiting.id}/approve").status_code == 403
