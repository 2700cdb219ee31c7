"""Cosignatures (C2SP tlog-cosignature v1, Ed25519): what witnesses sign, and whether they did.

A witness says: at this time, the largest tree that I have seen of this log, consistent with all
before, has this root. It signs the note's text below two lines of its own, so its signature passes
for nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zhixin.ledger import checkpoint
from zhixin.ledger.checkpoint import COSIGNATURE, NoteError, Verifier

#: 9999-12-31T23:59:59Z: a later time is none that we could write down.
_LATEST = 253402300799


@dataclass(frozen=True)
class Cosigned:
    """One cosignature that holds."""

    verifier: Verifier
    at: datetime
    line: str


def verifier_key(name: str, key: Ed25519PrivateKey) -> str:
    """The public key of a witness as C2SP writes it (signature type 0x04)."""
    return str(Verifier(name, key.public_key().public_bytes_raw(), COSIGNATURE))


def cosign(text: str, name: str, key: Ed25519PrivateKey, at: datetime) -> str:
    """The signature line of a witness below a checkpoint's ``text``."""
    verifier = Verifier(name, key.public_key().public_bytes_raw(), COSIGNATURE)
    timestamp = int(at.timestamp())
    signature = key.sign(_message(text, timestamp))
    return checkpoint.line(name, verifier.key_id + timestamp.to_bytes(8) + signature)


def read(note: str, verifiers: list[Verifier]) -> list[Cosigned]:
    """The cosignatures of these witnesses on a note, one each; other signatures are ignored.

    Raises:
        NoteError: the note is malformed, or a cosignature of one of them does not hold.
    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    text, signatures = checkpoint.split(note)
    found: dict[bytes, Cosigned] = {}
    for name, key_id, signature in signatures:
        if verifier := known.get((name, key_id)):
            at = _check(text, signature, verifier)
            line = checkpoint.line(name, key_id + signature)
            found.setdefault(verifier.public_key, Cosigned(verifier, at, line))
    return list(found.values())


def _check(text: str, signature: bytes, verifier: Verifier) -> datetime:
    timestamp = int.from_bytes(signature[:8])
    if len(signature) != 8 + 64 or timestamp > _LATEST:
        raise NoteError("not a cosignature")
    if not verifier.accepts(signature[8:], _message(text, timestamp)):
        raise NoteError("a cosignature is wrong")
    return datetime.fromtimestamp(timestamp, UTC)


def _message(text: str, timestamp: int) -> bytes:
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()
