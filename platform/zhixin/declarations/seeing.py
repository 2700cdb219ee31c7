"""Who may see what of a declaration: its files, its deciders' names, others like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin.declarations import desks
from zhixin.declarations.likeness import Alike
from zhixin.declarations.models import Declaration, DeclarationStep, Proof
from zhixin.errors import NotFound
from zhixin.people import accounts
from zhixin.people.models import Person, Role


def proof(session: Session, person: Person, declaration_id: int, proof_id: int) -> Proof:
    """A file of a declaration: for its learner, its desks, and the auditors of its hours.

    Raises:
        NotFound: there is none, or not for this person.
    """
    found = session.execute(
        sa.select(Proof, Declaration)
        .join(Declaration, Declaration.id == Proof.declaration_id)
        .where(Proof.id == proof_id, Declaration.id == declaration_id)
        .options(joinedload(Declaration.person))
    ).one_or_none()
    if found is None or not _may_see(session, person, found[1]):
        raise NotFound
    file: Proof = found[0]
    return file


def _may_see(session: Session, person: Person, declaration: Declaration) -> bool:
    if declaration.person_id == person.id or desks.seen_from(session, person, declaration):
        return True
    if declaration.award_id is None or Role.AUDITOR not in person.roles:
        return False
    scope = accounts.scope(session, person, Role.AUDITOR)
    return scope is None or declaration.person.employer_id in scope


def names(session: Session, steps: Sequence[DeclarationStep]) -> dict[int, str]:
    """Names of those who took these steps, by their ids."""
    ids = {step.actor_id for step in steps} - {None}
    rows = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids)))
    return dict(rows.all())


@dataclass(frozen=True)
class Other:
    """A declaration like the one looked at; None: out of the looker's sight."""

    declaration: Declaration | None
    same_days: bool
    same_proof: bool


def others(session: Session, person: Person, alike: Alike) -> list[Other]:
    """What is alike, as much of it as ``person`` may see."""
    ids = sorted(alike.overlapping | alike.reusing)[:20]
    seen = desks.visible(session, person, ids)
    return [
        Other(seen.get(number), number in alike.overlapping, number in alike.reusing)
        for number in ids
    ]
