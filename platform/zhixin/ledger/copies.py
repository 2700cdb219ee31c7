"""A copy of a log in a folder, laid out as C2SP tlog-tiles serves one: kept by a second party.

``checkpoint`` is the newest note that was found consistent with all before, ``checkpoints/`` keeps
each of them, ``tile/entries/`` the entries, ``keys`` the public keys that are trusted, ``state`` how
far the entries were found to be what was signed. Whatever stops when, the copy holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zhixin.ledger import tiles
from zhixin.ledger.checkpoint import NoteError, Verifier
from zhixin.ledger.merkle import Frontier


class CopyDamaged(ValueError):
    """The copy itself is not what was written."""


@dataclass(frozen=True)
class State:
    """How far a copy is known to be right.

    Attributes:
        frontier: of the tree over those entries.
        rotations: which of them change the log's key.
    """

    frontier: Frontier
    rotations: tuple[int, ...]


@dataclass(frozen=True)
class Copy:
    """The folder of a copy."""

    folder: Path

    def write(self, name: str, content: bytes) -> None:
        """Put a file in its place in one step, or not at all."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def read(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    @property
    def checkpoint(self) -> str | None:
        """The newest note."""
        found = self.read("checkpoint")
        return None if found is None else found.decode()

    @property
    def keys(self) -> list[str]:
        """The log's keys that were given as trusted."""
        return trusted((self.read("keys") or b"").decode())

    def state(self) -> State:
        """How far the copy is known to be right.

        Raises:
            CopyDamaged: the file is not one that we wrote.
        """
        stored = self.read("state")
        if stored is None:
            return State(Frontier(), ())
        try:
            facts = json.loads(stored)
            frontier = Frontier.from_bytes(bytes.fromhex(facts["frontier"]))
            return State(frontier, tuple(map(int, facts["rotations"])))
        except (ValueError, TypeError, KeyError) as error:
            raise CopyDamaged(f"state: {error}") from None

    def keep_state(self, state: State) -> None:
        facts = {"frontier": state.frontier.to_bytes().hex(), "rotations": state.rotations}
        self.write("state", json.dumps(facts).encode())

    def has_more_than(self, size: int) -> bool:
        """Whether entries beyond ``size`` are kept: fetched, but not found right yet."""
        number, width = divmod(size, tiles.WIDTH)
        return len(self.bundle(number)) > width or self.read(bundle_name(number + 1)) is not None

    def trim(self, size: int) -> None:
        """Forget the entries beyond ``size``."""
        number, width = divmod(size, tiles.WIDTH)
        kept = self.bundle(number)
        if len(kept) > width:
            self.keep_bundle(number, kept[:width])
        while (path := self.folder / bundle_name(number + 1)).exists():
            path.unlink()
            number += 1

    def bundle(self, number: int) -> list[bytes]:
        """The entries kept of a bundle; none if there are none.

        Raises:
            CopyDamaged: the file is not one that we wrote.
        """
        return unbundle(self.read(bundle_name(number)) or b"")

    def keep_bundle(self, number: int, entries: list[bytes]) -> None:
        self.write(bundle_name(number), tiles.bundle(entries))

    def entries(self, size: int) -> Iterator[bytes]:
        """The first ``size`` entries.

        Raises:
            CopyDamaged: there are fewer.
        """
        for number in range((size + tiles.WIDTH - 1) // tiles.WIDTH):
            wanted = min(tiles.WIDTH, size - number * tiles.WIDTH)
            kept = self.bundle(number)
            if len(kept) < wanted:
                raise CopyDamaged(
                    f"{bundle_name(number)}: {wanted - len(kept)} entries are missing"
                )
            yield from kept[:wanted]


def bundle_name(number: int) -> str:
    """Where a bundle is kept: the last one grows, under the name that it has when full."""
    return f"tile/entries/{tiles.number_path(number)}"


def unbundle(data: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        CopyDamaged: it is cut off.
    """
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2])
        entry = data[at + 2 : at + 2 + length]
        if at + 2 > len(data) or len(entry) != length:
            raise CopyDamaged("an entry is cut off")
        found.append(entry)
        at += 2 + length
    return found


def trusted(text: str) -> list[str]:
    """The log keys in a text: lines of ``/.well-known/zhixin-ledger-key``, or bare keys."""
    found = []
    for word in text.split():
        try:
            found.append(str(Verifier.parse(word)))
        except NoteError:
            continue  # the issuer's key, a number, a remark
    return found
