"""What administrators do with people and organisations, within the reach of their role.

An administrator of one organisation reaches the people employed there and below, unless
they hold a role beyond it: else resetting a password would be a way up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid, NotAllowed, NotFound
from zhixin.people import accounts, sign_ins, tokens
from zhixin.people.models import Organisation, Person, Role, RoleGrant, TitleLevel
from zhixin.people.secrets import FieldCipher

PAGE = 25

#: Ids of the organisations that somebody administers; None: everything.
Reach = frozenset[int] | None


class LastAdministrator(Conflict):
    code = "last-administrator"
    title = "至少要保留一名启用的全局管理员"


class OneSelf(Conflict):
    code = "oneself"
    title = "不能停用自己的账号，也不能撤销自己的管理员角色；请由另一名管理员操作"


@dataclass(frozen=True)
class Listing:
    """One page of people."""

    people: Sequence[Person]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))


def reach(session: Session, administrator: Person) -> Reach:
    """What ``administrator`` administers."""
    return accounts.scope(session, administrator, Role.ADMINISTRATOR)


def reaches(reach: Reach, organisation_id: int | None) -> bool:
    return reach is None or organisation_id in reach


def find_people(
    session: Session,
    reach: Reach,
    *,
    text: str = "",
    role: Role | None = None,
    organisation_id: int | None = None,
    page: int = 1,
) -> Listing:
    """People whose name or sign-in name contains ``text``, by sign-in name.

    Args:
        organisation_id: employed there or in an organisation below it.
        page: 1-based; beyond the end is the last one.
    """
    matching = sa.select(Person)
    if reach is not None:
        matching = matching.where(Person.employer_id.in_(reach))
    if text := text.strip().replace("\0", ""):
        matching = matching.where(
            Person.sign_in_name.contains(text.lower(), autoescape=True)
            | Person.name.icontains(text, autoescape=True)
        )
    if role is not None:
        matching = matching.where(Person.grants.any(RoleGrant.role == role))
    if organisation_id is not None:
        matching = matching.where(Person.employer_id.in_(accounts.below([organisation_id])))
    total = session.scalar(sa.select(sa.func.count()).select_from(matching.subquery())) or 0
    page = min(max(1, page), max(1, -(-total // PAGE)))
    shown = matching.order_by(Person.sign_in_name).offset((page - 1) * PAGE).limit(PAGE)
    return Listing(session.scalars(shown).all(), total, page)


def find_person(session: Session, person_id: int, reach: Reach) -> Person:
    """One person within ``reach``.

    Raises:
        NotFound: there is none, or not for this administrator.
    """
    person = session.get(Person, person_id)
    if person is None or not reaches(reach, person.employer_id):
        raise NotFound
    return person


def may_change(person: Person, reach: Reach) -> bool:
    """Holds ``person`` no role beyond ``reach``? Being a learner takes nobody beyond it."""
    return all(
        grant.role == Role.LEARNER or reaches(reach, grant.organisation_id)
        for grant in person.grants
    )


def _require_change(person: Person, reach: Reach) -> None:
    if not may_change(person, reach):
        raise NotAllowed("此人持有您管理范围以外的角色，请由上级管理员操作")


def chosen_organisation(
    session: Session, organisation_id: int | None, reach: Reach
) -> Organisation | None:
    """The organisation that an administrator chose; None (all, or no employer) needs full reach."""
    if not reaches(reach, organisation_id):
        raise Invalid("请选择您管理范围内的单位")
    if organisation_id is None:
        return None
    found = session.get(Organisation, organisation_id)
    if found is None:
        raise Invalid("没有这个单位")
    return found


def create_person(
    session: Session,
    reach: Reach,
    *,
    sign_in_name: str,
    name: str,
    roles: Sequence[Role],
    employer_id: int | None,
    id_number: str | None,
    title_level: TitleLevel,
    title_name: str,
    extended_time_percent: int = 100,
    cipher: FieldCipher,
    now: datetime,
) -> tuple[Person, str]:
    """A new person and their first password, to be shown once.

    Roles other than learner reach as far as the administrator who gives them: everywhere,
    or the person's employer.
    """
    employer = chosen_organisation(session, employer_id, reach)
    password = accounts.new_password()
    person = accounts.create(
        session,
        sign_in_name=sign_in_name,
        password=password,
        name=name,
        now=now,
        roles=[],
        id_number=id_number or None,
        cipher=cipher,
        employer=employer,
        title_level=title_level,
        title_name=title_name.strip(),
    )
    person.extended_time_percent = extended_time_percent
    for role in roles:
        limited = reach is not None and role != Role.LEARNER
        accounts.grant(session, person, role, employer if limited else None)
    return person, password


def edit_person(
    session: Session,
    person: Person,
    reach: Reach,
    *,
    name: str,
    employer_id: int | None,
    id_number: str | None,
    title_level: TitleLevel,
    title_name: str,
    extended_time_percent: int = 100,
    cipher: FieldCipher,
    now: datetime,
) -> frozenset[str]:
    """Change a person's facts; returns which changed. No ``id_number`` keeps the present one."""
    _require_change(person, reach)
    wanted = {
        "name": accounts.checked_name(name),
        "employer": chosen_organisation(session, employer_id, reach),
        "title_level": title_level,
        "title_name": title_name.strip()[:64],
        "extended_time_percent": extended_time_percent,
    }
    changed = {fact for fact, value in wanted.items() if getattr(person, fact) != value}
    for fact in changed:
        setattr(person, fact, wanted[fact])
    if id_number:
        accounts.set_id_number(session, person, id_number, cipher, now)
        changed.add("id_number")
    session.flush()
    return frozenset(changed)


def grant_role(
    session: Session, person: Person, role: Role, organisation_id: int | None, reach: Reach
) -> RoleGrant:
    """Give a role, everywhere or within an organisation; giving it twice is the same."""
    _require_change(person, reach)
    if role == Role.LEARNER:
        organisation = None  # learning has no limits to set
    else:
        organisation = chosen_organisation(session, organisation_id, reach)
    wanted = (role, organisation.id if organisation else None)
    for held in person.grants:
        if (held.role, held.organisation_id) == wanted:
            return held
    return accounts.grant(session, person, role, organisation)


def revoke_role(
    session: Session, person: Person, grant_id: int, *, actor_id: int | None, reach: Reach
) -> RoleGrant:
    """Take a role back; returns which grant it was.

    Raises:
        NotFound: the person holds no such grant.
        OneSelf: administrators keep their own role.
        LastAdministrator: somebody must remain.
    """
    _require_change(person, reach)
    grant = next((held for held in person.grants if held.id == grant_id), None)
    if grant is None:
        raise NotFound
    if grant.role == Role.ADMINISTRATOR:
        _keep_an_administrator(session, person, actor_id)
    person.grants.remove(grant)
    session.delete(grant)
    session.flush()
    return grant


def deactivate(
    session: Session, person: Person, *, actor_id: int | None, reach: Reach, now: datetime
) -> None:
    """Close an account: nobody signs in with it any more; its records stay.

    Raises:
        OneSelf: administrators do not close their own.
        LastAdministrator: somebody must remain.
    """
    _require_change(person, reach)
    _keep_an_administrator(session, person, actor_id)
    person.active = False
    sign_ins.end_all(session, person.id, now)
    tokens.revoke_all(session, person.id, now)


def activate(person: Person, reach: Reach) -> None:
    """Open a closed account again, with its old password and roles."""
    _require_change(person, reach)
    person.active = True


def reset_password(session: Session, person: Person, reach: Reach, now: datetime) -> str:
    """A new random password, to be shown once; ends the person's sign-ins."""
    _require_change(person, reach)
    password = accounts.new_password()
    person.password_hash = accounts.hash_password(password)
    sign_ins.end_all(session, person.id, now)
    return password


def end_sign_ins(session: Session, person: Person, reach: Reach, now: datetime) -> int:
    """End all sign-ins of a person; returns how many."""
    _require_change(person, reach)
    return sign_ins.end_all(session, person.id, now)


def _keep_an_administrator(session: Session, person: Person, actor_id: int | None) -> None:
    if person.id == actor_id:
        raise OneSelf
    everywhere = (RoleGrant.role == Role.ADMINISTRATOR, RoleGrant.organisation_id.is_(None))
    # Two administrators who remove each other at once take turns here (PostgreSQL; SQLite has
    # one writer anyway).
    session.execute(sa.select(RoleGrant.id).where(*everywhere).with_for_update())
    others = (
        sa.select(sa.func.count())
        .select_from(RoleGrant)
        .join(Person)
        .where(*everywhere, Person.active, Person.id != person.id)
    )
    if Role.ADMINISTRATOR in person.roles and not session.scalar(others):
        raise LastAdministrator
