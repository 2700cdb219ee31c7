"""Waiting for who waits: two transactions are brought to cross at one lock, whatever the machine
has to do."""

from __future__ import annotations

import time

import sqlalchemy as sa

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
_LIMIT_S = 60


def wait_for_a_lock(engine: sa.Engine) -> None:
    """Until somebody in this PostgreSQL database waits for another's lock.

    Raises:
        TimeoutError: nobody did for a minute.
    """
    until = time.monotonic() + _LIMIT_S
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.exec_driver_sql(_WAITING).scalar_one():
            if time.monotonic() > until:
                raise TimeoutError("nobody waits for a lock")
            time.sleep(0.01)
