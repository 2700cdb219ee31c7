"""A year's statements for everybody: in chunks, each of them one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.certificates import issuing
from zhixin.certificates.issuer import Issuer
from zhixin.certificates.models import Certificate
from zhixin.hours import areas, policies
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.people.models import Person


@dataclass(frozen=True)
class Issued:
    """What became of a chunk of people."""

    certificates: Sequence[Certificate]  # the new ones
    replaced: int  # of them, how many took an older one's place
    unchanged: int  # had a statement already that says the same


def people(session: Session, year: int, after: int, limit: int) -> Sequence[int]:
    """Ids of people with recorded hours in ``year``, in order, above ``after``."""
    return session.scalars(
        sa.select(Award.person_id)
        .where(Award.year == year, Award.state == State.RECORDED, Award.person_id > after)
        .distinct()
        .order_by(Award.person_id)
        .limit(limit)
    ).all()


def count(session: Session, year: int) -> int:
    """How many people have recorded hours in ``year``."""
    found = session.scalar(
        sa.select(sa.func.count(sa.distinct(Award.person_id))).where(
            Award.year == year, Award.state == State.RECORDED
        )
    )
    return found or 0


def issue_many(
    session: Session, person_ids: Sequence[int], year: int, *, issuer: Issuer, now: datetime
) -> Issued:
    """Annual statements of these people, in a bounded number of queries.

    Done again, it changes nothing: who has a statement that says the same keeps it.
    """
    in_force, tree = policies.of_areas(session, issuing.day_of(year, now)), areas.load(session)
    persons = session.scalars(sa.select(Person).where(Person.id.in_(person_ids))).unique()
    by_id = {person.id: person for person in persons}
    drafts = [
        issuing.annual_draft(person, awards, year, found[1])
        for person_id, awards in issuing.recorded(session, person_ids, year, year).items()
        if (found := tree.nearest((person := by_id[person_id]).employer_id, in_force))
    ]
    before = issuing.in_force(session, [draft.key for draft in drafts])
    wanted = [
        draft
        for draft in drafts
        if (held := before.get(draft.key)) is None or not issuing.says_the_same(held, draft)
    ]
    replaced = [before[draft.key] for draft in wanted if draft.key in before]
    for certificate in replaced:
        issuing.revoke(session, certificate, issuing.REPLACED, now)
    made = issuing.issue(session, wanted, issuer, now) if wanted else []
    return Issued(made, len(replaced), len(drafts) - len(wanted))
