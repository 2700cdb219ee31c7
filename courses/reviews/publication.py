"""An approved version waits for its moment; a job publishes it, or somebody takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from courses import authorship, reviewing
from courses.models import CourseVersion, VersionState
from courses.reviews import seats, verdicts
from courses.reviews.states import SeatState, SeatStep
from courses.version_states import STEPS, IllegalStep, VersionStep
from zhixin import acts
from zhixin.errors import NotFound
from zhixin.people.models import Person


def due(session: Session, now: datetime, limit: int = 200) -> Sequence[int]:
    """Approved versions whose moment has come."""
    return session.scalars(
        sa.select(CourseVersion.id)
        .where(CourseVersion.state == VersionState.APPROVED, CourseVersion.publish_at <= now)
        .order_by(CourseVersion.publish_at, CourseVersion.id)
        .limit(limit)
    ).all()


def publish(session: Session, version_id: int, now: datetime) -> bool:
    """Publish an approved version whose moment has come; false where another was quicker."""
    version = session.get_one(
        CourseVersion, version_id, with_for_update=True, populate_existing=True
    )
    if (
        version.state != VersionState.APPROVED
        or version.publish_at is None
        or version.publish_at > now
    ):
        return False
    reviewing.supersede(session, version)
    _move(session, version, VersionStep.PUBLISH, decided_at=now)
    acts.note(
        session, actor_id=None, act="publish", object_kind="course-version",
        object_id=version.id, now=now,
    )  # fmt: skip
    reviewing.ring_index(session)
    return True


def reschedule(
    session: Session, version: CourseVersion, actor: Person, publish_at: datetime, now: datetime
) -> None:
    """Another moment for an approved version.

    Raises:
        NotFound: not this person's to say. Invalid: the moment has passed.
        IllegalStep: it does not wait any more.
    """
    if not may_manage(session, version, actor):
        raise NotFound
    verdicts.check_moment(publish_at, now)
    moved = session.execute(
        sa.update(CourseVersion)
        .where(CourseVersion.id == version.id, CourseVersion.state == VersionState.APPROVED)
        .values(publish_at=publish_at)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalStep("这个版本刚刚已被处理，请刷新查看")
    session.refresh(version)
    acts.note(
        session, actor_id=actor.id, act="schedule", object_kind="course-version",
        object_id=version.id, now=now,
    )  # fmt: skip


def withdraw(
    session: Session, version: CourseVersion, actor: Person, reason: str, now: datetime
) -> None:
    """Take back what waits: its authors at any time before publication, those who approved it and
    the office while it waits for its day. What is published stays as it is.

    Raises:
        NotFound: not this person's to say. Invalid: no reason.
        IllegalStep: published or returned meanwhile.
    """
    wrote = actor.id in authorship.writers(session, version.course_id)
    if not wrote and not may_manage(session, version, actor):
        raise NotFound
    reason = reviewing.checked_reason(reason)
    review = seats.open_review(session, version, now)
    seats.find(session, version.id, lock=True)  # whoever gives a verdict now waits
    session.refresh(version, ["state"])
    if not wrote and version.state != VersionState.APPROVED:
        raise IllegalStep("这个版本不在等待发布，请刷新查看")
    _move(session, version, VersionStep.WITHDRAW, decided_at=now, reason=reason, publish_at=None)
    for seat in seats.of_review(session, review):
        if seat.state == SeatState.OPEN:
            seats.step(session, seat, SeatStep.CLOSE, now)
    acts.note(
        session, actor_id=actor.id, act="withdraw", object_kind="course-version",
        object_id=version.id, reason=reason, now=now,
    )  # fmt: skip


def may_manage(session: Session, version: CourseVersion, actor: Person) -> bool:
    """Whether somebody approved this version, or is of the office."""
    if actor.id in authorship.writers(session, version.course_id):
        return False
    seat = seats.mine(seats.of_review(session, seats.find(session, version.id)), actor.id)
    return (seat is not None and seat.state == SeatState.APPROVED) or seats.is_office(
        session, actor
    )


def _move(session: Session, version: CourseVersion, step: VersionStep, **values: object) -> None:
    before = VersionState(version.state)
    moved = session.execute(
        sa.update(CourseVersion)
        .where(CourseVersion.id == version.id, CourseVersion.state == before)
        .values(state=STEPS.after(before, step), **values)
    )
    if moved.rowcount != 1:  # type: ignore[attr-defined]
        raise IllegalStep("这个版本刚刚已被处理，请刷新查看")
    session.refresh(version)
