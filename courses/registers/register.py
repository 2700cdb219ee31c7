"""Keeping the registers: administrators of the whole city write, authors propose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from courses import fields
from courses.models import Field
from courses.registers import entries
from courses.registers.entries import Problem, Register, Values
from courses.registers.models import Expert, Textbook
from courses.registers.states import ENTRY_STEPS, EntryState, EntryStep
from zhixin import acts
from zhixin.errors import Conflict, Invalid, NotFound

PAGE = 50
Entry = Expert | Textbook


class EntryRefused(Invalid):
    """``problems`` says what is wrong with which field."""

    def __init__(self, register: Register, problems: Sequence[Problem]) -> None:
        self.problems = problems
        said = "；".join(f"{register.columns[each.field]}：{each.said}" for each in problems)
        super().__init__(said)


def known(session: Session) -> dict[str, str]:
    return entries.known(session.scalars(sa.select(Field)).all())


def write(
    session: Session,
    register: Register,
    values: Values,
    *,
    entry: Entry | None = None,
    person_id: int,
    state: EntryState = EntryState.IN_FORCE,
    address: str | None = None,
    now: datetime,
) -> Entry:
    """A new entry, or ``entry`` with other facts; it goes on the trail.

    Raises:
        EntryRefused: with all that is wrong. Conflict: there is one like it.
    """
    facts, problems = register.read(values, known(session))
    if problems:
        raise EntryRefused(register, problems)
    return put(session, register, facts, entry, person_id, state, address, now)


def put(
    session: Session,
    register: Register,
    facts: dict[str, Any],
    entry: Entry | None,
    person_id: int,
    state: EntryState,
    address: str | None,
    now: datetime,
) -> Entry:
    """The same for facts that were read."""
    like = same(session, register, facts)
    if like is not None and (entry is None or like.id != entry.id):
        raise Conflict("登记中已有同样的记录（专家按姓名和单位，教材按 ISBN 或书名、出版社和版次）")
    act = "edit" if entry is not None else "create"
    if entry is None:
        entry = register.model(
            **facts, state=state, proposed_by_id=person_id, created_at=now, updated_at=now
        )
        try:
            with session.begin_nested():
                session.add(entry)
        except IntegrityError:
            raise Conflict("登记中已有同样的记录") from None
    else:
        for name, value in facts.items():
            setattr(entry, name, value)
        entry.updated_at = now
        session.flush()
    _note(session, register, entry, act, person_id, None, address, now)
    return entry


def same(session: Session, register: Register, facts: dict[str, Any]) -> Entry | None:
    """The entry that is the same expert or book."""
    for names in register.same:
        if all(facts[name] not in (None, "") for name in names[:2]):
            query = sa.select(register.model).where(
                *(getattr(register.model, name) == facts[name] for name in names)
            )
            found: Entry | None = session.scalars(query.limit(1)).first()
            if found is not None:
                return found
    return None


def get(session: Session, register: Register, entry_id: int) -> Entry:
    """An entry.

    Raises:
        NotFound: there is none.
    """
    found: Entry | None = session.get(register.model, entry_id)
    if found is None:
        raise NotFound("没有这条记录")
    return found


def step(
    session: Session,
    register: Register,
    entry_id: int,
    what: EntryStep,
    *,
    person_id: int,
    reason: str,
    address: str | None,
    now: datetime,
) -> Entry:
    """Accept, decline or retire an entry.

    Raises:
        NotFound: there is none. Invalid: declined without a reason. Conflict: no such step now.
    """
    entry = get(session, register, entry_id)
    session.refresh(entry, with_for_update=True)
    reason = reason.strip()[:300]
    if what == EntryStep.DECLINE and not reason:
        raise Invalid("请填写不采纳的理由")
    entry.state = ENTRY_STEPS.after(EntryState(entry.state), what)
    entry.updated_at = now
    session.flush()
    _note(session, register, entry, f"{what}-entry", person_id, reason or None, address, now)
    return entry


def find(
    session: Session,
    register: Register,
    text: str,
    *,
    state: EntryState | None = None,
    page: int = 1,
    size: int = PAGE,
) -> Sequence[Entry]:
    """Entries with ``text`` in one of their short fields; one more than ``size`` if there are
    more. What was proposed comes first."""
    model = register.model
    query = sa.select(model)
    if state is not None:
        query = query.where(model.state == state)
    names = [name for name in register.columns if name in _SEARCHED]
    for word in text.split()[:5]:
        columns = (getattr(model, name) for name in names)
        query = query.where(sa.or_(*(each.icontains(word, autoescape=True) for each in columns)))
    first = sa.case((model.state == EntryState.PROPOSED, 0), else_=1)
    ordered = query.order_by(first, getattr(model, names[0]), model.id)
    return session.scalars(ordered.offset((page - 1) * size).limit(size + 1)).all()


_SEARCHED = frozenset({"name", "unit", "title", "authors", "publisher", "isbn"})


def field_names(session: Session) -> dict[str, str]:
    return dict(fields.names(session))


def _note(
    session: Session,
    register: Register,
    entry: Entry,
    act: str,
    person_id: int,
    reason: str | None,
    address: str | None,
    now: datetime,
) -> None:
    acts.note(
        session, actor_id=person_id, act=act, object_kind=register.name.removesuffix("s"),
        object_id=entry.id, reason=reason, address=address, now=now,
    )  # fmt: skip
