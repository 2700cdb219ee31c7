"""An application as it is served, on a database of its own, under a test clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from tests.honest.world import World, lane
from zhixin import db, schema
from zhixin.app import create_app
from zhixin.config import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Two courses of two videos, and learners as they come."""
    url, name = f"sqlite:///{tmp_path / 'own.sqlite3'}", f"honest_{uuid4().hex}"
    shared: sa.Engine | None = None
    if request.param == "postgresql":
        shared = request.getfixturevalue("postgres_engine")
        assert shared is not None
        with shared.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
            server.exec_driver_sql(f"CREATE DATABASE {name}")
        url = shared.url.set(database=name).render_as_string(hide_password=False)
    engine = db.make_engine(url)
    with engine.connect() as connection:
        schema.upgrade(connection)
    settings = Settings(
        data_dir=tmp_path, database_url=url, broker_url="memory://", log_level="ERROR"
    )
    app = create_app(settings, bind=engine)
    yield World(app, monkeypatch)
    lane(app)._lean.engine.dispose()
    engine.dispose()
    if shared is not None:
        with shared.execution_options(isolation_level="AUTOCOMMIT").connect() as server:
            server.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
