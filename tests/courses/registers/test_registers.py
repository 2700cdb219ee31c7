"""Experts and textbooks: who writes them, what courses keep of them, what a table may bring."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session

from courses import duplicating, editing, history, reviewing, snapshots
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion
from courses.registers import attaching, register
from courses.registers.entries import EXPERTS, TEXTBOOKS
from courses.registers.models import Expert, Textbook
from courses.registers.states import EntryState
from zhixin.audit.models import Trace
from zhixin.people import accounts
from zhixin.people.models import OrganisationKind, Person, Role

BOOK = {
    "title": "结构力学",
    "authors": "龙驭球",
    "publisher": "高等教育出版社",
    "isbn": "9780306406157",
}


@pytest.fixture
def admin(create_person: Callable[..., Person]) -> Person:
    return create_person("guanli", Role.ADMINISTRATOR)


@pytest.fixture
def office(admin: Person, sign_in: Callable[[Person], FlaskClient]) -> FlaskClient:
    return sign_in(admin)


@pytest.fixture
def expert(session: Session, admin: Person, create_field: Any, now: datetime) -> Expert:
    create_field("bim")
    made = register.write(
        session, EXPERTS,
        {"name": "李教授", "title": "教授", "unit": "重庆大学", "field_codes": "bim", "biography": "**桥梁**"},
        person_id=admin.id, now=now,
    )  # fmt: skip
    session.commit()
    assert isinstance(made, Expert)
    return made


@pytest.fixture
def book(session: Session, admin: Person, now: datetime) -> Textbook:
    made = register.write(session, TEXTBOOKS, BOOK, person_id=admin.id, now=now)
    session.commit()
    assert isinstance(made, Textbook)
    return made


@pytest.fixture
def published(
    session: Session,
    create_course: Callable[..., Course],
    submit: Callable[..., CourseVersion],
    reviewer: Person,
    expert: Expert,
    book: Textbook,
    now: datetime,
) -> CourseVersion:
    """A published course that names both; its facts name no teacher."""
    course = create_course(teacher="")
    attaching.add(session, EXPERTS, course.id, expert.id)
    attaching.add(session, TEXTBOOKS, course.id, book.id)
    session.commit()
    version = reviewing.get(session, submit(course).id)
    reviewing.approve(session, version, reviewer.id, now)
    session.commit()
    return version


def _xlsx(*rows: list[Any]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    kept = io.BytesIO()
    made.save(kept)
    return kept.getvalue()


def _send(client: FlaskClient, which: str, content: bytes) -> Any:
    return client.post(
        f"/registers/{which}/import", data={"file": (io.BytesIO(content), "登记.xlsx")}
    )


def test_what_was_published_keeps_its_teachers_and_books(
    session: Session, app: Flask, expert: Expert, book: Textbook, published: CourseVersion
) -> None:
    """The register moves on, the version stays what it was; strangers see it."""
    before = published.sha256
    expert.title, book.publisher = "院士", "别的出版社"
    expert.state = EntryState.RETIRED
    session.commit()
    client = app.test_client()
    page = client.get(f"/courses/{published.course_id}").get_data(as_text=True)
    assert "李教授" in page
    assert "教授 · 重庆大学" in page
    assert "高等教育出版社" in page
    assert "<strong>桥梁</strong>" in page
    assert CourseDocument.from_text(published.document).sha256 == before
    # Out of force: named, but without a page.
    assert f'/experts/{expert.id}"' not in page
    assert client.get(f"/experts/{expert.id}").status_code == 404


def test_documents_from_before_keep_their_hash(published_course: Any) -> None:
    """A version that names nobody says nothing of teachers or textbooks."""
    text = published_course().document
    assert "teachers" not in text
    assert "textbooks" not in text


def test_an_experts_page_lists_their_published_courses(
    session: Session, app: Flask, expert: Expert, published: CourseVersion
) -> None:
    """Found by the version, whatever its draft names by now; their name finds the course too."""
    attaching.remove(session, EXPERTS, published.course_id, expert.id)
    session.commit()
    page = app.test_client().get(f"/experts/{expert.id}").get_data(as_text=True)
    assert published.title in page
    assert CourseDocument.from_text(published.document).teacher == "李教授"


def test_a_copy_names_the_same(
    session: Session, writer: Person, expert: Expert, published: CourseVersion, now: datetime
) -> None:
    """Whoever duplicates a course need not choose again."""
    course = editing.get(session, published.course_id, writer.id)
    made = duplicating.duplicate(session, course, writer.id, now)
    assert [each.id for each in attaching.of(session, EXPERTS, made.id)] == [expert.id]


def test_what_was_chosen_is_taken_back_and_done_again(
    session: Session, create_course: Any, expert: Expert, book: Textbook, writer: Person,
    sign_in: Callable[[Person], FlaskClient], now: datetime,
) -> None:  # fmt: skip
    """Undo, redo and restoring reach what a course names of the registers; the history says so."""
    course = create_course()
    session.commit()
    client, at = sign_in(writer), f"/studio/courses/{course.id}/teaching"
    for which, entry in (("experts", expert), ("textbooks", book)):
        client.post(f"{at}/{which}", data={"act": "add", "entry_id": entry.id})

    def named() -> list[list[int]]:
        session.expire_all()
        return [attaching.ids(session, each, course.id) for each in (EXPERTS, TEXTBOOKS)]

    assert named() == [[expert.id], [book.id]]
    history.take_back(session, course.id, writer.id, now)
    assert named() == [[expert.id], []]
    history.take_back(session, course.id, writer.id, now)
    assert named() == [[], []]
    history.do_again(session, course.id, writer.id, now)
    assert named() == [[expert.id], []]
    before, after = history.between(session, course.id, 1, 2)
    assert ("named", "教材", None, None) in list(snapshots.changed(before, after))
    history.restore(session, course.id, writer.id, 2, now)
    assert named() == [[expert.id], [book.id]]
    since = {**after, "named": {**after["named"], "textbooks": [book.id, 7]}}
    with pytest.raises(snapshots.Overlap, match="教材"):  # somebody chose again
        snapshots.take_back(before, after, since)


def test_an_author_proposes_and_an_administrator_accepts(
    session: Session, sign_in: Any, office: FlaskClient, writer: Person, create_course: Any
) -> None:
    """Until then nobody can be named; declining needs a reason; it is on the trail."""
    course = create_course()
    author, at = sign_in(writer), f"/studio/courses/{course.id}/teaching/experts"
    values = {"name": "张工", "unit": "设计院"}
    assert author.post(f"{at}/proposal", data=values).status_code == 303
    assert author.post(f"{at}/proposal", data=values).status_code == 409
    made = session.scalars(sa.select(Expert)).one()
    assert made.state == EntryState.PROPOSED
    add = {"act": "add", "entry_id": str(made.id)}
    assert author.post(at, data=add).status_code == 404
    step = f"/registers/experts/{made.id}/step"
    assert office.post(step, data={"act": "decline", "reason": ""}).status_code == 422
    assert office.post(step, data={"act": "accept"}).status_code == 303
    assert office.post(step, data={"act": "accept"}).status_code == 409
    assert author.post(at, data=add).status_code == 303
    assert session.scalar(sa.select(Trace.act).where(Trace.act == "accept-entry"))
    assert [each.id for each in attaching.of(session, EXPERTS, course.id)] == [made.id]


def test_teachers_stand_in_the_authors_order(
    session: Session, sign_in: Any, writer: Person, create_course: Any, admin: Person, now: datetime
) -> None:
    """Moved up and down one place at a time."""
    course = create_course()
    ids = [
        register.write(
            session, EXPERTS, {"name": name, "unit": "某院"}, person_id=admin.id, now=now
        ).id
        for name in "甲乙丙"
    ]
    session.commit()
    client, at = sign_in(writer), f"/studio/courses/{course.id}/teaching/experts"
    for entry_id in ids:
        client.post(at, data={"act": "add", "entry_id": entry_id})
    client.post(at, data={"act": "up", "entry_id": ids[2]})
    client.post(at, data={"act": "down", "entry_id": ids[0]})
    found = attaching.of(session, EXPERTS, course.id)
    assert [each.id for each in found] == [ids[2], ids[0], ids[1]]
    page = client.get(f"/studio/courses/{course.id}/teaching").get_data(as_text=True)
    assert page.index("丙") < page.index("甲")


@pytest.mark.parametrize("which", ["experts", "textbooks"])
def test_the_registers_are_the_citys(
    session: Session,
    sign_in: Any,
    create_person: Any,
    writer: Person,
    expert: Expert,
    book: Textbook,
    which: str,
) -> None:
    """Neither an author nor a district's administrator writes them, by any address."""
    district = accounts.organisation(session, OrganisationKind.DISTRICT, "东区")
    session.commit()
    local = create_person("qu", Role.ADMINISTRATOR, within=district)
    entry_id = expert.id if which == "experts" else book.id
    extra = "portrait" if which == "experts" else "file"
    for person in (local, writer):
        client = sign_in(person)
        for at in ("", "/new", f"/{entry_id}", "/template.xlsx"):
            assert client.get(f"/registers/{which}{at}").status_code == 403
        for at in ("/new", f"/{entry_id}", f"/{entry_id}/step", "/import", f"/{entry_id}/{extra}"):
            answer = client.post(f"/registers/{which}{at}", data={"act": "retire"})
            assert answer.status_code == 403


def test_a_table_is_written_whole_and_a_second_time_changes_nothing_twice(
    session: Session, office: FlaskClient, create_field: Any
) -> None:
    """Headings in any order; who is known already is changed."""
    create_field("bim", zh="建筑信息")
    rows = [
        ["单位", "姓名", "领域", "职称"],
        ["重庆大学", "李教授", "建筑信息", "教授"],
        ["设计院", "王工", "", ""],
    ]
    assert _send(office, "experts", _xlsx(*rows)).status_code == 303
    rows[2][3] = "高工"
    assert _send(office, "experts", _xlsx(*rows)).status_code == 303
    found = session.execute(sa.select(Expert.name, Expert.title, Expert.state)).all()
    assert sorted(tuple(each) for each in found) == [
        ("李教授", "教授", "in-force"), ("王工", "高工", "in-force"),
    ]  # fmt: skip


def test_a_table_with_a_fault_writes_nothing_and_names_the_cells(
    session: Session, office: FlaskClient
) -> None:
    """Each problem by its cell; good rows wait with the bad ones."""
    heads = ["书名", "作者", "出版社", "ISBN", "出版年"]
    content = _xlsx(
        heads,
        ["好书", "甲", "某社", "978-0-306-40615-7", "2020"],
        ["坏书", "", "某社", "978-0-306-40615-8", "去年"],
        ["好书又来", "乙", "某社", "9780306406157", ""],
    )
    answer = _send(office, "textbooks", content)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for cell in ("单元格 B3", "单元格 D3", "单元格 E3", "第 4 行"):
        assert cell in page
    assert session.scalar(sa.select(sa.func.count()).select_from(Textbook)) == 0
    page = _send(office, "textbooks", _xlsx(["书名", "价格"], ["a", "1"])).get_data(as_text=True)
    assert "缺少“作者”这一列" in page
    assert "单元格 B1" in page
    assert _send(office, "textbooks", b"PK\x03\x04broken").status_code == 422


def test_a_portrait_is_open_to_strangers_and_the_version_keeps_its_own(
    session: Session,
    app: Flask,
    office: FlaskClient,
    expert: Expert,
    create_course: Any,
    submit: Any,
    reviewer: Person,
    now: datetime,
) -> None:
    """Pictures of pages need a sign-in; a teacher's portrait on a public page does not."""

    def portrait(colour: str) -> None:
        kept = io.BytesIO()
        Image.new("RGB", (8, 8), colour).save(kept, "PNG")
        sent = {"file": (io.BytesIO(kept.getvalue()), "a.png")}
        assert office.post(f"/registers/experts/{expert.id}/portrait", data=sent).status_code == 303

    portrait("red")
    course = create_course()
    attaching.add(session, EXPERTS, course.id, expert.id)
    session.commit()
    version = reviewing.get(session, submit(course).id)
    stranger = app.test_client()
    named = f"/courses/{course.id}/teachers/{expert.id}/portrait"
    assert stranger.get(named).status_code == 404  # not published yet
    reviewing.approve(session, version, reviewer.id, now)
    session.commit()
    first = stranger.get(named)
    assert (first.status_code, first.mimetype) == (200, "image/png")
    portrait("blue")
    assert stranger.get(named).data == first.data
    assert stranger.get(f"/experts/{expert.id}/portrait").data != first.data
