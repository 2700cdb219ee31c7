"""The employer's and the bureau's desk: who sees what, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin.declarations import likeness
from zhixin.declarations.models import Declaration
from zhixin.declarations.states import Desk, IllegalStep, State, Transition, possible
from zhixin.errors import NotFound
from zhixin.people import accounts
from zhixin.people.models import Organisation, Person, Role, RoleGrant

PAGE_SIZE = 30
#: What is beyond is found by its name: nobody turns a hundred pages.
MAX_PAGES = 100
ROLES = {Desk.EMPLOYER: Role.EMPLOYER, Desk.BUREAU: Role.BUREAU}
WAITING = {
    Desk.EMPLOYER: (State.SUBMITTED, State.ESCALATED),
    Desk.BUREAU: (State.ENDORSED, State.ESCALATED),
}
Condition = sa.ColumnElement[bool]


class Tray(StrEnum):
    """What of a desk is shown."""

    WAITING = "waiting"
    RETURNED = "returned"
    DONE = "done"


@dataclass(frozen=True)
class Listing:
    """One page of a desk; ``marks``: what looks like another, by the declaration's id."""

    declarations: Sequence[Declaration]
    marks: dict[int, list[str]]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def employer_looks(session: Session, person: Person) -> bool:
    """Is there somebody else who looks at declarations for the person's employer?"""
    if person.employer_id is None:
        return False
    handler = (
        sa.select(RoleGrant.id)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(
            RoleGrant.role == Role.EMPLOYER,
            RoleGrant.organisation_id.in_(accounts.above(person.employer_id))
            | RoleGrant.organisation_id.is_(None),
            Person.active,
            Person.id != person.id,
        )
    )
    return bool(session.scalar(sa.select(handler.exists())))


def _seen_by(session: Session, person: Person, desk: Desk) -> list[Condition]:
    """What a desk may see: an employer what was handed to it, a bureau what came to it."""
    scope = accounts.scope(session, person, ROLES[desk])
    if desk is Desk.EMPLOYER:
        handed = Declaration.employer_id.is_not(None)
        return [handed] if scope is None else [Declaration.employer_id.in_(scope)]
    came = Declaration.bureau_at.is_not(None)
    if scope is None:
        return [came]
    within: Condition = Declaration.organisation_id.in_(scope)
    # People without an employer belong to nobody's part: whoever has the whole city has them.
    root = sa.select(Organisation.id).where(Organisation.parent_id.is_(None))
    if scope & set(session.scalars(root)):
        within |= Declaration.organisation_id.is_(None)
    return [came, within]


def desks_of(person: Person) -> list[Desk]:
    """The desks that a person sits at."""
    return [desk for desk, role in ROLES.items() if role in person.roles]


def get(session: Session, person: Person, declaration_id: int) -> tuple[Declaration, list[Desk]]:
    """A declaration, and the desks from which ``person`` sees it.

    Raises:
        NotFound: there is none, or from none.
    """
    found = session.scalar(
        sa.select(Declaration)
        .where(Declaration.id == declaration_id)
        .options(
            joinedload(Declaration.person),
            joinedload(Declaration.policy),
            joinedload(Declaration.award),
        )
    )
    desks = [] if found is None else seen_from(session, person, found)
    if found is None or not desks:
        raise NotFound("没有这份申报，或不在您的范围内")
    return found, desks


def seen_from(session: Session, person: Person, declaration: Declaration) -> list[Desk]:
    """The desks from which ``person`` sees a declaration."""
    return [
        desk
        for desk in desks_of(person)
        if session.scalar(
            sa.select(Declaration.id).where(
                Declaration.id == declaration.id, *_seen_by(session, person, desk)
            )
        )
    ]


def visible(session: Session, person: Person, ids: Sequence[int]) -> dict[int, Declaration]:
    """Those of ``ids`` that ``person`` sees from any desk, with their people."""
    found: dict[int, Declaration] = {}
    for desk in desks_of(person):
        query = sa.select(Declaration).where(
            Declaration.id.in_(ids), *_seen_by(session, person, desk)
        )
        for each in session.scalars(query.options(joinedload(Declaration.person))):
            found[each.id] = each
    return found


def desk_for(
    session: Session, person: Person, declaration: Declaration, transition: Transition
) -> Desk:
    """The desk at which ``person`` may take this step.

    Raises:
        IllegalStep: at none of theirs, as the declaration is now.
    """
    for desk in seen_from(session, person, declaration):
        if transition in possible(State(declaration.state), desk):
            return desk
    raise IllegalStep(state=str(declaration.state), transition=transition.value)


def _tray(desk: Desk, tray: Tray) -> Condition:
    waiting = WAITING[desk]
    if tray is Tray.WAITING:
        return Declaration.state.in_(waiting)
    if tray is Tray.RETURNED:
        return Declaration.state == State.RETURNED
    return Declaration.state.not_in((*waiting, State.RETURNED, State.DRAFT))


def queue(
    session: Session, person: Person, desk: Desk, tray: Tray, *, text: str = "", page: int
) -> Listing:
    """One page of a desk's tray: what waits by its day, what is done the newest first.

    Args:
        text: part of a person's name or of a title.
        page: 1-based; beyond the end is the last one.
    """
    matching = sa.select(Declaration.id).where(_tray(desk, tray), *_seen_by(session, person, desk))
    if text := text.strip():
        matching = matching.join(Person, Person.id == Declaration.person_id).where(
            Person.name.icontains(text, autoescape=True)
            | Declaration.title.icontains(text, autoescape=True)
        )
    counted = matching.limit(MAX_PAGES * PAGE_SIZE).subquery()
    total = session.scalar(sa.select(sa.func.count()).select_from(counted)) or 0
    page = min(max(1, page), max(1, -(-total // PAGE_SIZE)))
    order = (
        (Declaration.due_on, Declaration.id) if tray is Tray.WAITING else (Declaration.id.desc(),)
    )
    ids = matching.order_by(*order).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
    shown = session.scalars(
        sa.select(Declaration)
        .where(Declaration.id.in_(session.scalars(ids).all()))
        .options(joinedload(Declaration.person))
        .order_by(*order)
    ).all()
    return Listing(shown, likeness.marks(session, shown), total, page)


@dataclass(frozen=True)
class Counts:
    """How many want something of somebody; ``overdue``: of those waiting."""

    waiting: int
    overdue: int
    returned: int


def counts(session: Session, person: Person, desk: Desk, today: date) -> Counts:
    """How much waits, and how much is with the learners again, in one query."""
    late = Declaration.due_on < today
    rows = session.execute(
        sa.select(Declaration.state, sa.func.count(), sa.func.sum(sa.case((late, 1), else_=0)))
        .where(
            Declaration.state.in_((*WAITING[desk], State.RETURNED)),
            *_seen_by(session, person, desk),
        )
        .group_by(Declaration.state)
    ).all()
    waiting = [row for row in rows if row[0] in WAITING[desk]]
    return Counts(
        waiting=sum(row[1] for row in waiting),
        overdue=sum(row[2] for row in waiting),
        returned=sum(row[1] for row in rows if row[0] == State.RETURNED),
    )
