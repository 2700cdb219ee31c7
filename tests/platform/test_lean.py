"""Raw connections survive what happens to connections."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
import sqlalchemy as sa

from zhixin.lean import Lean, Rows
from zhixin.people.models import SignInFailure

AT = datetime(2026, 11, 23, 2, 0, 0, 5, tzinfo=UTC)
INSERT = (
    sa.insert(SignInFailure)
    .inline()
    .values(sign_in_name=sa.bindparam("name"), address="::1", failed_at=sa.bindparam("at"))
)
READ = sa.select(SignInFailure.failed_at).where(SignInFailure.sign_in_name == sa.bindparam("name"))


@pytest.fixture
def lean(own_engine: sa.Engine) -> Lean:
    return Lean(own_engine.url.render_as_string(hide_password=False), most=3)


def write(lean: Lean, name: str) -> None:
    with lean.cursor() as cursor:
        values = {"name": name, "at": lean.instant(AT)}
        if lean.is_sqlite:
            lean.prepare(INSERT).run(cursor, values)
        else:
            assert lean.prepare_write("failure", INSERT).run(cursor, values) == 1


def test_what_is_written_is_there(lean: Lean, own_engine: sa.Engine) -> None:
    """Committed at once, and the same for the ordinary connections as for the raw ones."""
    write(lean, "甲")
    with own_engine.connect() as connection:
        assert connection.scalar(READ, {"name": "甲"}) == AT
    with lean.cursor() as cursor:
        row = lean.prepare(READ).run(cursor, {"name": "甲"}).fetchone()
    assert lean.read_instant(row[0]) == AT


def test_threads_have_connections_of_their_own(lean: Lean, own_engine: sa.Engine) -> None:
    """Nobody's statement falls into another's."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write(lean, f"n{number}"), range(80)))
    with own_engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(SignInFailure)) == 80


def test_an_error_leaves_the_connection_usable(lean: Lean) -> None:
    """A row that the database refuses is told, and the next one is written."""
    with pytest.raises(lean.engine.dialect.loaded_dbapi.Error):
        write(lean, None)  # type: ignore[arg-type]
    write(lean, "乙")


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
def test_a_lost_connection_is_made_anew(lean: Lean, own_engine: sa.Engine) -> None:
    """The server was restarted under it: one call fails, the next has a new connection."""
    write(lean, "甲")
    with own_engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(psycopg.OperationalError):
        write(lean, "乙")
    write(lean, "丙")


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
def test_many_rows_are_one_statement(lean: Lean, own_engine: sa.Engine) -> None:
    """Whatever is in the values arrives as it is, and the rows that were written are named."""
    forgetting = sa.delete(SignInFailure).where(
        SignInFailure.sign_in_name == sa.bindparam("name"),
        SignInFailure.failed_at == sa.bindparam("at"),
    )
    rows = Rows.of(forgetting)
    known = sa.select(*rows.columns).where(rows.columns[1] != "nobody")
    rows = rows.step(known, "known")  # what one step leaves, the next goes on with
    statement = lean.prepare_rows("forgetting", rows.each(forgetting).returning(rows.place))
    names = ['甲"\\', "乙',{}", "$1\n"]
    for name in names:
        write(lean, name)
    values = [{"name": name, "at": lean.instant(AT)} for name in [names[0], "nobody", names[2]]]
    with lean.cursor() as cursor:
        assert statement.run(cursor, values) == {0, 2}
    with own_engine.connect() as connection:
        left = connection.scalars(sa.select(SignInFailure.sign_in_name)).all()
    assert left == [names[1]]


@pytest.mark.parametrize("empty_engine", ["postgresql"], indirect=True)
def test_plans_of_a_kind_can_be_ruled_out(own_engine: sa.Engine) -> None:
    """On these connections, on each of them."""
    url = own_engine.url.render_as_string(hide_password=False)
    with Lean(url, most=1, without=["enable_seqscan"]).cursor() as cursor:
        assert cursor.execute("SHOW enable_seqscan").fetchone() == ("off",)
    with Lean(url, most=1).cursor() as cursor:
        assert cursor.execute("SHOW enable_seqscan").fetchone() == ("on",)


def test_no_more_connections_than_are_used_at_once(lean: Lean) -> None:
    """Threads that take turns share one, however many they are: PostgreSQL has few to give."""
    turn = threading.Lock()

    def write_in_turn(number: int) -> int:
        with turn:
            write(lean, f"n{number}")
            with lean.cursor() as cursor:
                return id(cursor.connection)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(write_in_turn, range(20)))) == 1


def test_who_comes_beyond_the_most_waits(lean: Lean) -> None:
    """Twelve at once have three connections among them, and all are served."""

    def write_and_see(number: int) -> int:
        write(lean, f"n{number}")
        with lean.cursor() as cursor:
            time.sleep(0.02)
            return id(cursor.connection)

    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(write_and_see, range(60)))) <= 3
