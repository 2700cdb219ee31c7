"""Who judges a version: taken from the queue or given by an administrator, each with a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses import authorship
from courses.models import CourseVersion, VersionState
from courses.reviews import rules
from courses.reviews.models import CourseReview, ReviewRule, ReviewSeat
from courses.reviews.states import SEAT_STEPS, IllegalReviewStep, SeatState, SeatStep
from courses.version_states import IllegalStep
from zhixin import acts
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.people import accounts
from zhixin.people.models import Person, Role, RoleGrant

#: Seats that still say something about the version.
COUNTING = (SeatState.OPEN, SeatState.APPROVED, SeatState.RETURNED)


def open_review(session: Session, version: CourseVersion, now: datetime) -> CourseReview:
    """The review of a version under the rule in force, begun if it was not."""
    found = find(session, version.id)
    if found is not None:
        return found
    rule = rules.ensure_shipped(session, now)
    days = rules.document(rule).days
    review = CourseReview(
        version_id=version.id,
        rule_id=rule.id,
        rule=rule,
        opened_at=now,
        due_at=now + timedelta(days=days),
    )
    session.add(review)
    session.flush()
    return review


def find(session: Session, version_id: int, *, lock: bool = False) -> CourseReview | None:
    """A version's review with its rule; ``lock``: whoever else decides on it waits."""
    query = (
        sa.select(CourseReview)
        .where(CourseReview.version_id == version_id)
        .options(joinedload(CourseReview.rule))
    )
    if lock:
        query = query.with_for_update(of=CourseReview).execution_options(populate_existing=True)
    return session.scalar(query)


def held(session: Session, version: CourseVersion, now: datetime) -> CourseReview:
    """The review of a version, locked, while the version still waits for it.

    Raises:
        IllegalStep: the version was decided meanwhile.
    """
    open_review(session, version, now)
    review = find(session, version.id, lock=True)
    assert review is not None
    session.refresh(version, ["state"])
    if version.state != VersionState.SUBMITTED:
        raise IllegalStep("这个版本刚刚已被处理，请刷新查看")
    return review


def rule_of(session: Session, review: CourseReview | None) -> rules.RuleDocument:
    """What a review goes by; of one that has not begun, what it would."""
    if review is not None:
        return rules.document(review.rule)
    found = rules.newest(session)
    return rules.document(found) if isinstance(found, ReviewRule) else rules.SHIPPED


def of_review(session: Session, review: CourseReview | None) -> Sequence[ReviewSeat]:
    """All seats there ever were at a review, in order."""
    if review is None:
        return []
    return session.scalars(
        sa.select(ReviewSeat)
        .where(ReviewSeat.review_id == review.id)
        .options(joinedload(ReviewSeat.person))
        .order_by(ReviewSeat.id)
        .execution_options(populate_existing=True)
    ).all()


def mine(seats: Sequence[ReviewSeat], person_id: int) -> ReviewSeat | None:
    """A person's seat that counts."""
    return next((s for s in seats if s.person_id == person_id and s.state in COUNTING), None)


def check_not_own(session: Session, version: CourseVersion, person_id: int) -> None:
    """Four eyes: nobody judges a course that they wrote or had a part in.

    Raises:
        NotAllowed: they did.
    """
    if person_id in authorship.writers(session, version.course_id):
        raise NotAllowed("不能审核自己的课程，请由其他审核人处理")


def take(session: Session, version: CourseVersion, person_id: int, now: datetime) -> ReviewSeat:
    """A reviewer takes a place from the queue. Taken twice, it is the same place.

    Raises:
        NotAllowed: one's own course. Conflict: as many as are needed judge it already.
    """
    check_not_own(session, version, person_id)
    review = held(session, version, now)
    seats = of_review(session, review)
    if (there := mine(seats, person_id)) is not None:
        return there
    if sum(s.state in COUNTING for s in seats) >= rules.document(review.rule).approvals:
        raise Conflict("已有足够的审核人领取这门课程", code="seats-taken")
    return _seat(session, review, person_id, None, now)


def assign(
    session: Session, version: CourseVersion, person_id: int, actor_id: int, now: datetime
) -> ReviewSeat:
    """An administrator gives a reviewer a place, also beyond the number needed.

    Raises:
        NotAllowed: it is that reviewer's own course. Invalid: no active reviewer.
    """
    if person_id not in {person.id for person in reviewers(session)}:
        raise Invalid("请选择一位审核人", code="reviewer-needed")
    check_not_own(session, version, person_id)
    review = held(session, version, now)
    if (there := mine(of_review(session, review), person_id)) is not None:
        return there
    return _seat(session, review, person_id, actor_id, now)


def _seat(
    session: Session, review: CourseReview, person_id: int, given_by_id: int | None, now: datetime
) -> ReviewSeat:
    seat = ReviewSeat(
        review_id=review.id,
        person_id=person_id,
        state=SeatState.OPEN,
        given_by_id=given_by_id,
        given_at=now,
        due_at=now + timedelta(days=rules.document(review.rule).seat_days),
        marks={},
    )
    session.add(seat)
    session.flush()
    acts.note(
        session, actor_id=given_by_id or person_id, act="assign" if given_by_id else "claim",
        object_kind="course-version", object_id=review.version_id,
        reason=f"审核人 {person_id}" if given_by_id else None, now=now,
    )  # fmt: skip
    return seat


def release(
    session: Session, version: CourseVersion, seat_id: int, actor: Person, now: datetime
) -> None:
    """Give a place back, or, as a city-wide administrator, take it away.

    Raises:
        NotFound: this review has no such place, or not for this person.
        IllegalReviewStep: it has spoken or ended already.
    """
    review = held(session, version, now)
    seat = session.get(ReviewSeat, seat_id, with_for_update=True, populate_existing=True)
    if seat is None or seat.review_id != review.id:
        raise NotFound
    if seat.person_id != actor.id and not is_office(session, actor):
        raise NotFound
    step(session, seat, SeatStep.RELEASE, now)
    acts.note(
        session, actor_id=actor.id, act="release", object_kind="course-version",
        object_id=version.id, reason=f"审核人 {seat.person_id}", now=now,
    )  # fmt: skip


def step(session: Session, seat: ReviewSeat, which: SeatStep, now: datetime) -> None:
    """Move a seat by the table; of two at once one moves it.

    Raises:
        IllegalReviewStep: it has moved already.
    """
    before = SeatState(seat.state)
    moved = session.execute(
        sa.update(ReviewSeat)
        .where(ReviewSeat.id == seat.id, ReviewSeat.state == before)
        .values(state=SEAT_STEPS.after(before, which), ended_at=now, reason=seat.reason)
        .execution_options(synchronize_session=False)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalReviewStep
    session.refresh(seat, ["state", "ended_at", "reason"])


def is_office(session: Session, person: Person) -> bool:
    """Whether somebody administers the whole city: courses belong to no area."""
    return (
        Role.ADMINISTRATOR in person.roles
        and accounts.scope(session, person, Role.ADMINISTRATOR) is None
    )


def reviewers(session: Session) -> Sequence[Person]:
    """Everybody who may be given a review."""
    holds = sa.select(RoleGrant.person_id).where(RoleGrant.role == Role.REVIEWER)
    return session.scalars(
        sa.select(Person)
        .where(Person.id.in_(holds), Person.active.is_(True))
        .order_by(Person.name, Person.id)
    ).all()


def lapse(session: Session, now: datetime, limit: int = 200) -> int:
    """Free places whose reviewer said nothing in time, and notice reviews that are overdue.

    Each thing is noticed once, however often this runs.
    """
    done = 0
    late = session.scalars(
        sa.select(ReviewSeat)
        .join(CourseReview, CourseReview.id == ReviewSeat.review_id)
        .where(ReviewSeat.state == SeatState.OPEN, ReviewSeat.due_at < now)
        .order_by(ReviewSeat.id)
        .limit(limit)
    ).all()
    for seat in late:
        try:
            step(session, seat, SeatStep.LAPSE, now)
        except IllegalReviewStep:
            continue  # spoke at this very moment
        version_id = session.get_one(CourseReview, seat.review_id).version_id
        acts.note(
            session, actor_id=None, act="lapse", object_kind="course-version",
            object_id=version_id, reason=f"审核人 {seat.person_id}", now=now,
        )  # fmt: skip
        done += 1
    overdue = session.execute(
        sa.select(CourseReview.id, CourseReview.version_id)
        .join(CourseVersion, CourseVersion.id == CourseReview.version_id)
        .where(
            CourseVersion.state == VersionState.SUBMITTED,
            CourseReview.due_at < now,
            CourseReview.overdue_at.is_(None),
        )
        .limit(limit)
    ).all()
    for review_id, version_id in overdue:
        claimed = session.execute(
            sa.update(CourseReview)
            .where(CourseReview.id == review_id, CourseReview.overdue_at.is_(None))
            .values(overdue_at=now)
        )
        if claimed.rowcount == 1:  # type: ignore[attr-defined]
            acts.note(
                session, actor_id=None, act="overdue-review", object_kind="course-version",
                object_id=version_id, now=now,
            )  # fmt: skip
            done += 1
    return done
