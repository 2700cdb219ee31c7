"""Bringing questions in: a file is kept, read by a job or at once, shown, and then taken.

Reading changes nothing of a paper; taking is one transaction. A job that dies leaves a row that
the sweeper finds, and what nobody took is forgotten after a week.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from assessments import drafting
from assessments.exchange import base, formats
from assessments.exchange.base import Found, Problem, Reading
from assessments.import_models import ImportState, QuestionImport
from zhixin.db import Database
from zhixin.errors import Conflict, DomainError, Invalid, NotFound

#: A paste or a small file is read within the request; what is larger by a job.
AT_ONCE = 64 * 1024
MOST_WAITING = 5
MOST_TRIES = 3
DEAD_AFTER = timedelta(minutes=2)
FORGOTTEN_AFTER = timedelta(days=7)
_REPORT_EVERY_S = 1.0

MakePictures = Callable[[int], base.Pictures]


class TooManyImports(Conflict):
    """An author has several files that are not read yet."""

    code = "too-many-imports"
    title = "正在读取的文件过多"


def start(
    session: Session,
    *,
    owner_id: int,
    target: str,
    content: bytes,
    file_name: str,
    format: str | None = None,
    now: datetime,
) -> QuestionImport:
    """Keep a file that is to be read.

    Args:
        format: one of ``formats.FORMATS``; ``None``: find out.

    Raises:
        UnreadableQuestions, BadArchive, UnreadableText: it is nothing that we read.
        TooManyImports: others of this author's wait.
    """
    waiting = sa.select(sa.func.count()).where(
        QuestionImport.owner_id == owner_id,
        QuestionImport.state.in_([ImportState.WAITING, ImportState.READING]),
    )
    if (session.scalar(waiting) or 0) >= MOST_WAITING:
        raise TooManyImports("还有文件正在读取，请等它们完成后再导入")
    if format is not None and format not in formats.FORMATS:
        raise NotFound("没有这种格式")
    name = format or formats.detect(content, file_name).name
    shown = "".join(each for each in file_name if each.isprintable())[-200:]
    made = QuestionImport(
        owner_id=owner_id,
        target=target,
        file_name=shown,
        format=name,
        content=content,
        state=ImportState.WAITING,
        beat_at=now,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


def get(
    session: Session, import_id: int, owner_id: int, target: str, *, whole: bool = True
) -> QuestionImport:
    """An author's own import; ``whole``: with its result, which may be long.

    Raises:
        NotFound: there is none, or it is somebody else's or for something else.
    """
    options = [undefer(QuestionImport.result)] if whole else []
    found = session.get(QuestionImport, import_id, options=options, populate_existing=True)
    if found is None or (found.owner_id, found.target) != (owner_id, target):
        raise NotFound
    return found


def reading_of(made: QuestionImport) -> Reading:
    """What was understood.

    Raises:
        Conflict: it is not read yet.
    """
    if made.result is None:
        raise Conflict("文件还没有读完", code="import-not-read")
    kept = made.result
    return Reading(
        [Found(each["where"], each["document"], each["notes"]) for each in kept["found"]],
        kept["passages"],
        [Problem(*each) for each in kept["problems"]],
    )


def run(
    database: Database, import_id: int, pictures: MakePictures, now: Callable[[], datetime]
) -> None:
    """Read a file, unless somebody does; holds no transaction while reading."""
    claim = secrets.token_hex(8)
    with database.transaction() as session:
        taken = session.execute(
            sa.update(QuestionImport)
            .where(QuestionImport.id == import_id, _free(now()))
            .values(
                state=ImportState.READING,
                claim=claim,
                beat_at=now(),
                done=0,
                tries=QuestionImport.tries + 1,
            )
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]
            return
        row = session.get(QuestionImport, import_id, options=[undefer(QuestionImport.content)])
        assert row is not None
        owner_id, format, content, tries = row.owner_id, row.format, row.content or b"", row.tries
    keeper = Keeper(database, import_id, claim, now, ImportState.READING)
    if tries > MOST_TRIES:
        keeper.end(
            state=ImportState.FAILED, failure="读取没有完成，请把文件拆小后重试", content=None
        )
        return
    try:
        reading = formats.FORMATS[format].read(content, pictures(owner_id), keeper.progress)
    except Lost:
        return
    except DomainError as error:
        keeper.end(state=ImportState.FAILED, failure=error.message[:500], content=None)
        return
    keeper.end(state=ImportState.READY, result=_kept(reading), content=None)


def take(
    session: Session, made: QuestionImport, *, paper_id: int, everything: bool, now: datetime
) -> int:
    """Append what was read to a paper: all, or nothing if something had a fault; or what is good.

    Raises:
        NotFound, InvalidPaper: as for ``drafting.save``; nothing is changed.
        Invalid, Conflict: as for :func:`claim`.
    """
    reading = claim(session, made, everything=everything, now=now)
    drafting.append(session, paper_id, made.owner_id, reading.questions, reading.passages, now)
    return len(reading.found)


def claim(
    session: Session,
    made: QuestionImport,
    *,
    everything: bool,
    now: datetime,
    state: ImportState = ImportState.TAKEN,
    taking: Mapping[str, Any] | None = None,
) -> Reading:
    """What was read, for who puts it somewhere: once.

    Args:
        state: in which it is from now on; ``taking`` goes with it.

    Raises:
        Invalid: there are faults and ``everything`` is wanted, or there is no question.
        Conflict: it was taken before, or is not read yet.
    """
    reading = reading_of(made)
    if everything and reading.faults:
        raise Invalid(
            "有题目存在问题，按“全部成功才导入”没有导入任何题目", code="import-has-faults"
        )
    if not reading.found:
        raise Invalid("没有可以导入的题目", code="nothing-to-import")
    changed = session.execute(
        sa.update(QuestionImport)
        .where(QuestionImport.id == made.id, QuestionImport.state == ImportState.READY)
        .values(state=state, taking=taking, beat_at=now, tries=0, failure=None)
    )
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("这个文件的题目已经导入过", code="already-imported")
    return reading


def stranded(session: Session, now: datetime) -> Sequence[int]:
    """Files that wait for a job, or whose job is dead."""
    return session.scalars(
        sa.select(QuestionImport.id).where(_free(now)).order_by(QuestionImport.id)
    ).all()


def forget(session: Session, now: datetime) -> None:
    """Files of more than a week ago; what was taken of them stands in papers."""
    session.execute(
        sa.delete(QuestionImport).where(QuestionImport.created_at < now - FORGOTTEN_AFTER)
    )


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(
        QuestionImport.state == ImportState.WAITING,
        sa.and_(
            QuestionImport.state == ImportState.READING, QuestionImport.beat_at < now - DEAD_AFTER
        ),
    )


def _kept(reading: Reading) -> dict[str, Any]:
    return {
        "found": [
            {"where": each.where, "document": each.document, "notes": each.notes}
            for each in reading.found
        ],
        "passages": reading.passages,
        "problems": [[each.where, each.said, each.fatal] for each in reading.problems],
    }


class Lost(Exception):
    """Another job took over."""


class Keeper:
    """Tells how far the work on an import in ``state`` is, and notices when another took over."""

    def __init__(
        self,
        database: Database,
        import_id: int,
        claim: str,
        now: Callable[[], datetime],
        state: ImportState,
    ) -> None:
        self._database, self._id, self._claim, self._now = database, import_id, claim, now
        self._state = state
        self._reported = time.monotonic()

    def progress(self, done: int, total: int) -> None:
        if time.monotonic() - self._reported < _REPORT_EVERY_S:
            return
        self._reported = time.monotonic()
        if not self.end(done=done, total=total):
            raise Lost

    def end(self, **values: Any) -> bool:
        with self._database.transaction() as session:
            return self.end_in(session, **values)

    def end_in(self, session: Session, **values: Any) -> bool:
        """The same within a transaction; False: another has it now."""
        kept = session.execute(
            sa.update(QuestionImport)
            .where(
                QuestionImport.id == self._id,
                QuestionImport.claim == self._claim,
                QuestionImport.state == self._state,
            )
            .values(beat_at=self._now(), **values)
            .execution_options(synchronize_session=False)
        )
        return bool(kept.rowcount)  # type: ignore[attr-defined]
