"""Proofs and copies as files, complete in themselves: for whoever has nothing else of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.config import Settings
from zhixin.db import Database
from zhixin.errors import NotFound
from zhixin.ledger import checkpoint, log, merkle, rotation, tiles, verification, witness
from zhixin.ledger.copies import Copy, State
from zhixin.ledger.merkle import Frontier
from zhixin.ledger.models import Entry, Opening, Submission


def index_of(session: Session, key: str) -> int:
    """Where the decision of that name is in the log.

    Raises:
        NotFound: there is none, or it is not in the log yet.
    """
    index = session.scalar(sa.select(Submission.entry_index).where(Submission.key == key))
    if index is None:
        raise NotFound(f"账本中没有名为 {key} 的决定（或尚未入账）")
    return index


def inclusion(session: Session, index: int, *, with_opening: bool = False) -> dict[str, Any]:
    """That an entry is in the log, under its newest checkpoint: as credentials carry it, too.

    Args:
        with_opening: whom it is about, provable. For that person only.
    """
    entry, head = log.entry(session, index), log.head(session)
    if head is None or head.size <= index:
        raise NotFound(f"第 {index} 条记录还没有签名的树头")
    path = log.inclusion(session, index, head.size)
    merkle.verify_inclusion(index, head.size, entry.leaf_hash, path, head.root)
    proof = {
        "type": ["LedgerInclusion"],
        "origin": checkpoint.claimed(head.checkpoint).origin,
        "index": index,
        "size": head.size,
        "entry": entry.body,
        "path": [base64.b64encode(each).decode() for each in path],
        "checkpoint": witness.cosigned_note(session, head),
    }
    return proof | ({"opening": _opening(session, index)} if with_opening else {})


def _opening(session: Session, index: int) -> dict[str, Any]:
    found = session.execute(
        sa.select(Opening.person_id, Opening.salt)
        .join(Submission, Submission.id == Opening.submission_id)
        .where(Submission.entry_index == index)
    ).one_or_none()
    if found is None:
        raise NotFound(f"第 {index} 条记录没有可以打开的承诺（与人无关，或已被删除）")
    return {"person": found.person_id, "salt": found.salt.hex()}


def consistency(session: Session, old: int, new: int) -> dict[str, Any]:
    """That the log of ``new`` entries begins with that of ``old``."""
    path = log.consistency(session, old, new)
    return {"from": old, "to": new, "hashes": [each.hex() for each in path]}


def lines(database: Database) -> Iterator[str]:
    """Every entry as a line of JSON."""
    rows = sa.select(Entry.index, Entry.body, Entry.leaf_hash).order_by(Entry.index)
    with verification.snapshot(database) as session:
        for index, body, leaf in session.execute(rows.execution_options(yield_per=1000)):
            line = {"index": index, "body": body, "leaf_hash": leaf.hex()}
            yield json.dumps(line, ensure_ascii=False)


def export(
    session: Session, settings: Settings, copy: Copy, on_progress: Callable[[int, int], None]
) -> int:
    """Write the whole log into a folder, as one who followed it would have it; give its size.

    Raises:
        NotFound: the log is empty.
    """
    head = log.head(session)
    if head is None:
        raise NotFound("账本还没有记录")
    periods = rotation.ring(session, settings).periods
    copy.write("keys", "".join(f"{p.key} {p.since}\n" for p in periods).encode())
    frontier = Frontier()
    for number in range((head.size + tiles.WIDTH - 1) // tiles.WIDTH):
        first = number * tiles.WIDTH
        bodies = [body.encode() for body in _bodies(session, first, head.size)]
        copy.keep_bundle(number, bodies)
        for body in bodies:
            frontier = frontier.push(merkle.leaf_hash(body))
        on_progress(first + len(bodies), head.size)
    changes = tuple(change.index for change in rotation.rotations(session))
    copy.keep_state(State(frontier, changes))
    note = witness.cosigned_note(session, head).encode()
    copy.write(f"checkpoints/{head.size}", note)
    copy.write("checkpoint", note)
    return head.size


def _bodies(session: Session, first: int, size: int) -> list[str]:
    below = min(first + tiles.WIDTH, size)
    rows = sa.select(Entry.body).where(Entry.index >= first, Entry.index < below)
    return list(session.scalars(rows.order_by(Entry.index)))
