"""A person's year: what counts, what is asked, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import clock
from zhixin.hours import policies
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import CreditRule, Standing, SubjectKind, credited_year, standing
from zhixin.hours.states import COUNTED, IN_FORCE, PENDING
from zhixin.people.models import Person


@dataclass(frozen=True)
class Year:
    """One person's year under the policy at its end (or today's, in the running year)."""

    year: int
    policy: Policy
    rule: CreditRule
    standing: Standing
    pending: dict[SubjectKind, Decimal]
    awards: Sequence[Award]
    months: dict[SubjectKind, list[Decimal]]

    @property
    def pending_total(self) -> Decimal:
        return sum(self.pending.values(), Decimal(0))


def of(session: Session, person_id: int, year: int, today: date) -> Year:
    """The year of a person, in two queries."""
    policy = policies.in_force(session, min(today, date(year, 12, 31)))
    rule = policies.rule(policy)
    awards = session.scalars(
        sa.select(Award)
        .where(Award.person_id == person_id, Award.year == year)
        .order_by(Award.earned_at.desc(), Award.id.desc())
    ).all()
    counted = {kind: Decimal(0) for kind in SubjectKind}
    pending = {kind: Decimal(0) for kind in SubjectKind}
    months = {kind: [Decimal(0)] * 12 for kind in SubjectKind}
    for award in awards:
        kind = SubjectKind(award.subject_kind)
        if award.state in COUNTED:
            counted[kind] += award.hours
            months[kind][clock.local(award.earned_at).month - 1] += award.hours
        elif award.state in PENDING:
            pending[kind] += award.hours
    return Year(year, policy, rule, standing(counted, rule), pending, awards, months)


def credited(session: Session, person_id: int, kind: SubjectKind, day: date) -> int:
    """The year for which a person's learning of ``day`` counts; see ``rules.credited_year``.

    Hours that wait for a decision fill the year before too: nobody is to earn them twice over.
    Within a window the person's row stays locked until the transaction ends, so that two
    awards at once cannot both fill the same gap.
    """
    before = policies.find(session, date(day.year - 1, 12, 31))
    if before is None or not (rule := policies.rule(before)).window_open(kind, day):
        return day.year
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())
    hours = session.scalars(
        sa.select(Award.hours).where(
            Award.person_id == person_id,
            Award.year == day.year - 1,
            Award.subject_kind == kind,
            Award.state.in_(IN_FORCE),
        )
    )
    missing = rule.yearly_minimums[kind] - sum(hours, Decimal(0))
    return credited_year(day, kind, rule, missing)


def years(session: Session, person_id: int, this_year: int) -> list[int]:
    """Years with awards, and the running one; the latest first."""
    found = session.scalars(sa.select(Award.year).where(Award.person_id == person_id).distinct())
    return sorted({this_year, *found}, reverse=True)


def awards_of(session: Session, person_id: int) -> Sequence[Award]:
    """All awards of a person, the newest first."""
    return session.scalars(
        sa.select(Award)
        .where(Award.person_id == person_id)
        .order_by(Award.earned_at.desc(), Award.id.desc())
    ).all()
