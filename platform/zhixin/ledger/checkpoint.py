"""Checkpoints: the log's size and root, signed, as text that anyone can keep and compare.

The text is C2SP's: tlog-checkpoint (three lines: origin, size, root) inside a signed-note
(an empty line, then signature lines), with Ed25519 keys (signature type 0x01). So outside
witnesses and their tools read it as it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from zhixin.ledger.merkle import HASH_SIZE

#: Signature types of C2SP signed-note: a log's Ed25519 key, and a witness's.
ED25519, COSIGNATURE = b"\x01", b"\x04"
_LONGEST_NOTE = 1_000_000
_MOST_SIGNATURES = 100
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_SIGNATURE_LINE = re.compile("— ([^ ]+) ([^ ]+)")


class NoteError(ValueError):
    """The note is malformed, altered, or not signed by a key we trust."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One signed state of the log.

    Attributes:
        origin: the log's name, which never changes.
        size: number of entries.
        root: the tree's root, 32 bytes.
        extensions: further lines of other logs; ours has none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or any(_has_control_characters(line) for line in lines):
            raise NoteError("the origin and extensions are lines that are not empty")
        if not 0 <= self.size < 2**63 or len(self.root) != HASH_SIZE:
            raise NoteError("the size or the root is out of range")

    def note_text(self) -> str:
        """What is signed: each line with its end."""
        root = base64.b64encode(self.root).decode()
        return "".join(f"{line}\n" for line in (self.origin, self.size, root, *self.extensions))

    @classmethod
    def from_note_text(cls, text: str) -> Self:
        """Read what is signed.

        Raises:
            NoteError: this is no checkpoint.
        """
        *lines, rest = text.split("\n")
        if rest or len(lines) < 3 or not _SIZE.fullmatch(lines[1]):
            raise NoteError("not a checkpoint")
        return cls(lines[0], int(lines[1]), _decoded(lines[2]), tuple(lines[3:]))


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under the name that its signatures carry, for one type of signature."""

    name: str
    public_key: bytes
    type: bytes = ED25519

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or re.search(r"\s", self.name):
            raise NoteError("a key's name has neither spaces nor a plus sign")
        if _has_control_characters(self.name) or len(self.public_key) != 32:
            raise NoteError("not an Ed25519 key with a name")

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no proof of anything."""
        named = self.name.encode() + b"\n" + self.type + self.public_key
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        """The key as it is published: ``name+hexid+base64``."""
        return f"{self.name}+{self.key_id.hex()}+{_encoded(self.type + self.public_key)}"

    @classmethod
    def parse(cls, text: str, type: bytes = ED25519) -> Self:
        """Read a published key of that type.

        Raises:
            NoteError: it is malformed, of another type, or its id is not its own.
        """
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _decoded(encoded)
        if key[:1] != type:
            raise NoteError("not an Ed25519 key of this type")
        verifier = cls(name, key[1:], type)
        if verifier.key_id.hex() != key_id:
            raise NoteError("the key's id is not its own")
        return verifier

    def accepts(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def verifier_key(key_name: str, private_key: Ed25519PrivateKey) -> str:
    """The line to publish so that others can verify what ``private_key`` signs."""
    return str(Verifier(key_name, private_key.public_key().public_bytes_raw()))


def sign(checkpoint: Checkpoint, key_name: str, private_key: Ed25519PrivateKey) -> str:
    """The signed note of ``checkpoint``."""
    text = checkpoint.note_text()
    return f"{text}\n{signature_line(text, key_name, private_key)}"


def signature_line(text: str, key_name: str, private_key: Ed25519PrivateKey) -> str:
    """One signature of a note's text, as it stands below it."""
    verifier = Verifier(key_name, private_key.public_key().public_bytes_raw())
    return line(key_name, verifier.key_id + private_key.sign(text.encode()))


def line(key_name: str, signature: bytes) -> str:
    """A signature, its key's id in front, as a line of a note."""
    return f"— {key_name} {_encoded(signature)}\n"


def parse_and_verify(note: str, verifier_keys: Iterable[str]) -> Checkpoint:
    """Read a signed checkpoint and believe it.

    Raises:
        NoteError: it is no checkpoint, or ``open_note`` refuses it.
    """
    return Checkpoint.from_note_text(open_note(note, verifier_keys))


def claimed(note: str) -> Checkpoint:
    """What a signed checkpoint says, believed by nobody yet.

    Raises:
        NoteError: it is malformed.
    """
    return Checkpoint.from_note_text(split(note)[0])


def open_note(note: str, verifier_keys: Iterable[str]) -> str:
    """The text of a signed note, believed.

    Signatures of keys that are not given (witnesses unknown to us) are ignored; at least one
    must be of a given key, and every one that says so must be right.

    Args:
        note: the whole text.
        verifier_keys: keys to trust, as ``verifier_key`` writes them.

    Raises:
        NoteError: the note is malformed, altered or signed by nobody we trust.
    """
    known = {
        (verifier.name, verifier.key_id): verifier
        for verifier in map(Verifier.parse, verifier_keys)
    }
    text, signatures = split(note)
    trusted = False
    for name, key_id, signature in signatures:
        if verifier := known.get((name, key_id)):
            if not verifier.accepts(signature, text.encode()):
                raise NoteError("a signature is wrong: the note was altered")
            trusted = True
    if not trusted:
        raise NoteError("no signature of a trusted key")
    return text


def split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The signed text, and of each signature the key's name, its id and the signature.

    Raises:
        NoteError: it is malformed.
    """
    if len(note) > _LONGEST_NOTE or _has_control_characters(note.replace("\n", "")):
        raise NoteError("not a signed note")
    text, empty_line, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not empty_line or lines.pop() != "" or not 1 <= len(lines) <= _MOST_SIGNATURES:
        raise NoteError("not a signed note")
    signatures = []
    for line in lines:
        found = _SIGNATURE_LINE.fullmatch(line)
        if not found or "+" in found[1]:
            raise NoteError("not a signature line")
        signature = _decoded(found[2])
        if len(signature) < 5:
            raise NoteError("a signature is too short")
        signatures.append((found[1], signature[:4], signature[4:]))
    return text + "\n", signatures


def _has_control_characters(text: str) -> bool:
    # Surrogates cannot be written as UTF-8, so they cannot be signed either.
    return any(each < " " or each == "\x7f" or "\ud800" <= each <= "\udfff" for each in text)


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _decoded(text: str) -> bytes:
    """Canonical base64 only: one value, one spelling."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if _encoded(value) != text:
        raise NoteError("not canonical base64")
    return value
