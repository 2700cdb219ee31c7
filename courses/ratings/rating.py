"""Rating a course, answering, hiding; and what all ratings come to.

The mean is the plain mean of all stars, to one decimal, and is shown from ``FEWEST`` ratings
on: before that it would be somebody's opinion, or chance. Courses are not ranked by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses import authors, authorship, progress
from courses.models import Course, Enrolment, EnrolmentState
from courses.ratings.models import CourseRating
from courses.ratings.states import RATING_STEPS, RatingState, RatingStep
from zhixin import acts
from zhixin.errors import Invalid, NotAllowed, NotFound
from zhixin.people import accounts
from zhixin.people.models import Person, Role

FEWEST = 5
#: How much of a course somebody has to have done who has not completed it, in percent.
ENOUGH = 50
MOST_WORDS, MOST_REASON = 1000, 300
PAGE = 20
STARS = (5, 4, 3, 2, 1)


@dataclass(frozen=True)
class Summary:
    """All ratings of a course. ``counts``: by stars."""

    counts: Mapping[int, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def enough(self) -> bool:
        return self.total >= FEWEST

    @property
    def mean(self) -> Decimal | None:
        """To one decimal, half up; None while there are too few."""
        if not self.enough:
            return None
        stars = sum(stars * count for stars, count in self.counts.items())
        return (Decimal(stars) / self.total).quantize(Decimal("0.1"), ROUND_HALF_UP)


def summary(session: Session, course_id: int) -> Summary:
    """What all ratings of a course come to, those with hidden words too."""
    found = session.execute(
        sa.select(CourseRating.stars, sa.func.count())
        .where(CourseRating.course_id == course_id)
        .group_by(CourseRating.stars)
    ).all()
    return Summary(dict(found))


def written(
    session: Session, course_id: int, *, hidden: bool = False, page: int = 1, size: int = PAGE
) -> Sequence[CourseRating]:
    """Ratings with words, the latest first; one more than ``size`` if there is a next page."""
    query = sa.select(CourseRating).where(
        CourseRating.course_id == course_id, CourseRating.words != ""
    )
    if not hidden:
        query = query.where(CourseRating.state == RatingState.SHOWN)
    ordered = query.order_by(CourseRating.changed_at.desc(), CourseRating.id.desc())
    return session.scalars(ordered.offset((page - 1) * size).limit(size + 1)).all()


def of(session: Session, course_id: int, person_id: int) -> CourseRating | None:
    """A person's own rating."""
    return session.scalar(
        sa.select(CourseRating).where(
            CourseRating.course_id == course_id, CourseRating.person_id == person_id
        )
    )


def may_rate(session: Session, enrolment: Enrolment | None) -> bool:
    """Has somebody seen enough of a course to speak of it? Who wrote it doesn't judge it."""
    if enrolment is None or enrolment.state == EnrolmentState.WITHDRAWN:
        return False
    if enrolment.person_id in authorship.writers(session, enrolment.course_id):
        return False
    if enrolment.state == EnrolmentState.COMPLETED:
        return True
    return progress.of(session, enrolment).percent >= ENOUGH


def rate(
    session: Session, enrolment: Enrolment | None, stars: int, words: str, now: datetime
) -> CourseRating:
    """Rate a course, or say something else than before.

    Raises:
        NotAllowed: not enough of it was done, or it is one's own. Invalid: stars or words.
    """
    if enrolment is None or not may_rate(session, enrolment):
        raise NotAllowed(f"学完课程或完成 {ENOUGH}% 以上才能评价；作者不评价自己的课程")
    if stars not in STARS:
        raise Invalid("请选择 1 到 5 星")
    words = words.replace("\r\n", "\n").strip()
    if len(words) > MOST_WORDS:
        raise Invalid(f"评价最多 {MOST_WORDS} 字")
    found = of(session, enrolment.course_id, enrolment.person_id)
    if found is None:
        found = CourseRating(
            course_id=enrolment.course_id, person_id=enrolment.person_id,
            version_id=enrolment.version_id, stars=stars, words=words, state=RatingState.SHOWN,
            rated_at=now, changed_at=now,
        )  # fmt: skip
        try:
            with session.begin_nested():
                session.add(found)
            return found
        except IntegrityError:  # sent twice at once
            found = of(session, enrolment.course_id, enrolment.person_id)
            if found is None:
                raise
    found.state = RATING_STEPS.after(RatingState(found.state), RatingStep.EDIT)
    if found.words != words:  # what was answered is no longer there
        found.answer = found.answered_at = found.answered_by_id = None
    found.stars, found.words, found.changed_at = stars, words, now
    found.version_id = enrolment.version_id
    session.flush()
    return found


def answer(
    session: Session, rating_id: int, person_id: int, text: str, now: datetime
) -> CourseRating:
    """A course's author answers; an empty text takes the answer away.

    Raises:
        NotFound: not of a course that this person may edit, or hidden. Invalid: too long.
    """
    found = session.get(CourseRating, rating_id)
    course = session.get(Course, found.course_id) if found else None
    if (
        found is None
        or course is None
        or found.state == RatingState.HIDDEN
        or not authors.may_edit(session, course, person_id)
    ):
        raise NotFound("没有这条评价")
    text = text.replace("\r\n", "\n").strip()
    if len(text) > MOST_WORDS:
        raise Invalid(f"回复最多 {MOST_WORDS} 字")
    found.answer = text or None
    found.answered_at, found.answered_by_id = (now, person_id) if text else (None, None)
    session.flush()
    return found


def moderates(session: Session, course_id: int, person: Person) -> bool:
    """May somebody hide words under a course? Reviewers and administrators of the whole city,
    not its writers."""
    everywhere = any(
        role in person.roles and accounts.scope(session, person, role) is None
        for role in (Role.REVIEWER, Role.ADMINISTRATOR)
    )
    return everywhere and person.id not in authorship.writers(session, course_id)


def moderate(
    session: Session,
    rating_id: int,
    person: Person,
    step: RatingStep,
    reason: str,
    *,
    address: str | None,
    now: datetime,
) -> CourseRating:
    """Hide words, or show them again; it goes on the trail.

    Raises:
        NotFound: none that this person moderates. Invalid: hidden without a reason.
        Conflict: another was faster.
    """
    found = session.scalar(
        sa.select(CourseRating).where(CourseRating.id == rating_id).with_for_update()
    )
    if found is None or not moderates(session, found.course_id, person):
        raise NotFound("没有这条评价")
    reason = reason.strip()
    if not reason or len(reason) > MOST_REASON:
        raise Invalid(f"请填写理由，最多 {MOST_REASON} 字")
    found.state = RATING_STEPS.after(RatingState(found.state), step)
    hidden = found.state == RatingState.HIDDEN
    found.hidden_reason = reason if hidden else None
    found.moderator_id = person.id if hidden else None
    session.flush()
    acts.note(
        session, actor_id=person.id, act=f"{step}-rating", object_kind="course-rating",
        object_id=found.id, reason=reason, address=address, now=now,
    )  # fmt: skip
    return found
