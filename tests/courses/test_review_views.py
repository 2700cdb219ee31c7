"""The review desk as a reviewer's browser meets it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import editing
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, Unit, VersionState
from courses.reviews import rules
from courses.reviews.models import ReviewComment
from zhixin import clock
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Person, Role

Make = Callable[..., Course]
Submit = Callable[..., CourseVersion]


MARKS = {
    f"mark:{category}-{number}": "pass"
    for category in ("content", "teaching", "hours", "copyright", "accessibility")
    for number in (1, 2)
}


def decide(client: FlaskClient, version_id: int, act: str, **sent: str) -> Any:
    """Press a button on the reviewer's sheet."""
    return client.post(f"/review/{version_id}/decide", data=MARKS | sent | {"act": act})


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
    assert client.post(f"/review/{waiting.id}/take").status_code == 303
    answer = decide(client, waiting.id, "send-back", reason="请补充来源")
    assert answer.status_code == 303
    assert waiting.title not in client.get("/review").text
    found = session.get_one(CourseVersion, waiting.id, populate_existing=True)
    assert (found.state, found.reason) == (VersionState.RETURNED, "请补充来源")


@pytest.mark.parametrize("reason", ["", " ", "长" * 2001])
def test_send_back_without_a_reason(
    session: Session, client: FlaskClient, waiting: CourseVersion, reason: str
) -> None:
    """The form comes back with what was typed; nothing is decided."""
    client.post(f"/review/{waiting.id}/take")
    answer = decide(client, waiting.id, "send-back", reason=reason)
    assert answer.status_code == 422
    assert f">{reason}</textarea>" in answer.text
    assert (
        session.get_one(CourseVersion, waiting.id, populate_existing=True).state
        == VersionState.SUBMITTED
    )


def test_approve(session: Session, client: FlaskClient, waiting: CourseVersion) -> None:
    """An approved course is in the catalogue at once."""
    client.post(f"/review/{waiting.id}/take")
    assert decide(client, waiting.id, "approve").status_code == 303
    assert (
        session.get_one(CourseVersion, waiting.id, populate_existing=True).state
        == VersionState.PUBLISHED
    )
    assert client.get(f"/courses/{waiting.course_id}").status_code == 200


def test_decided_twice(client: FlaskClient, waiting: CourseVersion) -> None:
    """A second decision is refused with words, and the page offers none."""
    client.post(f"/review/{waiting.id}/take")
    decide(client, waiting.id, "approve")
    again = decide(client, waiting.id, "send-back", reason="原因")
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
    assert client.post(f"/review/{version.id}/take").status_code == 403
    assert decide(client, version.id, "approve").status_code == 403
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
    assert decide(client, 999999, "approve").status_code == 404


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
        assert decide(client, waiting.id, "approve").status_code == 403


def test_what_was_typed_stays(client: FlaskClient, waiting: CourseVersion) -> None:
    """A refused decision comes back with marks, remarks and reason as typed."""
    client.post(f"/review/{waiting.id}/take")
    answer = decide(
        client,
        waiting.id,
        "approve",
        **{"mark:content-1": "fail", "remark:content-1": "<b>过时</b>"},
    )
    assert answer.status_code == 422
    assert "&lt;b&gt;过时&lt;/b&gt;" in answer.text
    assert "<b>过时" not in answer.text


def test_a_remark_at_a_moment(
    session: Session,
    client: FlaskClient,
    waiting: CourseVersion,
    sign_in: Callable[[Person], FlaskClient],
    writer: Person,
) -> None:
    """Pinned by the reviewer, it stands beside the unit with its moment for both, as plain text."""
    client.post(f"/review/{waiting.id}/take")
    unit = CourseDocument.from_text(waiting.document).chapters[0].units[0]
    sent = {"unit_key": unit.key, "at": "1:05", "text": "<script>alert(1)</script> 画面看不清"}
    assert client.post(f"/review/{waiting.id}/comments", data=sent).status_code == 303
    author = sign_in(writer)
    unit_id = session.scalars(sa.select(Unit.id).where(Unit.key == unit.key)).one()
    for page in (
        client.get(f"/review/{waiting.id}").text,
        author.get(f"/studio/units/{unit_id}").text,
        author.get(f"/studio/courses/{waiting.course_id}/review").text,
    ):
        assert "画面看不清" in page
        assert 'data-seek="65000"' in page
        assert "<script>alert(1)" not in page
    assert "1 条待处理" in author.get(f"/studio/courses/{waiting.course_id}").text


def test_a_moment_outside_the_video(client: FlaskClient, waiting: CourseVersion) -> None:
    """What cannot be in the video is refused, and what was typed stays."""
    client.post(f"/review/{waiting.id}/take")
    unit = CourseDocument.from_text(waiting.document).chapters[0].units[0]
    sent = {"unit_key": unit.key, "at": "99:00:00", "text": "很晚"}
    answer = client.post(f"/review/{waiting.id}/comments", data=sent)
    assert answer.status_code == 422
    assert ">很晚</textarea>" in answer.text
    sent["unit_key"] = "u999"
    assert client.post(f"/review/{waiting.id}/comments", data=sent).status_code == 404


def test_remarks_of_another_course_are_not_reached(
    session: Session,
    client: FlaskClient,
    create_course: Make,
    submit: Submit,
    waiting: CourseVersion,
) -> None:
    """A remark is found through the course that it is on, and by who judges it."""
    client.post(f"/review/{waiting.id}/take")
    client.post(f"/review/{waiting.id}/comments", data={"text": "意见"})
    [remark_id] = session.scalars(sa.select(ReviewComment.id))
    other = submit(create_course(title="另一门"))
    client.post(f"/review/{other.id}/take")
    sent = {"act": "close"}
    assert client.post(f"/review/{other.id}/comments/{remark_id}", data=sent).status_code == 404
    assert client.post(f"/review/{waiting.id}/comments/{remark_id}", data=sent).status_code == 303


def test_the_rule_is_the_citys(
    session: Session,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    waiting: CourseVersion,
    reviewer: Person,
) -> None:
    """A city's administrator changes the checklist and gives seats; a district's does not."""
    city = sign_in(create_person("city", Role.ADMINISTRATOR))
    place = accounts.organisation(session, OrganisationKind.DISTRICT, "东区")
    district = sign_in(create_person("east", Role.ADMINISTRATOR, within=place))
    rule = {"approvals": "2", "days": "9", "seat_days": "3", "after": "1"} | {
        category.value: "甲\n乙" for category in rules.Category
    }
    give = {"person_id": str(reviewer.id)}
    assert district.post("/review/rule", data=rule).status_code == 403
    assert district.post(f"/review/{waiting.id}/assign", data=give).status_code == 403
    assert city.post("/review/rule", data=rule | {"hours": ""}).status_code == 422
    assert city.post("/review/rule", data=rule).status_code == 303
    assert city.post("/review/rule", data=rule).status_code == 409  # written over an older one
    assert city.post(f"/review/{waiting.id}/assign", data=give).status_code == 303
    page = city.get(f"/review/{waiting.id}").text
    assert "审核人" in page
    assert "需要 1 人通过" in page  # it keeps the rule that it was handed in under


def test_publication_on_a_day(
    session: Session,
    client: FlaskClient,
    waiting: CourseVersion,
    sign_in: Callable[[Person], FlaskClient],
    writer: Person,
) -> None:
    """A day is its 00:00 in the city; its author takes it back before."""
    client.post(f"/review/{waiting.id}/take")
    day = (clock.local(clock.now()) + timedelta(days=3)).date()
    past = (clock.local(clock.now()) - timedelta(days=1)).date()
    assert decide(client, waiting.id, "approve", publish_at=f"{past}T08:00").status_code == 422
    assert decide(client, waiting.id, "approve", publish_at="soon").status_code == 422
    assert decide(client, waiting.id, "approve", publish_at=str(day)).status_code == 303
    found = session.get_one(CourseVersion, waiting.id, populate_existing=True)
    assert found.state == VersionState.APPROVED
    assert found.publish_at == datetime.combine(day, time(), clock.LOCAL)
    assert client.get(f"/courses/{waiting.course_id}").status_code == 404
    author = sign_in(writer)
    assert "自动发布" in author.get(f"/studio/courses/{waiting.course_id}").text
    assert author.post(f"/studio/courses/{waiting.course_id}/withdraw").status_code == 303
    found = session.get_one(CourseVersion, waiting.id, populate_existing=True)
    assert found.state == VersionState.WITHDRAWN
