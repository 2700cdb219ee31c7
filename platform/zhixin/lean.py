"""Statements on raw connections, for the few that run hundreds of times a second.

They are written with SQLAlchemy like all others and compiled once; what is left out is its
result objects, type conversions and transactions around them, and on PostgreSQL psycopg's
cursors too: writes go straight to libpq, prepared once on each connection. So a caller passes
instants as ``Lean.instant`` says and reads what the driver gives (``Lean.read_instant``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, Self

import orjson
import psycopg
import sqlalchemy as sa
from psycopg.pq import ExecStatus
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql import visitors

from zhixin.db import make_engine
from zhixin.places import Places


class Lean:
    """Raw connections that commit each statement by itself.

    Args:
        most: connections at once; whoever comes when all are in use waits. A thread has one at
            a time.
        without: settings of PostgreSQL's that are off on these connections.
    """

    def __init__(self, url: str, *, most: int, without: Sequence[str] = ()) -> None:
        self.engine = make_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._without = without
        self._places = Places(most)
        self._idle: deque[Any] = deque()  # the one used last, still in the caches, goes first

    def prepare(self, statement: sa.sql.expression.Executable) -> Prepared:
        """Compile ``statement`` for this database, with named parameters."""
        dialect = sqlite.dialect(paramstyle="named") if self.is_sqlite else self.engine.dialect
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        return Prepared(str(compiled), _constants(compiled))

    def prepare_write(self, name: str, statement: sa.sql.expression.Executable) -> PreparedWrite:
        """Compile a statement of PostgreSQL that returns no rows, under a ``name`` of its own."""
        dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        return PreparedWrite(name, str(compiled), compiled.positiontup, _constants(compiled))

    def prepare_rows(self, name: str, statement: Any) -> PreparedRows:
        """Compile a statement of PostgreSQL on ``Rows`` that returns the places of those which
        it wrote, under a ``name`` of its own."""
        compiled = _compile(statement)
        return PreparedRows(name, str(compiled), compiled.positiontup, _constants(compiled))

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """A cursor whose statements commit one by one."""
        self._places.get()
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            cursor = connection.cursor()
            try:
                yield cursor
            except BaseException:
                if self.is_sqlite:
                    connection.rollback()
                elif connection.driver_connection.broken:
                    connection.invalidate()
                raise
            finally:
                cursor.close()
                if connection.is_valid:
                    self._idle.append(connection)
        finally:
            self._places.put(None)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """A cursor whose statements are one transaction; an exception undoes them."""
        with self.cursor() as cursor:
            if self.is_sqlite:
                cursor.connection.begin_writing()
            else:
                cursor.execute("BEGIN")
            try:
                yield cursor
            except BaseException:
                cursor.connection.rollback()
                raise
            cursor.connection.commit()

    def writing(self) -> AbstractContextManager[Any]:
        """A cursor for what is to be one transaction: PostgreSQL has one statement for it, and
        no need of another two around it; SQLite has several."""
        return self.transaction() if self.is_sqlite else self.cursor()

    def _connect(self) -> Any:
        connection = self.engine.raw_connection()
        if not self.is_sqlite:
            for setting in self._without:
                connection.cursor().execute(f"SET {setting} = off")
        return connection

    def instant(self, instant: datetime) -> str:
        """An instant as it is stored and compared."""
        if self.is_sqlite:
            instant = instant.replace(tzinfo=None)
        return instant.isoformat(" ", "microseconds")

    def read_instant(self, value: Any) -> datetime:
        """An instant as this driver gives it, or as ``instant`` said it."""
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        instant: datetime = value
        return instant


class Prepared:
    """A compiled statement and the constants in it."""

    __slots__ = ("_constants", "_sql")

    def __init__(self, sql: str, constants: dict[str, Any]) -> None:
        self._sql, self._constants = sql, constants

    def run(self, cursor: Any, values: dict[str, Any]) -> Any:
        """Execute with ``values``; returns the cursor."""
        return cursor.execute(self._sql, self._constants | values)


class PreparedWrite:
    """A statement that PostgreSQL has parsed and planned, on each connection that ran it."""

    __slots__ = ("_constants", "_name", "_names", "_sql")

    def __init__(self, name: str, sql: str, names: list[str], constants: dict[str, Any]) -> None:
        self._name, self._sql = name.encode(), sql.encode()
        self._names, self._constants = names, constants

    def run(self, cursor: Any, values: dict[str, Any]) -> int:
        """Execute with ``values``; returns how many rows it changed.

        Raises:
            psycopg.Error: the statement failed or the connection is gone.
        """
        server = cursor.connection.pgconn
        texts = [_text(value) for value in map((self._constants | values).__getitem__, self._names)]
        result = server.exec_prepared(self._name, texts)
        if result.status != ExecStatus.COMMAND_OK and _is_unknown(result):
            server.prepare(self._name, self._sql)
            result = server.exec_prepared(self._name, texts)
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())
        return int(result.command_tuples or 0)


class Rows:
    """Many runs of the same statements as one: their parameters become the columns of a table,
    a row for each run, known by its ``place`` among them."""

    def __init__(self, table: sa.FromClause) -> None:
        self.columns = list(table.c)
        self._column = dict(table.c.items())
        self.place: sa.ColumnElement[int] = table.c.place

    @classmethod
    def of(cls, *statements: sa.sql.expression.Executable) -> Self:
        """The rows as they are given: as JSON."""
        parameters: dict[str, Any] = {}
        for statement in statements:
            for name, parameter in _compile(statement).binds.items():
                if parameter.value is None:
                    parameters[name] = parameter.type
        columns = [sa.column(name, type_) for name, type_ in parameters.items()]
        document = sa.bindparam(_DOCUMENT, type_=sa.JSON)
        table = sa.func.json_to_recordset(document).table_valued(
            sa.column("place", sa.Integer), *columns
        )
        return cls(table.render_derived(name="rows", with_types=True))

    def each(self, statement: Any) -> Any:
        """``statement`` for each of the rows."""

        def column(element: Any, **_unused: Any) -> Any:
            is_theirs = isinstance(element, sa.BindParameter) and element.key in self._column
            return self._column[element.key] if is_theirs else None

        return visitors.replacement_traverse(statement, {}, column)

    def step(self, statement: Any, name: str) -> Self:
        """Those rows whose ``columns`` are what ``statement`` on them returns."""
        return type(self)(statement.cte(name))


class PreparedRows:
    """A statement that PostgreSQL has parsed and planned, on each connection that ran it."""

    __slots__ = ("_name", "_parameters", "_sql")

    def __init__(
        self, name: str, sql: str, positions: list[str], constants: dict[str, Any]
    ) -> None:
        self._name, self._sql = name.encode(), sql.encode()
        self._parameters = [
            None if parameter == _DOCUMENT else str(constants[parameter]).encode()
            for parameter in positions
        ]

    def run(self, cursor: Any, rows: Sequence[dict[str, Any]]) -> set[int]:
        """Execute with ``rows``, each of which is given its place; returns the places of those
        that were written.

        Raises:
            psycopg.Error: the statement failed or the connection is gone.
        """
        server = cursor.connection.pgconn
        for place, row in enumerate(rows):
            row["place"] = place  # copies would take longer than all of them as JSON
        # A row may hold more than is asked for; that is passed over.
        document = orjson.dumps(rows, default=_hex)
        values = [document if value is None else value for value in self._parameters]
        result = server.exec_prepared(self._name, values)
        if result.status != ExecStatus.TUPLES_OK and _is_unknown(result):
            server.prepare(self._name, self._sql)
            result = server.exec_prepared(self._name, values)
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(result.get_error_message())
        return {int(result.get_value(row, 0)) for row in range(result.ntuples)}


#: The parameter that ``Rows`` come in.
_DOCUMENT = "document"


def _hex(value: Any) -> str:
    """Bytes as PostgreSQL reads them from text."""
    if not isinstance(value, bytes):
        raise TypeError(type(value))
    return "\\x" + value.hex()


def _compile(statement: Any) -> Any:
    """For PostgreSQL itself, with numbered parameters."""
    dialect = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
    return statement.compile(dialect=dialect)


def _constants(compiled: Any) -> dict[str, Any]:
    return {name: value for name, value in compiled.params.items() if value is not None}


def _text(value: object) -> bytes | None:
    """A parameter in PostgreSQL's text format."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    return str(value).encode()


#: SQLSTATE invalid_sql_statement_name: this connection has not prepared it yet.
_UNKNOWN = b"26000"


def _is_unknown(result: Any) -> bool:
    return bool(result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == _UNKNOWN)
