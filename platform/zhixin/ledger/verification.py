"""Recomputing the log: does it hold, and if not, what is wrong where.

Streams over the entries with flat memory. Every finding names the entry or tree head, so
that an auditor can look at the very row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.ledger import checkpoint, merkle
from zhixin.ledger.models import Entry, Submission, TreeHead

BATCH = 2000
#: A log with more wrong entries than this is wrong enough; the rest is counted.
MOST_FINDINGS = 100


@dataclass
class Report:
    """What was found. ``holds`` is the answer."""

    size: int = 0
    root: str = ""
    heads: int = 0
    findings: list[str] = field(default_factory=list)
    more: int = 0

    @property
    def holds(self) -> bool:
        return not self.findings

    def add(self, finding: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)
        else:
            self.more += 1


def verify(
    session: Session,
    verifier_keys: list[str],
    on_progress: Callable[[int], None] = lambda done: None,
) -> Report:
    """Check every entry, every tree head and every submission of the log."""
    report = Report()
    heads = _heads(session)
    pending = next(heads, None)
    frontier = merkle.frontier(())
    expected = 0
    for entry in _entries(session):
        for missing in range(expected, min(entry.index, expected + MOST_FINDINGS)):
            report.add(f"第 {missing} 条记录缺失（被删除或移动）")
        expected = entry.index + 1
        leaf = merkle.leaf_hash(entry.body.encode())
        if leaf != entry.leaf_hash:
            report.add(f"第 {entry.index} 条记录的内容与其哈希不符（被改动）")
        elif not _canonical(entry.body, entry.kind):
            report.add(f"第 {entry.index} 条记录不是规范格式，或种类与内容不一致")
        frontier = frontier.push(leaf)
        while pending is not None and pending.size <= expected:
            _check_head(report, pending, frontier, verifier_keys)
            pending = next(heads, None)
        if expected % BATCH == 0:
            on_progress(expected)
    while pending is not None:
        report.add(f"大小为 {pending.size} 的树头之下缺少记录：现仅有 {expected} 条（末尾被截去）")
        pending = next(heads, None)
    _check_newest_head(session, report, expected)
    _check_submissions(session, report)
    report.size, report.root = frontier.size, frontier.root().hex()
    on_progress(expected)
    return report


def _entries(session: Session) -> Iterator[Entry]:
    # Keyset pages: flat memory on both databases, without a server-side cursor.
    after = -1
    while page := session.scalars(
        sa.select(Entry).where(Entry.index > after).order_by(Entry.index).limit(BATCH)
    ).all():
        yield from page
        after = page[-1].index
        session.expunge_all()


def _heads(session: Session) -> Iterator[TreeHead]:
    after = 0
    while page := session.scalars(
        sa.select(TreeHead).where(TreeHead.size > after).order_by(TreeHead.size).limit(BATCH)
    ).all():
        yield from page
        after = page[-1].size


def _canonical(body: str, kind: str) -> bool:
    try:
        content = json.loads(body)
    except ValueError:
        return False
    return rfc8785.dumps(content).decode() == body and content.get("kind") == kind


def _check_head(
    report: Report, head: TreeHead, frontier: merkle.Frontier, verifier_keys: list[str]
) -> None:
    report.heads += 1
    if head.size != frontier.size or head.root != frontier.root():
        report.add(f"大小为 {head.size} 的树头与记录不符（此前有记录被改动、删除或调换）")
    try:
        signed = checkpoint.parse_and_verify(head.checkpoint, verifier_keys)
    except checkpoint.NoteError as error:
        report.add(f"大小为 {head.size} 的树头签名无效：{error}")
        return
    if (signed.size, signed.root) != (head.size, head.root):
        report.add(f"大小为 {head.size} 的树头与其签名内容不符")


def _check_newest_head(session: Session, report: Report, size: int) -> None:
    newest = session.scalar(sa.select(sa.func.max(TreeHead.size))) or 0
    if newest < size:
        report.add(f"第 {newest} 条起的记录没有任何签名的树头覆盖（绕过程序添加）")


def _check_submissions(session: Session, report: Report) -> None:
    """Every entry came from one decision, word for word."""
    strange = session.execute(
        sa.select(Entry.index)
        .outerjoin(Submission, Submission.entry_index == Entry.index)
        .where(sa.or_(Submission.id.is_(None), Submission.body != Entry.body))
        .order_by(Entry.index)
        .limit(MOST_FINDINGS)
    )
    for (index,) in strange:
        report.add(f"第 {index} 条记录与其来源的决定不一致")
