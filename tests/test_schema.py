"""The migrations and the models say the same, on both databases."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from zhixin import schema


def test_there_is_one_way_to_the_newest_schema() -> None:
    """Two migrations that follow the same one would leave an upgrade without a direction."""
    assert len(ScriptDirectory.from_config(schema.alembic_config()).get_heads()) == 1


def test_migrations_lead_to_the_models(connection: sa.Connection) -> None:
    """Tables, columns, keys and indexes that the program names are those that it finds."""
    context = MigrationContext.configure(connection)
    found = compare_metadata(context, schema.metadata())
    if connection.dialect.name == "sqlite":
        # Of a foreign key that came with its column, SQLAlchemy reads no ON DELETE there.
        found = [each for each in found if each[0] not in ("add_fk", "remove_fk")]
    assert found == []


def _plain(condition: str) -> str:
    """A condition without what a database adds: casts, brackets, quotes of names, ANY (ARRAY)."""
    text = re.sub(
        r"::(text|character varying|numeric|bigint|integer)(\[\])?", "", condition.lower()
    )
    text = re.sub(r"= any \(+array\[(.*?)\]\)+", r"in (\1)", text)
    text = re.sub(r"<> all \(+array\[(.*?)\]\)+", r"not in (\1)", text)
    text = re.sub(r"(\w+) between (\S+) and (\S+)", r"\1 >= \2 and \1 <= \3", text)
    return re.sub(r'[\s()"]', "", text)


def test_checks_of_the_models_are_in_the_database(connection: sa.Connection) -> None:
    """Alembic compares no CHECKs: a rule that only the models know guards nothing."""
    missing = []
    for table in schema.metadata().sorted_tables:
        there = {
            str(check["name"]): _plain(check["sqltext"])
            for check in sa.inspect(connection).get_check_constraints(table.name)
        }
        for check in table.constraints:
            if isinstance(check, sa.CheckConstraint) and not check._type_bound:
                wanted = _plain(str(check.sqltext))
                if there.get(str(check.name)) != wanted:
                    missing.append((table.name, check.name, wanted, there.get(str(check.name))))
    assert missing == []


def test_a_check_is_replaced_and_nothing_else(connection: sa.Connection) -> None:
    """Changing what a column may hold keeps rows, triggers and foreign keys."""
    connection.exec_driver_sql(
        "CREATE TABLE colour (id INTEGER PRIMARY KEY, name VARCHAR(9),"
        " CONSTRAINT ck_colour_name CHECK (name IN ('red', '(')), CHECK (id > 0))"
    )
    connection.exec_driver_sql("INSERT INTO colour VALUES (1, 'red')")
    schema.replace_check(connection, "colour", "ck_colour_name", "name IN ('red', 'blue')")
    connection.exec_driver_sql("INSERT INTO colour VALUES (2, 'blue')")
    for wrong in ("(3, '(')", "(0, 'red')"):
        with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
            connection.exec_driver_sql(f"INSERT INTO colour VALUES {wrong}")
    assert connection.exec_driver_sql("SELECT count(*) FROM colour").scalar() == 2
    with (
        pytest.raises(LookupError)
        if connection.dialect.name == "sqlite"
        else pytest.raises(sa.exc.ProgrammingError)
    ):
        schema.replace_check(connection, "colour", "ck_colour_none", "1 = 1")
