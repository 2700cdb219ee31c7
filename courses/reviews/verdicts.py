"""A reviewer's checklist and verdict, and what the verdicts together do to a version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from courses import reviewing
from courses.models import CourseVersion, VersionState
from courses.reviews import rules, seats
from courses.reviews.models import CourseReview, ReviewSeat
from courses.reviews.states import IllegalReviewStep, SeatState, SeatStep
from zhixin import acts
from zhixin.errors import Invalid

MOST_REMARK_CHARACTERS = 500
#: A publication is planned this far ahead at most.
FARTHEST = timedelta(days=366)


class Mark(StrEnum):
    PASS = "pass"  # noqa: S105 - a mark
    FAIL = "fail"
    NOT_APPLICABLE = "na"


def marks_of(rule: rules.RuleDocument, sent: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The checklist as a form sent it: ``mark:KEY`` and ``remark:KEY``; other words are left out.

    Raises:
        Invalid: a mark that does not exist, or a remark too long.
    """
    marks: dict[str, dict[str, str]] = {}
    for item in rule.items:
        mark = sent.get(f"mark:{item.key}", "")
        remark = sent.get(f"remark:{item.key}", "").replace("\0", "").strip()
        if mark and mark not in set(Mark):
            raise Invalid("请为检查项选择“通过”“不通过”或“不适用”", code="checklist-mark")
        if len(remark) > MOST_REMARK_CHARACTERS:
            raise Invalid(f"每项说明最多 {MOST_REMARK_CHARACTERS} 个字", code="checklist-mark")
        if mark or remark:
            marks[item.key] = {"mark": mark, "remark": remark}
    return marks


def missing(rule: rules.RuleDocument, marks: Mapping[str, Any]) -> list[rules.Item]:
    """Items without a mark, and failed ones that say nothing why."""

    def whole(key: str) -> bool:
        given = marks.get(key, {})
        return bool(given.get("mark")) and (given["mark"] != Mark.FAIL or bool(given.get("remark")))

    return [item for item in rule.items if not whole(item.key)]


def save(
    session: Session,
    version: CourseVersion,
    person_id: int,
    marks: dict[str, dict[str, str]],
    now: datetime,
) -> None:
    """Keep a checklist that is not finished.

    Raises:
        IllegalReviewStep: the person judges nothing here, or has spoken.
    """
    seat = _own_open(session, seats.held(session, version, now), person_id)
    seat.marks = marks
    session.flush()


def send_back(
    session: Session,
    version: CourseVersion,
    person_id: int,
    *,
    marks: dict[str, dict[str, str]],
    reason: str,
    now: datetime,
) -> None:
    """One reviewer's no returns the version, with the reason; the others' places end.

    Raises:
        Invalid: no reason, or a failed item says nothing why. NotAllowed: one's own course.
        IllegalStep, IllegalReviewStep: decided already, or not one's to judge.
    """
    seats.check_not_own(session, version, person_id)
    review = seats.held(session, version, now)
    seat = _own_open(session, review, person_id)
    failed = {key for key, given in marks.items() if given.get("mark") == Mark.FAIL}
    if any(item.key in failed for item in missing(rules.document(review.rule), marks)):
        raise Invalid("请写明不通过的检查项是哪里不通过", code="checklist-incomplete")
    seat.marks, seat.reason = marks, reviewing.checked_reason(reason)
    session.flush()
    seats.step(session, seat, SeatStep.SEND_BACK, now)
    reviewing.send_back(session, version, person_id, reason, now)
    _end_others(session, review, now)


def approve(
    session: Session,
    version: CourseVersion,
    person_id: int,
    *,
    marks: dict[str, dict[str, str]],
    publish_at: datetime | None,
    now: datetime,
) -> VersionState:
    """One reviewer's yes. With enough of them the version is published, or waits for its moment:
    the latest that any of them asked for.

    Raises:
        Invalid: the checklist is not finished or an item failed; the moment has passed; more
            hours are declared than the length justifies.
        NotAllowed: one's own course.
        IllegalStep, IllegalReviewStep: decided already, or not one's to judge.
    """
    seats.check_not_own(session, version, person_id)
    review = seats.held(session, version, now)
    seat, rule = _own_open(session, review, person_id), rules.document(review.rule)
    if missing(rule, marks):
        raise Invalid("检查清单还没有填完，不能通过", code="checklist-incomplete")
    if any(given["mark"] == Mark.FAIL for given in marks.values()):
        raise Invalid("有检查项不通过，请退回作者修改", code="checklist-failed")
    if publish_at is not None:
        check_moment(publish_at, now)
    reviewing.check_hours(session, version)
    seat.marks, seat.publish_at = marks, publish_at
    session.flush()
    seats.step(session, seat, SeatStep.APPROVE, now)
    acts.note(
        session, actor_id=person_id, act="approve", object_kind="course-version",
        object_id=version.id, now=now,
    )  # fmt: skip
    given = [s for s in seats.of_review(session, review) if s.state == SeatState.APPROVED]
    if len(given) >= rule.approvals:
        moments = [s.publish_at for s in given if s.publish_at is not None]
        reviewing.approve(session, version, person_id, now, publish_at=max(moments, default=None))
        _end_others(session, review, now)
    return VersionState(version.state)


def check_moment(publish_at: datetime, now: datetime) -> None:
    """A publication lies ahead, and not for ever.

    Raises:
        Invalid: it does not.
    """
    if not now < publish_at <= now + FARTHEST:
        raise Invalid("发布时间应在现在之后一年以内", code="publish-moment")


def _own_open(session: Session, review: CourseReview, person_id: int) -> ReviewSeat:
    seat = seats.mine(seats.of_review(session, review), person_id)
    if seat is None:
        raise IllegalReviewStep("请先领取这门课程的审核")
    if seat.state != SeatState.OPEN:
        raise IllegalReviewStep("您已作出审核决定，不能再改")
    return seat


def _end_others(session: Session, review: CourseReview, now: datetime) -> None:
    for seat in seats.of_review(session, review):
        if seat.state == SeatState.OPEN:
            seats.step(session, seat, SeatStep.CLOSE, now)
