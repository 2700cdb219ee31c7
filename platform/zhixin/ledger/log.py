"""The log's operations: submit with the decision, append in order, prove.

A decision writes a ``Submission`` in its own transaction (the outbox); the sequencer
appends waiting submissions as ``Entry`` rows under one newly signed ``TreeHead``. So there
is no entry without its decision, no decision that stays without its entry, and two
sequencers cannot fork the log: both would need the same primary keys.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import jobs
from zhixin.errors import Invalid, NotFound
from zhixin.ledger import merkle
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, EntryKind, Opening, Submission, TreeHead

SALT_BYTES = 32


class LogBroken(Exception):
    """The log was altered behind the program's back; nothing is appended until a person looks."""


def commitment(person_id: int, salt: bytes) -> str:
    """A person as the ledger names them: opened by whoever holds the salt, silent otherwise."""
    opening = rfc8785.dumps({"person": person_id, "salt": salt.hex()})
    return hashlib.sha256(opening).hexdigest()


def submit(
    session: Session,
    kind: EntryKind,
    key: str,
    facts: Mapping[str, Any],
    *,
    person_id: int | None = None,
    now: datetime,
) -> Submission:
    """Put a fact into the outbox, in the transaction of the decision it records.

    Args:
        key: names the decision (``award:17``); a second one with the same key is refused
            by the database.
        facts: JSON without personal data.
        person_id: whom it is about; enters as a salted commitment.
    """
    body: dict[str, Any] = {
        "kind": kind.value,
        "key": key,
        "facts": dict(facts),
        "decided_at": now.isoformat(),
    }
    salt = secrets.token_bytes(SALT_BYTES)
    if person_id is not None:
        body["person"] = commitment(person_id, salt)
    submission = Submission(key=key, kind=kind, body=rfc8785.dumps(body).decode(), submitted_at=now)
    session.add(submission)
    session.flush()
    if person_id is not None:
        session.add(Opening(submission_id=submission.id, person_id=person_id, salt=salt))
        session.flush()
    from zhixin.ledger.tasks import append

    jobs.enqueue(session, append)
    return submission


def append_waiting(session: Session, signer: Signer, now: datetime, limit: int = 1000) -> int:
    """The sequencer: append waiting submissions in order under one new tree head.

    Returns:
        How many entries were appended.

    Raises:
        LogBroken: the newest tree head is not what was signed.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Sequencers take turns; SQLite's BEGIN IMMEDIATE does the same.
        session.execute(sa.text("SELECT pg_advisory_xact_lock(7310001)"))
    waiting = session.execute(
        sa.select(Submission.id, Submission.kind, Submission.body)
        .where(Submission.entry_index.is_(None))
        .order_by(Submission.id)
        .limit(limit)
    ).all()
    if not waiting:
        return 0
    frontier = _frontier(head(session))
    first = frontier.size
    entries = []
    for row in waiting:
        leaf = merkle.leaf_hash(row.body.encode())
        entries.append(
            {
                "index": frontier.size,
                "kind": row.kind,
                "body": row.body,
                "leaf_hash": leaf,
                "appended_at": now,
            }
        )
        frontier = frontier.push(leaf)
    session.execute(sa.insert(Entry), entries)
    session.execute(
        sa.update(Submission),
        [{"id": row.id, "entry_index": first + place} for place, row in enumerate(waiting)],
    )
    root = frontier.root()
    session.add(
        TreeHead(
            size=frontier.size,
            root=root,
            frontier=frontier.to_bytes(),
            checkpoint=signer.sign(frontier.size, root),
            signed_at=now,
        )
    )
    session.flush()
    return len(entries)


def _frontier(last: TreeHead | None) -> merkle.Frontier:
    """Where appending goes on. Never from a state that the last signature does not cover."""
    if last is None:
        return merkle.frontier(())
    try:
        frontier = merkle.Frontier.from_bytes(last.frontier)
    except merkle.ProofError as error:
        raise LogBroken(f"tree head {last.size}: {error}") from None
    if (frontier.size, frontier.root()) != (last.size, last.root):
        raise LogBroken(f"tree head {last.size}: its frontier leads to another root")
    return frontier


def head(session: Session) -> TreeHead | None:
    """The newest tree head; None while the log is empty."""
    return session.scalar(sa.select(TreeHead).order_by(TreeHead.size.desc()).limit(1))


def entry(session: Session, index: int) -> Entry:
    """One entry.

    Raises:
        NotFound: the log is shorter.
    """
    found = session.get(Entry, index)
    if found is None:
        raise NotFound(f"账本中没有第 {index} 条记录")
    return found


def inclusion(session: Session, index: int, size: int) -> list[bytes]:
    """Proof that entry ``index`` is in the tree of ``size`` entries (RFC 9162 §2.1.3)."""
    if not 0 <= index < size:
        raise Invalid("证明的位置必须小于账本大小", code="out-of-range")
    return merkle.inclusion_path(index, _leaves(session, size))


def consistency(session: Session, old: int, new: int) -> list[bytes]:
    """Proof that the tree of ``new`` entries only adds to that of ``old`` (RFC 9162 §2.1.4)."""
    if not 0 < old <= new:
        raise Invalid("起始大小必须大于 0 且不超过结束大小", code="out-of-range")
    return merkle.consistency_path(old, _leaves(session, new))


def _leaves(session: Session, size: int) -> list[bytes]:
    newest = head(session)
    if newest is None or newest.size < size:
        raise NotFound(f"账本目前只有 {newest.size if newest else 0} 条记录")
    leaves = session.scalars(
        sa.select(Entry.leaf_hash).where(Entry.index < size).order_by(Entry.index)
    ).all()
    if len(leaves) != size:
        raise LogBroken(f"{size - len(leaves)} entries below {size} are missing")
    return list(leaves)
