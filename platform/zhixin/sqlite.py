"""SQLite's one writer at a time: in turn, and not by looking again and again.

A writer that finds the database busy is put to sleep by SQLite and looks again, each time later,
up to a tenth of a second. Where several processes write all the time, some so wait for seconds
while the processors idle. So transactions that write first wait for a lock of the operating
system, which wakes whoever waits as soon as the one before is done. SQLite's own lock is still
what keeps the data whole: this only orders who asks for it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
from typing import Any

#: How long a transaction waits for others of its process, in seconds; for another process it
#: waits until that is done or gone.
BUSY_S = 15

#: Of each database that this process writes: among its threads, of which one waits for the
#: other processes.
_locks: dict[str, threading.Lock] = {}
os.register_at_fork(after_in_child=_locks.clear)


class Connection(sqlite3.Connection):
    """A connection in autocommit mode whose ``begin_writing`` takes turns with all others."""

    _turn: _Turn | None = None

    def __init__(self, database: str, *args: Any, **options: Any) -> None:
        super().__init__(database, *args, **options)
        self._path = os.path.realpath(database)

    def begin_writing(self) -> None:
        """Begin a transaction that may write, in its turn.

        Raises:
            sqlite3.OperationalError: the database is not to be had for ``BUSY_S``.
        """
        if os.path.isfile(self._path):  # else it is in memory, and nobody else's
            self._turn = _Turn(self._path)
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

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.end()


class _Turn:
    """A turn at a database, from its beginning to ``end``."""

    def __init__(self, database: str) -> None:
        self._lock = _locks.setdefault(database, threading.Lock())
        if not self._lock.acquire(timeout=BUSY_S):
            raise sqlite3.OperationalError("database is locked")
        self._process = os.getpid()
        try:
            self._file = _open_turn(database)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            except BaseException:
                os.close(self._file)
                raise
        except OSError as error:
            self._lock.release()
            full = error.errno == errno.ENOSPC
            raise sqlite3.OperationalError(
                "database or disk is full" if full else str(error)
            ) from error
        except BaseException:
            self._lock.release()
            raise

    def end(self) -> None:
        """Let the next one have it. What a child process has inherited is not its own."""
        if self._process != os.getpid():
            os.close(self._file)
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # closing is not enough: see above
        finally:
            try:
                os.close(self._file)
            finally:
                self._lock.release()


def _open_turn(database: str) -> int:
    """The file beside ``database`` whose lock is the turn. Whoever may write the database may open
    it: an administrator's command must not leave one that the service cannot."""
    try:
        return os.open(f"{database}-turn", os.O_RDWR)
    except FileNotFoundError:
        its = os.stat(database)
        turn = os.open(f"{database}-turn", os.O_RDWR | os.O_CREAT, 0o600)
        os.fchmod(turn, its.st_mode & 0o666)
        if os.geteuid() == 0:
            os.fchown(turn, its.st_uid, its.st_gid)
        return turn
