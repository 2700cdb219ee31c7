"""Signing in and out, with a pause after failures and sign-ins that can be ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.config import Settings
from zhixin.errors import DomainError, TooManyRequests
from zhixin.people import accounts
from zhixin.people.models import Person, SignIn, SignInFailure
from zhixin.people.secrets import new_token, token_digest

#: ``seen_at`` is written at most this often: reading pages must not cost a write each.
SEEN_EVERY = timedelta(minutes=5)


class WrongPassword(DomainError):
    status = 422
    code = "wrong-password"
    title = "登录名或密码不正确"


def sign_in(
    session: Session,
    *,
    sign_in_name: str,
    password: str,
    address: str,
    user_agent: str,
    settings: Settings,
    now: datetime,
) -> str:
    """Check the password and open a sign-in; returns its secret token for the cookie.

    Raises:
        TooManyRequests: too many failures by this name or from this address.
        WrongPassword: no such account, an inactive one, or another password (all alike).
            The caller must record it by ``record_failure`` in a transaction that is kept.
    """
    sign_in_name = sign_in_name.strip().lower()[:64]
    _refuse_if_paused(session, sign_in_name, address, settings, now)
    person = session.scalar(sa.select(Person).where(Person.sign_in_name == sign_in_name))
    if not accounts.password_matches(person, password) or person is None or not person.active:
        raise WrongPassword
    if accounts.hasher.check_needs_rehash(person.password_hash):
        person.password_hash = accounts.hash_password(password)
    token = new_token()
    session.add(
        SignIn(
            person_id=person.id,
            token_digest=token_digest(token),
            address=address,
            user_agent=user_agent[:300],
            created_at=now,
            seen_at=now,
        )
    )
    return token


def _refuse_if_paused(
    session: Session, sign_in_name: str, address: str, settings: Settings, now: datetime
) -> None:
    since = now - timedelta(minutes=settings.sign_in_pause_minutes)
    recent = sa.select(sa.func.count()).where(SignInFailure.failed_at > since)
    by_name = session.scalar(recent.where(SignInFailure.sign_in_name == sign_in_name)) or 0
    by_address = session.scalar(recent.where(SignInFailure.address == address)) or 0
    # An office shares one address: it gets ten times the patience.
    if by_name >= settings.sign_in_attempts or by_address >= 10 * settings.sign_in_attempts:
        raise TooManyRequests(
            "登录失败次数过多，请稍后再试；如忘记密码请联系管理员",
            code="sign-in-paused",
            retry_after_s=settings.sign_in_pause_minutes * 60,
        )


def record_failure(session: Session, sign_in_name: str, address: str, now: datetime) -> None:
    session.add(
        SignInFailure(
            sign_in_name=sign_in_name.strip().lower()[:64], address=address, failed_at=now
        )
    )


def find(session: Session, token: str, settings: Settings, now: datetime) -> Person | None:
    """The person whose sign-in ``token`` opens, unless it was ended or ran out."""
    found = session.execute(
        sa.select(SignIn, Person)
        .join(Person, Person.id == SignIn.person_id)
        .where(SignIn.token_digest == token_digest(token), SignIn.ended_at.is_(None))
    ).first()
    if found is None:
        return None
    entry, person = found
    idle = timedelta(minutes=settings.session_idle_minutes)
    whole = timedelta(days=settings.session_days)
    if now - entry.seen_at > idle or now - entry.created_at > whole or not person.active:
        return None
    person.sign_in_token, person.sign_in_id = token, entry.id
    person.sign_in_stale = now - entry.seen_at > SEEN_EVERY
    return person


def note_visit(session: Session, sign_in_id: int, now: datetime) -> None:
    session.execute(sa.update(SignIn).where(SignIn.id == sign_in_id).values(seen_at=now))


def end(session: Session, person_id: int, sign_in_id: int | None, now: datetime) -> int:
    """End one sign-in of a person, or all of them; returns how many."""
    ending = sa.update(SignIn).where(SignIn.person_id == person_id, SignIn.ended_at.is_(None))
    if sign_in_id is not None:
        ending = ending.where(SignIn.id == sign_in_id)
    return session.execute(ending.values(ended_at=now)).rowcount  # type: ignore[attr-defined,no-any-return]
