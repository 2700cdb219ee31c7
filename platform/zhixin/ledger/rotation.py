"""Which key signs which heads: the log's key may change, by an entry that both keys sign.

The entry's ``note`` is a C2SP signed note over the name of the log and both public keys, signed by
the old key and by the new one. From the first head that covers the entry on, the new key signs;
as long as the old private key is kept, it signs too, for those who know only it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.config import Settings
from zhixin.errors import Conflict
from zhixin.ledger import checkpoint, keys
from zhixin.ledger.checkpoint import Checkpoint, NoteError, Verifier
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, EntryKind, Submission

_TITLE = "zhixin key rotation v1"


class RotationError(ValueError):
    """The history of keys in the log is not one that its keys have signed."""


@dataclass(frozen=True)
class Rotation:
    """One change of key.

    Attributes:
        index: of the entry that says so.
        old: the key before it, as C2SP writes it.
        new: the key of all heads that cover the entry.
        note: signed by both.
    """

    index: int
    old: str
    new: str
    note: str

    def check(self) -> None:
        """Believe the note, not the fields.

        Raises:
            RotationError: it is not signed by both keys, or says something else.
        """
        try:
            old, new = Verifier.parse(self.old), Verifier.parse(self.new)
            text = statement(self.old, self.new)
            for verifier in (old, new):
                if checkpoint.open_note(self.note, [str(verifier)]) != text:
                    raise RotationError(f"entry {self.index}: the note says something else")
        except NoteError as error:
            raise RotationError(f"entry {self.index}: {error}") from None
        if old.name != new.name or self.old == self.new:
            raise RotationError(f"entry {self.index}: not two keys of one log")


def statement(old: str, new: str) -> str:
    """What both keys sign. Its second line is no number: it never passes for a checkpoint."""
    return f"{_TITLE}\n{old.partition('+')[0]}\n{old}\n{new}\n"


@dataclass(frozen=True)
class Period:
    """A key and the heads that it signs: those of more than ``since`` entries, up to ``until``."""

    key: str
    since: int
    until: int | None = None

    def covers(self, size: int) -> bool:
        return self.since < size and (self.until is None or size <= self.until)


@dataclass(frozen=True)
class Ring:
    """All keys of a log, each with its time."""

    periods: tuple[Period, ...]

    @classmethod
    def of(cls, rotations: Sequence[Rotation], trusted: Iterable[str]) -> Ring:
        """The keys that follow from ``trusted`` by what the log says.

        Without rotations, the trusted keys are good for all heads. Otherwise one of them must
        be in the chain: from it, each change is signed forwards and backwards.

        Raises:
            RotationError: the chain is broken, or none of its keys is trusted.
        """
        trusted = list(trusted)
        if not rotations:
            return cls(tuple(Period(key, 0) for key in trusted))
        chain = [rotations[0].old]
        for rotation in rotations:
            rotation.check()
            if rotation.old != chain[-1] or rotation.new in chain:
                raise RotationError(f"entry {rotation.index}: not the successor of the key before")
            chain.append(rotation.new)
        if not set(chain) & set(trusted):
            raise RotationError("none of the log's keys is one that is trusted")
        starts = [0, *(rotation.index for rotation in rotations)]
        ends = [*starts[1:], None]
        return cls(tuple(map(Period, chain, starts, ends)))

    @property
    def current(self) -> str:
        return self.periods[-1].key

    def open(self, note: str) -> Checkpoint:
        """Believe a signed checkpoint if a key signed it whose time it was.

        Raises:
            NoteError: it is malformed, altered, or not signed by the key of its time.
        """
        size = checkpoint.claimed(note).size
        return checkpoint.parse_and_verify(note, [p.key for p in self.periods if p.covers(size)])


def rotations(session: Session) -> list[Rotation]:
    """The changes that the log holds, oldest first; what is malformed fails when it is checked."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"  # which may hold bytes that are no text
    body: sa.ColumnElement[Any] = (
        sa.cast(Entry.body, sa.LargeBinary) if on_sqlite else Entry.body.expression
    )
    rows = session.execute(
        sa.select(Entry.index, body)
        .where(Entry.kind == EntryKind.KEY_ROTATED)
        .order_by(Entry.index)
    )
    return [read(index, body) for index, body in rows]


def read(index: int, body: str | bytes) -> Rotation:
    """The change of key that an entry says; a malformed one fails when it is checked."""
    try:
        facts = json.loads(body)["facts"]
        return Rotation(index, str(facts["old"]), str(facts["new"]), str(facts["note"]))
    except (ValueError, TypeError, KeyError):
        return Rotation(index, "", "", "")


def ring(session: Session, settings: Settings) -> Ring:
    """The log's keys, as this installation knows them by the keys that it holds."""
    return Ring.of(rotations(session), Signer.of(settings).held)


def published(session: Session, settings: Settings) -> str:
    """All public keys as text: the log's, each with the entry where its time began; the issuer's."""
    issuer = keys.issuer(settings)
    lines = [
        *(f"{period.key} {period.since}" for period in ring(session, settings).periods),
        f"{issuer.verification_method} {issuer.multikey}",
    ]
    return "".join(f"{line}\n" for line in lines)


def sign_head(session: Session, signer: Signer, size: int, root: bytes) -> str:
    """The signed checkpoint of a new head, by the key whose time it is and those before it.

    Raises:
        KeyUnusable: the key of this time is not held here.
    """
    changes = rotations(session)
    if not changes:
        return signer.sign(size, root)
    newest_first = [Ring.of(changes, signer.held).current, *(r.old for r in reversed(changes))]
    return signer.sign(size, root, newest_first)


def is_waiting(session: Session) -> bool:
    """Whether a change of key is submitted and not in the log yet."""
    waiting = sa.select(Submission.id).where(
        Submission.kind == EntryKind.KEY_ROTATED, Submission.entry_index.is_(None)
    )
    return session.scalar(waiting) is not None


def rotate(session: Session, settings: Settings, now: datetime) -> Rotation:
    """Submit the entry that changes the log's key for a new one, made here.

    The new key's file is there before the entry: whatever stops in between, the log can be signed.

    Raises:
        Conflict: the change before is not in the log yet.
        KeyUnusable: the key that signs today is not held here.
    """
    changes = rotations(session)
    if is_waiting(session):
        raise Conflict("上一次更换密钥的记录尚未入账，请稍后再试")
    old = (
        Ring.of(changes, Signer.of(settings).held).current
        if changes
        else Signer.of(settings).verifier_key
    )
    new, _path = keys.create_successor(settings)
    note = Signer.of(settings).sign_note(statement(old, new), [old, new])
    change = Rotation(-1, old, new, note)
    change.check()
    from zhixin.ledger import log  # which signs heads by this module

    facts = {"old": old, "new": new, "note": note}
    log.submit(session, EntryKind.KEY_ROTATED, f"key:{len(changes) + 1}", facts, now=now)
    return change
