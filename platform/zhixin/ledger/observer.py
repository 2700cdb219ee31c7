"""A witness of another log: it signs only what adds to all that it has signed before.

It keeps one checkpoint and no entries: the log has to prove that the newer one is consistent.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zhixin.ledger import checkpoint, cosignature, keyfile, merkle
from zhixin.ledger.checkpoint import NoteError
from zhixin.ledger.copies import Copy
from zhixin.ledger.follow import Alarm, Unreachable
from zhixin.ledger.merkle import ProofError

#: The proof that a log gives between two sizes: node hashes.
Prove = Callable[[int, int], bytes]


@dataclass(frozen=True)
class Witnessed:
    """A checkpoint that was found consistent, and the witness's line for it."""

    size: int
    text: str
    line: str

    @property
    def note(self) -> str:
        """What is sent to the log."""
        return f"{self.text}\n{self.line}"


def own_key(copy: Copy, passphrase: str) -> Ed25519PrivateKey:
    """The witness's key in its folder, made on first use."""
    path = copy.folder / "witness_key.pem"
    keyfile.write(path, keyfile.to_pem(Ed25519PrivateKey.generate(), passphrase))
    return keyfile.read(path, passphrase)


def witness(
    copy: Copy, note: str, prove: Prove, name: str, key: Ed25519PrivateKey, now: datetime
) -> Witnessed:
    """Cosign ``note`` if a trusted key signed it and it adds to the last one that was cosigned.

    The new state is on the disk before the signature leaves.

    Raises:
        Alarm: the log has signed something that does not add to that, or the key is unknown.
        Unreachable: the proof is no proof.
    """
    with _alone(copy):
        try:
            served = checkpoint.parse_and_verify(note, copy.keys)
        except NoteError as error:
            raise Alarm("not-signed", f"树头不是由所信任的公钥签名的：{error}", note) from None
        if copy.checkpoint is not None:
            _check(checkpoint.claimed(copy.checkpoint), served, note, prove)
        copy.write(f"checkpoints/{served.size}", note.encode())
        copy.write("checkpoint", note.encode())
    text = served.note_text()
    return Witnessed(served.size, text, cosignature.cosign(text, name, key, now))


def _check(
    last: checkpoint.Checkpoint, served: checkpoint.Checkpoint, note: str, prove: Prove
) -> None:
    if served.origin != last.origin:
        raise Alarm("another-log", f"这是另一个账本：{served.origin}", note)
    if served.size < last.size:
        message = f"账本变短了：原有 {last.size} 条，现签 {served.size} 条"
        raise Alarm("shrunk", message, note)
    path = _hashes(prove(last.size, served.size)) if served.size > last.size else []
    try:
        merkle.verify_consistency(last.size, served.size, last.root, served.root, path)
    except ProofError as error:
        message = f"给不出从 {last.size} 条到 {served.size} 条的一致性证明：{error}"
        raise Alarm("rewritten", message, note) from None


def _hashes(answer: bytes) -> list[bytes]:
    try:
        return [bytes.fromhex(each) for each in json.loads(answer)["hashes"]]
    except (ValueError, TypeError, KeyError):
        raise Unreachable("得到的不是一致性证明") from None


@contextmanager
def _alone(copy: Copy) -> Iterator[None]:
    """Two at once could each sign one of two histories."""
    copy.folder.mkdir(parents=True, exist_ok=True)
    with (copy.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
