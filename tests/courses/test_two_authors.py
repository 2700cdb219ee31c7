"""Two authors of one course at the same moment: one is told, and no text is lost in silence.

Real requests in threads, each with a connection of its own. On PostgreSQL both have begun and
read before either writes; SQLite lets one begin after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import authors, editing, texts
from courses.models import AuthorRole, Chapter, Course, Unit
from tests.courses.test_studio_views import sent
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.people.models import Person, Role

LIMIT_S = 60
ROUNDS = 3


@pytest.fixture
def app(own_engine: sa.Engine, settings: Settings) -> Flask:
    return create_app(settings, bind=own_engine, testing=True)


@dataclass
class Desk:
    """A course of two authors, each at a browser of their own."""

    engine: sa.Engine
    course_id: int
    clients: tuple[FlaskClient, FlaskClient]
    crossing: Barrier | None = None

    def units(self) -> list[Unit]:
        """In the outline's order; positions are those of their chapter, without a gap."""
        with Session(self.engine, expire_on_commit=False) as session:
            chapters = session.scalars(
                sa.select(Chapter)
                .where(Chapter.course_id == self.course_id)
                .order_by(Chapter.position)
            ).all()
            assert [each.position for each in chapters] == [*range(len(chapters))]
            found: list[Unit] = []
            for chapter in chapters:
                of = session.scalars(
                    sa.select(Unit).where(Unit.chapter_id == chapter.id).order_by(Unit.position)
                ).all()
                assert [each.position for each in of] == [*range(len(of))]
                found.extend(of)
            return found

    def chapters(self) -> list[int]:
        with Session(self.engine) as session:
            course = Chapter.course_id == self.course_id
            return [
                *session.scalars(sa.select(Chapter.id).where(course).order_by(Chapter.position))
            ]

    def page(self) -> Unit:
        return next(unit for unit in self.units() if unit.kind == "page")

    def at_once(self, *asked: tuple[str, dict[str, str]]) -> list[Any]:
        """Each author's request, sent at the same moment."""
        start = Barrier(2)
        # SQLite's second cannot even begin before the first has ended.
        self.crossing = Barrier(2) if self.engine.dialect.name == "postgresql" else None

        def post(client: FlaskClient, at: str, data: dict[str, str]) -> Any:
            start.wait(LIMIT_S)
            return client.post(at, data=data)

        with ThreadPoolExecutor(2) as pool:
            given = [
                pool.submit(post, client, *each)
                for client, each in zip(self.clients, asked, strict=True)
            ]
            answers = [each.result() for each in given]
        self.crossing = None
        return answers


@pytest.fixture
def desk(
    own_engine: sa.Engine,
    session: Session,
    create_course: Callable[..., Course],
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    writer: Person,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    course, other = create_course(), create_person("hezuo", Role.AUTHOR)
    authors.invite(session, course, writer.id, other.sign_in_name, AuthorRole.CO_AUTHOR, now)
    editing.add_chapter(session, course, "第二章")
    session.commit()
    session.close()
    made = Desk(own_engine, course.id, (sign_in(writer), sign_in(other)))
    opened = editing.open_for_edit

    def together(*asked: Any) -> Course:
        if made.crossing is not None:
            made.crossing.wait(LIMIT_S)
        return opened(*asked)

    monkeypatch.setattr(editing, "open_for_edit", together)
    return made


def test_the_same_text_at_once(desk: Desk) -> None:
    """One is saved; the other is told what is there instead, and saves again knowing it."""
    for number in range(ROUNDS):
        page = desk.page()
        at, base = f"/studio/units/{page.id}/text", texts.mark(page.body)
        bodies = [f"第{number}次，{who}写的" for who in "甲乙"]
        answers = desk.at_once(*((at, {"body": body, "body_base": base}) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        won, lost = sorted((0, 1), key=lambda n: answers[n].status_code)
        told = answers[lost].json
        assert desk.page().body == told["saved"]["body"] == bodies[won]
        both = bodies[won] + bodies[lost]
        again = {"body": both, "body_base": told["marks"]["body"]}
        assert desk.clients[lost].post(at, data=again).status_code == 200
        assert desk.page().body == both

    # Without scripts too: who is refused has both texts on the screen.
    page = desk.page()
    at, marks = f"/studio/units/{page.id}", texts.marks(page)
    read = {"title": page.title, "title_base": marks["title"], "body_base": marks["body"]}
    answers = desk.at_once((at, {"body": "甲写的", **read}), (at, {"body": "乙写的", **read}))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    refused = max(answers, key=lambda answer: answer.status_code)
    assert "甲写的" in refused.text
    assert "乙写的" in refused.text


def test_the_facts_at_once(desk: Desk) -> None:
    """One form of facts is saved; the other author's is refused and still on their screen."""
    with Session(desk.engine) as session:
        form = sent(session.get_one(Course, desk.course_id))
    at = f"/studio/courses/{desk.course_id}"
    answers = desk.at_once((at, {**form, "summary": "甲写的"}), (at, {**form, "summary": "乙写的"}))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    won, lost = sorted((0, 1), key=lambda n: answers[n].status_code)
    with Session(desk.engine) as session:
        assert session.get_one(Course, desk.course_id).summary == ("甲写的", "乙写的")[won]
    assert ("甲写的", "乙写的")[lost] in answers[lost].text

    # What does not touch is saved, both.
    page, marks = desk.page(), texts.marks(desk.page())
    at = f"/studio/units/{page.id}/text"
    answers = desk.at_once(
        (at, {"title": "新讲义", "title_base": marks["title"]}),
        (at, {"body": "新正文", "body_base": marks["body"]}),
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (desk.page().title, desk.page().body) == ("新讲义", "新正文")


def test_the_same_outline_put_in_order_at_once(desk: Desk) -> None:
    """A move overwrites nothing, so both stand, one after the other: each unit is in one place,
    each place has one unit, and every text is what it was."""
    before = {unit.id: (unit.title, unit.body) for unit in desk.units()}
    for number in range(ROUNDS):
        first, last = desk.chapters()
        one, other = [unit.id for unit in desk.units()][:2]
        places = (
            {"act": "place", "chapter_id": str(last), "place": "0"},
            {"act": "place", "chapter_id": str((first, last)[number % 2]), "place": "0"},
        )
        moves = zip((one, other), places, strict=True)
        answers = desk.at_once(*((f"/studio/units/{unit}", place) for unit, place in moves))
        assert [answer.status_code for answer in answers] == [204, 204]
        assert {unit.id: (unit.title, unit.body) for unit in desk.units()} == before
        assert next(unit for unit in desk.units() if unit.id == one).chapter_id == last


def test_a_text_saved_while_its_unit_is_moved_or_removed(desk: Desk) -> None:
    """Another's dragging never costs a text, wherever it lands."""
    for number in range(ROUNDS):
        page, at = desk.page(), f"/studio/units/{desk.page().id}"
        home = next(each for each in desk.chapters() if each != page.chapter_id)
        text = {"body": f"第{number}次写的", "body_base": texts.mark(page.body)}
        place = {"act": "place", "chapter_id": str(home), "place": "0"}
        answers = desk.at_once((f"{at}/text", text), (at, place))
        assert [answer.status_code for answer in answers] == [200, 204]
        assert (desk.page().body, desk.page().chapter_id) == (text["body"], home)

    # Saved before it is removed, it comes back with its unit; after, its author is told.
    page = desk.page()
    at = f"/studio/units/{page.id}"
    text = {"body": "不能丢的话", "body_base": texts.mark(page.body)}
    saved, removed = desk.at_once((f"{at}/text", text), (at, {"act": "remove"}))
    assert removed.status_code == 303
    assert saved.status_code in (200, 404)
    if saved.status_code == 200:
        undo = desk.clients[1].post(f"/studio/courses/{desk.course_id}/undo")
        assert undo.status_code in (204, 303)
        assert desk.page().body == "不能丢的话"
