"""A file's questions on their way into a bank: wanted by its author, put there by a job, once.

What takes long holds no transaction: whether questions are sound, and what they are like. The
last step, one transaction, puts all of them there or none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from assessments import importing
from assessments.banks import bringing, copies, keeping, writing
from assessments.banks.keeping import Held
from assessments.banks.writing import Written
from assessments.import_models import ImportState, QuestionImport
from assessments.importing import DEAD_AFTER, MOST_TRIES, Keeper, Lost
from zhixin.db import Database
from zhixin.errors import Conflict, DomainError, NotAllowed, NotFound
from zhixin.people.models import Person

#: So many questions are taken within the request; more by a job.
AT_ONCE = 200
TARGET = "bank:"
_EVERY = 100
#: Of each question: is it sound, its sketch, is it in the file already, is it in the bank.
_STEPS = 4

Now = Callable[[], datetime]


def accept(
    session: Session,
    made: QuestionImport,
    *,
    everything: bool,
    skip: bool,
    propose: bool,
    now: datetime,
) -> int:
    """The author wants the questions in the bank; :func:`run` puts them there. How many there are.

    Args:
        everything: all or none, if something had a fault.
        skip: leave out what is the same as another by ``bringing.THE_SAME`` percent.
        propose: they wait for their review at once.

    Raises:
        Invalid, Conflict: as for ``importing.claim``.
    """
    wanted = {"skip": skip, "propose": propose}
    reading = importing.claim(
        session, made, everything=everything, now=now, state=ImportState.ACCEPTED, taking=wanted
    )
    return len(reading.found)


def stranded(session: Session, now: datetime) -> Sequence[int]:
    """Imports whose questions wait for a job, or whose job is dead."""
    return session.scalars(
        sa.select(QuestionImport.id).where(_free(now)).order_by(QuestionImport.id)
    ).all()


def run(database: Database, import_id: int, now: Now) -> None:
    """Put an import's questions into its bank, unless somebody does."""
    claim = secrets.token_hex(8)
    with database.transaction() as session:
        taken = session.execute(
            sa.update(QuestionImport)
            .where(QuestionImport.id == import_id, _free(now()))
            .values(
                state=ImportState.TAKING, claim=claim, beat_at=now(), done=0, total=None,
                tries=QuestionImport.tries + 1,
            )
        )  # fmt: skip
        if taken.rowcount != 1:  # type: ignore[attr-defined]
            return
        row = session.get_one(QuestionImport, import_id, options=[undefer(QuestionImport.result)])
        session.expunge(row)
    keeper = Keeper(database, import_id, claim, now, ImportState.TAKING)
    try:
        if row.tries > MOST_TRIES:
            raise Conflict("导入没有完成，请稍后重试")
        _take(database, row, keeper, now)
    except Lost:
        return
    except DomainError as error:
        keeper.end(state=ImportState.READY, failure=error.message[:500])


def _take(database: Database, row: QuestionImport, keeper: Keeper, now: Now) -> None:
    wanted = row.taking or {}
    reading = importing.reading_of(row)
    total = len(reading.found) * _STEPS

    def told(step: int) -> Callable[[int], None]:
        return lambda done: keeper.progress(step * len(reading.found) + done, total)

    found = bringing.written(reading, told(0))
    for done, each in enumerate(found, 1):
        each.prepare()
        if done % _EVERY == 0:
            told(1)(done)
    kept = found
    if wanted.get("skip"):
        with database.session(writes=False) as session:
            held = _held(session, row)
            kept = _without_copies(session, held, found, told(2), told(3))
    with database.transaction() as session:
        held, propose = _held(session, row), bool(wanted.get("propose"))
        ids = writing.add(session, held, kept, now(), propose=propose)
        counts = {"added": len(ids), "skipped": len(found) - len(kept)}
        done = keeper.end_in(session, state=ImportState.TAKEN, taking={**wanted, **counts})
        if not done:
            raise Lost  # another takes them: nothing of this one stays


def _held(session: Session, row: QuestionImport) -> Held:
    """The bank as the author has it now.

    Raises:
        NotAllowed: they may bring nothing there any more.
    """
    person = session.get_one(Person, row.owner_id)
    try:
        return keeping.get(session, int(row.target.removeprefix(TARGET)), person)
    except NotFound:
        raise NotAllowed("您不能向这个题库添加题目") from None


def _without_copies(
    session: Session,
    held: Held,
    found: Sequence[Written],
    within: Callable[[int], None],
    there: Callable[[int], None],
) -> list[Written]:
    sketches = [each.sketch for each in found]
    same = bringing.THE_SAME
    inside = {
        at for at, (_to, percent) in copies.within(sketches, within).items() if percent >= same
    }
    alike = copies.of_many(session, held.bank.id, sketches, progress=there)
    return [
        each
        for at, each in enumerate(found)
        if at not in inside and not any(like.percent >= same for like in alike[at])
    ]


def _free(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(
        QuestionImport.state == ImportState.ACCEPTED,
        sa.and_(
            QuestionImport.state == ImportState.TAKING, QuestionImport.beat_at < now - DEAD_AFTER
        ),
    )
