"""An application as it is served, on a database of its own, under a test clock."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.honest.world import World
from zhixin.app import create_app
from zhixin.config import Settings


@pytest.fixture
def world(own_engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two courses of two videos, and learners as they come."""
    settings = Settings(
        data_dir=tmp_path, database_url=own_engine.url.render_as_string(hide_password=False),
        broker_url="memory://", log_level="ERROR",
    )  # fmt: skip
    return World(create_app(settings, bind=own_engine), monkeypatch)
