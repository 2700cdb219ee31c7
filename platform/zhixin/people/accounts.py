"""Creating people, their passwords, roles and organisations."""

from __future__ import annotations

import re
import secrets
import threading
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy.orm import Session

from zhixin.clock import local
from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.people import identity_number
from zhixin.people.models import Organisation, OrganisationKind, Person, Role, RoleGrant, TitleLevel
from zhixin.people.secrets import FieldCipher

# RFC 9106's second recommended option (64 MiB), with fewer passes for sign-in storms.
hasher = PasswordHasher(time_cost=2, memory_cost=65536, parallelism=1)
#: Each check takes 64 MiB: a storm of sign-ins waits its turn instead of filling the memory.
_checks_at_once = threading.BoundedSemaphore(4)

MIN_PASSWORD, MAX_PASSWORD = 10, 256
#: The first guesses of anybody's list, of those long enough to pass.
_COMMON = frozenset(
    "1234567890 0123456789 0987654321 12345678910 123456789a a123456789 1q2w3e4r5t 1qaz2wsx3edc "
    "qwertyuiop qwerty12345 asdfghjkl; password123 password1234 woaini1314 woaini520520 "
    "admin12345 administrator 5201314520 iloveyou123".split()
)
#: For generated passwords: without the characters that look alike on paper.
_CLEAR_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"

MAX_NAME = 64
_SIGN_IN_NAME = re.compile(r"[\w.@+-]{1,64}")
_LIKE_IDENTITY_NUMBER = re.compile(r"\d{17}[\dx]")


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
    if not _SIGN_IN_NAME.fullmatch(sign_in_name):
        raise Invalid("登录名为 1 至 64 个字母、数字、汉字或 . _ - @ + 符号，不含空格")
    if _LIKE_IDENTITY_NUMBER.fullmatch(sign_in_name):
        raise Invalid("登录名不能使用身份证号，以免泄露个人信息")
    if session.scalar(sa.select(Person.id).where(Person.sign_in_name == sign_in_name)):
        raise NameTaken
    person = Person(
        sign_in_name=sign_in_name,
        password_hash=hash_password(password, sign_in_name),
        name=checked_name(name),
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


def checked_name(name: str) -> str:
    """A person's or organisation's name, trimmed.

    Raises:
        Invalid: it is empty, too long, or has characters that nobody can see.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"名称不能为空，不超过 {MAX_NAME} 个字符，且不含控制字符")
    return name


def set_id_number(
    session: Session, person: Person, text: str, cipher: FieldCipher, now: datetime
) -> None:
    """Check, encrypt and keep an identity number; one person has one account."""
    number = identity_number.validate(text, today=local(now).date())
    digest = cipher.digest(number)
    holder = session.scalar(sa.select(Person.id).where(Person.id_number_digest == digest))
    if holder is not None and holder != person.id:
        raise PersonKnown
    person.id_number_cipher = cipher.encrypt(number)
    person.id_number_digest = digest
    person.id_number_masked = identity_number.mask(number)


def hash_password(password: str, sign_in_name: str = "") -> str:
    """The argon2id hash of an acceptable password.

    Raises:
        Invalid: too short, too long, or among the first that anybody would guess.
    """
    if len(password) < MIN_PASSWORD:
        raise Invalid(f"密码至少需要 {MIN_PASSWORD} 个字符", code="password-too-short")
    if len(password) > MAX_PASSWORD:
        raise Invalid(f"密码不能超过 {MAX_PASSWORD} 个字符", code="password-too-long")
    easy = password.lower()
    if len(set(easy)) < 5 or easy in _COMMON or easy == sign_in_name:
        raise Invalid("这个密码太容易被猜到，请换一个", code="password-too-easy")
    with _checks_at_once:
        return hasher.hash(password)


def new_password() -> str:
    """A random password for handing over on paper, about 79 bits: ``xxxx-xxxx-xxxx-xxxx``."""
    groups = ("".join(secrets.choice(_CLEAR_CHARACTERS) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def password_matches(person: Person | None, password: str) -> bool:
    """Checks in the same time whether or not the person exists."""
    stored = person.password_hash if person else _DECOY
    if len(password) > MAX_PASSWORD:
        password = ""  # never a password of anybody; still checked, for the time it takes
    try:
        with _checks_at_once:
            hasher.verify(stored, password)
    except VerifyMismatchError:
        return False
    return person is not None


def _make_decoy() -> str:
    """A hash with today's parameters that no password has: all its bytes are zero."""
    salt, digest = (
        b64encode(bytes(n)).decode().rstrip("=") for n in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


_DECOY = _make_decoy()


def renew_hash(session: Session, person: Person, password: str) -> None:
    """After a right password: hash it anew if today's parameters are stronger."""
    if hasher.check_needs_rehash(person.password_hash):
        renewed = sa.update(Person).where(Person.id == person.id)
        session.execute(renewed.values(password_hash=hasher.hash(password)))


def grant(
    session: Session, person: Person, role: Role, organisation: Organisation | None = None
) -> RoleGrant:
    """Give ``person`` a role, everywhere or within ``organisation`` and below."""
    role_grant = RoleGrant(role=role, organisation_id=organisation.id if organisation else None)
    person.grants.append(role_grant)
    session.flush()
    return role_grant


def administrator(session: Session, sign_in_name: str) -> Person:
    """Who answers for what is done on the command line.

    Raises:
        NotFound: no administrator of that name, or one who may no longer sign in.
    """
    name = sign_in_name.strip().lower()
    found: Person | None = session.scalar(sa.select(Person).where(Person.sign_in_name == name))
    if found is None or not found.active or Role.ADMINISTRATOR not in found.roles:
        raise NotFound(f"没有登录名为 {sign_in_name} 的管理员")
    return found


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
    return frozenset(session.scalars(below(g.organisation_id for g in grants)))


def scope_of_any(session: Session, person: Person, roles: Iterable[Role]) -> frozenset[int] | None:
    """Organisations within which ``person`` holds at least one of ``roles``; as ``scope``."""
    scopes = [scope(session, person, role) for role in roles if role in person.roles]
    if any(each is None for each in scopes):
        return None
    return frozenset().union(*(each for each in scopes if each is not None))


def below(organisation_ids: Iterable[int | None]) -> sa.Select[tuple[int]]:
    """Ids of these organisations and of all below them, as a query."""
    tree = (
        sa.select(Organisation.id)
        .where(Organisation.id.in_(list(organisation_ids)))
        .cte(recursive=True)
    )
    tree = tree.union(sa.select(Organisation.id).where(Organisation.parent_id == tree.c.id))
    return sa.select(tree.c.id)


def above(organisation_id: int) -> sa.Select[tuple[int | None]]:
    """Ids of an organisation and of all that it stands below, as a query."""
    tree = (
        sa.select(Organisation.id, Organisation.parent_id)
        .where(Organisation.id == organisation_id)
        .cte(recursive=True)
    )
    parent = sa.select(Organisation.id, Organisation.parent_id)
    tree = tree.union(parent.where(Organisation.id == tree.c.parent_id))
    return sa.select(tree.c.id)
