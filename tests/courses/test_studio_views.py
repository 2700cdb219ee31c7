"""The studio as its author's browser meets it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import editing, kinds, reviewing, texts
from courses.models import Chapter, Course, CourseVersion, Unit, UnitKind
from media.models import Asset, AssetState
from zhixin.hours.models import Policy
from zhixin.people.models import Person, Role

Make = Callable[..., Course]
Submit = Callable[..., CourseVersion]


@pytest.fixture
def client(sign_in: Callable[[Person], FlaskClient], writer: Person) -> FlaskClient:
    return sign_in(writer)


def sent(course: Course, **changes: Any) -> dict[str, Any]:
    """The form of facts as the browser sends it."""
    values = {name: str(getattr(course, name)) for name in editing.FACTS}
    return {**values, "revision": str(course.revision), **changes}


def units(course: Course) -> list[Unit]:
    return [unit for chapter in course.chapters for unit in chapter.units]


def fresh(session: Session, course: Course) -> Course:
    session.expire_all()
    return editing.get(session, course.id, course.owner_id)


def test_new(
    session: Session,
    client: FlaskClient,
    writer: Person,
    create_field: Callable[..., Any],
    policy: Policy,
    create_facts: Callable[..., dict[str, Any]],
) -> None:
    """A course begins with its facts; the desk comes next, and the list shows a draft."""
    create_field("bim")
    session.commit()
    assert "新建课程" in client.get("/studio/new").text
    answer = client.post("/studio/new", data=create_facts(declared_hours="2"))
    assert answer.status_code == 303
    desk = client.get(answer.location).text
    assert "建筑信息模型入门" in desk
    assert "至少需要一节视频" in desk
    assert "草稿" in client.get("/studio").text


def test_new_refuses_what_is_missing(
    client: FlaskClient, create_draft: Make, create_facts: Callable[..., dict[str, Any]]
) -> None:
    """An incomplete form comes back with what was typed and what is wrong beside it."""
    create_draft()
    for changes in ({"title": ""}, {"field_code": "gone"}, {"declared_hours": "1.005"}):
        answer = client.post("/studio/new", data=create_facts(**changes))
        assert answer.status_code == 422
        assert "王工" in answer.text


def test_desk_of_a_whole_course(client: FlaskClient, create_course: Make) -> None:
    """Outline, what the length justifies and how, and that it can be submitted."""
    page = client.get(f"/studio/courses/{create_course().id}").text
    for shown in ("第一讲", "小测", "讲义", "1:30:00", "内容齐全", "÷ 每学时 45 分钟 = 2.00"):
        assert shown in page


def test_update(session: Session, client: FlaskClient, create_draft: Make) -> None:
    """Saved facts are there on the next look."""
    course = create_draft()
    answer = client.post(f"/studio/courses/{course.id}", data=sent(course, title="改名"))
    assert answer.status_code == 303
    assert fresh(session, course).title == "改名"


def test_conflict_keeps_what_was_typed(
    session: Session, client: FlaskClient, create_draft: Make
) -> None:
    """Two pages, one course: the second sees both texts and may save again, knowingly."""
    course = create_draft()
    first, second = sent(course, title="先保存的"), sent(course, title="后保存的")
    client.post(f"/studio/courses/{course.id}", data=first)
    answer = client.post(f"/studio/courses/{course.id}", data=second)
    assert answer.status_code == 409
    assert "先保存的" in answer.text
    assert 'value="后保存的"' in answer.text
    assert fresh(session, course).title == "先保存的"
    assert f'name="revision" type="hidden" value="{course.revision}"' in answer.text
    again = client.post(
        f"/studio/courses/{course.id}", data={**second, "revision": course.revision}
    )
    assert again.status_code == 303
    assert fresh(session, course).title == "后保存的"


@pytest.mark.parametrize("revision", ["", "x", "-1", "99"])
def test_impossible_revision(
    session: Session, client: FlaskClient, create_draft: Make, revision: str
) -> None:
    """A form without a sensible revision overwrites nothing."""
    course = create_draft()
    answer = client.post(
        f"/studio/courses/{course.id}", data=sent(course, title="x", revision=revision)
    )
    assert answer.status_code in (409, 422)
    assert fresh(session, course).title == "建筑信息模型入门"


def test_chapters(session: Session, client: FlaskClient, create_draft: Make) -> None:
    """Chapters are added, renamed, moved and removed by plain forms."""
    course = create_draft()
    at = f"/studio/courses/{course.id}/chapters"
    client.post(at, data={"title": "第二章"})
    first, second = (chapter.id for chapter in fresh(session, course).chapters)
    client.post(f"{at}/{second}", data={"title": "新名"})
    client.post(f"{at}/{second}", data={"act": "up"})
    assert [c.title for c in fresh(session, course).chapters] == ["新名", "第一章"]
    client.post(f"{at}/{first}", data={"act": "remove"})
    assert [c.title for c in fresh(session, course).chapters] == ["新名"]
    assert client.post(f"{at}/{first}", data={"act": "up"}).status_code == 404
    assert client.post(at, data={"title": " "}).status_code == 422


@pytest.mark.parametrize("kind", [kind for kind in UnitKind if kinds.of(kind).addable])
def test_add_unit_leads_to_its_page(
    session: Session, client: FlaskClient, create_draft: Make, kind: UnitKind
) -> None:
    """After adding, the author is where its content goes."""
    course = create_draft()
    at = f"/studio/courses/{course.id}/chapters/{course.chapters[0].id}/units"
    answer = client.post(at, data={"kind": kind, "title": "一节"})
    page = client.get(answer.location).text
    unit = units(fresh(session, course))[0]
    expected = {
        UnitKind.VIDEO: "data-upload",
        UnitKind.QUIZ: f"/papers/{unit.paper_id}",
        UnitKind.PAGE: "<textarea",
        UnitKind.PRACTICE: f"/papers/{unit.paper_id}",
        UnitKind.LIVE: "datetime-local",
        UnitKind.FILE: 'type="file"',
    }
    assert expected[kind] in page


def test_add_unit_of_no_kind(client: FlaskClient, create_draft: Make) -> None:
    """An unknown kind is refused, not guessed."""
    course = create_draft()
    at = f"/studio/courses/{course.id}/chapters/{course.chapters[0].id}/units"
    assert client.post(at, data={"kind": "song", "title": "一节"}).status_code == 422


def test_attach(
    session: Session,
    client: FlaskClient,
    create_course: Make,
    create_ready_asset: Callable[..., Asset],
) -> None:
    """What the upload form sends when the file is whole: the video, and nothing typed is lost."""
    course = create_course()
    unit, asset = units(course)[0], create_ready_asset(file_name="新版.mp4")
    answer = client.post(f"/studio/units/{unit.id}", data={"act": "attach", "asset_id": asset.id})
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "新版.mp4" in page
    assert "data-preview" in page
    assert units(fresh(session, course))[0].title == "第一讲"


@pytest.mark.parametrize("asset_id", ["", "x", "999999", str(2**70)])
def test_attach_nothing(client: FlaskClient, create_course: Make, asset_id: str) -> None:
    """A video that is not there is not found; an impossible number is refused."""
    unit = units(create_course())[0]
    answer = client.post(f"/studio/units/{unit.id}", data={"act": "attach", "asset_id": asset_id})
    assert answer.status_code == (422 if len(asset_id) > 10 else 404)


@pytest.mark.parametrize(
    ("state", "shown"),
    [(AssetState.TRANSCODING, "data-transcode"), (AssetState.FAILED, "文件不完整")],
)
def test_video_on_its_way(
    session: Session, client: FlaskClient, create_course: Make, state: AssetState, shown: str
) -> None:
    """Until it can be played, the page shows how far it is or why it failed."""
    unit = units(create_course())[0]
    asset = session.get_one(Asset, unit.asset_id)
    asset.state, asset.failure = state, "文件不完整"
    session.commit()
    page = client.get(f"/studio/units/{unit.id}").text
    assert shown in page
    assert "data-preview" not in page


def test_page_text(session: Session, client: FlaskClient, create_course: Make) -> None:
    """A page's text is saved; in a conflict both texts are on the screen."""
    course = create_course()
    page = units(course)[2]
    at, marks = f"/studio/units/{page.id}", texts.marks(page)
    read = {"title_base": marks["title"], "body_base": marks["body"]}
    sent_first = {"title": "讲义", "body": "先写的", **read}
    assert client.post(at, data=sent_first).status_code == 303
    answer = client.post(at, data={"title": "讲义", "body": "后写的", **read})
    assert answer.status_code == 409
    assert "先写的" in answer.text
    assert "后写的</textarea>" in answer.text
    assert units(fresh(session, course))[2].body == "先写的"


def test_refused_title_keeps_the_text(client: FlaskClient, create_course: Make) -> None:
    """A missing title costs nobody the text beside it."""
    course = create_course()
    answer = client.post(
        f"/studio/units/{units(course)[2].id}",
        data={"title": "", "body": "很长的正文", "revision": course.revision},
    )
    assert answer.status_code == 422
    assert "很长的正文" in answer.text


def test_units_move_and_go(session: Session, client: FlaskClient, create_course: Make) -> None:
    """Units are moved and removed by plain forms."""
    course = create_course()
    video, quiz, _page = units(course)
    client.post(f"/studio/units/{video.id}", data={"act": "down"})
    assert [u.title for u in units(fresh(session, course))] == ["小测", "第一讲", "讲义"]
    client.post(f"/studio/units/{quiz.id}", data={"act": "remove"})
    assert [u.title for u in units(fresh(session, course))] == ["第一讲", "讲义"]


def test_submit_with_problems(session: Session, client: FlaskClient, create_draft: Make) -> None:
    """Nothing is stored, and the page lists what is missing."""
    course = create_draft(teacher="")
    answer = client.post(f"/studio/courses/{course.id}/submit")
    assert answer.status_code == 422
    assert "请填写授课专家" in answer.text
    assert "至少需要一节视频" in answer.text
    assert session.scalar(sa.select(sa.func.count(CourseVersion.id))) == 0


def test_submit_twice_is_submitted_once(
    session: Session, client: FlaskClient, create_course: Make
) -> None:
    """An impatient second click finds what it asked for done."""
    course = create_course()
    for _click in range(2):
        assert client.post(f"/studio/courses/{course.id}/submit").status_code == 303
    assert session.scalar(sa.select(sa.func.count(CourseVersion.id))) == 1
    assert "审核中" in client.get(f"/studio/courses/{course.id}").text


def test_under_review_nothing_is_edited(
    session: Session, client: FlaskClient, create_course: Make, submit: Submit
) -> None:
    """Every change is refused while a reviewer reads; what was typed stays on the screen."""
    course = create_course()
    submit(course)
    chapter, unit = course.chapters[0], units(course)[2]
    answers = [
        client.post(f"/studio/courses/{course.id}", data=sent(course, title="偷改的")),
        client.post(f"/studio/courses/{course.id}/chapters", data={"title": "x"}),
        client.post(f"/studio/courses/{course.id}/chapters/{chapter.id}", data={"act": "remove"}),
        client.post(f"/studio/units/{unit.id}", data={"act": "remove"}),
        client.post(
            f"/studio/units/{unit.id}", data={"title": "t", "body": "偷改的", "revision": 1}
        ),
    ]
    assert [answer.status_code for answer in answers] == [409] * 5
    assert "偷改的" in answers[0].text
    assert "偷改的" in answers[4].text
    page = client.get(f"/studio/courses/{course.id}").text
    assert "添加内容" not in page
    assert "第一段" in client.get(f"/studio/units/{unit.id}").text


def test_returned_reason_is_shown(
    session: Session,
    client: FlaskClient,
    create_course: Make,
    submit: Submit,
    reviewer: Person,
    now: datetime,
) -> None:
    """The author reads why, in the list and on the desk, and by whom."""
    version = submit(create_course())
    reviewing.send_back(session, reviewing.get(session, version.id), reviewer.id, "请补充来源", now)
    session.commit()
    assert "请补充来源" in client.get("/studio").text
    desk = client.get(f"/studio/courses/{version.course_id}").text
    assert "请补充来源" in desk
    assert "审核人" in desk


def test_published_and_edited_again(
    session: Session, client: FlaskClient, published_course: Callable[..., CourseVersion]
) -> None:
    """A published course says that edits wait for the next version."""
    version = published_course()
    course = editing.get(session, version.course_id, version.course.owner_id)
    assert "有未提交的修改" not in client.get("/studio").text
    client.post(f"/studio/courses/{course.id}", data=sent(course, title="新名"))
    assert "有未提交的修改" in client.get("/studio").text
    assert "已发布" in client.get(f"/studio/courses/{course.id}").text


def test_another_authors_things_are_not_found(
    session: Session,
    create_course: Make,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Reading or changing by someone else's id answers 404, and changes nothing."""
    course = create_course()
    other = sign_in(create_person("other", Role.AUTHOR))
    chapter, unit = course.chapters[0], units(course)[0]
    desk, one_unit = f"/studio/courses/{course.id}", f"/studio/units/{unit.id}"
    assert other.get(desk).status_code == 404
    assert other.get(one_unit).status_code == 404
    for path, data in (
        (desk, sent(course, title="x")),
        (f"{desk}/submit", {}),
        (f"{desk}/chapters", {"title": "x"}),
        (f"{desk}/chapters/{chapter.id}", {"act": "remove"}),
        (f"{desk}/chapters/{chapter.id}/units", {"kind": "page", "title": "x"}),
        (one_unit, {"act": "remove"}),
        (one_unit, {"title": "x", "revision": course.revision}),
    ):
        assert other.post(path, data=data).status_code == 404, path
    assert session.scalar(sa.select(sa.func.count(Unit.id))) == 3
    assert session.scalar(sa.select(sa.func.count(Chapter.id))) == 1


def test_chapter_of_another_course(client: FlaskClient, create_draft: Make) -> None:
    """A chapter's id under another course's address is not found, though both are mine."""
    one, two = create_draft(), create_draft()
    at = f"/studio/courses/{one.id}/chapters/{two.chapters[0].id}"
    assert client.post(at, data={"act": "remove"}).status_code == 404


def test_only_authors(
    create_person: Callable[..., Person], sign_in: Callable[[Person], FlaskClient], client: Any
) -> None:
    """Learners and reviewers have no studio."""
    for role in (Role.LEARNER, Role.REVIEWER):
        assert sign_in(create_person(role, role)).get("/studio").status_code == 403


def test_impossible_ids(client: FlaskClient) -> None:
    """An id beyond the database's numbers is not found, like any other that is not there."""
    for path in ("/studio/courses/{}", "/studio/units/{}"):
        assert client.get(path.format(2**70)).status_code == 404


def test_text_with_nul(client: FlaskClient, create_draft: Make) -> None:
    """What PostgreSQL cannot keep is refused with words at the door; the course stays as it was."""
    course = create_draft()
    path = f"/studio/courses/{course.id}"
    assert client.post(path, data=sent(course, summary="零\0壹")).status_code == 422
    assert "零" not in client.get(path).text
