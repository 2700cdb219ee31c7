"""The keys: the log's, which signs tree heads, and the issuer's, which signs credentials.

``Signer`` is the one seam for another algorithm or a hardware module. A private key comes from its
setting, or from ``keys/`` in the data folder: made on first use (or by ``zhixin ledger init``),
encrypted when there is a passphrase.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zhixin.config import Settings
from zhixin.ledger import checkpoint, keyfile
from zhixin.ledger.checkpoint import Checkpoint

LEDGER, ISSUER = "ledger_key", "issuer_key"
#: Multicodec of an Ed25519 public key, before the 32 bytes in a Multikey.
_ED25519_PUB = b"\xed\x01"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Signer:
    """Signs in the log's name (its origin), by the private keys that are held here."""

    def __init__(self, origin: str, *keys: Ed25519PrivateKey) -> None:
        self.origin = origin
        self._keys = {checkpoint.verifier_key(origin, key): key for key in keys}

    @classmethod
    def of(cls, settings: Settings) -> Signer:
        """By the log's key and those that it was changed for, or will be."""
        first = private_key(settings, LEDGER)
        more = [keyfile.read(path, settings.key_passphrase) for path in successor_paths(settings)]
        return cls(settings.origin, first, *more)

    @property
    def held(self) -> list[str]:
        """The public keys as C2SP signed-note writes them: name+id+key."""
        return list(self._keys)

    @property
    def verifier_key(self) -> str:
        """The first of them: the log's only one, unless it was changed (``rotation.ring``)."""
        return self.held[0]

    def sign(self, size: int, root: bytes, by: Sequence[str] = ()) -> str:
        """The signed checkpoint.

        Args:
            by: public keys to sign by: the first must be held here, the others may be.

        Raises:
            KeyUnusable: it is not.
        """
        return self.sign_note(Checkpoint(self.origin, size, root).note_text(), by)

    def sign_note(self, text: str, by: Sequence[str] = ()) -> str:
        """``text`` as a signed note, see ``sign``."""
        first, *more = by or [self.verifier_key]
        if first not in self._keys:
            raise keyfile.KeyUnusable(f"缺少签名密钥 {first}：请把它的文件放入数据目录的 keys/")
        names = [first, *(name for name in more if name in self._keys)]
        lines = [checkpoint.signature_line(text, self.origin, self._keys[name]) for name in names]
        return f"{text}\n{''.join(lines)}"


@dataclass(frozen=True)
class IssuerKey:
    """The key that signs credentials, under the issuer's name on the web (did:web).

    Attributes:
        did: ``did:web:learning.example``, from the public address.
    """

    did: str
    private_key: Ed25519PrivateKey

    @cached_property
    def multikey(self) -> str:
        """The public key as a Multikey: base58btc, ``z6Mk…``."""
        return multikey(self.private_key.public_key().public_bytes_raw())

    @cached_property
    def verification_method(self) -> str:
        """Names this key for ever: the same key has the same name, another one another."""
        public = self.private_key.public_key().public_bytes_raw()
        return f"{self.did}#key-{hashlib.sha256(public).hexdigest()[:16]}"

    def document(self) -> dict[str, object]:
        """The DID document (W3C Controlled Identifiers), served at ``/.well-known/did.json``."""
        return {
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
            "id": self.did,
            "verificationMethod": [
                {
                    "id": self.verification_method,
                    "type": "Multikey",
                    "controller": self.did,
                    "publicKeyMultibase": self.multikey,
                }
            ],
            "assertionMethod": [self.verification_method],
        }


def issuer(settings: Settings) -> IssuerKey:
    """The issuer of credentials."""
    return IssuerKey(did_web(settings.base_url), private_key(settings, ISSUER))


def did_web(base_url: str) -> str:
    """The did:web of the site's host; a port's colon is escaped, as the method asks."""
    return "did:web:" + quote(urlsplit(base_url).netloc.rpartition("@")[2], safe="")


def multikey(public_key: bytes) -> str:
    """An Ed25519 public key as a Multikey."""
    value, text = int.from_bytes(_ED25519_PUB + public_key), ""
    while value:
        value, digit = divmod(value, 58)
        text = _BASE58[digit] + text
    return "z" + text  # its first byte is not zero, so there are no leading ones


def private_key(settings: Settings, name: str) -> Ed25519PrivateKey:
    """The key ``name``: its setting, its file, or a new file.

    Raises:
        KeyUnusable: the file cannot be opened.
    """
    if not getattr(settings, name):
        sealed = sealed_path(settings, name)
        if settings.key_passphrase and not _plain(settings, name):
            create(settings, name)
        if sealed.exists():
            return keyfile.read(sealed, settings.key_passphrase)
    return Ed25519PrivateKey.from_private_bytes(settings.key(name))


def create(settings: Settings, name: str) -> bool:
    """Make an encrypted key file, if there is none: True if it was made now."""
    path = sealed_path(settings, name)
    if path.exists():
        return False
    fresh = Ed25519PrivateKey.generate()
    return keyfile.write(path, keyfile.encrypt(fresh, settings.key_passphrase))


def encrypt_plain(settings: Settings, name: str) -> bool:
    """Put existing key files that are plain under the passphrase; True if there were any.

    An encrypted file is complete and opens again before the plain one goes.
    """
    if getattr(settings, name) or not settings.key_passphrase:
        return False
    found = [sealed_path(settings, name)]
    found += successor_paths(settings) if name == LEDGER else []
    found = [path for path in found if path.exists() and not keyfile.is_encrypted(path)]
    for path in found:
        keyfile.replace(path, keyfile.encrypt(keyfile.read(path, ""), settings.key_passphrase))
    plain = settings.data_dir / "keys" / name
    if plain.exists():
        _move_plain(settings, name, plain)
        found.append(plain)
    return bool(found)


def _move_plain(settings: Settings, name: str, plain: Path) -> None:
    key, sealed = keyfile.read(plain, ""), sealed_path(settings, name)
    keyfile.write(sealed, keyfile.encrypt(key, settings.key_passphrase))
    again = keyfile.read(sealed, settings.key_passphrase)
    if again.private_bytes_raw() != key.private_bytes_raw():
        raise keyfile.KeyUnusable(f"{plain} 与 {sealed} 是两把不同的密钥，请人工确认")
    plain.unlink()


def sealed_path(settings: Settings, name: str) -> Path:
    return settings.data_dir / "keys" / f"{name}.pem"


def successor_paths(settings: Settings) -> list[Path]:
    """Files of the keys that the log's first one was changed for, or will be."""
    return sorted((settings.data_dir / "keys").glob(f"{LEDGER}-*.pem"))


def create_successor(settings: Settings) -> tuple[str, Path]:
    """Make a key that the log's may be changed for; its public key and its file."""
    fresh = Ed25519PrivateKey.generate()
    public = checkpoint.verifier_key(settings.origin, fresh)
    path = (
        settings.data_dir
        / "keys"
        / f"{LEDGER}-{checkpoint.Verifier.parse(public).key_id.hex()}.pem"
    )
    keyfile.write(path, keyfile.to_pem(fresh, settings.key_passphrase))
    return public, path


def forget_former(settings: Settings, current: str) -> int:
    """Delete the private keys of the log but the current one, whose file takes the first one's place.

    Returns:
        How many were deleted.

    Raises:
        KeyUnusable: the current key is not in a file here.
    """
    sealed, plain = sealed_path(settings, LEDGER), settings.data_dir / "keys" / LEDGER
    files = [path for path in (sealed, plain, *successor_paths(settings)) if path.exists()]
    public = {
        path: checkpoint.verifier_key(settings.origin, keyfile.read(path, settings.key_passphrase))
        for path in files
    }
    keep = next((path for path in files if public[path] == current), None)
    if keep is None:
        raise keyfile.KeyUnusable("当前密钥不在数据目录的 keys/ 中，没有删除任何密钥")
    if keep not in (sealed, plain):
        keep.replace(sealed)  # in one step: there is always one key of this name
        keep = sealed
    for path in files:
        if path != keep:
            path.unlink(missing_ok=True)
    return len(files) - 1


def _plain(settings: Settings, name: str) -> bool:
    return (settings.data_dir / "keys" / name).exists()


def how_kept(settings: Settings, name: str) -> tuple[str, bool]:
    """Where a key is kept, in words for the operator, and whether that is as it should be."""
    if getattr(settings, name):
        return "来自设置", True
    if (sealed := sealed_path(settings, name)).exists():
        encrypted = keyfile.is_encrypted(sealed)
        return ("文件，已加密" if encrypted else "文件，未加密"), encrypted
    if _plain(settings, name):
        return "文件，未加密", False
    return "尚未生成", True


def open_to_others(settings: Settings) -> list[Path]:
    """Key files that others than their owner may read."""
    folder = settings.data_dir / "keys"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in files if path.is_file() and path.stat().st_mode & 0o077]
