"""The auditor's queue, and decisions within an auditor's own area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin.audit import trail
from zhixin.errors import NotAllowed, NotFound
from zhixin.hours import awards
from zhixin.hours.models import Award, EvidenceCheck
from zhixin.hours.states import IN_FORCE, State, Transition
from zhixin.people import accounts
from zhixin.people.models import Person, Role

PAGE_SIZE = 30
REASONS = (
    "观看记录与课程时长不符",
    "测验记录异常",
    "非本人学习",
    "重复申报",
    "课程内容与专业无关",
)


@dataclass(frozen=True)
class Listing:
    awards: Sequence[Award]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def _visible(session: Session, auditor: Person) -> list[sa.ColumnElement[bool]]:
    """An auditor of a district sees the people of its employers, one of the city everyone."""
    scope = accounts.scope(session, auditor, Role.AUDITOR)
    return [] if scope is None else [Person.employer_id.in_(scope)]


def queue(session: Session, auditor: Person, state: State, page: int) -> Listing:
    """Awards in a state: those with flags first, then the longest waiting."""
    query = (
        sa.select(Award)
        .join(Person, Person.id == Award.person_id)
        .where(Award.state == state, *_visible(session, auditor))
    )
    total = session.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
    flagged = sa.case((sa.cast(Award.flags, sa.Text) == "[]", 1), else_=0)
    order = (
        (flagged, Award.earned_at)
        if state == State.EARNED
        else (Award.decided_at.desc(), Award.id.desc())
    )
    found = session.scalars(
        query.options(joinedload(Award.person))
        .order_by(*order)
        .limit(PAGE_SIZE)
        .offset((page - 1) * PAGE_SIZE)
    ).all()
    return Listing(found, total, page)


def differing(session: Session, auditor: Person) -> Sequence[Award]:
    """Awards in force whose last rebuilding from the raw records differed."""
    last = sa.select(sa.func.max(EvidenceCheck.id)).group_by(EvidenceCheck.award_id)
    return session.scalars(
        sa.select(Award)
        .join(Person, Person.id == Award.person_id)
        .join(EvidenceCheck, EvidenceCheck.award_id == Award.id)
        .where(
            EvidenceCheck.id.in_(last),
            EvidenceCheck.holds.is_(False),
            Award.state.in_(IN_FORCE),
            *_visible(session, auditor),
        )
        .options(joinedload(Award.person))
        .order_by(Award.id)
        .limit(PAGE_SIZE)
    ).all()


def checks(session: Session, award_id: int) -> Sequence[EvidenceCheck]:
    """The rebuildings of an award, the newest first."""
    return session.scalars(
        sa.select(EvidenceCheck)
        .where(EvidenceCheck.award_id == award_id)
        .order_by(EvidenceCheck.id.desc())
        .limit(10)
    ).all()


def counts(session: Session, auditor: Person) -> dict[str, int]:
    """How many awards are in each state, within the auditor's area."""
    rows = session.execute(
        sa.select(Award.state, sa.func.count())
        .join(Person, Person.id == Award.person_id)
        .where(*_visible(session, auditor))
        .group_by(Award.state)
    )
    return dict(rows.all())


def get(session: Session, auditor: Person, award_id: int) -> Award:
    """An award in the auditor's area.

    Raises:
        NotFound: there is none, or it is outside the area.
    """
    found = session.scalar(
        sa.select(Award)
        .join(Person, Person.id == Award.person_id)
        .where(Award.id == award_id, *_visible(session, auditor))
        .options(joinedload(Award.person), joinedload(Award.policy))
    )
    if found is None:
        raise NotFound("没有这条学时记录，或不在您的审核范围内")
    return found


def decide(
    session: Session,
    award: Award,
    transition: Transition,
    auditor: Person,
    reason: str | None,
    address: str | None,
    now: datetime,
) -> None:
    """Verify, reject or reverse, and write it into the trail.

    Raises:
        NotAllowed: the auditor's own hours.
    """
    if award.person_id == auditor.id:
        raise NotAllowed("不能审核自己的学时，请由其他审核员处理")
    awards.decide(session, award, transition, actor_id=auditor.id, reason=reason, now=now)
    trail.note(
        session, actor_id=auditor.id, act=transition.value, object_kind="award", object_id=award.id,
        reason=reason, address=address, now=now,
    )  # fmt: skip
