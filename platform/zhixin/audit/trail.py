"""The trail: who looked at what and did what, in a table that only grows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.audit.models import Trace
from zhixin.people.models import Person


def note(
    session: Session,
    *,
    actor_id: int | None,
    act: str,
    object_kind: str,
    object_id: int | str,
    reason: str | None = None,
    address: str | None = None,
    now: datetime,
) -> None:
    """Write down one act. No actor: a rule did it."""
    session.add(
        Trace(
            at=now,
            actor_id=actor_id,
            act=act,
            object_kind=object_kind,
            object_id=str(object_id),
            reason=reason,
            address=address,
        )
    )
    session.flush()


def of(
    session: Session, object_kind: str, object_id: int | str
) -> Sequence[tuple[Trace, str | None]]:
    """The acts on one object with the actors' names, the newest first."""
    rows = session.execute(
        sa.select(Trace, Person.name)
        .outerjoin(Person, Person.id == Trace.actor_id)
        .where(Trace.object_kind == object_kind, Trace.object_id == str(object_id))
        .order_by(Trace.id.desc())
        .limit(200)
    )
    return [(trace, name) for trace, name in rows]
