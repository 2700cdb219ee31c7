"""What waits for an auditor and what was decided, in pages that never grow slower.

Pages go on from the last row's key, not from a count of rows, and read one index in its order.
Index conditions are written out (no bound values): only so can a planner see that a partial
index covers them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload, lazyload
from sqlalchemy.orm.strategy_options import _AbstractLoad as LoaderOption

from zhixin.errors import Invalid
from zhixin.hours.models import Appeal, Award, EvidenceCheck, Proposal
from zhixin.hours.states import IN_FORCE, AppealState, ProposalState, State
from zhixin.people import accounts
from zhixin.people.models import Organisation, Person, Role

PAGE_SIZE = 30
#: Of so few people everything is read and sorted: along an index their awards lie too far apart.
FEW = 300
#: Nobody needs to know how many more; counting them all would cost what paging saves.
COUNTED_TO = 1000


class Tab(StrEnum):
    """The parts of the desk."""

    WAITING = "waiting"  # held first, then by risk
    APPEALS = "appeals"
    PROPOSALS = "proposals"
    RECORDED = "recorded"
    REJECTED = "rejected"
    REVERSED = "reversed"
    CORRECTED = "corrected"
    VERIFIED = "verified"


@dataclass(frozen=True)
class Filters:
    """What an auditor wants to see; empty: everything.

    Attributes:
        unit: part of an organisation's name; it and all below it.
        field: code of a field.
        source: kind of source.
        flag: code of a flag.
    """

    unit: str = ""
    field: str = ""
    source: str = ""
    flag: str = ""

    @classmethod
    def of(cls, asked: Any) -> Self:
        """From what stands in an address."""
        return cls(**{each.name: asked.get(each.name, "").strip()[:64] for each in fields(cls)})

    def __bool__(self) -> bool:
        return self != Filters()

    def given(self) -> dict[str, str]:
        """Those that are set, for an address."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name))}


@dataclass(frozen=True)
class Listing:
    awards: Sequence[Award]
    more: str | None  # key of the next page


@dataclass(frozen=True)
class Counts:
    """How many things wait, at most ``COUNTED_TO``, and how many of them are overdue."""

    waiting: int
    appeals: int
    proposals: int
    overdue: int


def visible(session: Session, auditor: Person) -> list[sa.ColumnElement[bool]]:
    """An auditor of a district sees the people of its employers, one of the city everyone."""
    scope = accounts.scope(session, auditor, Role.AUDITOR)
    return [] if scope is None else [Person.employer_id.in_(scope)]


def learner() -> LoaderOption:
    """Load an award's learner with the employer, and not the learner's own roles."""
    return joinedload(Award.person).options(lazyload(Person.grants))


def page(
    session: Session, auditor: Person, tab: Tab, filters: Filters, after: str | None
) -> Listing:
    """One page of awards.

    Args:
        after: key of the last row of the page before; None: the first page.

    Raises:
        Invalid: ``after`` is no such key.
    """
    conditions = _conditions(filters)
    whose = [*visible(session, auditor), *_employed(session, filters)]
    few = False
    if whose:
        ids = session.scalars(sa.select(Person.id).where(*whose).limit(FEW + 1)).all()
        if few := len(ids) <= FEW:
            whose = [Award.person_id.in_(ids)]
    reach = _Reach(conditions, whose, few)
    if tab is not Tab.WAITING:
        decided = _Order(State(tab.value), (Award.decided_at, Award.id), newest_first=True)
        return _page(session, (decided,), reach, after)
    orders = (
        _Order(State.HELD, (Award.due_at, Award.id)),
        _Order(State.EARNED, (Award.calm, Award.earned_at, Award.id)),
    )
    return _page(session, orders, reach, after)


@dataclass(frozen=True)
class _Reach:
    """What is asked for, and of whose awards; ``few``: so few people that theirs are all read."""

    conditions: list[sa.ColumnElement[bool]]
    whose: list[sa.ColumnElement[bool]]
    few: bool


@dataclass(frozen=True)
class _Order:
    """Awards of one state along an index."""

    state: State
    columns: tuple[sa.orm.InstrumentedAttribute[Any], ...]
    newest_first: bool = False

    def key(self, award: Award) -> str:
        values = (getattr(award, column.key) for column in self.columns)
        texts = (v.isoformat() if isinstance(v, datetime) else str(v) for v in values)
        return "_".join((self.state.value, *texts))

    def after(self, key: str) -> sa.ColumnElement[bool]:
        texts = key.split("_")[1:]
        if len(texts) != len(self.columns):
            raise Invalid("翻页位置有误，请从第一页开始")
        try:
            values = [
                sa.bindparam(None, _value(text, column), column.type)
                for text, column in zip(texts, self.columns, strict=True)
            ]
        except (ValueError, OverflowError):
            raise Invalid("翻页位置有误，请从第一页开始") from None
        here, there = sa.tuple_(*self.columns), sa.tuple_(*values)
        return here < there if self.newest_first else here > there

    def query(self, reach: _Reach) -> sa.Select[Award]:
        order = [c.desc() if self.newest_first else c.asc() for c in self.columns]
        # A function of the state hides it from the planner, who then begins with the people.
        state = sa.func.coalesce(Award.state, "") if reach.few else Award.state
        return (
            sa.select(Award)
            .join(Person, Person.id == Award.person_id)
            .where(in_state(state, self.state), *reach.whose, *reach.conditions)
            .options(learner())
            .order_by(*order)
        )


def _value(text: str, column: sa.orm.InstrumentedAttribute[Any]) -> Any:
    if isinstance(column.type, sa.Integer):
        number = int(text)
        if abs(number) >= 2**31:
            raise ValueError
        return number
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant


def _page(
    session: Session,
    orders: Sequence[_Order],
    reach: _Reach,
    after: str | None,
) -> Listing:
    """The next rows along ``orders``, one after the other."""
    begin = 0
    if after is not None:
        states = [order.state.value for order in orders]
        if (state := after.split("_")[0]) not in states:
            raise Invalid("翻页位置有误，请从第一页开始")
        begin = states.index(state)
    found: list[Award] = []
    keys: list[str] = []
    for place, order in enumerate(orders[begin:], begin):
        where = [order.after(after)] if after is not None and place == begin else []
        wanted = PAGE_SIZE + 1 - len(found)
        rows = session.scalars(order.query(reach).where(*where).limit(wanted)).all()
        found += rows
        keys += [order.key(award) for award in rows]
        if len(found) > PAGE_SIZE:
            break
    more = keys[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None
    return Listing(found[:PAGE_SIZE], more)


def in_state(column: Any, state: StrEnum) -> sa.ColumnElement[bool]:
    """``column = 'state'`` written out, for partial indexes."""
    written: sa.ColumnElement[bool] = column == sa.literal_column(f"'{state.value}'")
    return written


def _employed(session: Session, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """The people of organisations whose name is like that, and of all below them."""
    if not filters.unit:
        return []
    named = session.scalars(
        sa.select(Organisation.id)
        .where(Organisation.name.contains(filters.unit, autoescape=True))
        .limit(200)
    )
    return [Person.employer_id.in_(session.scalars(accounts.below(named)).all())]


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    """Each with the words of the index that serves it (``ix_award_flagged``, ``…_elsewhere``)."""
    conditions: list[sa.ColumnElement[bool]] = []
    if filters.field:
        conditions.append(Award.field_code == filters.field)
    if filters.source:
        conditions.append(Award.source_kind == filters.source)
        if filters.source != "course":
            conditions.append(Award.source_kind != sa.literal_column("'course'"))
    if filters.flag:
        flags = sa.cast(Award.flags, sa.Text)
        conditions.append(Award.calm < sa.literal_column("0"))
        conditions.append(flags.contains(f'"{filters.flag}"', autoescape=True))
    return conditions


def counts(session: Session, auditor: Person, now: datetime) -> Counts:
    """The numbers on the tabs, in one query of bounded cost."""
    mine = visible(session, auditor)
    held = _some(Award.person_id, mine, in_state(Award.state, State.HELD))
    earned = _some(Award.person_id, mine, in_state(Award.state, State.EARNED))
    appeals = (Appeal.person_id, mine, in_state(Appeal.state, AppealState.OPEN))
    proposals = in_state(Proposal.state, ProposalState.OPEN)
    row = session.execute(
        sa.select(
            held,
            earned,
            _some(*appeals),
            _some_proposals(mine, proposals),
            _some(Award.person_id, mine, in_state(Award.state, State.HELD), Award.due_at < now),
            _some(*appeals, Appeal.due_at < now),
            _some_proposals(mine, proposals, Proposal.due_at < now),
        )
    ).one()
    return Counts(min(row[0] + row[1], COUNTED_TO), row[2], row[3], min(sum(row[4:]), COUNTED_TO))


def _some(
    person_id: Any, mine: list[sa.ColumnElement[bool]], *where: sa.ColumnElement[bool]
) -> sa.ScalarSelect[int]:
    query = sa.select(sa.literal(1)).select_from(person_id.class_).where(*where)
    if mine:
        query = query.join(Person, Person.id == person_id).where(*mine)
    return _counted(query)


def _some_proposals(
    mine: list[sa.ColumnElement[bool]], *where: sa.ColumnElement[bool]
) -> sa.ScalarSelect[int]:
    query = sa.select(sa.literal(1)).select_from(Proposal).where(*where)
    if mine:
        query = query.join(Award, Award.id == Proposal.award_id)
        query = query.join(Person, Person.id == Award.person_id).where(*mine)
    return _counted(query)


def _counted(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    bounded = query.limit(COUNTED_TO).subquery()
    return sa.select(sa.func.count()).select_from(bounded).scalar_subquery()


def appeals(session: Session, auditor: Person) -> Sequence[Appeal]:
    """Open appeals, the most urgent first."""
    return session.scalars(
        sa.select(Appeal)
        .join(Person, Person.id == Appeal.person_id)
        .where(in_state(Appeal.state, AppealState.OPEN), *visible(session, auditor))
        .options(joinedload(Appeal.award).options(learner()))
        .order_by(Appeal.due_at, Appeal.id)
        .limit(COUNTED_TO)
    ).all()


def proposals(session: Session, auditor: Person) -> Sequence[Proposal]:
    """Open proposals, the most urgent first."""
    return session.scalars(
        sa.select(Proposal)
        .join(Award, Award.id == Proposal.award_id)
        .join(Person, Person.id == Award.person_id)
        .where(in_state(Proposal.state, ProposalState.OPEN), *visible(session, auditor))
        .options(joinedload(Proposal.award).options(learner()))
        .order_by(Proposal.due_at, Proposal.id)
        .limit(COUNTED_TO)
    ).all()


def differing(session: Session, auditor: Person) -> Sequence[Award]:
    """Awards in force whose last rebuilding from the raw records, or last holding against the
    log, differed."""
    # By itself, so that it begins with the few that differ.
    ids = session.scalars(EvidenceCheck.differing().limit(COUNTED_TO)).all()
    if not ids:
        return []
    return session.scalars(
        sa.select(Award)
        .join(Person, Person.id == Award.person_id)
        .where(Award.id.in_(ids), Award.state.in_(IN_FORCE), *visible(session, auditor))
        .options(learner())
        .order_by(Award.id)
        .limit(PAGE_SIZE)
    ).all()
