"""What the queue and a version's page show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses import authorship, reviewing
from courses.models import Course, CourseVersion, VersionState
from courses.reviews import comments, publication, rules, seats
from courses.reviews.models import CourseReview, ReviewComment, ReviewSeat
from courses.reviews.states import SeatState
from zhixin.people.models import Person


@dataclass(frozen=True)
class Waiting:
    """A version in the queue.

    Attributes:
        judging: how many judge it or have spoken.
        needed: how many must approve.
    """

    version: CourseVersion
    due_at: datetime | None
    judging: int
    needed: int
    mine: ReviewSeat | None
    own: bool

    def overdue(self, now: datetime) -> bool:
        return self.due_at is not None and self.due_at < now

    @property
    def free(self) -> bool:
        return self.judging < self.needed


def queue(session: Session, person: Person) -> list[Waiting]:
    """Versions that wait, mine first, then the longest waiting."""
    versions = reviewing.queue(session)
    ids = [version.id for version in versions]
    reviews = {
        review.version_id: review
        for review in session.scalars(
            sa.select(CourseReview)
            .where(CourseReview.version_id.in_(ids))
            .options(joinedload(CourseReview.rule))
        )
    }
    taken: dict[int, list[ReviewSeat]] = {}
    for seat in session.scalars(
        sa.select(ReviewSeat).where(
            ReviewSeat.review_id.in_([review.id for review in reviews.values()]),
            ReviewSeat.state.in_(seats.COUNTING),
        )
    ):
        taken.setdefault(seat.review_id, []).append(seat)
    wrote = authorship.writers_of(session, [version.course_id for version in versions])
    found = []
    for version in versions:
        review = reviews.get(version.id)
        there = taken.get(review.id, []) if review else []
        found.append(
            Waiting(
                version,
                review.due_at if review else None,
                len(there),
                seats.rule_of(session, review).approvals,
                seats.mine(there, person.id),
                person.id in wrote.get(version.course_id, ()),
            )
        )
    return sorted(found, key=lambda w: w.mine is None or w.mine.state != SeatState.OPEN)


def scheduled(session: Session) -> Sequence[CourseVersion]:
    """Approved versions that wait for their moment, the next first."""
    return session.scalars(
        sa.select(CourseVersion)
        .where(CourseVersion.state == VersionState.APPROVED)
        .options(joinedload(CourseVersion.course).joinedload(Course.owner))
        .order_by(CourseVersion.publish_at, CourseVersion.id)
    ).all()


@dataclass(frozen=True)
class Sheet:
    """The review of one version as one person sees it.

    Attributes:
        mine: the person's seat that counts.
        others: seats of others that the person may see with their verdicts.
        hidden: others' verdicts and remarks are kept back for now.
    """

    review: CourseReview | None
    rule: rules.RuleDocument
    mine: ReviewSeat | None
    seats: Sequence[ReviewSeat]
    comments: Sequence[ReviewComment]
    hidden: bool
    own: bool
    office: bool
    manages: bool

    @property
    def judging(self) -> bool:
        """Whether the person's verdict is still to come."""
        return self.mine is not None and self.mine.state == SeatState.OPEN

    @property
    def free(self) -> bool:
        counting = sum(seat.state in seats.COUNTING for seat in self.seats)
        return counting < self.rule.approvals

    def speaks(self, seat: ReviewSeat) -> bool:
        """Whether the person may read this seat's checklist and verdict."""
        return not self.hidden or seat is self.mine


def sheet(session: Session, version: CourseVersion, person: Person) -> Sheet:
    review = seats.find(session, version.id)
    all_seats = seats.of_review(session, review)
    found, hidden = comments.shown(session, version, person)
    return Sheet(
        review=review,
        rule=seats.rule_of(session, review),
        mine=seats.mine(all_seats, person.id),
        seats=all_seats,
        comments=found,
        hidden=hidden,
        own=person.id in authorship.writers(session, version.course_id),
        office=seats.is_office(session, person),
        manages=version.state == VersionState.APPROVED
        and publication.may_manage(session, version, person),
    )
