"""Bringing a database to the newest schema, and guarding append-only tables."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
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
    "zhixin.declarations.models",
    "zhixin.certificates.models",
    "zhixin.audit.models",
    "zhixin.reports.models",
    "media.models",
    "media.caption_models",
    "media.file_models",
    "media.piece_models",
    "media.speech_models",
    "media.refinement_models",
    "assessments.models",
    "assessments.import_models",
    "assessments.analysis_models",
    "assessments.regrade_models",
    "assessments.banks.models",
    "courses.models",
    "courses.forecast_models",
    "courses.classes.models",
    "courses.courseware.models",
    "courses.packages.models",
    "courses.reviews.models",
    "courses.quality.models",
    "courses.insight.models",
    "courses.ratings.models",
    "courses.registers.models",
    "courses.stops.models",
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
    table: str,
    columns: Iterable[str],
    dialect: str,
    *,
    mutable: Iterable[str] = (),
    until: str | None = None,
) -> list[str]:
    """Statements that make the database refuse UPDATE and DELETE on ``table``.

    Args:
        columns: all columns of the table.
        mutable: columns that may still be updated (and only they).
        until: the column with which a row ends: once it is set, nothing is updated any more.
    """
    message = f"{table} is append-only"
    frozen = [column for column in columns if column not in set(mutable)]
    differs = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    changed = " OR ".join(f'OLD."{column}" {differs} NEW."{column}"' for column in frozen)
    forbidden = changed if mutable else "1 = 1"
    if until:
        forbidden += f' OR OLD."{until}" IS NOT NULL'
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


def guard(
    table: str, columns: Iterable[str], dialect: str, *, mutable: Iterable[str] = ()
) -> list[str]:
    """Statements that put up the triggers of ``append_only`` again, after columns were added."""
    kinds = ("no_update", "no_delete")
    if dialect == "sqlite":
        down = [f"DROP TRIGGER IF EXISTS {table}_{kind}" for kind in kinds]
    else:
        down = [f"DROP FUNCTION IF EXISTS {table}_refuse() CASCADE"]
    return down + append_only(table, columns, dialect, mutable=mutable)


def replace_check(connection: sa.Connection, table: str, name: str, condition: str) -> None:
    """Put ``condition`` in the place of the CHECK called ``name``.

    Raises:
        LookupError: the table has no such CHECK.
    """
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})")
        return

    def edit(text: str) -> str:
        start, end = _check_span(text, name)
        return f"{text[:start]}({condition}){text[end:]}"

    edit_sqlite(connection, table, edit)


def edit_sqlite(connection: sa.Connection, table: str, edit: Callable[[str], str]) -> None:
    """Edit the text of a table on SQLite, for changes that touch no content.

    As its manual tells (lang_altertable.html, "Making Other Kinds Of Table Schema Changes"):
    rebuilding the table would drop its triggers and be refused by the rows that point at it.
    """
    text = connection.execute(
        sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = :table"),
        {"table": table},
    ).scalar_one()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(
        sa.text("UPDATE sqlite_schema SET sql = :text WHERE type = 'table' AND name = :table"),
        {"text": edit(text), "table": table},
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")


def _check_span(text: str, name: str) -> tuple[int, int]:
    """Where the parentheses of the CHECK called ``name`` open and end."""
    found = re.search(rf'CONSTRAINT "?{re.escape(name)}"? CHECK \(', text)
    if found is None:
        raise LookupError(f"no CHECK {name}")
    depth, at, quoted = 1, found.end(), False
    while depth:
        quoted ^= text[at] == "'"
        depth += 0 if quoted else {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return found.end() - 1, at
