"""A log with a few entries, and hands that get round the database's guards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from zhixin.config import Settings
from zhixin.ledger import log, verification
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import EntryKind

GUARDED = ("ledger_entry", "ledger_tree_head", "ledger_submission", "ledger_tile")


@pytest.fixture
def signer(settings: Settings) -> Signer:
    return Signer.of(settings)


@pytest.fixture
def submit(session: Session, now: datetime) -> Callable[..., list[int]]:
    """Submit facts under the given numbers: ``submit(range(3))``."""

    def facts(numbers: Sequence[int], **more: Any) -> list[int]:
        return [
            log.submit(
                session, EntryKind.AWARD, f"award:{n}", {"hours": "1.5", "n": n}, now=now, **more
            ).id
            for n in numbers
        ]

    return facts


@pytest.fixture
def grow(session: Session, signer: Signer, submit: Any, now: datetime) -> Callable[..., None]:
    """Append batches of these sizes, each under its own tree head: ``grow(3, 2)``."""

    def append(*sizes: int) -> None:
        for size in sizes:
            newest = log.head(session)
            first = newest.size if newest else 0
            submit(range(first, first + size))
            assert log.append_waiting(session, signer, now) == size
        session.commit()

    return append


@pytest.fixture
def tamper(session: Session) -> Callable[..., None]:
    """Run statements with the triggers dropped, as an intruder with the password would."""

    def run(*statements: str, **values: Any) -> None:
        if session.get_bind().dialect.name == "sqlite":
            found = session.scalars(
                sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).all()
            for name in found:
                session.execute(sa.text(f"DROP TRIGGER {name}"))
        else:
            for table in GUARDED:
                session.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            session.execute(sa.text(statement), values)
        session.commit()
        session.expire_all()

    return run


@pytest.fixture
def verify(session: Session, signer: Signer) -> Callable[..., verification.Report]:
    def run(*known: str) -> verification.Report:
        return verification.verify(session, [signer.verifier_key], known)

    return run


@pytest.fixture
def client(app: Flask) -> Any:
    return app.test_client()


@pytest.fixture
def queries(connection: sa.Connection) -> Callable[[], AbstractContextManager[list[str]]]:
    """The SELECTs that the database is asked meanwhile: ``with queries() as asked:``."""

    @contextmanager
    def listen() -> Iterator[list[str]]:
        asked: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.startswith("SELECT"):
                asked.append(statement)

        sa.event.listen(connection, "before_cursor_execute", note)
        yield asked
        sa.event.remove(connection, "before_cursor_execute", note)

    return listen
