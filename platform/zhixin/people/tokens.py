"""Bearer tokens of integrators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.errors import Conflict, Invalid, NotFound
from zhixin.people.accounts import checked_name
from zhixin.people.models import Person, Token
from zhixin.people.secrets import new_token, token_digest

MAX_DAYS = 366
#: Live tokens of one person; more is a leak or a mistake.
MAX_TOKENS = 20


def create(session: Session, person: Person, name: str, days: int, now: datetime) -> str:
    """A token that acts as ``person`` for ``days``; shown once, kept as a digest.

    Raises:
        Invalid: the name is unusable or the days are out of range.
        Conflict: the person has too many already.
    """
    if not 1 <= days <= MAX_DAYS:
        raise Invalid(f"令牌有效期为 1 至 {MAX_DAYS} 天")
    alive = sum(
        entry.revoked_at is None and entry.expires_at > now
        for entry in of_person(session, person.id)
    )
    if alive >= MAX_TOKENS:
        raise Conflict(f"有效令牌已达 {MAX_TOKENS} 个，请先吊销不用的令牌")
    token = f"zx_{new_token()}"
    session.add(
        Token(
            person_id=person.id,
            name=checked_name(name),
            digest=token_digest(token),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
    )
    return token


def find(session: Session, token: str, now: datetime) -> Person | None:
    """Whom ``token`` speaks for, unless it expired or was revoked."""
    found = session.execute(
        sa.select(Token, Person)
        .join(Person, Person.id == Token.person_id)
        .where(
            Token.digest == token_digest(token), Token.revoked_at.is_(None), Token.expires_at > now
        )
    ).first()
    if found is None or not found.Person.active:
        return None
    person: Person = found.Person
    return person


def of_person(session: Session, person_id: int) -> Sequence[Token]:
    """A person's tokens, the newest first; never the secrets themselves."""
    return session.scalars(
        sa.select(Token).where(Token.person_id == person_id).order_by(Token.id.desc())
    ).all()


def revoke(session: Session, person_id: int, token_id: int, now: datetime) -> Token:
    """End a person's token; ending it twice is the same.

    Raises:
        NotFound: this person has no such token.
    """
    theirs = sa.select(Token).where(Token.id == token_id, Token.person_id == person_id)
    token = session.scalar(theirs)
    if token is None:
        raise NotFound
    token.revoked_at = token.revoked_at or now
    return token


def revoke_all(session: Session, person_id: int, now: datetime) -> int:
    """End all tokens of a person; returns how many."""
    revoking = sa.update(Token).where(Token.person_id == person_id, Token.revoked_at.is_(None))
    return session.execute(revoking.values(revoked_at=now)).rowcount  # type: ignore[attr-defined,no-any-return]
