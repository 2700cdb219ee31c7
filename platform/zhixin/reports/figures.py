"""What a year came to. Counted hours only: verified and recorded awards, before yearly caps.

Each figure is one grouped query; names are looked up once. A person belongs to one employer, so
people may be added up over organisations, but never over fields, kinds or months.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from zhixin.audit.models import Trace
from zhixin.hours.models import Appeal, Award
from zhixin.hours.states import COUNTED, PENDING, AppealState
from zhixin.people.models import Organisation, Person

#: Organisations' ids within which a person may see; None: everywhere.
Reach = Collection[int] | None


@dataclass(frozen=True)
class Line:
    """One group: ``key`` is a field's code, an organisation's id, a kind or a month."""

    key: Any
    people: int
    awards: int
    hours: Decimal


@dataclass(frozen=True)
class Total:
    """A whole year. ``pending``: awards that wait for a decision; ``field_people``: people with
    hours in one of the fields."""

    people: int
    field_people: int
    awards: int
    hours: Decimal
    pending: int


def total(session: Session, year: int, reach: Reach) -> Total:
    people, field_people, awards, hours = session.execute(
        _of(year, reach).with_only_columns(
            sa.func.count(Award.person_id.distinct()),
            sa.func.count(sa.case((Award.field_code.is_not(None), Award.person_id)).distinct()),
            sa.func.count(),
            sa.func.sum(Award.hours),
        )
    ).one()
    pending = _of(year, reach, PENDING).with_only_columns(sa.func.count())
    waiting = session.scalar(pending) or 0
    return Total(people, field_people, awards, hours or Decimal(0), waiting)


def by(session: Session, year: int, reach: Reach, column: sa.ColumnElement[Any]) -> list[Line]:
    """The year by ``column`` of ``Award`` or ``Person``, most hours first."""
    hours = sa.func.sum(Award.hours)
    rows = session.execute(
        _of(year, reach)
        .with_only_columns(
            column, sa.func.count(Award.person_id.distinct()), sa.func.count(), hours
        )
        .group_by(column)
        .order_by(hours.desc(), column)
    )
    return [Line(*row) for row in rows]


def newcomers(session: Session, year: int, reach: Reach) -> list[int]:
    """How many people had their first hours of the year in each month, January first."""
    first = (
        _of(year, reach)
        .with_only_columns(sa.func.min(Award.day).label("day"))
        .group_by(Award.person_id)
        .subquery()
    )
    month = sa.extract("month", first.c.day)
    rows = session.execute(sa.select(month, sa.func.count()).group_by(month))
    found = {int(month): count for month, count in rows}
    return [found.get(month, 0) for month in range(1, 13)]


def _of(year: int, reach: Reach, states: Sequence[str] = COUNTED) -> sa.Select[Any]:
    query = (
        sa.select()
        .select_from(Award)
        .join(Person, Person.id == Award.person_id)
        .where(Award.year == year, Award.state.in_(states))
    )
    return query if reach is None else query.where(Person.employer_id.in_(reach))


@dataclass(frozen=True)
class Unit:
    """An organisation with all below it."""

    organisation: Organisation | None  # None: people without an employer
    people: int
    awards: int
    hours: Decimal


def by_organisation(session: Session, year: int, reach: Reach) -> list[Unit]:
    """Employers, and their bureaus and districts with the sum of theirs; most hours first."""
    lines = by(session, year, reach, Person.employer_id.expression)
    organisations = {each.id: each for each in session.scalars(sa.select(Organisation))}
    sums: dict[int | None, list[Line]] = {}
    for line in lines:
        at: int | None = line.key
        sums.setdefault(at, []).append(line)
        while at is not None and (at := organisations[at].parent_id) is not None:
            if reach is None or at in reach:
                sums.setdefault(at, []).append(line)
    units = [
        Unit(
            organisations[at] if at is not None else None,
            sum(line.people for line in under),
            sum(line.awards for line in under),
            sum((line.hours for line in under), Decimal(0)),
        )
        for at, under in sums.items()
    ]
    return sorted(
        units, key=lambda unit: (-unit.hours, unit.organisation.id if unit.organisation else 0)
    )


#: What the desk writes of decisions on hours, in the order shown. Taking back a proposal of one's
#: own decides nothing.
DECISIONS = (
    "verify", "hold", "reject", "propose-reverse", "propose-correct", "reverse", "correct",
    "decline-proposal", "grant-appeal", "uphold-appeal",
)  # fmt: skip
#: Those that take hours as earned: undone by a reversal or a correction.
_RECOGNISED = ("verify", "grant-appeal")
#: Those that a learner may appeal against: undone when the appeal is granted.
_APPEALABLE = ("hold", "reject", "propose-reverse", "propose-correct", "reverse")


@dataclass(frozen=True)
class Auditor:
    """What one auditor did in a period, and what of it was overturned, then or later."""

    person: Person
    acts: dict[str, int]
    overturned: int

    @property
    def decided(self) -> int:
        return sum(self.acts.values())

    @property
    def share(self) -> Decimal | None:
        """Percent overturned, of the decisions that something can undo."""
        of = sum(self.acts.get(act, 0) for act in (*_RECOGNISED, *_APPEALABLE))
        return (Decimal(100) * self.overturned / of).quantize(Decimal("0.1")) if of else None


def by_auditor(session: Session, begin: datetime, end: datetime) -> list[Auditor]:
    """Decisions on awards by person, from the trail; who decided most comes first."""
    granted, undone = _granted(), _undone()
    overturned = sa.or_(
        sa.and_(Trace.act.in_(_APPEALABLE), granted.c.award.is_not(None)),
        # Taken back after this decision, not before it.
        sa.and_(Trace.act.in_(_RECOGNISED), undone.c.last > Trace.id),
    )
    rows = session.execute(
        sa.select(
            Trace.actor_id,
            Trace.act,
            sa.func.count(),
            sa.func.sum(sa.case((overturned, 1), else_=0)),
        )
        .outerjoin(granted, _contested_by(Trace, granted))
        .outerjoin(undone, undone.c.object_id == Trace.object_id)
        .where(
            Trace.at >= begin,
            Trace.at < end,
            Trace.object_kind == "award",
            Trace.act.in_(DECISIONS),
            Trace.actor_id.is_not(None),
        )
        .group_by(Trace.actor_id, Trace.act)
    )
    acts: dict[int | None, dict[str, int]] = {}
    fallen: Counter[int | None] = Counter()
    for actor_id, act, count, of_it in rows:
        acts.setdefault(actor_id, {})[act] = count
        fallen[actor_id] += of_it
    people = session.scalars(sa.select(Person).where(Person.id.in_(acts)))
    found = [Auditor(person, acts[person.id], fallen[person.id]) for person in people]
    return sorted(found, key=lambda each: (-each.decided, each.person.id))


def _granted() -> sa.Subquery:
    """Decisions that learners appealed against with success: one appeal for each at most."""
    return (
        sa.select(
            sa.cast(Appeal.award_id, sa.String).label("award"),
            Appeal.contested_by_id.label("actor_id"),
            Appeal.contested_at.label("at"),
        )
        .where(Appeal.state == AppealState.GRANTED)
        .subquery()
    )


def _undone() -> sa.Subquery:
    """Awards that were reversed or corrected for good, and the last act that did it."""
    act, granted = aliased(Trace), _granted()
    return (
        sa.select(act.object_id, sa.func.max(act.id).label("last"))
        .outerjoin(granted, _contested_by(act, granted))
        .where(
            act.object_kind == "award",
            act.act.in_(("reverse", "correct")),
            granted.c.award.is_(None),
        )
        .group_by(act.object_id)
        .subquery()
    )


def _contested_by(act: type[Trace], granted: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.and_(
        granted.c.award == act.object_id,
        granted.c.actor_id == act.actor_id,
        granted.c.at == act.at,
    )
