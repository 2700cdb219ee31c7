"""A bank's questions on their way elsewhere: those that a paper may draw, and a new bank of such."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.banks import keeping, pools, writing
from assessments.banks.drawing import Cell
from assessments.banks.keeping import Held
from assessments.banks.models import Bank, BankKind, BankQuestion, BankVersion
from assessments.banks.states import QuestionState
from assessments.banks.writing import Written
from assessments.blueprints import Blueprint
from assessments.questions import QuestionKind
from zhixin.people.models import Person

_CHUNK = 500
#: Not reviewed yet; what was returned or retired goes nowhere.
_FRESH = (QuestionState.DRAFT, QuestionState.PROPOSED)


def of_pool(session: Session, blueprint: Blueprint) -> set[int]:
    """The versions that a frozen blueprint draws from.

    Raises:
        NotFound: its pool is not here.
    """
    found = pools.pool(session, blueprint.pool or "")
    return {version for ids in found.versions for version in ids}


def of_bank(
    session: Session, held: Held, blueprint: Blueprint, without: Collection[str]
) -> set[int]:
    """The versions that a blueprint may draw from now; of a bank that this person keeps also the
    newest of those that nobody reviewed yet. No two of them show the same.

    Args:
        without: questions by their prints that the paper has itself.
    """
    lines, seen = pools.lines(blueprint), set(without)
    accepted = BankQuestion.accepted_number
    going = [accepted.is_not(None)]
    if held.keeps:
        going.append(BankQuestion.state.in_(_FRESH))
    query = (
        sa.select(
            BankVersion.id, BankVersion.point, BankQuestion.kind, BankVersion.difficulty,
            BankVersion.print,
        )
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .where(
            BankQuestion.bank_id == held.bank.id,
            BankVersion.number == sa.func.coalesce(accepted, BankQuestion.newest_number),
            sa.or_(*going),
        )
        .order_by(accepted.is_(None), BankQuestion.id)
    )  # fmt: skip
    found: set[int] = set()
    for id, point, kind, difficulty, print_ in session.execute(query):
        cell = Cell(0, point, QuestionKind(kind), difficulty, 1)
        if print_ not in seen and any(line.admits(cell) for line in lines):
            seen.add(print_)
            found.add(id)
    return found


def written(session: Session, version_ids: Collection[int]) -> list[Written]:
    """These versions in the order of their questions; what shows the same is there once."""
    found: dict[str, tuple[int, int, Written]] = {}
    wanted = sorted(version_ids)
    for at in range(0, len(wanted), _CHUNK):
        query = sa.select(BankVersion).where(BankVersion.id.in_(wanted[at : at + _CHUNK]))
        for each in session.scalars(query.order_by(BankVersion.id)):
            kept = writing.document(each)
            made = Written(kept["question"], kept.get("passage"), each.point, each.difficulty)
            found.setdefault(each.print, (each.question_id, each.id, made))
    return [made for _question, _version, made in sorted(found.values(), key=lambda one: one[:2])]


def lay_down(
    session: Session,
    person: Person,
    title: str,
    field_code: str,
    brought: Sequence[Written],
    now: datetime,
) -> Bank:
    """A new bank of this person's own; its questions are drafts that a second person accepts.

    Raises:
        Invalid: the title is none. NotAllowed: this person brings no questions.
    """
    made = keeping.create(
        session, owner_id=person.id, title=title, kind=BankKind.OWN, field_code=field_code,
        fields={field_code: ""}, now=now,
    )  # fmt: skip
    writing.add(session, keeping.get(session, made.id, person), brought, now)
    return made
