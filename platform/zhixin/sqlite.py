"""SQLite's one writer at a time: in turn, and not by looking again and again.

A writer that finds the database busy is put to sleep by SQLite and looks again, each time later,
up to a tenth of a second. Where several processes write all the time, some so wait for seconds
while the processors idle. So transactions that write first wait for a lock of the operating
system, which wakes whoever waits as soon as the one before is done. SQLite's own lock is still
what keeps the data whole: this only orders who asks for it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from typing import Any

#: How long a transaction waits for the database, in seconds.
BUSY_S = 15

#: Of each database that this process writes: among its threads, of which one waits for the
#: other processes.
_turns: dict[str, threading.Lock] = {}
os.register_at_fork(after_in_child=_turns.clear)


class Connection(sqlite3.Connection):
    """A connection in autocommit mode whose ``begin_writing`` takes turns with all others."""

    #: The file whose lock is this connection's.
    _turn: int | None = None

    def __init__(self, database: str, *args: Any, **options: Any) -> None:
        super().__init__(database, *args, **options)
        self._path = os.path.realpath(database)

    def begin_writing(self) -> None:
        """Begin a transaction that may write, in its turn.

        Raises:
            sqlite3.OperationalError: the database is not to be had for ``BUSY_S``.
        """
        self._take_turn()
        try:
            self.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._end_turn()
            raise

    def commit(self) -> None:
        super().commit()
        self._end_turn()

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._end_turn()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._end_turn()

    def __del__(self) -> None:
        self._end_turn()  # forgotten without being closed

    def _take_turn(self) -> None:
        if not os.path.isfile(self._path):
            return  # in memory: nobody else's
        mine = _turns.setdefault(self._path, threading.Lock())
        if not mine.acquire(timeout=BUSY_S):
            raise sqlite3.OperationalError("database is locked")
        try:
            turn = _open_turn(self._path)
            try:
                fcntl.flock(turn, fcntl.LOCK_EX)
            except BaseException:
                os.close(turn)
                raise
        except BaseException:
            mine.release()
            raise
        self._turn = turn

    def _end_turn(self) -> None:
        if self._turn is None:
            return
        turn, self._turn = self._turn, None
        fcntl.flock(turn, fcntl.LOCK_UN)  # a child process may have inherited it
        os.close(turn)
        _turns[self._path].release()


def _open_turn(database: str) -> int:
    """The file beside ``database`` whose lock is the turn. It belongs to whom the database does:
    an administrator's command must not leave one that the service cannot open."""
    try:
        return os.open(f"{database}-turn", os.O_RDWR)
    except FileNotFoundError:
        its = os.stat(database)
        turn = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT, its.st_mode & 0o666)
        if os.geteuid() == 0:
            os.chown(turn, its.st_uid, its.st_gid)
        return turn
