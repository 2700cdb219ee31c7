"""A person's year: what was earned, what of it counts, what is asked, what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.hours import policies
from zhixin.hours.counting import LAST, Counting, Item, Line, count
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import CreditRule, Standing, SubjectKind, credited_year
from zhixin.hours.states import COUNTED, IN_FORCE, PENDING
from zhixin.people.models import Person

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Year:
    """One person's year under the policy at its end (or today's, in the running year).

    Attributes:
        counting: of the verified awards.
        lines: by award, those that wait for a decision too: what would count of them.
        pending: hours that wait for a decision, before caps.
        months: hours that count, by the month of learning.
    """

    year: int
    policy: Policy
    rule: CreditRule
    counting: Counting
    lines: Mapping[int, Line]
    pending: Mapping[SubjectKind, Decimal]
    awards: Sequence[Award]
    months: Mapping[SubjectKind, list[Decimal]]

    @property
    def standing(self) -> Standing:
        return self.counting.standing

    @property
    def pending_total(self) -> Decimal:
        return sum(self.pending.values(), _ZERO)


def of(session: Session, person_id: int, year: int, today: date) -> Year:
    """The year of a person, in two queries."""
    policy = policies.of_person(session, person_id, min(today, date(year, 12, 31)))
    rule = policies.rule(policy)
    awards = session.scalars(
        sa.select(Award)
        .where(Award.person_id == person_id, Award.year == year)
        .order_by(Award.earned_at.desc(), Award.id.desc())
    ).all()
    counting = counted((award for award in awards if award.state in COUNTED), rule)
    lines = counted((award for award in awards if award.state in IN_FORCE), rule).lines
    pending = dict.fromkeys(SubjectKind, _ZERO)
    for award in awards:
        if award.state in PENDING:
            pending[SubjectKind(award.subject_kind)] += award.hours
    months = _by_month([award for award in awards if award.state in COUNTED], lines, year)
    return Year(year, policy, rule, counting, lines, pending, awards, months)


def _by_month(
    awards: Sequence[Award], lines: Mapping[int, Line], year: int
) -> dict[SubjectKind, list[Decimal]]:
    """Twelve months, and those of the next year in which a window was used."""
    at = {award.id: (award.day.year - year) * 12 + award.day.month - 1 for award in awards}
    months = {kind: [_ZERO] * max([12, *(n + 1 for n in at.values())]) for kind in SubjectKind}
    for award in awards:
        months[SubjectKind(award.subject_kind)][at[award.id]] += lines[award.id].counted
    return months


def counted(awards: Iterable[Award], rule: CreditRule) -> Counting:
    """What of a person's awards of one year counts, in the order in which they were verified.

    So whatever is verified later takes nothing from what counted before, and a statement of the
    year stays true for the awards it names. Awards that wait stand at the end of the line.
    """
    return count(map(_item, awards), rule)


def _item(award: Award) -> Item:
    return Item(
        award_id=award.id,
        source_kind=award.source_kind,
        activity=award.activity,
        subject_kind=SubjectKind(award.subject_kind),
        day=award.day,
        hours=award.hours,
        order=award.decided_at if award.state in COUNTED and award.decided_at else LAST,
    )


def credited(session: Session, person_id: int, new: Item) -> int:
    """The year for which new learning counts; see ``rules.credited_year``.

    The year before lacks only what this learning can still fill there, under its caps. Hours
    that wait for a decision fill it too: nobody is to earn them twice over. Within a window the
    person's row stays locked until the transaction ends, so that two awards at once cannot both
    fill the same gap.
    """
    kind, day = new.subject_kind, new.day
    before = policies.find_of_person(session, person_id, date(day.year - 1, 12, 31))
    if before is None or not (rule := policies.rule(before)).window_open(kind, day):
        return day.year
    session.execute(sa.select(Person.id).where(Person.id == person_id).with_for_update())
    found = session.scalars(
        sa.select(Award).where(
            Award.person_id == person_id,
            Award.year == day.year - 1,
            Award.state.in_(IN_FORCE),
        )
    )
    items = [_item(award) for award in found]
    missing = count(items, rule).standing.kinds[kind].missing
    fills = count([*items, new], rule).lines[new.award_id].counted
    return credited_year(day, kind, rule, min(missing, fills))


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
