"""Alembic's environment: run by ``zhixin.schema``, which hands over a connection."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from zhixin.db import Hours, Json, UtcDateTime
from zhixin.schema import metadata


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own column types by their names."""
    if kind == "type":
        for name, known in (("UtcDateTime", UtcDateTime), ("Hours", Hours)):
            if isinstance(item, known):
                autogen.imports.add(f"from zhixin.db import {name}")
                return f"{name}()"
        if item is Json or (isinstance(item, type(Json)) and repr(item) == repr(Json)):
            autogen.imports.add("from zhixin.db import Json")
            return "Json"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata(),
    compare_type=True,
    render_item=render_item,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
