"""What is wrong with the log: one slow and patient pass that names it.

Streams over the entries with flat memory. Every finding names its entry or tree head, so
that an auditor can look at the very row. What is read may have been edited by anybody with
any tool, so nothing about its types or contents is taken for granted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from zhixin.ledger import checkpoint, merkle, tiles
from zhixin.ledger.canonical import is_canonical
from zhixin.ledger.merkle import Frontier
from zhixin.ledger.models import Entry, Submission, Tile, TreeHead
from zhixin.ledger.rotation import Ring
from zhixin.ledger.tiles import Place

BATCH = 2000
#: A log with more wrong entries than this is wrong enough; the rest is counted.
MOST_FINDINGS = 100


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: a stable slug, for machines.
        entry: the (first) wrong entry's index, where it is an entry.
        head: the size of the tree head, where it is a tree head.
        message: for people.
    """

    code: str
    message: str
    entry: int | None = None
    head: int | None = None


@dataclass
class Report:
    """What was found. ``holds`` is the answer.

    Attributes:
        since: how many entries were not looked at again.
        heads: how many tree heads were looked at.
        more: findings beyond those that are listed.
    """

    since: int = 0
    size: int = 0
    root: str = ""
    heads: int = 0
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def holds(self) -> bool:
        return not self.findings

    def add(
        self, code: str, message: str, *, entry: int | None = None, head: int | None = None
    ) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(code, message, entry, head))
        else:
            self.more += 1


@dataclass(frozen=True)
class _Head:
    size: int
    root: bytes
    frontier: bytes
    checkpoint: str

    def believable_frontier(self) -> Frontier | None:
        """The frontier, if it leads to the root that was signed."""
        try:
            stored = Frontier.from_bytes(self.frontier)
        except merkle.ProofError:
            return None
        return stored if (stored.size, stored.root()) == (self.size, self.root) else None


def raw(session: Session, column: InstrumentedAttribute[Any]) -> sa.ColumnElement[Any]:
    """The column as it is stored, whatever that is."""
    # SQLite keeps any type in any column, and would not hand out as text what is none.
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return sa.cast(column, sa.LargeBinary) if on_sqlite else column.expression


def text(value: str | bytes) -> str:
    """What was read that way, as text."""
    return value if isinstance(value, str) else value.decode(errors="replace")


class Inspection:
    """One pass over the log: the frontier recomputed so far, held against each head.

    Args:
        ring: the keys that may have signed, each in its time.
        known: roots kept outside, by their sizes.
        start: what the pass begins with: the tree before the first entry that is looked at.
        report: takes the findings.
    """

    def __init__(
        self,
        session: Session,
        ring: Ring,
        known: dict[int, list[bytes]],
        start: Frontier,
        report: Report,
        on_progress: Callable[[int], None],
    ) -> None:
        self.session = session
        self.ring = ring
        self.known = known
        self.frontier = start
        self.report = report
        self.on_progress = on_progress
        self.signed_to = start.size  # size of the last head that was passed

    def run(self) -> None:
        first = expected = self.frontier.size  # the index that comes next
        heads = self._heads()
        pending = next(heads, None)
        for index, kind, body, leaf in self._entries():
            self._check_gap(expected, index)
            expected = index + 1
            self._check_entry(index, kind, body, leaf)
            self.frontier = self.frontier.push(merkle.leaf_hash(body))
            while pending is not None and pending.size <= expected:
                self._check_head(pending)
                pending = next(heads, None)
            if expected % BATCH == 0:
                self.on_progress(expected - first)
        self._check_end(expected, [head.size for head in (pending, *heads) if head])
        self._check_submissions(first)
        self._check_tiles()
        self.report.size, self.report.root = self.frontier.size, self.frontier.root().hex()
        self.on_progress(expected - first)

    def _entries(self) -> Iterator[tuple[int, str, bytes, bytes]]:
        # Keyset pages: flat memory on both databases, without a server-side cursor.
        below = self.session.scalar(sa.select(sa.func.min(Entry.index)))
        if below is not None and below < 0:
            self.report.add("index-negative", f"存在序号为负的记录（{below}）", entry=below)
        columns = (self._raw(column) for column in (Entry.kind, Entry.body, Entry.leaf_hash))
        rows = sa.select(Entry.index, *columns).order_by(Entry.index)
        after = self.signed_to - 1
        while page := self.session.execute(rows.where(Entry.index > after).limit(BATCH)).all():
            for index, kind, body, leaf in page:
                yield index, text(kind), _bytes(body), leaf
            after = page[-1][0]

    def _heads(self) -> Iterator[_Head]:
        columns = (TreeHead.root, TreeHead.frontier, TreeHead.checkpoint)
        rows = sa.select(TreeHead.size, *map(self._raw, columns)).order_by(TreeHead.size)
        after = self.signed_to
        while page := self.session.execute(rows.where(TreeHead.size > after).limit(BATCH)).all():
            for size, root, stored, note in page:
                yield _Head(size, root, stored, text(note))
            after = page[-1][0]

    def _raw(self, column: InstrumentedAttribute[Any]) -> sa.ColumnElement[Any]:
        return raw(self.session, column)

    def _check_gap(self, expected: int, index: int) -> None:
        if index == expected + 1:
            self.report.add("missing", f"第 {expected} 条记录缺失（被删除或移动）", entry=expected)
        elif index > expected:
            message = f"第 {expected} 至 {index - 1} 条记录缺失（被删除或移动）"
            self.report.add("missing", message, entry=expected)

    def _check_entry(self, index: int, kind: str, body: bytes, leaf: bytes) -> None:
        if merkle.leaf_hash(body) != leaf:
            message = f"第 {index} 条记录的内容与其哈希不符（内容或哈希被改动）"
            self.report.add("edited", message, entry=index)
        elif not is_canonical(body, kind):
            message = f"第 {index} 条记录不是规范格式，或种类与内容不一致"
            self.report.add("not-canonical", message, entry=index)

    def _check_head(self, head: _Head) -> None:
        self.report.heads += 1
        size = head.size
        matches = (self.frontier.size, self.frontier.root()) == (size, head.root)
        if not matches:
            message = (
                f"第 {self.signed_to} 至 {size - 1} 条记录与大小为 {size} 的树头不符"
                "（其中有改动、增删或调换）"
            )
            self.report.add("root-differs", message, entry=self.signed_to, head=size)
        elif head.frontier != self.frontier.to_bytes():
            message = f"大小为 {size} 的树头的续算数据被改动"
            self.report.add("frontier-edited", message, head=size)
        for kept in self.known.pop(size, ()):
            if kept != head.root:
                message = f"大小为 {size} 的树头与此前在外保存的不同：历史被改写"
                self.report.add("history-rewritten", message, head=size)
        if self._is_signed(head) and not matches:
            # Go on from what was signed, so that later entries are judged by themselves.
            self.frontier = head.believable_frontier() or self.frontier
        self.signed_to = size

    def _is_signed(self, head: _Head) -> bool:
        try:
            signed = self.ring.open(head.checkpoint)
        except checkpoint.NoteError as error:
            message = f"大小为 {head.size} 的树头签名无效：{error}"
            self.report.add("signature-wrong", message, head=head.size)
            return False
        if (signed.size, signed.root) != (head.size, head.root):
            message = f"大小为 {head.size} 的树头与其签名内容不符"
            self.report.add("head-edited", message, head=head.size)
            return False
        return True

    def _check_end(self, size: int, beyond: list[int]) -> None:
        self.report.heads += len(beyond)
        if beyond:
            newest = beyond[-1]
            message = f"第 {size} 至 {newest - 1} 条记录缺失：树头已签到 {newest} 条（末尾被截去）"
            self.report.add("truncated", message, entry=size, head=newest)
        elif self.signed_to < size:
            message = (
                f"第 {self.signed_to} 至 {size - 1} 条记录没有签名的树头"
                "（绕过程序添加，或树头被删除）"
            )
            self.report.add("unsigned", message, entry=self.signed_to)
        for kept in self.known:
            message = f"此前在外保存过大小为 {kept} 的树头，账本中没有：被截去或改写"
            self.report.add("history-rewritten", message, head=kept)

    def _check_submissions(self, first: int) -> None:
        """Every entry came from one decision, by the hash of its words, and none has lost its entry."""
        differs = sa.or_(
            Submission.id.is_(None),
            Submission.leaf_hash.is_distinct_from(Entry.leaf_hash),
            Submission.kind != Entry.kind,
        )
        strange = self.session.scalars(
            sa.select(Entry.index)
            .outerjoin(Submission, Submission.entry_index == Entry.index)
            .where(differs, Entry.index >= first)
            .order_by(Entry.index)
            .limit(MOST_FINDINGS)
        )
        for odd in strange:
            message = f"第 {odd} 条记录与其来源的决定不一致"
            self.report.add("differs-from-decision", message, entry=odd)
        lost = self.session.execute(
            sa.select(Submission.key, Submission.entry_index)
            .outerjoin(Entry, Submission.entry_index == Entry.index)
            .where(Submission.entry_index >= first, Entry.index.is_(None))
            .order_by(Submission.entry_index)
            .limit(MOST_FINDINGS)
        )
        for key, index in lost:
            message = f"决定 {key} 已入账为第 {index} 条记录，但该记录不存在（被删除）"
            self.report.add("entry-lost", message, entry=index)

    def _check_tiles(self) -> None:
        """Each tile holds the hashes of what is below it, down to the entries."""
        newest = self.session.execute(
            sa.select(TreeHead.size, self._raw(TreeHead.root))
            .order_by(TreeHead.size.desc())
            .limit(1)
        ).one_or_none()
        size, root = newest or (0, merkle.EMPTY_ROOT)
        if size > self.frontier.size:
            return  # entries are missing, and that has been said
        wrong = [
            place for place in self._tile_places(size) if not self._holds_what_is_below(place, size)
        ]
        if not any(place.level for place in wrong) and self._tiles_lead_to(size, root):
            wrong = []  # the entries differ from what was signed, not their tiles
        for level, number in wrong:
            message = f"第 {level} 层第 {number} 块散列与其下的内容不符（被改动、截短或删除）"
            self.report.add("tile-differs", message, entry=number << tiles.HEIGHT * (level + 1))
        count = self.session.scalar(sa.select(sa.func.count()).select_from(Tile)) or 0
        if count > tiles.expected(size):
            self.report.add("tile-extra", "散列块多于树头所签的条数")

    def _tile_places(self, size: int) -> Iterator[Place]:
        level = 0
        while size:
            yield from (Place(level, number) for number in range(-(-size // tiles.WIDTH)))
            size >>= tiles.HEIGHT
            level += 1

    def _holds_what_is_below(self, place: Place, size: int) -> bool:
        level, number = place
        first = number * tiles.WIDTH
        width = min(tiles.WIDTH, (size >> tiles.HEIGHT * level) - first)
        if level == 0:
            below = [hashes for _index, hashes in self._leaves(first, width)]
        else:
            lower = self._stored(level - 1, first, width)
            below = [tiles.fold(hashes) for hashes in lower if len(hashes) == tiles.TILE_BYTES]
        return self._stored(level, number, 1) == [b"".join(below)] and len(below) == width

    def _leaves(self, first: int, width: int) -> list[tuple[int, bytes]]:
        rows = sa.select(Entry.index, self._raw(Entry.leaf_hash)).order_by(Entry.index)
        found = self.session.execute(rows.where(Entry.index >= first, Entry.index < first + width))
        return [(index, hashes) for index, hashes in found]

    def _stored(self, level: int, first: int, width: int) -> list[bytes]:
        rows = sa.select(self._raw(Tile.hashes)).where(Tile.level == level).order_by(Tile.number)
        within = (Tile.number >= first, Tile.number < first + width)
        return list(self.session.scalars(rows.where(*within)))

    def _tiles_lead_to(self, size: int, root: bytes) -> bool:
        edge = {
            place: hashes
            for place in tiles.edge(size)
            for hashes in self._stored(place.level, place.number, 1)
        }
        try:
            return tiles.frontier(size, edge).root() == root
        except tiles.TileMissing:
            return False


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()
