"""Bringing a database to the newest schema, and guarding append-only tables."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from zhixin.db import Base

#: Where tables are declared. By name: the kernel imports no domain.
MODEL_MODULES = (
    "zhixin.people.models",
    "zhixin.ledger.models",
    "zhixin.hours.models",
    "zhixin.certificates.models",
    "zhixin.audit.models",
    "media.models",
    "assessments.models",
    "courses.models",
)


def metadata() -> sa.MetaData:
    """All tables of all domains."""
    for name in MODEL_MODULES:
        importlib.import_module(name)
    return Base.metadata


def alembic_config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: sa.Connection) -> None:
    """Run all migrations that ``connection``'s database has not seen."""
    command.upgrade(alembic_config(connection), "head")


def is_current(connection: sa.Connection) -> bool:
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def append_only(
    table: str, columns: Iterable[str], dialect: str, *, mutable: Iterable[str] = ()
) -> list[str]:
    """Statements that make the database refuse UPDATE and DELETE on ``table``.

    Args:
        columns: all columns of the table.
        mutable: columns that may still be updated (and only they).
    """
    message = f"{table} is append-only"
    frozen = [column for column in columns if column not in set(mutable)]
    differs = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    changed = " OR ".join(f'OLD."{column}" {differs} NEW."{column}"' for column in frozen)
    forbidden = changed if mutable else "1 = 1"
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"WHEN {forbidden} BEGIN SELECT RAISE(ABORT, '{message}'); END",
        ]
    return [
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
        f"WHEN ({forbidden}) EXECUTE FUNCTION {table}_refuse()",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_refuse()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
    ]
