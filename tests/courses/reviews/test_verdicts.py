"""Several reviewers, one version: seats, checklists, verdicts and remarks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses import editing, reviewing
from courses.documents import CourseDocument
from courses.models import Course, CourseVersion, VersionState
from courses.reviews import comments, publication, rules, seats, verdicts
from courses.reviews.models import ReviewComment, ReviewSeat
from courses.reviews.states import CommentState, CommentStep, IllegalReviewStep, SeatState
from courses.version_states import IllegalStep
from tests import scenes
from zhixin import db
from zhixin.app import create_app
from zhixin.audit import trail
from zhixin.config import Settings
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.people import accounts
from zhixin.people.models import Person, Role

Make = Callable[..., Course]
Submit = Callable[..., CourseVersion]


def passed(rule: rules.RuleDocument) -> dict[str, dict[str, str]]:
    return {item.key: {"mark": "pass", "remark": ""} for item in rule.items}


ALL = passed(rules.SHIPPED)


@pytest.fixture
def two_needed(session: Session, now: datetime) -> None:
    """Two must approve, neither sees the other's verdict before their own."""
    rules.ensure_shipped(session, now)
    rule = rules.SHIPPED.model_copy(update={"approvals": 2})
    rules.publish(session, rule, after=1, actor_id=None, now=now)


@pytest.fixture
def judges(create_person: Callable[..., Person]) -> list[Person]:
    return [create_person(f"judge{n}", Role.REVIEWER) for n in range(3)]


@pytest.fixture
def waiting(session: Session, create_course: Make, submit: Submit) -> CourseVersion:
    return reviewing.get(session, submit(create_course()).id)


def approve(
    session: Session, version: CourseVersion, who: Person, now: datetime, **asked: Any
) -> VersionState:
    return verdicts.approve(
        session, version, who.id, marks=ALL, **({"publish_at": None} | asked), now=now
    )


def test_two_must_approve(
    session: Session, two_needed: None, waiting: CourseVersion, judges: list[Person], now: datetime
) -> None:
    """The first yes changes nothing; the second publishes. A third has no seat to take."""
    for judge in judges[:2]:
        seats.take(session, waiting, judge.id, now)
    with pytest.raises(Conflict, match="足够"):
        seats.take(session, waiting, judges[2].id, now)
    assert approve(session, waiting, judges[0], now) == VersionState.SUBMITTED
    with pytest.raises(IllegalReviewStep, match="不能再改"):
        approve(session, waiting, judges[0], now)
    assert approve(session, waiting, judges[1], now) == VersionState.PUBLISHED
    acts = [trace.act for trace, _who in trail.of(session, "course-version", waiting.id)]
    assert sorted(acts) == ["approve", "approve", "claim", "claim", "publish"]


def test_one_no_returns(
    session: Session, two_needed: None, waiting: CourseVersion, judges: list[Person], now: datetime
) -> None:
    """Whoever sends back decides; the other's seat ends, their remarks stay."""
    for judge in judges[:2]:
        seats.take(session, waiting, judge.id, now)
    comments.add(session, waiting, judges[0].id, unit_key=None, at_ms=None, text="留下", now=now)
    verdicts.send_back(session, waiting, judges[1].id, marks={}, reason="请补来源", now=now)
    assert (waiting.state, waiting.reason) == (VersionState.RETURNED, "请补来源")
    states = {
        s.person_id: s.state for s in seats.of_review(session, seats.find(session, waiting.id))
    }
    assert states == {judges[0].id: SeatState.CLOSED, judges[1].id: SeatState.RETURNED}
    with pytest.raises(IllegalStep):
        approve(session, waiting, judges[0], now)
    assert [c.text for c in comments.of_course(session, waiting.course_id)] == ["留下"]


def test_without_a_seat_nobody_decides(
    session: Session, waiting: CourseVersion, judges: list[Person], now: datetime
) -> None:
    """A verdict, a checklist and a remark need a seat; authors never get one."""
    with pytest.raises(IllegalReviewStep, match="领取"):
        approve(session, waiting, judges[0], now)
    with pytest.raises(IllegalReviewStep):
        verdicts.save(session, waiting, judges[0].id, ALL, now)
    with pytest.raises(IllegalReviewStep):
        comments.add(session, waiting, judges[0].id, unit_key=None, at_ms=None, text="x", now=now)
    with pytest.raises(NotAllowed):
        seats.take(session, waiting, waiting.course.owner_id, now)


def test_an_author_is_not_given_their_own(
    session: Session,
    create_course: Make,
    submit: Submit,
    create_person: Callable[..., Person],
    now: datetime,
) -> None:
    """Also an administrator cannot seat somebody at their own course, or who is no reviewer."""
    both = create_person("both", Role.AUTHOR, Role.REVIEWER)
    admin = create_person("admin", Role.ADMINISTRATOR)
    version = submit(create_course(owner_id=both.id))
    with pytest.raises(NotAllowed):
        seats.assign(session, version, both.id, admin.id, now)
    with pytest.raises(Invalid):
        seats.assign(session, version, admin.id, admin.id, now)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "checklist-incomplete"),
        ({"mark": "fail", "remark": ""}, "checklist-incomplete"),
        ({"mark": "fail", "remark": "过时"}, "checklist-failed"),
    ],
)
def test_a_checklist_is_finished_before_a_yes(
    session: Session,
    waiting: CourseVersion,
    judges: list[Person],
    now: datetime,
    change: dict[str, str],
    code: str,
) -> None:
    """Every item has a mark, a failed one says why, and with a failed one there is no yes."""
    seats.take(session, waiting, judges[0].id, now)
    marks = ALL | {"content-1": change}
    with pytest.raises(Invalid) as refused:
        verdicts.approve(session, waiting, judges[0].id, marks=marks, publish_at=None, now=now)
    assert refused.value.code == code
    assert waiting.state == VersionState.SUBMITTED


def test_marks_are_what_the_rule_asks() -> None:
    """What a client adds is left out, and a mark that does not exist is refused."""
    sent = {"mark:content-1": "na", "mark:other": "pass", "remark:hours-1": " 好 "}
    assert verdicts.marks_of(rules.SHIPPED, sent) == {
        "content-1": {"mark": "na", "remark": ""},
        "hours-1": {"mark": "", "remark": "好"},
    }
    with pytest.raises(Invalid):
        verdicts.marks_of(rules.SHIPPED, {"mark:content-1": "perfect"})


def test_a_review_keeps_its_rule(
    session: Session, waiting: CourseVersion, judges: list[Person], now: datetime
) -> None:
    """A stricter rule is for what is handed in after it; what a review goes by never changes."""
    rule = rules.SHIPPED.model_copy(update={"approvals": 3})
    row = rules.publish(session, rule, after=1, actor_id=judges[0].id, now=now)
    assert seats.rule_of(session, seats.find(session, waiting.id)).approvals == 1
    seats.take(session, waiting, judges[0].id, now)
    assert approve(session, waiting, judges[0], now) == VersionState.PUBLISHED
    row.document = {}
    with pytest.raises(IntegrityError):
        session.flush()


def test_verdicts_are_blind(
    session: Session, two_needed: None, waiting: CourseVersion, judges: list[Person], now: datetime
) -> None:
    """Others' remarks are kept back until one's own verdict; the author sees all at once."""
    for judge in judges[:2]:
        seats.take(session, waiting, judge.id, now)
    for judge in judges[:2]:
        comments.add(
            session, waiting, judge.id, unit_key=None, at_ms=None, text=judge.name, now=now
        )

    def seen(who: Person) -> list[str]:
        return [c.text for c in comments.shown(session, waiting, who)[0]]

    assert seen(judges[1]) == ["judge1"]
    assert seen(judges[2]) == []
    first = comments.of_course(session, waiting.course_id)[0]
    assert not comments.may_judge(session, waiting, first, judges[1].id)
    approve(session, waiting, judges[1], now)
    assert seen(judges[1]) == ["judge0", "judge1"]
    assert comments.may_judge(session, waiting, first, judges[1].id)


def test_remarks_go_on_with_the_next_version(
    session: Session,
    waiting: CourseVersion,
    judges: list[Person],
    submit: Submit,
    writer: Person,
    now: datetime,
) -> None:
    """What is open or only said to be resolved is shown again; what is closed is not."""
    seats.take(session, waiting, judges[0].id, now)
    unit = next(CourseDocument.from_text(waiting.document).units())
    made = [
        comments.add(
            session, waiting, judges[0].id, unit_key=unit.key, at_ms=at, text=text, now=now
        )
        for at, text in ((5_000, "开"), (1_000, "改"), (None, "了"))
    ]
    verdicts.send_back(session, waiting, judges[0].id, marks={}, reason="原因", now=now)
    comments.reply(session, made[1], writer.id, "已重录", now)
    comments.settle(session, made[1], CommentStep.RESOLVE, writer.id, now)
    comments.settle(session, made[1], CommentStep.RESOLVE, writer.id, now)  # sent twice
    comments.settle(session, made[2], CommentStep.CLOSE, judges[0].id, now)
    later = now + timedelta(days=1)
    course = editing.get(session, waiting.course_id, writer.id)
    second = reviewing.get(session, submit(course, later).id)
    shown, _hidden = comments.shown(session, second, judges[1])
    beside = comments.by_unit(shown, CourseDocument.from_text(second.document))
    assert [(c.text, c.state) for c in beside[unit.key]] == [
        ("改", CommentState.RESOLVED), ("开", CommentState.OPEN)
    ]  # fmt: skip
    assert [r.text for r in beside[unit.key][0].replies] == ["已重录"]
    made[0].text = "别的"
    with pytest.raises(IntegrityError):
        session.flush()


def test_the_latest_asked_for_is_the_moment(
    session: Session,
    two_needed: None,
    waiting: CourseVersion,
    judges: list[Person],
    published_course: Callable[..., CourseVersion],
    now: datetime,
) -> None:
    """Nothing is published before any of its reviewers wanted; then a job does it, once."""
    day, later = now + timedelta(days=2), now + timedelta(days=3)
    for judge, moment in zip(judges, (later, day), strict=False):
        seats.take(session, waiting, judge.id, now)
        approve(session, waiting, judge, now, publish_at=moment)
    assert (waiting.state, waiting.publish_at) == (VersionState.APPROVED, later)
    assert editing.under_review(session, waiting.course_id)
    assert publication.due(session, day) == []
    assert not publication.publish(session, waiting.id, day)
    assert publication.due(session, later) == [waiting.id]
    assert publication.publish(session, waiting.id, later)
    assert not publication.publish(session, waiting.id, later)
    session.refresh(waiting)
    assert (waiting.state, waiting.decided_at) == (VersionState.PUBLISHED, later)
    newest = trail.of(session, "course-version", waiting.id)[0][0]
    assert (newest.act, newest.actor_id) == ("publish", None)


def test_the_old_version_stays_until_the_day(
    session: Session,
    published_course: Callable[..., CourseVersion],
    submit: Submit,
    judges: list[Person],
    now: datetime,
) -> None:
    """Learners get the published one until the moment of its successor; withdrawn, it stays."""
    first = published_course()
    course = editing.get(session, first.course_id, first.course.owner_id)
    for round_ in (1, 2):
        second = reviewing.get(session, submit(course, now).id)
        seats.take(session, second, judges[0].id, now)
        approve(session, second, judges[0], now, publish_at=now + timedelta(days=1))
        session.refresh(first)
        assert first.state == VersionState.PUBLISHED
        with pytest.raises(NotFound):
            publication.withdraw(session, second, judges[1], "与我无关", now)
        if round_ == 1:
            publication.withdraw(session, second, judges[0], "发现错误", now)
            assert not publication.publish(session, second.id, now + timedelta(days=2))
            assert second.state == VersionState.WITHDRAWN
    assert publication.publish(session, second.id, now + timedelta(days=2))
    session.refresh(first)
    assert first.state == VersionState.SUPERSEDED


@pytest.mark.parametrize("days", [-1, 0, 400])
def test_a_moment_lies_ahead(
    session: Session, waiting: CourseVersion, judges: list[Person], now: datetime, days: int
) -> None:
    """A date that has passed, or one that nobody will remember, is no plan."""
    seats.take(session, waiting, judges[0].id, now)
    with pytest.raises(Invalid):
        approve(session, waiting, judges[0], now, publish_at=now + timedelta(days=days))
    assert waiting.state == VersionState.SUBMITTED


def test_nothing_lies_for_ever(
    session: Session, waiting: CourseVersion, judges: list[Person], now: datetime
) -> None:
    """A seat lapses and is free again; an overdue review is noticed once."""
    seat = seats.take(session, waiting, judges[0].id, now)
    assert seats.lapse(session, now) == 0
    late = now + timedelta(days=8)
    assert seats.lapse(session, late) == 1
    session.refresh(seat)
    assert seat.state == SeatState.LAPSED
    with pytest.raises(IllegalReviewStep):
        approve(session, waiting, judges[0], late)
    seats.take(session, waiting, judges[1].id, late)
    assert seats.lapse(session, now + timedelta(days=15, seconds=1)) == 2
    assert seats.lapse(session, now + timedelta(days=15, seconds=2)) == 0
    acts = [trace.act for trace, _who in trail.of(session, "course-version", waiting.id)]
    assert acts.count("overdue-review") == 1


def test_a_seat_is_given_back_by_whose_it_is(
    session: Session,
    waiting: CourseVersion,
    judges: list[Person],
    create_person: Callable[..., Person],
    now: datetime,
) -> None:
    """Another reviewer does not take it away; an administrator of the city does."""
    seat = seats.take(session, waiting, judges[0].id, now)
    assert seats.take(session, waiting, judges[0].id, now).id == seat.id  # sent twice
    with pytest.raises(NotFound):
        seats.release(session, waiting, seat.id, judges[1], now)
    seats.release(session, waiting, seat.id, create_person("a", Role.ADMINISTRATOR), now)
    with pytest.raises(IllegalReviewStep):
        seats.release(session, waiting, seat.id, judges[0], now)


def test_the_last_two_at_once(own_engine: sa.Engine, settings: Settings, now: datetime) -> None:
    """Two approvals at the same moment publish: neither counts without seeing the other."""
    app = create_app(settings, bind=own_engine, testing=True)
    version_id, who = _seated(app, now)
    barrier = Barrier(2)

    def decide(person_id: int) -> str:
        with app.app_context(), Session(own_engine, expire_on_commit=False) as session:
            version = reviewing.get(session, version_id)
            session.commit()  # both have the page open
            barrier.wait()
            state = verdicts.approve(
                session, version, person_id, marks=ALL, publish_at=None, now=now
            )
            session.commit()
            return state

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(decide, who)) == [VersionState.PUBLISHED, VersionState.SUBMITTED]
    with Session(own_engine) as session:
        assert session.get_one(CourseVersion, version_id).state == VersionState.PUBLISHED


def _seated(app: Flask, now: datetime) -> tuple[int, list[int]]:
    with app.app_context(), db.database().transaction() as session:
        people = [
            Person(sign_in_name=name, password_hash="x", name=name, created_at=now)
            for name in "abc"
        ]
        session.add_all(people)
        session.flush()
        for person in people[1:]:
            accounts.grant(session, person, Role.REVIEWER)
        rules.ensure_shipped(session, now)
        rule = rules.SHIPPED.model_copy(update={"approvals": 2})
        rules.publish(session, rule, after=1, actor_id=None, now=now)
        version, _paper = scenes._published(session, people[0])
        version.state = VersionState.SUBMITTED
        session.flush()
        for person in people[1:]:
            seats.take(session, version, person.id, now)
        return version.id, [person.id for person in people[1:]]


def test_the_database_keeps_one_seat_a_person(
    session: Session, waiting: CourseVersion, judges: list[Person], now: datetime
) -> None:
    """Whatever program asks: nobody has two voices, and a remark at a moment is on a video."""
    seat = seats.take(session, waiting, judges[0].id, now)
    again = {"review_id": seat.review_id, "person_id": seat.person_id, "state": SeatState.OPEN}
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(sa.insert(ReviewSeat).values(**again, given_at=now, due_at=now, marks={}))
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            sa.insert(ReviewComment).values(
                course_id=waiting.course_id, version_id=waiting.id, at_ms=5, unit_key="u1",
                unit_kind="page", person_id=judges[0].id, text="x", state="open", made_at=now,
            )
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ms"),
    [("", None), (" 83 ", 83_000), ("1:23", 83_000), ("1：02：03.5", 3_723_500), ("0:00", 0)],
)
def test_moments_as_people_type_them(text: str, ms: int | None) -> None:
    """Hours, minutes and seconds, with either colon."""
    assert comments.moment(text) == ms


@pytest.mark.parametrize("text", ["-1", "1:2:3:4", "abc", "1e9", "９", "1:", "99999999"])
def test_no_moments(text: str) -> None:
    """Everything else is refused in words."""
    with pytest.raises(Invalid):
        comments.moment(text)
