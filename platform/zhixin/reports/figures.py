"""What a year came to. Counted hours only: verified and recorded awards, before yearly caps.

Each figure is one grouped query; names are looked up once. A person belongs to one employer, so
people may be added up over organisations, but never over fields, kinds or months.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.audit.models import Trace
from zhixin.hours.models import Award
from zhixin.hours.states import COUNTED, PENDING
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


#: Acts that decide on hours, in the order shown.
DECISIONS = ("verify", "hold", "reject", "reinstate", "reverse", "correct")


@dataclass(frozen=True)
class Auditor:
    """What one auditor did in a period."""

    person: Person
    acts: dict[str, int]

    @property
    def decided(self) -> int:
        return sum(self.acts.values())


def by_auditor(session: Session, begin: datetime, end: datetime) -> list[Auditor]:
    """Decisions on awards by person, from the trail; who decided most comes first."""
    rows = session.execute(
        sa.select(Trace.actor_id, Trace.act, sa.func.count())
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
    for actor_id, act, count in rows:
        acts.setdefault(actor_id, {})[act] = count
    people = session.scalars(sa.select(Person).where(Person.id.in_(acts)))
    found = [Auditor(person, acts[person.id]) for person in people]
    return sorted(found, key=lambda each: (-each.decided, each.person.id))
