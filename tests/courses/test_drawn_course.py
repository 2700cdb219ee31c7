"""A quiz drawn from a bank, from the author's lines to the learner's result, through the pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from assessments import attempts, frozen
from assessments.models import Attempt, Paper
from courses import reviewing
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, Enrolment
from tests.assessments import banked
from zhixin.people.models import Person, Role

LINES = {
    "count": ["3", "1", ""], "point": ["=甲", "", ""], "kind": ["single", "", ""],
    "low": ["1", "1", "1"], "high": ["5", "2", "5"], "points": ["2", "4", "1"],
}  # fmt: skip


def test_from_the_lines_to_the_result(
    session: Session,
    create_course: Callable[..., Course],
    create_person: Callable[..., Person],
    sign_in: Callable[[Person], FlaskClient],
    writer: Person,
    reviewer: Person,
    now: datetime,
) -> None:
    """The author writes lines, is told which one the bank cannot fill, sees a draw and submits;
    the reviewer sees the lines; each learner meets questions of their own and is graded by them."""
    course, other = create_course(), create_person("tongshi", Role.AUTHOR)
    held = banked.bank(session, writer, other, now)
    banked.add(session, held, banked.stems(*range(8)), now, point="甲", difficulty=3)
    session.commit()
    unit = course.chapters[0].units[1]
    address = f"/papers/{unit.paper_id}/blueprint"
    author = sign_in(writer)
    assert "能源题库" in author.get(address).text
    paper = session.get_one(Paper, unit.paper_id)
    sent = {"bank": str(held[0].bank.id), "revision": str(paper.revision), **LINES}
    assert (
        author.post(address, data=sent | {"low": ["5", "1", "1"], "high": ["1"] * 3}).status_code
        == 422
    )
    assert author.post(address, data=sent | {"bank": "99"}).status_code == 404
    assert author.post(address, data=sent).status_code == 303
    page = author.get(address).text
    said = "第 2 行（任意知识点、任意题型、难度 1–2）只有 0 题，需要 1 题"
    assert said in page
    refused = author.post(f"/studio/courses/{course.id}/submit")
    assert refused.status_code == 422
    assert f"“小测”的抽题规则：{said}" in refused.text
    banked.add(session, held, banked.stems(20, 21), now, point="乙", difficulty=1)
    session.commit()
    page = author.get(f"{address}?draw=x").text
    assert "按规则抽 4 题 10 分，加上固定题目共 5 题 11 分" in page
    assert len(re.findall(r"第 \d+ 问", page)) == 4
    preview = author.get(f"/studio/courses/{course.id}/preview?unit={unit.id}")
    assert preview.status_code == 200
    assert author.post(f"/studio/courses/{course.id}/submit").status_code == 303
    version = session.scalars(sa.select(CourseVersion)).one()
    shown = sign_in(reviewer).get(f"/review/{version.id}").text
    assert "3 题，每题 2 分" in shown
    reviewing.approve(session, reviewing.get(session, version.id), reviewer.id, now)
    session.commit()
    key = list(CourseDocument.from_text(version.document).units())[1].key
    papers = []
    for name in ("jia", "yi"):
        learner = create_person(name, Role.LEARNER)
        client = sign_in(learner)
        client.post(f"/courses/{course.id}/enrol")
        enrolment = session.scalars(
            sa.select(Enrolment).where(Enrolment.person_id == learner.id)
        ).one()
        client.post(f"/learn/{enrolment.id}/{key}/attempt")
        attempt = session.scalars(sa.select(Attempt).where(Attempt.person_id == learner.id)).one()
        asked = frozen.of_attempt(session, attempt).questions
        text = client.get(f"/learn/{enrolment.id}/{key}").text
        assert all(each.stem in text for each in asked)
        assert "解析" not in text
        for seq, each in enumerate(asked, 1):
            body = {"changes": [{"question": each.id, "answer": ["b"], "seq": seq}]}
            kept = client.put(f"/api/v1/attempts/{attempt.id}/answers", json=body)
            assert kept.status_code == 200
        foreign = {"changes": [{"question": "bank-999", "answer": ["b"], "seq": 9}]}
        assert client.put(f"/api/v1/attempts/{attempt.id}/answers", json=foreign).status_code == 422
        client.post(f"/api/v1/attempts/{attempt.id}/submission", json={"changes": []})
        session.expire_all()
        result = client.get(f"/learn/{enrolment.id}/{key}").text
        assert "得分 11 / 11" in result
        assert result.count("解析") >= 4
        assert attempts.redrawn(session, attempt) == attempt.drawn
        papers.append(attempt.drawn)
    assert papers[0] != papers[1]
