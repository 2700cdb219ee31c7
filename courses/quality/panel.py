"""The panel: appointed for a round, free of interest, scoring blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from courses import authorship
from courses.quality import criteria, rounds
from courses.quality.models import (
    QualityAbstention,
    QualityApplication,
    QualityPanelist,
    QualityRound,
    QualityScore,
)
from courses.quality.states import ApplicationState, RoundState
from courses.reviews import seats
from zhixin import acts
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.people.models import Person

MOST_REMARK_CHARACTERS = 1_000


class Conflicted(StrEnum):
    """Why somebody can't judge an application."""

    OWN = "own"
    COLLEAGUE = "colleague"  # the same employer as one who wrote it
    SAYS_SO = "says-so"


def appoint(session: Session, round_id: int, person_id: int, actor_id: int, now: datetime) -> None:
    """Ask a reviewer onto the panel, until scores are final. Twice is once.

    Raises:
        Invalid: no active reviewer. Conflict: too late.
    """
    found = rounds.get(session, round_id, office=True, lock=True)
    if found.state not in (RoundState.DRAFT, RoundState.ANNOUNCED, RoundState.SCORING):
        raise Conflict("评分已经结束，不能再聘请专家", code="quality-closed")
    if person_id not in {person.id for person in seats.reviewers(session)}:
        raise Invalid("请选择一位审核人", code="reviewer-needed")
    if _seat(session, round_id, person_id) is not None:
        return
    session.add(
        QualityPanelist(
            round_id=round_id, person_id=person_id, appointed_by_id=actor_id, appointed_at=now
        )
    )
    session.flush()
    rounds.note(session, found, "appoint", actor_id, now, f"专家 {person_id}")


def dismiss(session: Session, round_id: int, person_id: int, actor_id: int, now: datetime) -> None:
    """Take somebody off the panel who has not scored.

    Raises:
        NotFound: not on it. Conflict: there are scores of theirs, which stay.
    """
    found = rounds.get(session, round_id, office=True, lock=True)
    seat = _seat(session, round_id, person_id)
    if seat is None:
        raise NotFound
    scored = sa.select(QualityScore.id).join(
        QualityApplication, QualityApplication.id == QualityScore.application_id
    )
    if session.scalar(
        scored.where(
            QualityApplication.round_id == round_id, QualityScore.person_id == person_id
        ).limit(1)
    ):
        raise Conflict("这位专家已有评分，不能移除", code="quality-scored")
    session.delete(seat)
    session.flush()
    rounds.note(session, found, "dismiss", actor_id, now, f"专家 {person_id}")


def _seat(session: Session, round_id: int, person_id: int) -> QualityPanelist | None:
    return session.scalar(
        sa.select(QualityPanelist).where(
            QualityPanelist.round_id == round_id, QualityPanelist.person_id == person_id
        )
    )


def of_round(session: Session, round_id: int) -> Sequence[QualityPanelist]:
    return session.scalars(
        sa.select(QualityPanelist)
        .where(QualityPanelist.round_id == round_id)
        .options(joinedload(QualityPanelist.person))
        .order_by(QualityPanelist.id)
    ).all()


def rounds_of(session: Session, person_id: int) -> Sequence[QualityRound]:
    """Rounds that somebody is on the panel of, the newest first."""
    return session.scalars(
        sa.select(QualityRound)
        .join(QualityPanelist, QualityPanelist.round_id == QualityRound.id)
        .where(QualityPanelist.person_id == person_id, QualityRound.published_at.is_not(None))
        .order_by(QualityRound.id.desc())
    ).all()


def conflicts(
    session: Session, person: Person, applications: Sequence[QualityApplication]
) -> dict[int, Conflicted]:
    """Applications that a panelist must keep away from, and why."""
    wrote = authorship.writers_of(session, [a.course_id for a in applications])
    writers = {writer for people in wrote.values() for writer in people}
    employers = dict(
        session.execute(
            sa.select(Person.id, Person.employer_id).where(
                Person.id.in_(writers), Person.employer_id.is_not(None)
            )
        ).all()
    )
    said = set(
        session.scalars(
            sa.select(QualityAbstention.application_id).where(
                QualityAbstention.person_id == person.id,
                QualityAbstention.application_id.in_([a.id for a in applications]),
            )
        )
    )
    found = {}
    for application in applications:
        people = wrote.get(application.course_id, frozenset())
        if person.id in people:
            found[application.id] = Conflicted.OWN
        elif person.employer_id is not None and any(
            employers.get(writer) == person.employer_id for writer in people
        ):
            found[application.id] = Conflicted.COLLEAGUE
        elif application.id in said:
            found[application.id] = Conflicted.SAYS_SO
    return found


@dataclass(frozen=True)
class Row:
    """An application on a panelist's desk; of a conflicted one the sheet can't be opened."""

    application: QualityApplication
    sheet: QualityScore | None
    conflict: Conflicted | None


def desk(session: Session, round_id: int, person: Person) -> list[Row]:
    """A panelist's applications with their own sheets, never with others'.

    Raises:
        NotFound: not on this panel, or the panel has not begun.
    """
    found = rounds.get(session, round_id)
    if _seat(session, round_id, person.id) is None or found.state == RoundState.ANNOUNCED:
        raise NotFound("没有这个评选批次")
    there = rounds.applications(session, round_id)
    kept = conflicts(session, person, there)
    own = {
        sheet.application_id: sheet
        for sheet in session.scalars(
            sa.select(QualityScore).where(
                QualityScore.person_id == person.id,
                QualityScore.application_id.in_([a.id for a in there]),
            )
        )
    }
    there = sorted(there, key=lambda a: a.id)  # not by place
    return [Row(a, own.get(a.id), kept.get(a.id)) for a in there]


def judged(
    session: Session, application_id: int, person: Person, *, lock: bool = False
) -> tuple[QualityRound, QualityApplication]:
    """An application that a panelist may judge.

    Raises:
        NotFound: not on its panel, or it was withdrawn. NotAllowed: an interest.
    """
    application = session.scalar(
        sa.select(QualityApplication)
        .where(
            QualityApplication.id == application_id,
            QualityApplication.state != ApplicationState.WITHDRAWN,
        )
        .options(joinedload(QualityApplication.version))
    )
    if application is None:
        raise NotFound("没有这个申报")
    found = rounds.get(session, application.round_id, lock=lock)
    # Asked for under the lock: who was dismissed meanwhile has no seat.
    if found.state == RoundState.ANNOUNCED or _seat(session, found.id, person.id) is None:
        raise NotFound("没有这个申报")
    if conflicts(session, person, [application]):
        raise NotAllowed("您与这门课程有利害关系，应当回避")
    return found, application


def sheet_of(session: Session, application_id: int, person_id: int) -> QualityScore | None:
    return session.scalar(
        sa.select(QualityScore)
        .where(QualityScore.application_id == application_id, QualityScore.person_id == person_id)
        .execution_options(populate_existing=True)
    )


def save(
    session: Session, application_id: int, person: Person, sent: Mapping[str, str], now: datetime
) -> QualityScore:
    """Score an application, or score it anew while the round is open for it.

    Raises:
        NotFound, NotAllowed: as ``judged``. Conflict: scores are final.
        Invalid: a criterion without points, or out of range.
    """
    found, application = judged(session, application_id, person, lock=True)
    if found.state != RoundState.SCORING:
        raise Conflict("评分已经结束，不能再改", code="quality-closed")
    items = criteria.load(found.criteria)
    points = criteria.points_of(items, sent)
    remarks = {
        item.key: text
        for item in items
        if (text := sent.get(f"remark:{item.key}", "").replace("\0", "").strip())
    }
    if any(len(text) > MOST_REMARK_CHARACTERS for text in remarks.values()):
        raise Invalid(f"评语每项最多 {MOST_REMARK_CHARACTERS} 个字", code="quality-points")
    sheet = sheet_of(session, application_id, person.id)
    if sheet is None:
        sheet = QualityScore(application_id=application_id, person_id=person.id)
        session.add(sheet)
    sheet.points = {key: str(value) for key, value in points.items()}
    sheet.remarks, sheet.saved_at = remarks, now
    sheet.total = criteria.total(items, points)
    session.flush()
    acts.note(
        session, actor_id=person.id, act="score", object_kind="quality-application",
        object_id=application.id, now=now,
    )  # fmt: skip
    return sheet


def abstain(
    session: Session, application_id: int, person: Person, reason: str, now: datetime
) -> None:
    """Say that one can't judge an application; a sheet of one's own then does not count.

    Raises:
        As ``save``. Invalid: no reason.
    """
    found, application = judged(session, application_id, person, lock=True)
    if found.state != RoundState.SCORING:
        raise Conflict("评分已经结束，不能再改", code="quality-closed")
    reason = reason.replace("\0", "").strip()
    if not reason or len(reason) > 500:
        raise Invalid("请填写回避的原因，不超过 500 个字", code="reason-needed")
    session.add(
        QualityAbstention(
            application_id=application_id, person_id=person.id, reason=reason, made_at=now
        )
    )
    session.flush()
    acts.note(
        session, actor_id=person.id, act="abstain", object_kind="quality-application",
        object_id=application.id, reason=reason, now=now,
    )  # fmt: skip
