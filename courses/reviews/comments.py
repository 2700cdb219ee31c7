"""Remarks pinned to a unit or a moment of a video, answered, settled, and carried to the next
version until somebody closes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, selectinload

from courses import authorship
from courses.documents import CourseDocument
from courses.models import CourseVersion, UnitKind, VersionState
from courses.reviews import seats
from courses.reviews.models import ReviewComment, ReviewReply
from courses.reviews.states import (
    COMMENT_STEPS,
    CommentState,
    CommentStep,
    IllegalReviewStep,
    SeatState,
)
from zhixin import acts, paging
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.paging import Page
from zhixin.people.models import Person, Role

MOST_CHARACTERS = 2_000
MOST_COMMENTS = 500
MOST_REPLIES = 100
_MOMENT = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:\.(\d{1,3}))?", re.ASCII)


def moment(text: str) -> int | None:
    """``1:02:03.5``, ``2:03`` or ``123`` in ms; None if nothing was typed.

    Raises:
        Invalid: it is no moment.
    """
    text = text.strip().replace("：", ":")
    if not text:
        return None
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise Invalid("请按“时:分:秒”填写时刻，例如 1:23", code="comment-moment")
    hours, minutes, seconds, parts = found.groups()
    return (int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)) * 1000 + int(
        (parts or "").ljust(3, "0")
    )


def _checked(text: str) -> str:
    text = text.replace("\0", "").strip()
    if not text:
        raise Invalid("请填写意见内容", code="comment-needed")
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"意见最多 {MOST_CHARACTERS} 个字", code="comment-too-long")
    return text


def add(
    session: Session,
    version: CourseVersion,
    person_id: int,
    *,
    unit_key: str | None,
    at_ms: int | None,
    text: str,
    now: datetime,
) -> ReviewComment:
    """Pin a remark; only who judges the version now.

    Raises:
        IllegalReviewStep: the person judges nothing here. IllegalStep: it was decided meanwhile.
        NotFound: the version has no such unit. Invalid: no text, or no such moment.
    """
    text = _checked(text)
    review = seats.held(session, version, now)
    seat = seats.mine(seats.of_review(session, review), person_id)
    if seat is None or seat.state != SeatState.OPEN:
        raise IllegalReviewStep("请先领取这门课程的审核")
    unit = None
    if unit_key is not None:
        unit = CourseDocument.from_text(version.document).unit(unit_key)
        if unit is None:
            raise NotFound("课程里没有这一节")
    if at_ms is not None and (
        unit is None or unit.kind is not UnitKind.VIDEO or at_ms > (unit.duration_ms or 0)
    ):
        raise Invalid("这个时刻不在视频里", code="comment-moment")
    made = session.scalar(sa.select(sa.func.count()).where(ReviewComment.version_id == version.id))
    if (made or 0) >= MOST_COMMENTS:
        raise Conflict(f"一个版本最多 {MOST_COMMENTS} 条意见", code="too-many-comments")
    comment = ReviewComment(
        course_id=version.course_id,
        version_id=version.id,
        unit_key=unit.key if unit else None,
        unit_kind=unit.kind if unit else None,
        unit_title=unit.title if unit else None,
        at_ms=at_ms,
        person_id=person_id,
        text=text,
        state=CommentState.OPEN,
        made_at=now,
    )
    session.add(comment)
    session.flush()
    _note(session, "comment", comment, person_id, now)
    return comment


#: What is shown with a remark.
_TOLD = (
    joinedload(ReviewComment.person),
    joinedload(ReviewComment.version),
    selectinload(ReviewComment.replies).joinedload(ReviewReply.person),
)


def of_course(session: Session, course_id: int) -> Sequence[ReviewComment]:
    """All remarks on a course with their answers, in the order that they were made."""
    query = sa.select(ReviewComment).where(ReviewComment.course_id == course_id)
    return session.scalars(query.options(*_TOLD).order_by(ReviewComment.id)).all()


def waiting(session: Session, course_id: int) -> Sequence[ReviewComment]:
    """Those that are not closed."""
    query = sa.select(ReviewComment).where(
        ReviewComment.course_id == course_id, ReviewComment.state != CommentState.CLOSED
    )
    return session.scalars(query.options(*_TOLD).order_by(ReviewComment.id)).all()


def closed(session: Session, course_id: int, number: int) -> Page[ReviewComment]:
    """A page of those that are closed, the last made first."""
    query = sa.select(ReviewComment).where(
        ReviewComment.course_id == course_id, ReviewComment.state == CommentState.CLOSED
    )
    return paging.of(session, query.order_by(ReviewComment.id.desc()), number, _TOLD)


def beside(session: Session, course_id: int, unit_key: str, kind: str) -> Sequence[ReviewComment]:
    """What is not closed of the remarks on one unit, in the order of the video."""
    found = [
        comment
        for comment in of_course(session, course_id)
        if (comment.unit_key, comment.unit_kind) == (unit_key, kind)
        and comment.state != CommentState.CLOSED
    ]
    return sorted(found, key=lambda comment: comment.at_ms if comment.at_ms is not None else -1)


def shown(
    session: Session, version: CourseVersion, person: Person
) -> tuple[Sequence[ReviewComment], bool]:
    """What a reviewer sees at a version: its own remarks and those carried from before that are
    not closed; whether others' remarks on this version are kept from them for now."""
    review = seats.find(session, version.id)
    hidden = keeps_apart(session, version, person)
    found = [
        comment
        for comment in of_course(session, version.course_id)
        if comment.version_id == version.id
        or (comment.version.number < version.number and _was_open(comment, version))
    ]
    if hidden and review is not None:
        found = [c for c in found if c.version_id != version.id or c.person_id == person.id]
    return found, hidden


def _was_open(comment: ReviewComment, version: CourseVersion) -> bool:
    """Whether a remark was not closed when ``version`` was handed in."""
    return comment.state != CommentState.CLOSED or (
        comment.settled_at is not None and comment.settled_at >= version.submitted_at
    )


def keeps_apart(session: Session, version: CourseVersion, person: Person) -> bool:
    """Whether verdicts and remarks of others are kept from a reviewer: until their own verdict, or
    until all is decided. An administrator who judges nothing sees all."""
    if version.state != VersionState.SUBMITTED or Role.REVIEWER not in person.roles:
        return False
    review = seats.find(session, version.id)
    if review is None or not seats.rule_of(session, review).blind:
        return False
    seat = seats.mine(seats.of_review(session, review), person.id)
    return seat is None or seat.state == SeatState.OPEN


def by_unit(
    comments: Iterable[ReviewComment], document: CourseDocument
) -> dict[str | None, list[ReviewComment]]:
    """Remarks by the unit that they are beside; those on units that are gone come with None."""
    kinds = {unit.key: unit.kind for unit in document.units()}
    found: dict[str | None, list[ReviewComment]] = {}
    for comment in comments:
        # SQLite gives a deleted row's id again: a unit of another kind is another unit.
        there = comment.unit_key is not None and kinds.get(comment.unit_key) == comment.unit_kind
        found.setdefault(comment.unit_key if there else None, []).append(comment)
    for group in found.values():
        group.sort(key=lambda comment: comment.at_ms if comment.at_ms is not None else -1)
    return found


def get(session: Session, comment_id: int, course_id: int) -> ReviewComment:
    """A remark on this course, locked.

    Raises:
        NotFound: it is on another course, or on none.
    """
    found = session.scalar(
        sa.select(ReviewComment)
        .where(ReviewComment.id == comment_id, ReviewComment.course_id == course_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("没有这条意见")
    return found


def reply(
    session: Session, comment: ReviewComment, person_id: int, text: str, now: datetime
) -> None:
    """Answer a remark. Who may is the caller's question: the course's authors, its reviewers.

    Raises:
        Invalid: no text. Conflict: more answers than anybody reads.
    """
    text = _checked(text)
    count = session.scalar(sa.select(sa.func.count()).where(ReviewReply.comment_id == comment.id))
    if (count or 0) >= MOST_REPLIES:
        raise Conflict(f"一条意见最多 {MOST_REPLIES} 次回复", code="too-many-comments")
    session.add(ReviewReply(comment_id=comment.id, person_id=person_id, text=text, made_at=now))
    session.flush()
    session.expire(comment, ["replies"])
    _note(session, "reply", comment, person_id, now)


def settle(
    session: Session, comment: ReviewComment, step: CommentStep, person_id: int, now: datetime
) -> None:
    """Mark as resolved (the authors), close or open again (reviewers). Twice is once.

    Raises:
        IllegalReviewStep: the table has no such step.
    """
    after = after_comment_or_same(CommentState(comment.state), step)
    if after == comment.state:
        return
    comment.state = after
    comment.settled_at = None if after is CommentState.OPEN else now
    comment.settled_by_id = None if after is CommentState.OPEN else person_id
    session.flush()
    _note(session, step, comment, person_id, now)


def after_comment_or_same(state: CommentState, step: CommentStep) -> CommentState:
    """As the table says; a step sent twice leads nowhere."""
    ends = {
        CommentStep.RESOLVE: CommentState.RESOLVED,
        CommentStep.CLOSE: CommentState.CLOSED,
        CommentStep.REOPEN: CommentState.OPEN,
    }
    return state if state == ends[step] else COMMENT_STEPS.after(state, step)


def may_judge(
    session: Session, version: CourseVersion, comment: ReviewComment, person_id: int
) -> bool:
    """Whether a reviewer may answer, close or reopen a remark here: they hold a seat that counts
    at this version, wrote nothing of the course, and may see the remark."""
    if person_id in authorship.writers(session, version.course_id):
        return False
    seat = seats.mine(seats.of_review(session, seats.find(session, version.id)), person_id)
    if seat is None:
        return False
    person = session.get_one(Person, person_id)
    return comment.id in {found.id for found in shown(session, version, person)[0]}


def open_counts(session: Session, course_ids: Sequence[int]) -> dict[int, int]:
    """How many remarks wait for the authors, by course."""
    return dict(
        session.execute(
            sa.select(ReviewComment.course_id, sa.func.count())
            .where(
                ReviewComment.course_id.in_(course_ids), ReviewComment.state == CommentState.OPEN
            )
            .group_by(ReviewComment.course_id)
        ).all()
    )


def _note(
    session: Session, act: str, comment: ReviewComment, person_id: int, now: datetime
) -> None:
    acts.note(
        session, actor_id=person_id, act=act, object_kind="review-comment",
        object_id=comment.id, now=now,
    )  # fmt: skip
