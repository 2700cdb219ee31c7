"""How leases end, and the late bank: what all that ended may together still be credited.

A lease that ends brings what it could still be credited, and a late beat takes what it is
credited. The bank holds ``booking.OFFLINE_MS`` at most, for all of a person's leases together:
time that nobody reported while it passed can't be saved up, in however many videos. Somebody
who has no bank yet begins with a full one.

Its changes are made one after the other, each at a later instant than the one before, by
whichever process's clock: so ``media.evidence`` can make them again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from media import booking
from media.beats import MOMENT
from media.models import LateBank, Playback
from zhixin.clock import epoch_ms


def end(session: Session, which: sa.ColumnElement[bool], reason: str, now: datetime) -> None:
    """End a person's open lease, if it is ``which``: it takes no time after this."""
    lease = session.scalar(
        sa.select(Playback)
        .where(which, Playback.ended_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if lease is None:
        return
    bank = hold_bank(session, lease.person_id, now)
    # Not before it was heard: what was booked by a clock a little ahead is not in two leases.
    lease.ended_at = max(now, lease.opened_at, lease.heard_at, bank.updated_at + MOMENT)
    lease.end_reason = reason
    left_ms, _lapsed = booking.bank_ms(
        opened_at_ms=epoch_ms(lease.opened_at),
        until_ms=epoch_ms(lease.ended_at),
        booked_ms=lease.booked_ms,
        lapsed_ms=lease.lapsed_ms,
        rate_percent=lease.rate_percent,
    )
    lease.kept_ms = booking.time_ms(left_ms, lease.rate_percent)
    note_bank(
        session, lease.person_id, booking.banked_ms(bank.left_ms, lease.kept_ms), lease.ended_at
    )
    session.flush()


def hold_bank(session: Session, person_id: int, now: datetime) -> Any:
    """The person's late bank (``left_ms``, ``updated_at``), held until the transaction ends."""
    postgres = session.get_bind().dialect.name == "postgresql"
    first = (postgres_insert if postgres else sqlite_insert)(LateBank).values(
        person_id=person_id, left_ms=booking.OFFLINE_MS, updated_at=now - MOMENT
    )
    session.execute(first.on_conflict_do_nothing())
    return session.execute(
        sa.select(LateBank.left_ms, LateBank.updated_at)
        .where(LateBank.person_id == person_id)
        .with_for_update()
    ).one()


def note_bank(session: Session, person_id: int, left_ms: int, at: datetime) -> None:
    """What it holds from now on. The caller holds it."""
    session.execute(
        sa.update(LateBank)
        .where(LateBank.person_id == person_id)
        .values(left_ms=left_ms, updated_at=at)
        .execution_options(synchronize_session=False)
    )
