"""Banks and who may do what in them.

- Who keeps a bank (its owner, and the editors whom the owner lets in) may read and write it all,
  and review what others wrote.
- A shared bank is read by every author, and every author may bring questions; they change their
  own alone.
- Reviewers read every bank and review what they did not write.
- For everybody else there is no such bank.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.banks.models import Bank, BankEditor, BankKind, BankQuestion
from zhixin import paging
from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.paging import Page
from zhixin.people.models import Person, Role, RoleGrant

MOST_EDITORS = 30


@dataclass(frozen=True, slots=True)
class Held:
    """A bank as one person has it."""

    bank: Bank
    person_id: int
    keeps: bool
    brings: bool  # may add questions
    reviews: bool

    def may_edit(self, question: BankQuestion) -> bool:
        return self.keeps or (self.brings and question.writer_id == self.person_id)

    def may_review(self, question: BankQuestion) -> bool:
        """Nobody reviews what they wrote."""
        return self.reviews and question.writer_id != self.person_id


def get(session: Session, bank_id: int, person: Person) -> Held:
    """A bank that this person may read.

    Raises:
        NotFound: there is none, or it is not for them.
    """
    bank = session.get(Bank, bank_id)
    if bank is None:
        raise NotFound
    keeps = bank.owner_id == person.id or session.get(BankEditor, (bank.id, person.id)) is not None
    author, reviewer = Role.AUTHOR in person.roles, Role.REVIEWER in person.roles
    shared = bank.kind == BankKind.SHARED and author
    if not (keeps or shared or reviewer):
        raise NotFound
    return Held(bank, person.id, keeps, author and (keeps or shared), keeps or reviewer)


def drawn_by(session: Session, bank_id: int, person_ids: Collection[int]) -> Bank:
    """A bank from which a paper of these authors may be drawn: one of them has it.

    Raises:
        NotFound: there is none for them.
    """
    bank = next((each for each in drawable(session, person_ids) if each.id == bank_id), None)
    if bank is None:
        raise NotFound("没有这个题库，或您不能使用它")
    return bank


def drawable(session: Session, person_ids: Collection[int]) -> Sequence[Bank]:
    """The banks from which a paper of these authors may be drawn."""
    edited = sa.select(BankEditor.bank_id).where(BankEditor.person_id.in_(person_ids))
    return session.scalars(
        sa.select(Bank)
        .where(
            sa.or_(
                Bank.owner_id.in_(person_ids),
                Bank.id.in_(edited),
                Bank.kind == BankKind.SHARED,
            )
        )
        .order_by(Bank.title, Bank.id)
    ).all()


def of_person(session: Session, person: Person, number: int = 1) -> Page[Bank]:
    """A page of the banks that this person may read, the newest first."""
    query = sa.select(Bank).order_by(Bank.id.desc())
    if Role.REVIEWER not in person.roles:
        mine = sa.select(BankEditor.bank_id).where(BankEditor.person_id == person.id)
        query = query.where(
            sa.or_(Bank.owner_id == person.id, Bank.id.in_(mine), Bank.kind == BankKind.SHARED)
        )
    return paging.of(session, query, number)


def create(
    session: Session,
    *,
    owner_id: int,
    title: str,
    kind: str,
    field_code: str,
    fields: Mapping[str, str],
    now: datetime,
) -> Bank:
    """A new bank without questions.

    Args:
        fields: those in force, by code: whoever composes the application knows them.

    Raises:
        Invalid: no title, no such kind or field.
    """
    bank = Bank(owner_id=owner_id, created_at=now)
    _describe(bank, title, kind, field_code, fields)
    session.add(bank)
    session.flush()
    return bank


def describe(
    session: Session,
    held: Held,
    *,
    title: str,
    kind: str,
    field_code: str,
    fields: Mapping[str, str],
) -> None:
    """Change what a bank is called, whose it is and its field.

    Raises:
        NotAllowed: not who owns it. Invalid: as for :func:`create`.
    """
    _owner_only(held)
    kept = {held.bank.field_code: ""}  # a field that is past may stay
    _describe(held.bank, title, kind, field_code, {**kept, **fields})
    session.flush()


def _describe(
    bank: Bank, title: str, kind: str, field_code: str, fields: Mapping[str, str]
) -> None:
    title = " ".join(title.split())
    if not 1 <= len(title) <= 200 or not title.isprintable():
        raise Invalid("请填写题库名称，不超过 200 字")
    if kind not in list(BankKind):
        raise Invalid("请选择题库由谁使用")
    if field_code not in fields:
        raise Invalid("请选择题库所属的领域")
    bank.title, bank.kind, bank.field_code = title, BankKind(kind), field_code


def editors(session: Session, bank: Bank) -> Sequence[Person]:
    """Who keeps the bank beside its owner."""
    query = sa.select(Person).join(BankEditor, BankEditor.person_id == Person.id)
    return session.scalars(query.where(BankEditor.bank_id == bank.id).order_by(Person.id)).all()


def let_in(session: Session, held: Held, sign_in_name: str) -> None:
    """Let another author keep the bank; who is in stays.

    Raises:
        NotAllowed: not the owner. Invalid: no such author. Conflict: too many.
    """
    _owner_only(held)
    person = session.scalar(
        sa.select(Person)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(Person.sign_in_name == sign_in_name.strip().lower(), RoleGrant.role == Role.AUTHOR)
    )
    # One answer for all: who has an account here is nobody's business.
    if person is None or person.id == held.bank.owner_id:
        raise Invalid("没有这个登录名的课程作者，或这就是您自己", code="author-unknown")
    known = {each.id for each in editors(session, held.bank)}
    if person.id in known:
        return
    if len(known) >= MOST_EDITORS:
        raise Conflict(f"一个题库最多 {MOST_EDITORS} 位共同维护人", code="too-many-authors")
    session.add(BankEditor(bank_id=held.bank.id, person_id=person.id))
    session.flush()


def take_out(session: Session, held: Held, person_id: int) -> None:
    """Take an editor out: the owner anybody, everybody themselves.

    Raises:
        NotAllowed: another's, and not the owner. NotFound: they are not in.
    """
    if held.person_id != person_id:
        _owner_only(held)
    found = session.get(BankEditor, (held.bank.id, person_id))
    if found is None:
        raise NotFound("没有这位共同维护人")
    session.delete(found)
    session.flush()


def _owner_only(held: Held) -> None:
    if held.bank.owner_id != held.person_id:
        raise NotAllowed("只有题库的创建人可以这样做")
