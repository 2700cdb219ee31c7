"""Whoever writes on SQLite comes in turn, and nobody's turn is lost."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from zhixin import db, sqlite

HOLDING = """
import sys, time
from zhixin import sqlite
connection = sqlite.Connection(sys.argv[1], isolation_level=None)
connection.begin_writing()
connection.execute("INSERT INTO word VALUES ('unfinished')")
print("writing", flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "words.sqlite3")
    connection = sqlite.Connection(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE word (text)")
    connection.close()
    return path


def connect(path: str) -> sqlite.Connection:
    return sqlite.Connection(path, isolation_level=None, check_same_thread=False, timeout=0)


def write(path: str, text: str) -> None:
    connection = connect(path)
    connection.begin_writing()
    connection.execute("INSERT INTO word VALUES (?)", [text])
    connection.commit()
    connection.close()


def words(path: str) -> list[str]:
    return [text for (text,) in connect(path).execute("SELECT text FROM word ORDER BY text")]


def test_who_comes_second_waits_and_is_not_refused(path: str) -> None:
    """SQLite itself, asked without patience (``timeout=0``), would say "database is locked"."""
    first = connect(path)
    first.begin_writing()
    second = threading.Thread(target=write, args=(path, "second"))
    second.start()
    second.join(0.3)
    assert second.is_alive(), "it waits"
    first.execute("INSERT INTO word VALUES ('first')")
    first.commit()
    second.join(10)
    assert words(path) == ["first", "second"]


def test_many_at_once_all_come(path: str) -> None:
    """Threads of this process and another process beside it; none of them is refused."""
    code = HOLDING.partition("connection.begin")[0] + (
        "for n in range(200):\n"
        "    connection.begin_writing()\n"
        "    connection.execute('INSERT INTO word VALUES (?)', [f'other{n}'])\n"
        "    connection.commit()\n"
    )
    connections = [connect(path) for _ in range(4)]

    def write_fifty(connection: sqlite.Connection) -> None:
        for _ in range(50):
            connection.begin_writing()
            connection.execute("INSERT INTO word VALUES ('mine')")
            connection.commit()

    with subprocess.Popen([sys.executable, "-c", code, path]) as other:
        threads = [threading.Thread(target=write_fifty, args=(each,)) for each in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert other.returncode == 0
    assert len(words(path)) == 400


def test_a_killed_writer_leaves_its_turn(path: str) -> None:
    """What it had begun is undone, as ever, and the next goes on at once."""
    with subprocess.Popen([sys.executable, "-c", HOLDING, path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        os.kill(writer.pid, signal.SIGKILL)
    write(path, "next")
    assert words(path) == ["next"]


@pytest.mark.parametrize("end", ["rollback", "close", "__del__"])
def test_what_is_broken_off_leaves_its_turn(path: str, end: str) -> None:
    """By a rollback, because the connection is closed, or because it is forgotten."""
    connection = connect(path)
    connection.begin_writing()
    if end == "__del__":
        del connection
        gc.collect()
    else:
        getattr(connection, end)()
    write(path, "next")
    assert words(path) == ["next"]


def test_a_transaction_within_another_is_told_and_does_not_hang(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours: the second would wait for the first, which waits for it."""
    monkeypatch.setattr(sqlite, "BUSY_S", 0.1)
    outer, inner = connect(path), connect(path)
    outer.begin_writing()
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        inner.begin_writing()
    outer.commit()
    inner.begin_writing()
    inner.commit()


def test_a_child_process_neither_keeps_nor_gives_away_the_turn(path: str) -> None:
    """It inherits the file while its parent writes, lets go of its own and lives on."""
    connection = connect(path)
    connection.begin_writing()
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - the child's own
        connection._end_turn()
        os.write(telling, b".")
        signal.pause()
    try:
        assert os.read(told, 1) == b"."
        with open(f"{path}-turn") as turn, pytest.raises(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        connection.commit()
        write(path, "next")
        assert words(path) == ["next"]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(told)
        os.close(telling)


def test_the_engine_says_so_as_of_a_statement(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for SQLAlchemy's error meets it."""
    monkeypatch.setattr(sqlite, "BUSY_S", 0.1)
    writer, engine = connect(path), db.make_engine(f"sqlite:///{path}")
    writer.begin_writing()
    with pytest.raises(sa.exc.OperationalError, match="database is locked"), engine.begin():
        pass
    writer.commit()
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO word VALUES ('engine')"))
    engine.dispose()
    assert words(path) == ["engine"]


def test_who_may_write_the_database_may_take_turns(path: str) -> None:
    """Whatever the umask of the one who comes first."""
    os.chmod(path, 0o660)
    before = os.umask(0o077)
    try:
        write(path, "first")
    finally:
        os.umask(before)
    assert os.stat(f"{path}-turn").st_mode & 0o777 == 0o660


def test_an_engine_takes_turns(path: str) -> None:
    """Transactions of the platform's engine; those that only read wait for nobody."""
    engine = db.make_engine(f"sqlite:///{path}")
    writer = connect(path)
    writer.begin_writing()
    with engine.connect().execution_options(sqlite_begin="DEFERRED") as reader:
        assert reader.scalar(sa.text("SELECT count(*) FROM word")) == 0
    done = threading.Event()

    def from_the_engine() -> None:
        with engine.begin() as connection:
            connection.execute(sa.text("INSERT INTO word VALUES ('engine')"))
        done.set()

    thread = threading.Thread(target=from_the_engine)
    thread.start()
    assert not done.wait(0.3)
    writer.commit()
    assert done.wait(10)
    engine.dispose()
    assert words(path) == ["engine"]
