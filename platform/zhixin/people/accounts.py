"""Creating people, their passwords, roles and organisations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid
from zhixin.people import identity_number
from zhixin.people.models import Organisation, OrganisationKind, Person, Role, RoleGrant, TitleLevel
from zhixin.people.secrets import FieldCipher

# RFC 9106's second recommended option (64 MiB), with fewer passes for sign-in storms.
hasher = PasswordHasher(time_cost=2, memory_cost=65536, parallelism=1)
MIN_PASSWORD = 10


class NameTaken(Conflict):
    code = "sign-in-name-taken"
    title = "该登录名已被使用"


class PersonKnown(Conflict):
    code = "person-known"
    title = "该身份证号已有账号，一人只能有一个账号"


def create(
    session: Session,
    *,
    sign_in_name: str,
    password: str,
    name: str,
    now: datetime,
    roles: Iterable[Role] = (Role.LEARNER,),
    id_number: str | None = None,
    cipher: FieldCipher | None = None,
    employer: Organisation | None = None,
    title_level: TitleLevel = TitleLevel.NONE,
    title_name: str = "",
) -> Person:
    """A new person. ``cipher`` is needed when an identity number is given.

    Raises:
        Invalid: the name, password or identity number is not acceptable.
        NameTaken, PersonKnown: there is such an account already.
    """
    sign_in_name = sign_in_name.strip().lower()
    if not sign_in_name or len(sign_in_name) > 64:
        raise Invalid("登录名不能为空，且不超过 64 个字符")
    if session.scalar(sa.select(Person.id).where(Person.sign_in_name == sign_in_name)):
        raise NameTaken
    person = Person(
        sign_in_name=sign_in_name,
        password_hash=hash_password(password),
        name=name,
        employer=employer,
        title_level=title_level,
        title_name=title_name,
        created_at=now,
    )
    if id_number is not None:
        assert cipher is not None
        set_id_number(session, person, id_number, cipher, now)
    session.add(person)
    session.flush()
    for role in roles:
        grant(session, person, role)
    return person


def set_id_number(
    session: Session, person: Person, text: str, cipher: FieldCipher, now: datetime
) -> None:
    """Check, encrypt and keep an identity number; one person has one account."""
    number = identity_number.validate(text, today=now.date())
    digest = cipher.digest(number)
    if session.scalar(sa.select(Person.id).where(Person.id_number_digest == digest)):
        raise PersonKnown
    person.id_number_cipher = cipher.encrypt(number)
    person.id_number_digest = digest
    person.id_number_masked = identity_number.mask(number)


def hash_password(password: str) -> str:
    if len(password) < MIN_PASSWORD:
        raise Invalid(f"密码至少需要 {MIN_PASSWORD} 个字符", code="password-too-short")
    return hasher.hash(password)


def password_matches(person: Person | None, password: str) -> bool:
    """Checks in the same time whether or not the person exists."""
    stored = person.password_hash if person else _decoy()
    try:
        hasher.verify(stored, password)
    except VerifyMismatchError:
        return False
    return person is not None


def _decoy(_cache: list[str] = []) -> str:  # noqa: B006 - computed once, at first need
    if not _cache:
        _cache.append(hasher.hash("decoy"))
    return _cache[0]


def grant(
    session: Session, person: Person, role: Role, organisation: Organisation | None = None
) -> RoleGrant:
    """Give ``person`` a role, everywhere or within ``organisation`` and below."""
    role_grant = RoleGrant(role=role, organisation_id=organisation.id if organisation else None)
    person.grants.append(role_grant)
    session.flush()
    return role_grant


def organisation(
    session: Session, kind: OrganisationKind, name: str, parent: Organisation | None = None
) -> Organisation:
    """A new organisation below ``parent``."""
    created = Organisation(kind=kind, name=name, parent_id=parent.id if parent else None)
    session.add(created)
    session.flush()
    return created


def scope(session: Session, person: Person, role: Role) -> frozenset[int] | None:
    """Organisations within which ``person`` holds ``role``: ids of them and all below.

    None means everywhere; an empty set means nowhere.
    """
    grants = [g for g in person.grants if g.role == role]
    if any(g.organisation_id is None for g in grants):
        return None
    below = (
        sa.select(Organisation.id)
        .where(Organisation.id.in_([g.organisation_id for g in grants]))
        .cte(recursive=True)
    )
    below = below.union(sa.select(Organisation.id).where(Organisation.parent_id == below.c.id))
    return frozenset(session.scalars(sa.select(below.c.id)))
