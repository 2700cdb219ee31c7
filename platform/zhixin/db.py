"""The database: typed base, engine, one session a request, migrations' helpers.

SQLite (WAL) embedded and PostgreSQL in production run the same code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask, current_app, g, has_request_context, request
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from zhixin import sqlite
from zhixin.config import Settings

View = TypeVar("View", bound=Callable[..., Any])

#: Every constraint has a name, so that a violated rule can be told to a person.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware instant: ``timestamptz`` on PostgreSQL, naive UTC text on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: pass an aware one")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Hours(sa.types.TypeDecorator[Decimal]):
    """Credit hours with two decimals, kept as whole hundredths: exact on both databases."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> int | None:
        if value is None:
            return None
        hundredths = value * 100
        if hundredths != hundredths.to_integral_value():
            raise ValueError(f"{value} hours has more than two decimals")
        return int(hundredths)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / 100


#: JSON documents: ``jsonb`` on PostgreSQL.
Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    """Every table of every domain."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map = {
        datetime: UtcDateTime,
        dict[str, Any]: Json,
        list[Any]: Json,
        str: sa.Text,
    }


def one_of(column: str, values: type[Any], name: str | None = None) -> sa.CheckConstraint:
    """CHECK that ``column`` holds a member of the StrEnum ``values``."""
    members = ", ".join(f"'{member}'" for member in values)
    return sa.CheckConstraint(f"{column} IN ({members})", name=name or f"{column}_known")


def make_engine(url: str, **options: Any) -> sa.Engine:
    """An engine on either database, set up the way the platform needs it."""
    is_sqlite = sa.make_url(url).get_backend_name() == "sqlite"
    if is_sqlite:
        options.setdefault("connect_args", {})["factory"] = sqlite.Connection
    engine = sa.create_engine(url, **options)
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite.Connection, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours, see below
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={sqlite.BUSY_S * 1000}",
        "recursive_triggers=ON",  # else INSERT OR REPLACE deletes rows unseen by their guards
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later cannot wait for its turn under WAL:
    # it fails at once with "database is locked". So whatever may write says so at BEGIN.
    if connection.get_execution_options().get("sqlite_begin") == "DEFERRED":
        connection.exec_driver_sql("BEGIN")
        return
    driver: Any = connection.connection.driver_connection
    try:
        driver.begin_writing()
    except sqlite3.OperationalError as error:  # as SQLAlchemy tells what a statement meets
        raise sa.exc.OperationalError("BEGIN IMMEDIATE", None, error) from error


class Database:
    """The engine and its sessions; ``app.extensions['db']``."""

    def __init__(self, settings: Settings, *, bind: sa.Engine | sa.Connection | None = None):
        self.engine = bind if bind is not None else make_engine(settings.database)
        # Tests bind one connection and roll it back: commits inside become savepoints.
        mode: Any = (
            "create_savepoint" if isinstance(bind, sa.Connection) else "conditional_savepoint"
        )
        self._sessions = sessionmaker(
            self.engine, expire_on_commit=False, join_transaction_mode=mode
        )
        self._bound = isinstance(bind, sa.Connection)

    def session(self, *, writes: bool = True) -> Session:
        """A new session; ``writes=False`` lets SQLite's readers go on beside a writer."""
        session = self._sessions()
        if not writes and not self._bound:
            session.connection(execution_options={"sqlite_begin": "DEFERRED"})
        return session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One short transaction: commits at the end, rolls back on any exception."""
        with self.session() as session:
            try:
                yield session
                commit(session)
            except BaseException:
                session.rollback()
                raise


def database() -> Database:
    """The current application's database."""
    db: Database = current_app.extensions["db"]
    return db


def session() -> Session:
    """The session of this request (or of this application context), opened at first use."""
    if "session" not in g:
        writes = not (has_request_context() and only_reads())
        g.session = database().session(writes=writes)
    current: Session = g.session
    return current


def only_reads() -> bool:
    """Does this request's session promise SQLite not to write?"""
    view = current_app.view_functions.get(request.endpoint or "")
    return request.method in ("GET", "HEAD", "OPTIONS") or getattr(
        view, "short_transactions", False
    )


def short_transactions(view: View) -> View:
    """Mark a view that streams or computes for long and opens its own ``transaction()``s."""
    view.short_transactions = True  # type: ignore[attr-defined]
    return view


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Run ``action`` once ``commit(session)`` has succeeded; forget it on rollback."""
    session.info.setdefault("after_commit", []).append(action)


def commit(session: Session) -> None:
    """Commit, then ring the doorbells that waited for it."""
    session.commit()
    for action in session.info.pop("after_commit", ()):
        action()


def finish(*, keep: bool) -> None:
    """End this context's transaction: at the edge of a request or job, or before long work."""
    current: Session | None = g.pop("session", None)
    if current is None:
        return
    try:
        if keep:
            commit(current)
        else:
            current.expunge_all()  # the error's page still asks who is signed in
            current.rollback()
    finally:
        current.info.pop("after_commit", None)
        current.close()


def init_app(
    app: Flask, settings: Settings, *, bind: sa.Engine | sa.Connection | None = None
) -> None:
    """Give ``app`` its database and close sessions with each context."""
    app.extensions["db"] = Database(settings, bind=bind)

    @app.teardown_appcontext
    def _close(_error: BaseException | None) -> None:
        finish(keep=False)
