"""The trail: who looked at what and did what, in a table that only grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.audit.models import Trace
from zhixin.people.models import Person

PAGE = 50


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


@dataclass(frozen=True)
class Page:
    """One page of the trail, the newest act first; ``more``: there are older ones."""

    acts: Sequence[tuple[Trace, str | None]]
    more: bool


def page(session: Session, number: int) -> Page:
    """Everything that was done (not what was merely looked at), with the actors' names.

    Args:
        number: 1-based.
    """
    rows = session.execute(
        _named().where(Trace.act != "view").offset((number - 1) * PAGE).limit(PAGE + 1)
    ).all()
    return Page([(trace, name) for trace, name in rows[:PAGE]], len(rows) > PAGE)


def object_names(session: Session, acts: Iterable[tuple[Trace, str | None]]) -> dict[str, str]:
    """Names of the people that these acts were about, by the object's id."""
    ids = {int(trace.object_id) for trace, _actor in acts if trace.object_kind == "person"}
    rows = session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids)))
    return {str(person_id): name for person_id, name in rows}


def of(
    session: Session, object_kind: str, object_id: int | str
) -> Sequence[tuple[Trace, str | None]]:
    """The acts on one object with the actors' names, the newest first."""
    rows = session.execute(
        _named()
        .where(Trace.object_kind == object_kind, Trace.object_id == str(object_id))
        .limit(200)
    )
    return [(trace, name) for trace, name in rows]


def _named() -> sa.Select[Trace, str]:
    return (
        sa.select(Trace, Person.name)
        .outerjoin(Person, Person.id == Trace.actor_id)
        .order_by(Trace.id.desc())
    )
