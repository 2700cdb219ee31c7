"""The express lane of handing in says and does what the ordinary route does, or leaves it to it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from assessments.models import Attempt, AttemptState
from bench.exam import paper_of_fifty
from bench.seeding import HOUR_MS, lecture, publish, signed_in
from courses import fields, hand_in_lane, quizzes
from courses.documents import Chapter, CourseDocument, Unit
from courses.models import Enrolment, EnrolmentState, UnitKind
from media.models import Coverage
from zhixin import clock, db
from zhixin.app import create_app
from zhixin.config import Settings
from zhixin.hours import policies
from zhixin.hours.models import Award
from zhixin.hours.rules import SubjectKind
from zhixin.people.models import Person, Role, RoleGrant, SignIn, TitleLevel

RIGHT = {f"q{n}": ["abcd"[n % 4]] for n in range(50)}
LEARNERS = 6


class Hall:
    """Learners in the middle of the one examination of a course, and who went the short way."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app, self.now, self.express = app, clock.now(), 0
        monkeypatch.setattr(clock, "now", lambda: self.now)
        with app.app_context(), db.database().transaction() as session:
            fields.ensure_shipped(session)
            policies.ensure_shipped(session, self.now)
            author = self._person(session, "writes")
            self.video = lecture(session, self.now).id
            video = Unit(
                key="v1", kind=UnitKind.VIDEO, title="课", asset_id=self.video, duration_ms=HOUR_MS
            )
            unit = Unit(
                key="u1", kind=UnitKind.QUIZ, title="考试", questions=50,
                paper_version_id=paper_of_fifty(session, author.id),
            )  # fmt: skip
            publish(session, [CourseDocument(
                title="课", summary="", teacher="", teacher_title="", field_code="energy",
                subject_kind=SubjectKind.PROFESSIONAL, level=TitleLevel.NONE,
                declared_hours=Decimal(1), chapters=(Chapter(title="章", units=(video, unit)),),
            )])  # fmt: skip
            self.learners = [self._sit(session, f"learner{n}", unit) for n in range(LEARNERS)]
        short = hand_in_lane.HandInLane.answer

        def counting(lane: Any, *what: Any) -> bytes | None:
            reply = short(lane, *what)
            self.express += reply is not None
            return reply

        monkeypatch.setattr(hand_in_lane.HandInLane, "answer", counting)

    def _person(self, session: Any, name: str) -> Person:
        person = Person(sign_in_name=name, password_hash="-", name=name, created_at=self.now)
        session.add(person)
        session.flush()
        return person

    def _sit(self, session: Any, name: str, unit: Unit) -> tuple[int, dict[str, str]]:
        person = self._person(session, name)
        session.add(RoleGrant(person_id=person.id, role=Role.LEARNER))
        enrolment = Enrolment(
            person_id=person.id, course_id=1, version_id=1, state=EnrolmentState.ACTIVE,
            pages_read=[], enrolled_at=self.now,
        )  # fmt: skip
        session.add(enrolment)
        watched = {"spans": f"0-{HOUR_MS}", "covered_ms": HOUR_MS, "updated_at": self.now}
        session.add(
            Coverage(person_id=person.id, scope="version:1", asset_id=self.video, **watched)
        )
        session.flush()
        attempt = quizzes.open(session, enrolment, unit, self.now)
        return attempt.id, signed_in(self.app, session, person, self.now)

    def hand_in(
        self, learner: int, sheet: dict[str, list[str]], attempt: int | None = None, **headers: str
    ) -> Any:
        own, theirs = self.learners[learner]
        changes = [{"question": q, "answer": a, "seq": 1} for q, a in sheet.items()]
        return self.app.test_client(use_cookies=False).post(
            f"/api/v1/attempts/{attempt or own}/submission",
            json={"writer": "w", "changes": changes},
            headers={**theirs, **headers},
        )

    def all(self, query: sa.Select[Any]) -> list[Any]:
        with self.app.app_context(), db.database().transaction() as session:
            return list(session.execute(query).all())


@pytest.fixture
def hall(own_engine: sa.Engine, tmp_path: Path, monkeypatch) -> Hall:
    settings = Settings(
        data_dir=tmp_path, database_url=own_engine.url.render_as_string(hide_password=False),
        broker_url="memory://", log_level="ERROR",
    )  # fmt: skip
    return Hall(create_app(settings, bind=own_engine), monkeypatch)


def test_both_ways_answer_alike_and_leave_the_same(hall, monkeypatch):
    """Passed or not; the ordinary way is forced by a lane that takes nothing."""
    wrong = RIGHT | {f"q{n}": ["d" if n % 4 == 0 else "a"] for n in range(40)}
    short = [hall.hand_in(0, RIGHT), hall.hand_in(1, wrong)]
    assert hall.express == 2
    monkeypatch.setattr(hand_in_lane.HandInLane, "answer", lambda *_lane: None)
    ordinary = [hall.hand_in(2, RIGHT), hall.hand_in(3, wrong)]

    assert {reply.status_code for reply in (*short, *ordinary)} == {200}
    for one, other, enrolment in zip(short, ordinary, (3, 4), strict=True):
        assert one.json["closed_at"] == other.json["closed_at"]
        assert other.json["page"] == f"/learn/{enrolment}/u1"
        assert one.json["page"] == f"/learn/{enrolment - 2}/u1"
    columns = (Attempt.state, Attempt.answers, Attempt.fraction_millionths, Attempt.passed)
    kept = hall.all(sa.select(*columns, Attempt.result, Attempt.ended_by).order_by(Attempt.id))
    assert kept[:2] == kept[2:4]
    assert [each.passed for each in kept[:2]] == [True, False]
    states = hall.all(sa.select(Enrolment.state).order_by(Enrolment.id))
    assert states[:2] == states[2:4]
    assert states[0].state == EnrolmentState.COMPLETED
    assert len(hall.all(sa.select(Award.person_id))) == 2


def test_all_of_one_moment_get_their_own_result_once(hall):
    """Many at once, each twice: one result and one award each."""
    with ThreadPoolExecutor(2 * LEARNERS) as pool:
        replies = list(pool.map(lambda n: hall.hand_in(n % LEARNERS, RIGHT), range(2 * LEARNERS)))
    assert {reply.status_code for reply in replies} == {200}
    assert {reply.json["closed_at"] for reply in replies} == {hall.now.isoformat()}
    attempts = hall.all(sa.select(Attempt.state, Attempt.passed, Attempt.answers))
    assert [tuple(each) for each in attempts] == [(AttemptState.CLOSED, True, RIGHT)] * LEARNERS
    awarded = hall.all(sa.select(Award.person_id, sa.func.count()).group_by(Award.person_id))
    assert [count for _person, count in awarded] == [1] * LEARNERS


def test_one_refusal_is_nobody_elses(hall):
    """Who sends an impossible answer is refused in words; those beside them are not."""
    sheets = [RIGHT] * LEARNERS
    sheets[2] = RIGHT | {"q0": ["z"]}
    with ThreadPoolExecutor(LEARNERS) as pool:
        replies = list(pool.map(hall.hand_in, range(LEARNERS), sheets))
    assert [reply.status_code for reply in replies] == [200, 200, 422, 200, 200, 200]
    assert replies[2].json["detail"] == "选择了本题没有的选项"
    open_ = hall.all(sa.select(Attempt.id).where(Attempt.state == AttemptState.OPEN))
    assert [each.id for each in open_] == [hall.learners[2][0]]


def test_what_is_unusual_goes_the_ordinary_way(hall):
    """Handed in before, somebody else's, forged, signed out: as there."""
    first = hall.hand_in(0, RIGHT)
    assert hall.hand_in(0, {}).json == first.json
    assert hall.hand_in(1, RIGHT, attempt=hall.learners[2][0]).status_code == 404
    assert hall.hand_in(1, RIGHT, attempt=999).status_code == 404
    assert hall.hand_in(1, RIGHT, Cookie="zhixin=x").status_code in (400, 401)
    assert hall.hand_in(1, {"q99": ["a"]}).status_code == 422
    with hall.app.app_context(), db.database().transaction() as session:
        session.execute(sa.update(SignIn).values(ended_at=hall.now))
    assert hall.hand_in(1, RIGHT).status_code == 401
    assert hall.express == 1
    assert len(hall.all(sa.select(Attempt.id).where(Attempt.state == AttemptState.OPEN))) == 5


def test_after_the_end_what_was_saved_counts(hall):
    """By the server's clock, and within the grace what comes with the hand-in."""
    end = hall.now + timedelta(minutes=1)
    with hall.app.app_context(), db.database().transaction() as session:
        session.execute(sa.update(Attempt).values(deadline_at=end))
    hall.now = end
    assert hall.hand_in(0, RIGHT).status_code == 200
    hall.now += timedelta(hours=1)
    assert hall.hand_in(1, RIGHT).status_code == 200
    kept = hall.all(sa.select(Attempt.passed, Attempt.answers).order_by(Attempt.id))
    assert [tuple(each) for each in kept[:2]] == [(True, RIGHT), (False, {})]
