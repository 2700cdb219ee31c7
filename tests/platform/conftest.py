"""Databases that a test has to itself, for races and for tampering from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from zhixin import db, schema

THREADS = 20


@pytest.fixture(params=["sqlite", "postgresql"])
def own_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A real database of this test's own: what is done in it is committed."""
    if request.param == "sqlite":
        yield from _with_schema(db.make_engine(f"sqlite:///{tmp_path / 'own.sqlite3'}"))
        return
    name = f"own_{uuid4().hex}"
    shared: sa.Engine = request.getfixturevalue("postgres_engine")
    with shared.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
        server.exec_driver_sql(f"CREATE DATABASE {name}")
        yield from _with_schema(db.make_engine(shared.url.set(database=name), pool_size=THREADS))
        server.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _with_schema(engine: sa.Engine) -> Iterator[sa.Engine]:
    with engine.connect() as connection:
        schema.upgrade(connection)
    yield engine
    engine.dispose()


@pytest.fixture
def at_once() -> Callable[[Callable[[int], Any]], list[Any]]:
    """Call something in twenty threads started together; what each returned or raised."""

    def together(act: Callable[[int], Any]) -> list[Any]:
        barrier = Barrier(THREADS)

        def run(number: int) -> Any:
            barrier.wait()
            try:
                return act(number)
            except Exception as error:  # the test asks what was raised
                return error

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(run, range(THREADS)))

    return together
