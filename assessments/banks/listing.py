"""A bank's questions by page: one query for the page, one for the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.banks.models import BankCell, BankQuestion
from assessments.banks.states import QuestionState
from assessments.questions import QuestionKind

Member = TypeVar("Member", bound=StrEnum)

PAGE = 50
MOST_POINTS = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a bank is asked for; None and "": everything. ``before``: ids smaller than this."""

    point: str | None = None
    kind: QuestionKind | None = None
    difficulty: int | None = None
    state: QuestionState | None = None
    text: str = ""
    before: int | None = None

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> Filter:
        """From an address: what it can't mean is left out."""
        difficulty, before = sent.get("difficulty", ""), sent.get("before", "")
        return cls(
            point=sent["point"][:60] if sent.get("point") else None,
            kind=_member(QuestionKind, sent.get("kind", "")),
            difficulty=int(difficulty) if difficulty in {"1", "2", "3", "4", "5"} else None,
            state=_member(QuestionState, sent.get("state", "")),
            text=sent.get("text", "").strip()[:100].replace("\0", ""),
            before=int(before)
            if before.isascii() and before.isdecimal() and len(before) < 10
            else None,
        )

    @property
    def address(self) -> dict[str, str]:
        """As it stands in an address, without the page."""
        named = {
            "point": self.point, "kind": self.kind, "difficulty": self.difficulty,
            "state": self.state, "text": self.text,
        }  # fmt: skip
        return {name: str(value) for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Page:
    """Questions of a bank, the newest first.

    Attributes:
        total: how many there are in all under the filter, on every page alike.
        next: ``before`` of the next page, or None.
    """

    questions: Sequence[BankQuestion]
    total: int
    next: int | None


def page(session: Session, bank_id: int, wanted: Filter) -> Page:
    """One page of what is asked for."""
    where = _where(bank_id, wanted)
    query = sa.select(BankQuestion).where(*where).order_by(BankQuestion.id.desc()).limit(PAGE + 1)
    if wanted.before is not None:
        query = query.where(BankQuestion.id < wanted.before)
    found = session.scalars(query).all()
    total = session.scalar(sa.select(sa.func.count()).select_from(BankQuestion).where(*where))
    more = len(found) > PAGE
    return Page(found[:PAGE], total or 0, found[PAGE - 1].id if more else None)


def ids(session: Session, bank_id: int, wanted: Filter, most: int) -> Sequence[int]:
    """All ids under a filter, up to one more than ``most``."""
    query = sa.select(BankQuestion.id).where(*_where(bank_id, wanted))
    return session.scalars(query.order_by(BankQuestion.id).limit(most + 1)).all()


def points(session: Session, bank_id: int) -> Sequence[str]:
    """The knowledge points that a bank's questions have."""
    query = sa.select(BankQuestion.point).where(
        BankQuestion.bank_id == bank_id, BankQuestion.point != ""
    )
    return session.scalars(query.distinct().order_by(BankQuestion.point).limit(MOST_POINTS)).all()


def counts(session: Session, bank_ids: Sequence[int]) -> dict[int, int]:
    """How many accepted questions some banks have, without counting questions."""
    query = sa.select(BankCell.bank_id, sa.func.sum(BankCell.count)).where(
        BankCell.bank_id.in_(bank_ids)
    )
    return {bank: int(count) for bank, count in session.execute(query.group_by(BankCell.bank_id))}


def _where(bank_id: int, wanted: Filter) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = [BankQuestion.bank_id == bank_id]
    if wanted.point is not None:
        where.append(BankQuestion.point == wanted.point)
    if wanted.kind is not None:
        where.append(BankQuestion.kind == wanted.kind)
    if wanted.difficulty is not None:
        where.append(BankQuestion.difficulty == wanted.difficulty)
    if wanted.state is not None:
        where.append(BankQuestion.state == wanted.state)
    if wanted.text:
        where.append(BankQuestion.stem.contains(wanted.text, autoescape=True))
    return where


def _member(values: type[Member], text: str) -> Member | None:
    try:
        return values(text)
    except ValueError:
        return None
