"""Areas of policies: the whole city, or an organisation that has rules of its own.

For a person the nearest area above their employer counts that has a policy in force, and the
city's otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.errors import NotAllowed
from zhixin.people import organisations
from zhixin.people.administration import Reach
from zhixin.people.models import Organisation, OrganisationKind, Person

CITY = "city"
_PREFIX = "organisation:"
#: Organisations that may have rules of their own.
OF_THEIR_OWN = (OrganisationKind.BUREAU, OrganisationKind.DISTRICT)

T = TypeVar("T")


def of(organisation_id: int) -> str:
    """The area of an organisation and all below it."""
    return f"{_PREFIX}{organisation_id}"


def organisation_id(area: str) -> int | None:
    """The organisation of an area; None for the city."""
    return None if area == CITY else int(area.removeprefix(_PREFIX))


def within(area: str, reach: Reach) -> bool:
    """May somebody with this reach write rules for ``area``?"""
    return reach is None or (area != CITY and organisation_id(area) in reach)


def require(session: Session, area: str, reach: Reach) -> None:
    """Refuse an area that does not exist, or that is not this administrator's.

    Raises:
        NotAllowed: it is neither the city nor a bureau or district within reach.
    """
    if area not in dict(choices(session, reach)):
        raise NotAllowed("只能为您管理的主管部门、区县或全市起草学时规则", code="area-not-yours")


def choices(session: Session, reach: Reach) -> list[tuple[str, str]]:
    """Areas that an administrator may write rules for, with their names."""
    tree = organisations.tree(session, reach)
    own = [(of(each.id), each.name) for each, _depth in tree if each.kind in OF_THEIR_OWN]
    return [(CITY, "全市"), *own] if reach is None else own


def names(session: Session, areas: Sequence[str]) -> dict[str, str]:
    """What areas are called."""
    ids = {id for area in areas if (id := organisation_id(area)) is not None}
    rows = session.execute(
        sa.select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids))
    )
    return {CITY: "全市", **{of(id): name for id, name in rows}}


def above(person_id: int) -> sa.CTE:
    """The areas over a person, with how far away each is: columns ``area`` and ``depth``."""
    start = (
        sa.select(Organisation.id, Organisation.parent_id, sa.literal(0).label("depth"))
        .join(Person, Person.employer_id == Organisation.id)
        .where(Person.id == person_id)
        .cte("above", recursive=True)
    )
    parent = sa.alias(Organisation.__table__, "parent")
    tree = start.union_all(
        sa.select(parent.c.id, parent.c.parent_id, start.c.depth + 1).join(
            start, parent.c.id == start.c.parent_id
        )
    )
    area = sa.literal(_PREFIX).concat(sa.cast(tree.c.id, sa.String)).label("area")
    return sa.select(area, tree.c.depth).cte("areas")


@dataclass(frozen=True)
class Tree:
    """All organisations at once, for many people."""

    parents: Mapping[int, int | None]

    def nearest(self, employer_id: int | None, in_force: Mapping[str, T]) -> tuple[str, T] | None:
        """The area over people of an employer whose rules count for them, and those rules."""
        for area in self._above(employer_id):
            if (found := in_force.get(area)) is not None:
                return area, found
        return None

    def _above(self, id: int | None) -> Iterator[str]:
        while id is not None:
            yield of(id)
            id = self.parents.get(id)
        yield CITY


def load(session: Session) -> Tree:
    """The tree of organisations as it is now."""
    rows = session.execute(sa.select(Organisation.id, Organisation.parent_id))
    return Tree(dict(rows.all()))
