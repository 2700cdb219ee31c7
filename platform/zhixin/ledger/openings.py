"""What opens the entries' commitments: kept beside the log, each held against its entry.

A salt may be erased, which erases whom its entry is about; one that is there must open it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.ledger.inspection import raw
from zhixin.ledger.models import Entry, Opening, Submission

_PAGE = 5000
#: In canonical JSON "person" is the last member of an entry: …,"person":"<64 hex digits>"}
_TAIL = len('"}') + 64


def wrong(session: Session, first: int, size: int) -> Iterator[int]:
    """Entries from ``first`` up to ``size`` whose kept opening opens something else."""
    begin = sa.func.length(Entry.body) - (_TAIL - 1)
    rows = (
        sa.select(
            Submission.entry_index,
            Opening.person_id,
            raw(session, Opening.salt),
            sa.func.substr(Entry.body, begin, 64),
        )
        .join(Opening, Opening.submission_id == Submission.id)
        .join(Entry, Entry.index == Submission.entry_index)
        .where(Submission.entry_index < size)
        .order_by(Submission.entry_index)
        .limit(_PAGE)
    )
    after = first - 1
    while page := session.execute(rows.where(Submission.entry_index > after)).all():
        for index, person_id, salt, commitment in page:
            # As log.commitment, written out: a canonical encoder takes ten times as long.
            opening = f'{{"person":{person_id},"salt":"{bytes(salt).hex()}"}}'
            if hashlib.sha256(opening.encode()).hexdigest() != commitment:
                yield index
        after = page[-1][0]


def erase(session: Session, person_id: int) -> int:
    """Erase the salts of all entries about a person; returns how many. From then on nobody can
    show of an entry whom it is about, this platform included; the log stays as it is."""
    erased = session.execute(sa.delete(Opening).where(Opening.person_id == person_id))
    count: int = erased.rowcount  # type: ignore[attr-defined]
    return count
