"""Recomputing the log: does it hold, and if not, what is wrong where.

Two passes. The first is quick and says yes or no (:mod:`zhixin.ledger.soundness`); only where
it says no, the second names what is wrong (:mod:`zhixin.ledger.inspection`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.db import Database
from zhixin.ledger import checkpoint, log, openings, rotation, soundness, tiles
from zhixin.ledger.inspection import Finding, Inspection, Report, raw
from zhixin.ledger.merkle import EMPTY_ROOT, Frontier
from zhixin.ledger.models import TreeHead
from zhixin.ledger.rotation import Ring
from zhixin.ledger.sweep import Differs

__all__ = ["Finding", "Report", "snapshot", "verify"]


@contextmanager
def snapshot(database: Database) -> Iterator[Session]:
    """A session that sees one moment of the log, while the sequencer goes on writing."""
    engine = database.engine
    if isinstance(engine, sa.Engine) and engine.dialect.name == "postgresql":
        session = Session(engine.execution_options(isolation_level="REPEATABLE READ"))
    else:
        session = database.session(writes=False)  # under WAL, a reader's view stands still
    with session:
        yield session


def verify(
    session: Session,
    verifier_keys: list[str],
    known: Iterable[str] = (),
    on_progress: Callable[[int], None] = lambda done: None,
    *,
    since: str | None = None,
    processes: int = 1,
    thorough: bool = False,
) -> Report:
    """Check every entry, every tile, every tree head, every submission and every opening.

    Args:
        session: sees one moment of the log (see ``snapshot``).
        verifier_keys: the log's keys, as C2SP writes them.
        known: checkpoints kept outside. Whoever holds the signing key could truncate the
            log and sign anew; what somebody else has kept, they cannot.
        on_progress: told how many entries are done.
        since: a checkpoint kept outside, up to which the log was verified before: only what
            came after it is recomputed, once the stored tiles lead to its root.
        processes: that may be used.
        thorough: parse each entry again, too, though a signature vouches for it.
    """
    report = Report()
    ring = _ring(session, verifier_keys, report)
    kept = _kept(ring, known, report)
    start = _start(session, ring, since, report) if since is not None else Frontier()
    size, root = session.execute(
        sa.select(TreeHead.size, raw(session, TreeHead.root))
        .order_by(TreeHead.size.desc())
        .limit(1)
    ).one_or_none() or (0, EMPTY_ROOT)
    try:
        if thorough:
            raise Differs("asked for")
        soundness.check(
            session, ring, kept, first=start.size, size=size, processes=processes,
            on_progress=on_progress,
        )  # fmt: skip
    except Differs as difference:
        Inspection(session, ring, kept, start, report, on_progress).run()
        if not (report.findings or thorough):
            report.add("differs", f"账本与其树头不符：{difference}")
    else:
        report.size, report.root = size, root.hex()
        heads = sa.select(sa.func.count()).select_from(TreeHead).where(TreeHead.size > start.size)
        report.heads = session.scalar(heads) or 0
        on_progress(size - start.size)
    for index in openings.wrong(session, start.size, size):
        message = f"第 {index} 条记录的人员凭据打不开它的承诺（盐或人员被改动、调换）"
        report.add("opening-differs", message, entry=index)
    report.since = start.size
    return report


def _ring(session: Session, verifier_keys: list[str], report: Report) -> Ring:
    try:
        return Ring.of(rotation.rotations(session), verifier_keys)
    except rotation.RotationError as error:
        report.add("keys-broken", f"签名密钥的更换记录不成立：{error}")
        return Ring.of([], verifier_keys)


def _kept(ring: Ring, known: Iterable[str], report: Report) -> dict[int, list[bytes]]:
    """The roots that were kept outside, by their sizes."""
    kept: dict[int, list[bytes]] = {}
    for note in known:
        try:
            seen = ring.open(note)
        except checkpoint.NoteError as error:
            report.add("checkpoint-unknown", f"所给的树头不是本账本签名的：{error}")
        else:
            kept.setdefault(seen.size, []).append(seen.root)
    return kept


def _start(session: Session, ring: Ring, since: str, report: Report) -> Frontier:
    """The tree at the last full tile before the checkpoint; the empty one if it isn't ours."""
    seen = _kept(ring, [since], report)
    for size, (root,) in seen.items():
        begin = size - size % tiles.WIDTH
        places = tiles.places([(0, size)]) | tiles.places([(0, begin)])
        stored = log.stored_tiles(session, places)
        try:
            if tiles.subtree_hash((0, size), stored) == root:
                return tiles.frontier(begin, stored)
        except tiles.TileMissing:
            pass
        message = f"账本不再以此前保存的、大小为 {size} 的树头开始：历史被改写或截去"
        report.add("history-rewritten", message, head=size)
    return Frontier()
