"""Bearer tokens of integrators."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.people.models import Person, Token
from zhixin.people.secrets import new_token, token_digest


def create(session: Session, person: Person, name: str, days: int, now: datetime) -> str:
    """A token that acts as ``person`` for ``days``; shown once, kept as a digest."""
    token = f"zx_{new_token()}"
    session.add(
        Token(
            person_id=person.id,
            name=name,
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
