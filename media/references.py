"""What refers to media, read from what the other domains keep.

Whoever keeps a reference does not have to tell: every text and JSON column of every table that is
not ours or the kernel's is read for names of pictures and files (32 hex digits) and for
``"asset_id": 12``; every foreign key to a video counts. So a new field, a frozen document, a
draft's history or a note of a reviewer keeps what it names alive without a line of code, and the
mistake that is left is to keep too much.

Which course of an author uses what is told by whoever knows courses, see :func:`uses_from`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import sqlalchemy as sa
from flask import Flask, current_app
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from media.models import Upload
from zhixin import schema
from zhixin.db import Base

NAME = re.compile(r"(?<![0-9a-fA-F])[0-9a-f]{32}(?![0-9a-fA-F])")
#: Also in JSON that is kept as a text within JSON.
ASSET = re.compile(r'"\w*asset_id\\*"\s*:\s*([0-9]{1,18})')
ROWS_AT_ONCE = 500
#: So long (s) the night waits for who is writing; it comes again the next day.
HOLD_S = 5


class NotSure(Exception):
    """There may be references that this program cannot read: nothing may be removed."""


@dataclass
class Found:
    """Videos by number; pictures and files by name (and whatever else looks like one)."""

    assets: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    #: On PostgreSQL: the oldest transaction that was not done when reading began.
    snapshot: str | None = None

    def read(self, text: str) -> None:
        self.names |= set(NAME.findall(text))
        self.assets |= set(map(int, ASSET.findall(text)))


class Use(NamedTuple):
    """A course, and the media that its drafts and versions refer to."""

    title: str
    url: str
    found: Found


def everything(session: Session) -> Found:
    """All that any row of this database refers to.

    Raises:
        NotSure: the database has a table that this program does not know.
    """
    known = schema.metadata().tables
    there = set(sa.inspect(session.connection()).get_table_names()) - {"alembic_version"}
    if strange := there - set(known):
        raise NotSure(f"unknown tables: {', '.join(sorted(strange))}")
    quiet = _modules("media", "zhixin")
    found = Found()
    if _is_shared(session):
        found.snapshot = session.scalar(
            sa.text("SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text)")
        )
    for table in known.values():
        read_table(session, table, found, texts=table.name not in quiet)
    return found


def since(session: Session, before: Found) -> Found:
    """What texts were written to refer to after ``before`` was read. Nobody writes one until this
    transaction ends. (On SQLite nobody could: a transaction that writes is alone.)

    Raises:
        NotSure: somebody is still writing.
    """
    found = Found()
    if before.snapshot is None:
        return found
    known, quiet = schema.metadata().tables, _modules("media", "zhixin")
    written = [table for table in known.values() if table.name not in quiet]
    _hold(session, sorted(table.name for table in written))
    # Rows are only looked at where they were written by who was not done then: quick, while
    # everybody waits.
    newer = sa.text("age(xmin) <= age(CAST(:snapshot AS xid))").bindparams(
        snapshot=str(int(before.snapshot) % 2**32)
    )
    for table in written:
        read_table(session, table, found, newer)
    return found


def _is_shared(session: Session) -> bool:
    """Do others write while a transaction does?"""
    return session.get_bind().dialect.name == "postgresql"


def _hold(session: Session, tables: Sequence[str]) -> None:
    """Let others read these tables, and nobody write them."""
    quote = session.get_bind().dialect.identifier_preparer.quote
    try:
        with session.begin_nested():
            session.execute(sa.text(f"SET LOCAL lock_timeout = '{HOLD_S}s'"))
            session.execute(sa.text(f"LOCK TABLE {', '.join(map(quote, tables))} IN SHARE MODE"))
            session.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))
    except OperationalError:
        raise NotSure("somebody is writing") from None


def read_table(
    session: Session,
    table: sa.Table,
    found: Found,
    where: sa.ColumnElement[bool] | sa.TextClause | None = None,
    *,
    texts: bool = True,
) -> None:
    """Add what the rows of ``table`` (all, or those ``where``) refer to."""
    if table.name == Upload.__tablename__:
        return  # how a video came is no use of it
    videos = [c for c in table.columns if _points_at_videos(c)]
    words = [c for c in table.columns if texts and _may_name(c)]
    if not (videos or words):
        return
    asked = sa.select(*videos, *(sa.cast(c, sa.Text) for c in words))
    if not words:
        asked = asked.distinct()  # as many rows as playbacks otherwise
    if where is not None:
        asked = asked.where(where)
    for row in session.execute(asked.execution_options(yield_per=ROWS_AT_ONCE)):
        found.assets |= {value for value in row[: len(videos)] if value is not None}
        for text in row[len(videos) :]:
            if text:
                found.read(text)


def uses_from(app: Flask, uses: Callable[[Session, int], Sequence[Use]]) -> None:
    """Have ``uses(session, owner_id)`` tell which courses of an author use what."""
    app.extensions.setdefault("media_uses", []).append(uses)


def uses(session: Session, owner_id: int) -> list[Use]:
    """An author's courses, with what they use."""
    told: Iterable[Callable[[Session, int], Sequence[Use]]]
    told = current_app.extensions.get("media_uses", ())
    return [use for each in told for use in each(session, owner_id)]


def _points_at_videos(column: sa.Column[object]) -> bool:
    # What goes with the video, like its pieces, is a part of it and no use.
    return any(
        key.target_fullname == "asset.id" and key.ondelete != "CASCADE"
        for key in column.foreign_keys
    )


def _may_name(column: sa.Column[object]) -> bool:
    if column.primary_key and column.name == "id":
        return False  # what a row is called itself is no use of it
    if isinstance(column.type, sa.JSON):
        return True
    return isinstance(column.type, sa.String) and (column.type.length or 32) >= 32


def _modules(*packages: str) -> set[str]:
    """Tables of these packages' models."""
    return {
        str(getattr(mapper.local_table, "name", ""))
        for mapper in Base.registry.mappers
        if mapper.class_.__module__.split(".")[0] in packages
    }
