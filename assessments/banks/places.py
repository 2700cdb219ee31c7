"""Where accepted questions are drawn: cells whose places have no hole.

Whoever changes places holds the bank's row, so that two of them never meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from assessments.banks.models import Bank, BankCell, BankQuestion, BankVersion
from zhixin.errors import Conflict


class SameQuestion(Conflict):
    """The bank has the very question among its accepted ones."""

    code = "same-question"
    title = "题库中已有完全相同的题目"


def hold(session: Session, bank_id: int) -> None:
    """Wait until nobody else changes the bank's places."""
    session.execute(sa.select(Bank.id).where(Bank.id == bank_id).with_for_update())


def enter(session: Session, accepted: Sequence[tuple[BankQuestion, BankVersion]]) -> None:
    """Draw these versions from now on. The caller holds the bank, which is the same for all.

    Raises:
        SameQuestion: an accepted question shows the very same; nothing is changed.
    """
    prints = Counter(version.print for _question, version in accepted)
    if max(prints.values(), default=0) > 1:
        raise SameQuestion("其中有完全相同的题目，不能同时通过")
    try:
        with session.begin_nested():  # what is pending is written before it begins
            for question, version in accepted:
                _enter(session, question, version)
            session.flush()
    except IntegrityError:
        raise SameQuestion("题库中已有一道完全相同的题目，不能重复通过") from None


def _enter(session: Session, question: BankQuestion, version: BankVersion) -> None:
    leave(session, question)
    cell = _cell(session, question, version)
    question.cell_id, question.place = cell.id, cell.count
    question.accepted_number, question.accepted_print = version.number, version.print
    cell.count += 1


def leave(session: Session, question: BankQuestion) -> None:
    """Draw it no more: the last of its cell takes its place. The caller holds the bank."""
    if question.cell_id is None or question.place is None:
        return
    cell = session.get_one(BankCell, question.cell_id, populate_existing=True)
    hole, last = question.place, cell.count - 1
    question.cell_id = question.place = question.accepted_number = question.accepted_print = None
    cell.count = last
    session.flush()
    if hole != last:
        moved = sa.update(BankQuestion).where(
            BankQuestion.cell_id == cell.id, BankQuestion.place == last
        )
        session.execute(
            moved.values(place=hole), execution_options={"synchronize_session": "fetch"}
        )


def _cell(session: Session, question: BankQuestion, version: BankVersion) -> BankCell:
    at = {
        "bank_id": question.bank_id,
        "point": version.point,
        "kind": question.kind,
        "difficulty": version.difficulty,
    }
    cell = session.scalar(sa.select(BankCell).filter_by(**at))
    if cell is None:
        cell = BankCell(count=0, **at)
        session.add(cell)
        session.flush()
    return cell
