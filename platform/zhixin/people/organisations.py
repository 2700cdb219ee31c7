"""The tree of organisations: city → bureaus and districts → employers."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.people import accounts
from zhixin.people.administration import Reach, chosen_organisation, reaches
from zhixin.people.models import Organisation, OrganisationKind

_PARENTS: dict[OrganisationKind, frozenset[OrganisationKind | None]] = {
    OrganisationKind.CITY: frozenset({None}),
    OrganisationKind.BUREAU: frozenset({OrganisationKind.CITY}),
    OrganisationKind.DISTRICT: frozenset({OrganisationKind.CITY}),
    OrganisationKind.EMPLOYER: frozenset(
        {OrganisationKind.CITY, OrganisationKind.BUREAU, OrganisationKind.DISTRICT}
    ),
}


def tree(session: Session, reach: Reach = None) -> list[tuple[Organisation, int]]:
    """Organisations within ``reach`` with their depth, parents before their children."""
    found = session.scalars(sa.select(Organisation).order_by(Organisation.name)).all()
    if reach is not None:
        found = [each for each in found if each.id in reach]
    ids = {each.id for each in found}
    children: dict[int | None, list[Organisation]] = {}
    for each in found:
        children.setdefault(each.parent_id if each.parent_id in ids else None, []).append(each)
    order = list(OrganisationKind)
    walked: list[tuple[Organisation, int]] = []

    def walk(parent_id: int | None, depth: int) -> None:
        for each in sorted(children.get(parent_id, ()), key=lambda o: order.index(o.kind)):
            walked.append((each, depth))
            walk(each.id, depth + 1)

    walk(None, 0)
    return walked


def add(
    session: Session, reach: Reach, *, kind: OrganisationKind, name: str, parent_id: int | None
) -> Organisation:
    """A new organisation at its proper place of the tree.

    Raises:
        Invalid: it does not belong below that parent.
        Conflict: there is one of the same name.
    """
    parent = chosen_organisation(session, parent_id, reach)
    if (parent.kind if parent else None) not in _PARENTS[kind]:
        raise Invalid("上级单位不合适：市在最上层，主管部门和区县在市之下，用人单位在它们之下")
    _refuse_same_name(session, name := accounts.checked_name(name), parent_id)
    return accounts.organisation(session, kind, name, parent)


def rename(session: Session, reach: Reach, organisation_id: int, name: str) -> None:
    """Give an organisation its new name; what was issued under the old one stays."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or not reaches(reach, organisation_id):
        raise NotFound
    name = accounts.checked_name(name)
    if name != organisation.name:
        _refuse_same_name(session, name, organisation.parent_id)
        organisation.name = name


def _refuse_same_name(session: Session, name: str, parent_id: int | None) -> None:
    # The UNIQUE constraint holds below a parent only: at the top, NULLs differ from each other.
    same = sa.select(Organisation.id).where(
        Organisation.name == name, Organisation.parent_id.is_not_distinct_from(parent_id)
    )
    if session.scalar(same):
        raise Conflict("同一上级下已有同名单位")
