"""Every sum is the fold of the ledger's entries: what stands after all of them were read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.hours.rules import SubjectKind
from zhixin.ledger.models import Entry, EntryKind, Opening, Submission


@dataclass(frozen=True)
class Standing:
    """An entry's hours that nothing later took back or replaced."""

    award_id: int
    year: int
    subject_kind: SubjectKind
    hours: Decimal


def fold(entries: Iterable[tuple[int, EntryKind, Mapping[str, Any]]]) -> dict[int, Standing]:
    """What stands, by the entry's index.

    Args:
        entries: index, kind and facts, in the log's order. Entries of other kinds are passed over.
    """
    standing: dict[int, Standing] = {}
    for index, kind, facts in entries:
        if kind == EntryKind.REVERSAL:
            standing.pop(facts["reverses_entry"], None)
        elif kind in (EntryKind.AWARD, EntryKind.CORRECTION):
            # Of a reversal that is corrected nothing stood; the restored hours do from now on.
            standing.pop(facts.get("corrects_entry", -1), None)
            standing[index] = Standing(
                facts["award"],
                facts["year"],
                SubjectKind(facts["subject_kind"]),
                Decimal(facts["hours"]),
            )
    return standing


def of_person(session: Session, person_id: int) -> dict[int, Standing]:
    """The same of the entries that one person's openings open."""
    rows = session.execute(
        sa.select(Entry.index, Entry.kind, Entry.body)
        .join(Submission, Submission.entry_index == Entry.index)
        .join(Opening, Opening.submission_id == Submission.id)
        .where(Opening.person_id == person_id)
        .order_by(Entry.index)
    )
    return fold((at, EntryKind(kind), json.loads(body)["facts"]) for at, kind, body in rows)
