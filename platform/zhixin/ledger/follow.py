"""Following a log as a second party: keep what it says, and cry out when it says something else.

Every new entry is fetched and hashed on top of the tree that was kept; the root that comes out
must be the one that the log has signed. So a new state that is accepted begins with the old one,
entry by entry: nothing the log could prove would say more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from zhixin.ledger import checkpoint, merkle, rotation, tiles
from zhixin.ledger.checkpoint import Checkpoint, NoteError
from zhixin.ledger.copies import Copy, CopyDamaged, State, unbundle
from zhixin.ledger.merkle import Frontier
from zhixin.ledger.models import EntryKind
from zhixin.ledger.rotation import Ring, Rotation, RotationError

#: Gives the content of an address below the log's: ``checkpoint``, ``tile/entries/000``.
Fetch = Callable[[str], bytes]


class Alarm(Exception):
    """History is not what it was, or what is served is not what was signed.

    Attributes:
        code: ``shrunk``, ``rewritten``, ``entries-differ``, ``not-signed`` or ``another-log``.
        note: the checkpoint that was served, to be kept as proof.
    """

    def __init__(self, code: str, message: str, note: str) -> None:
        super().__init__(message)
        self.code, self.message, self.note = code, message, note


class Unreachable(Exception):
    """Nothing was learnt: the log does not answer, or not with what was asked for."""


@dataclass(frozen=True)
class Outcome:
    """What a look at the log has brought.

    Attributes:
        before: entries that were kept before.
        size: entries that are kept now.
        key: the key that signs now.
    """

    before: int
    size: int
    root: str
    key: str


def poll(copy: Copy, fetch: Fetch, on_progress: Callable[[int, int], None]) -> Outcome:
    """Take over what is new, if it adds to what is kept.

    Raises:
        Alarm: it does not. The copy is left as it was; the served note is put into ``alarms/``.
        Unreachable: the log did not answer.
        CopyDamaged: the copy is not what was written.
    """
    note = _text(fetch("checkpoint"))
    state = copy.state()
    if copy.has_more_than(state.frontier.size):
        # Stopped half way last time: what was fetched then is tried first, and not believed.
        with suppress(Alarm):
            return _take_over(copy, state, fetch, note, on_progress)
        copy.trim(state.frontier.size)
    try:
        return _take_over(copy, state, fetch, note, on_progress)
    except Alarm as alarm:
        copy.trim(state.frontier.size)
        name = merkle.leaf_hash(note.encode()).hex()[:16]
        copy.write(f"alarms/{alarm.code}-{name}", note.encode())
        raise


def _take_over(
    copy: Copy, state: State, fetch: Fetch, note: str, on_progress: Callable[[int, int], None]
) -> Outcome:
    served = _claimed(note)
    frontier, changes = state.frontier, _changes(copy, state)
    before = frontier.size
    _compare(copy, frontier, served, note, _signed(copy, changes, note))
    for index, entry in _new_entries(copy, fetch, before, served.size, note):
        frontier = frontier.push(merkle.leaf_hash(entry))
        changes += _rotation(index, entry)
        if frontier.size % tiles.WIDTH == 0:
            on_progress(frontier.size, served.size)
    if frontier.root() != served.root:
        whose = "账本自己的签名" if _signed(copy, changes, note) else "签名无效"
        message = f"前 {before} 条记录与此前保存的不同，或所给的记录不是所签的（{whose}）"
        raise Alarm("rewritten", message, note)
    ring = _believe(copy, changes, note)
    copy.keep_state(State(frontier, tuple(change.index for change in changes)))
    copy.write(f"checkpoints/{served.size}", note.encode())
    copy.write("checkpoint", note.encode())
    on_progress(served.size, served.size)
    return Outcome(before, served.size, served.root.hex(), ring.current)


def _compare(copy: Copy, kept: Frontier, served: Checkpoint, note: str, signed: bool) -> None:
    whose = "由账本签名" if signed else "签名无效"
    origin = copy.keys[0].partition("+")[0]
    if served.origin != origin:
        raise Alarm("another-log", f"这是另一个账本：{served.origin}（应为 {origin}）", note)
    if served.size < kept.size:
        message = f"账本变短了：原有 {kept.size} 条，现称 {served.size} 条（{whose}）"
        raise Alarm("shrunk", message, note)
    if served.size == kept.size and served.root != kept.root():
        message = f"同为 {kept.size} 条，树根却不同（{whose}）：历史被改写"
        raise Alarm("rewritten", message, note)


def _new_entries(
    copy: Copy, fetch: Fetch, before: int, size: int, note: str
) -> Iterator[tuple[int, bytes]]:
    """The entries from ``before`` on, kept as they come; those that we have must be the same."""
    for number in range(before // tiles.WIDTH, (size + tiles.WIDTH - 1) // tiles.WIDTH):
        first = number * tiles.WIDTH
        width = min(tiles.WIDTH, size - first)
        entries = copy.bundle(number)
        if len(entries) < width:
            served = _fetch_bundle(fetch, number, width)
            if served[: len(entries)] != entries:
                raise Alarm(
                    "entries-differ", f"第 {first} 条起的记录与此前保存的不同：历史被改写", note
                )
            entries = served
            copy.keep_bundle(number, entries)
        for place in range(max(before - first, 0), width):
            yield first + place, entries[place]


def _fetch_bundle(fetch: Fetch, number: int, width: int) -> list[bytes]:
    path = f"tile/entries/{tiles.number_path(number)}"
    content = fetch(path if width == tiles.WIDTH else f"{path}.p/{width}")
    try:
        entries = unbundle(content)
    except CopyDamaged as error:
        raise Unreachable(f"{path}：{error}") from None
    if len(entries) != width:
        raise Unreachable(f"{path}：应有 {width} 条记录，得到 {len(entries)} 条")
    return entries


def _rotation(index: int, entry: bytes) -> list[Rotation]:
    if b'"key-rotated"' not in entry:
        return []
    try:
        is_one = json.loads(entry)["kind"] == EntryKind.KEY_ROTATED
    except (ValueError, TypeError, KeyError):
        return []
    return [rotation.read(index, entry)] if is_one else []


def _changes(copy: Copy, state: State) -> list[Rotation]:
    """The changes of key in the entries that are kept."""
    found = []
    for index in state.rotations:
        number, place = divmod(index, tiles.WIDTH)
        kept = copy.bundle(number)
        if place >= len(kept):
            raise CopyDamaged(f"entry {index} is missing")
        found += _rotation(index, kept[place])
    return found


def _believe(copy: Copy, changes: list[Rotation], note: str) -> Ring:
    try:
        ring = Ring.of(changes, copy.keys)
        ring.open(note)
    except (RotationError, NoteError) as error:
        raise Alarm("not-signed", f"树头不是由所信任的公钥签名的：{error}", note) from None
    return ring


def _signed(copy: Copy, changes: list[Rotation], note: str) -> bool:
    """Whether the log itself stands by a note: then two such notes convict it."""
    try:
        _believe(copy, changes, note)
    except Alarm:
        return False
    return True


def _claimed(note: str) -> Checkpoint:
    try:
        return checkpoint.claimed(note)
    except NoteError as error:
        raise Unreachable(f"得到的不是签名树头：{error}") from None


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Unreachable("得到的不是签名树头") from None


def recheck(copy: Copy) -> Outcome:
    """Hash a copy anew, without the log: does it lead to the checkpoint that it keeps?

    Raises:
        CopyDamaged: it does not.
    """
    note = copy.checkpoint
    if note is None:
        raise CopyDamaged("没有 checkpoint 文件")
    kept = checkpoint.claimed(note)
    frontier, changes = Frontier(), list[Rotation]()
    for index, entry in enumerate(copy.entries(kept.size)):
        frontier = frontier.push(merkle.leaf_hash(entry))
        changes += _rotation(index, entry)
    if frontier.root() != kept.root:
        raise CopyDamaged(f"{kept.size} 条记录的树根与树头不符")
    try:
        ring = _believe(copy, changes, note)
    except Alarm as alarm:
        raise CopyDamaged(alarm.message) from None
    return Outcome(kept.size, kept.size, kept.root.hex(), ring.current)
