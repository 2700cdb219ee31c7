"""What counts is what the log says, and what the log says counts.

A person's year, the certificates and the bureau's figures read the table of awards, for sums
must be quick; the log is what cannot be rewritten. So the two are held against each other: an
award that somebody put into the table by hand, changed or deleted is found, whatever tool it
was done with. Then every sum is the fold of the log's entries (``zhixin.hours.fold``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from zhixin.db import Database
from zhixin.hours import entries
from zhixin.hours.models import Award, EvidenceCheck, Policy
from zhixin.hours.states import COUNTED, State
from zhixin.ledger import verification
from zhixin.ledger.inspection import Finding
from zhixin.ledger.models import Entry, EntryKind, Opening, Submission

_PAGE = 2000
_HOURS = (EntryKind.AWARD, EntryKind.CORRECTION)
#: An award that counts or counted; of these, and of no other, the log says so.
_ENTERED = (*COUNTED, State.REVERSED, State.CORRECTED)


@dataclass(frozen=True)
class Discrepancy:
    """Where the two differ.

    Attributes:
        award_id: none where the log has hours that the table does not.
        entry: the index in the log, where there is one.
        words: what differs.
    """

    award_id: int | None
    entry: int | None
    words: tuple[str, ...]

    @property
    def message(self) -> str:
        award = "" if self.award_id is None else f"学时 {self.award_id}："
        return award + "；".join(self.words)


def differing(session: Session) -> Iterator[Discrepancy]:
    """Hold all awards against the log, and the log against the awards; memory stays flat.

    Args:
        session: sees one moment (see ``ledger.verification.snapshot``).
    """
    query, after = _awards(), 0
    while page := session.execute(query.where(Award.id > after)).all():
        for row in page:
            if words := tuple(_differences(row)):
                yield Discrepancy(row.id, row.entry_index, words)
        after = page[-1].id
    for index, key in session.execute(_without_award()):
        words = (f"账本中的“{key}”在学时表中没有对应的记录",)
        yield Discrepancy(None, index, words)


def findings(session: Session) -> Iterator[Finding]:
    """The same, as ``zhixin ledger verify`` tells it."""
    for each in differing(session):
        yield Finding("hours-differ", each.message, each.entry)


def check(database: Database, now: datetime) -> Iterator[Discrepancy]:
    """The same, and what concerns an award is put on the auditors' desk, once, and goes when it
    agrees again. Hours are never touched by it."""
    with verification.snapshot(database) as reading:
        found = list(differing(reading))
        noted = reading.scalars(EvidenceCheck.differing().where(EvidenceCheck.of_log)).all()
    for award_id in sorted({*noted} - {each.award_id for each in found}):
        with database.transaction() as session:
            _note(session, award_id, [], now)
    for each in found:
        if each.award_id is not None:
            with database.transaction() as session:
                _note(session, each.award_id, list(each.words), now)
        yield each


def _note(session: Session, award_id: int, words: list[str], now: datetime) -> None:
    latest = session.scalar(
        sa.select(EvidenceCheck.differences)
        .where(EvidenceCheck.award_id == award_id, EvidenceCheck.of_log)
        .order_by(EvidenceCheck.id.desc())
        .limit(1)
    )
    if latest != words:
        session.add(
            EvidenceCheck(
                award_id=award_id, checked_at=now, holds=not words, differences=words, of_log=True
            )
        )


def _awards() -> sa.Select[Any]:
    """A page of awards, each with what the log, or what waits for it, says of it."""
    # Joins by unique keys, no EXISTS: a page then never reads more than its rows.
    reversal, successor = aliased(Submission), aliased(Award)
    key = sa.literal("reversal:") + sa.cast(Award.id, sa.String)
    replaced = (
        successor.corrects_id == Award.id,
        successor.submission_id.is_not(None),
        Award.state != State.REVERSED,  # of those it is restored hours
    )
    return (
        sa.select(
            *Award.__table__.columns,
            Policy.sha256.label("policy_sha256"),
            Submission.kind,
            Submission.entry_index,
            sa.func.coalesce(Entry.body, Submission.body).label("body"),
            Opening.person_id.label("opens_to"),
            reversal.id.is_not(None).label("is_reversed"),
            successor.id.is_not(None).label("is_corrected"),
        )
        .join(Policy, Policy.id == Award.policy_id)
        .outerjoin(Submission, Submission.id == Award.submission_id)
        .outerjoin(Entry, Entry.index == Submission.entry_index)
        .outerjoin(Opening, Opening.submission_id == Submission.id)
        .outerjoin(reversal, reversal.key == key)
        .outerjoin(successor, sa.and_(*replaced))
        .order_by(Award.id)
        .limit(_PAGE)
    )


def _without_award() -> sa.Select[int | None, str]:
    kept = sa.exists().where(Award.submission_id == Submission.id)
    return (
        sa.select(Submission.entry_index, Submission.key)
        .where(Submission.kind.in_(_HOURS), ~kept)
        .order_by(Submission.id)
    )


def _differences(row: Any) -> Iterator[str]:
    entered = row.state in _ENTERED
    if row.submission_id is None:
        if entered:
            yield "账本中没有这条学时，不是由审核产生的"
        return
    if not entered:
        yield "账本中有这条学时，却没有计入"
    if row.state == State.RECORDED and row.entry_index is None:
        yield "标为已入账，但账本中还没有"
    if row.is_reversed != (row.state == State.REVERSED):
        yield "账本已冲销，却没有冲销" if row.is_reversed else "标为已冲销，但账本中没有冲销"
    if row.is_corrected != (row.state == State.CORRECTED):
        yield "账本已更正，却没有更正" if row.is_corrected else "标为已更正，但账本中没有更正"
    if row.opens_to is not None and row.opens_to != row.person_id:
        yield "账本记的是另一位学员"
    yield from _unlike_entry(row)


def _unlike_entry(row: Any) -> Iterator[str]:
    if row.kind not in _HOURS or row.body is None:
        yield "所指的账本记录不是学时"
        return
    said = json.loads(row.body)["facts"]
    expected = entries.facts(row, row.policy_sha256)
    if Decimal(said["hours"]) == row.hours:
        said["hours"] = expected["hours"]  # 4.5 and 4.50
    if row.state not in COUNTED:
        said["verified_by"] = expected["verified_by"]  # who decided last is another by now
    names = [name for name, value in expected.items() if said.get(name) != value]
    if names:
        yield f"与账本记录不同：{'、'.join(names)}"
