"""Whose the written answers of a course are to grade: who may edit it, and every reviewer."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from courses import authors, editing
from courses.models import AuthorRole, Course, CourseVersion
from tests import scenes
from zhixin import clock
from zhixin.people.models import Person, Role


def test_the_courses_authors_and_reviewers_grade_and_nobody_else(
    session: Session,
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
) -> None:
    """Who was let in to look only, or has no part in the course, is told of nothing; on the desk
    stands the course's title and no learner's name."""

    def two(*roles: Role) -> tuple[Person, Person]:
        return create_person("learner", *roles), create_person("other", *roles)

    scene = scenes.written(SimpleNamespace(create_person=create_person, two=two, now=clock.now()))
    course_id = session.scalars(sa.select(Course.id)).one()
    course = editing.get(session, course_id, scene.owner.id)
    title = session.scalars(sa.select(CourseVersion.title)).one()
    people = {
        name: create_person(name, Role.AUTHOR) for name in ("co-author", "viewer", "stranger")
    }
    for name in (AuthorRole.CO_AUTHOR, AuthorRole.VIEWER):
        authors.invite(session, course, course.owner_id, name, name, clock.now())
    people["reviewer"] = create_person("reviewer", Role.REVIEWER)
    people["owner"] = scene.owner
    session.commit()
    sheet = f"/grading/{scene.address['attempt_id']}"
    for name in ("viewer", "stranger"):
        client = sign_in(people[name])
        assert sheet not in client.get("/grading").text
        assert client.get(sheet).status_code == 404
        assert client.post(sheet, data={"p-q1-": "5"}).status_code == 404
    for name in ("owner", "reviewer", "co-author"):
        client = sign_in(people[name])
        desk = client.get("/grading").text
        assert sheet in desk
        assert title in desk
        assert client.get(sheet).status_code == 200
    assert sign_in(people["co-author"]).post(sheet, data={"p-q1-": "3"}).status_code == 303
    assert sign_in(people["reviewer"]).get(sheet).status_code == 404, "it is graded"
