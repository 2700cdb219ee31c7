"""Signing in and out, with a pause after failures and sign-ins that can be ended."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, joinedload

from zhixin.config import Settings
from zhixin.errors import DomainError, NotFound, TooManyRequests
from zhixin.people import accounts
from zhixin.people.models import Person, RoleGrant, SignIn, SignInFailure
from zhixin.people.secrets import new_token, token_digest

#: ``seen_at`` is written at most this often: reading pages must not cost a write each.
SEEN_EVERY = timedelta(minutes=5)

#: An office shares one address: it gets this many times the patience that a name gets.
ADDRESS_PATIENCE = 10

#: 网络安全法 (2025) art. 23: logs are kept for at least six months.
KEPT = timedelta(days=180)

_STILL_OPEN = (
    SignIn.ended_at.is_(None),
    SignIn.seen_at >= sa.bindparam("seen_since"),
    SignIn.created_at >= sa.bindparam("opened_since"),
)
# Asked by every request: made once, and the roles come along.
_FIND = (
    sa.select(Person, SignIn.id, SignIn.seen_at)
    .join(SignIn, SignIn.person_id == Person.id)
    .where(SignIn.token_digest == sa.bindparam("token_digest"), *_STILL_OPEN)
    .options(joinedload(Person.grants))
)


def signed_in_as(person_id: sa.ColumnElement[int], role: str) -> sa.ColumnElement[bool]:
    """A condition for a statement that must not cost a second one: the sign-in of parameter
    ``token_digest`` is open, and is that of ``person_id``, who is active and holds ``role``.
    The other parameters come from ``fresh_since``."""
    return (
        sa.select(SignIn.id)
        .join(Person, Person.id == SignIn.person_id)
        .join(RoleGrant, RoleGrant.person_id == SignIn.person_id)
        .where(
            SignIn.token_digest == sa.bindparam("token_digest"),
            SignIn.person_id == person_id,
            *_STILL_OPEN,
            Person.active.is_(True),
            RoleGrant.role == role,
        )
        .exists()
    )


def fresh_since(settings: Settings, now: datetime) -> dict[str, datetime]:
    """As ``_since``, but only for sign-ins whose visit need not be noted yet."""
    return _since(settings, now) | {"seen_since": now - _seen_every(settings)}


def _seen_every(settings: Settings) -> timedelta:
    return min(SEEN_EVERY, timedelta(minutes=settings.session_idle_minutes) / 4)


class WrongPassword(DomainError):
    status = 422
    code = "wrong-password"
    title = "登录名或密码不正确"


def check(
    session: Session,
    *,
    sign_in_name: str,
    password: str,
    address: str,
    settings: Settings,
    now: datetime,
) -> Person:
    """Whose name and password these are. Reads only, and takes as long for an unknown name.

    Raises:
        TooManyRequests: too many failures by this name or from this address.
        WrongPassword: no such account, an inactive one, or another password (all alike).
            The caller must record it by ``record_failure`` in a transaction that is kept.
    """
    sign_in_name = _normal(sign_in_name)
    _refuse_if_paused(session, sign_in_name, address, settings, now)
    found = session.scalars(sa.select(Person).where(Person.sign_in_name == sign_in_name))
    person: Person | None = found.one_or_none()
    if not accounts.password_matches(person, password) or person is None or not person.active:
        raise WrongPassword
    return person


def open(session: Session, person: Person, *, address: str, user_agent: str, now: datetime) -> str:
    """A new sign-in of ``person``; returns its secret token for the cookie."""
    token = new_token()
    session.add(
        SignIn(
            person_id=person.id,
            token_digest=token_digest(token),
            address=address[:45],
            user_agent=user_agent[:300],
            created_at=now,
            seen_at=now,
        )
    )
    return token


def _normal(sign_in_name: str) -> str:
    # PostgreSQL refuses NUL in text; no account's name has anything unprintable.
    printable = "".join(c for c in sign_in_name if c.isprintable())
    return printable.strip().lower()[:64]


def network(address: str) -> str:
    """Whom to count as one: an IPv4 address, or an IPv6 /64, which one house has to itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:45]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _refuse_if_paused(
    session: Session, sign_in_name: str, address: str, settings: Settings, now: datetime
) -> None:
    patience = max(1, settings.sign_in_attempts)
    pause = timedelta(minutes=settings.sign_in_pause_minutes)
    by_name = SignInFailure.sign_in_name == sign_in_name
    by_address = SignInFailure.address == network(address)
    for theirs, allowed in ((by_name, patience), (by_address, patience * ADDRESS_PATIENCE)):
        # The pause lasts until the failure that used up the patience leaves the window.
        decisive = session.scalar(
            sa.select(SignInFailure.failed_at)
            .where(theirs, SignInFailure.failed_at > now - pause)
            .order_by(SignInFailure.failed_at.desc())
            .offset(allowed - 1)
            .limit(1)
        )
        if decisive is not None:
            raise TooManyRequests(
                "登录失败次数过多，请稍后再试；如忘记密码请联系管理员",
                code="sign-in-paused",
                retry_after_s=max(1, math.ceil((decisive + pause - now).total_seconds())),
            )


def record_failure(session: Session, sign_in_name: str, address: str, now: datetime) -> None:
    session.add(
        SignInFailure(sign_in_name=_normal(sign_in_name), address=network(address), failed_at=now)
    )


def find(session: Session, token: str, settings: Settings, now: datetime) -> Person | None:
    """The person whose sign-in ``token`` opens, unless it was ended or ran out."""
    digest = {"token_digest": token_digest(token)}
    found = session.execute(_FIND, digest | _since(settings, now)).unique().first()
    if found is None:
        return None
    person, sign_in_id, seen_at = found
    if not person.active:
        return None
    person.sign_in_token, person.sign_in_id = token, sign_in_id
    person.sign_in_stale = now - seen_at > _seen_every(settings)
    return person


def _since(settings: Settings, now: datetime) -> dict[str, datetime]:
    """The moments that ``_STILL_OPEN`` asks for."""
    return {
        "seen_since": now - timedelta(minutes=settings.session_idle_minutes),
        "opened_since": now - timedelta(days=settings.session_days),
    }


def of_person(
    session: Session, person_id: int, settings: Settings, now: datetime
) -> Sequence[SignIn]:
    """A person's sign-ins that still open something, the last used first."""
    return session.scalars(
        sa.select(SignIn)
        .where(SignIn.person_id == person_id, *_STILL_OPEN)
        .order_by(SignIn.seen_at.desc(), SignIn.id.desc()),
        _since(settings, now),
    ).all()


def note_visit(session: Session, sign_in_id: int, now: datetime) -> None:
    session.execute(sa.update(SignIn).where(SignIn.id == sign_in_id).values(seen_at=now))


def end(session: Session, person_id: int, sign_in_id: int, now: datetime) -> None:
    """End one sign-in of a person; ending it twice is the same.

    Raises:
        NotFound: this person has no such sign-in.
    """
    theirs = sa.select(SignIn).where(SignIn.id == sign_in_id, SignIn.person_id == person_id)
    entry = session.scalar(theirs)
    if entry is None:
        raise NotFound
    entry.ended_at = entry.ended_at or now


def end_all(
    session: Session, person_id: int, now: datetime, *, except_id: int | None = None
) -> int:
    """End a person's sign-ins, all or all but one; returns how many."""
    ending = sa.update(SignIn).where(SignIn.person_id == person_id, SignIn.ended_at.is_(None))
    if except_id is not None:
        ending = ending.where(SignIn.id != except_id)
    return session.execute(ending.values(ended_at=now)).rowcount  # type: ignore[attr-defined,no-any-return]


def sweep(session: Session, now: datetime) -> int:
    """Delete failures and finished sign-ins older than the law asks to keep; how many."""
    limit = now - KEPT
    deleted = 0
    for forgetting in (
        sa.delete(SignInFailure).where(SignInFailure.failed_at < limit),
        sa.delete(SignIn).where(sa.or_(SignIn.ended_at < limit, SignIn.seen_at < limit)),
    ):
        deleted += session.execute(forgetting).rowcount  # type: ignore[attr-defined]
    return deleted
