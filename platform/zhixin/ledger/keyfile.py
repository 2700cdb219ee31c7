"""Private keys at rest: PKCS#8, encrypted under a passphrase (RFC 8018 PBES2, scrypt, AES-256-CBC).

``cryptography`` writes encrypted PKCS#8 with 2,048 rounds of PBKDF2, which a guessable passphrase
does not outlive, and offers no other number; it reads scrypt. So the envelope is written here, as
``openssl pkcs8 -topk8 -scrypt`` writes it, and read by the library.
"""

from __future__ import annotations

import base64
import os
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from zhixin.config import SettingsError

#: OpenSSL's own: what its command line opens without further options.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")


class KeyUnusable(SettingsError):
    """A key cannot be read: for the operator, who is told where; not for the site's readers."""


def to_pem(key: Ed25519PrivateKey, passphrase: str) -> str:
    """``key`` as a PKCS#8 file, encrypted if there is a passphrase."""
    if passphrase:
        return encrypt(key, passphrase)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def encrypt(key: Ed25519PrivateKey, passphrase: str) -> str:
    """``key`` as an encrypted PKCS#8 file (PEM)."""
    salt, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    secret = Scrypt(salt, 32, _COST, _BLOCK, _PARALLEL).derive(passphrase.encode())
    padder = padding.PKCS7(128).padder()
    plain = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    cipher = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    sealed = cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()
    cost = _octets(salt) + _integer(_COST) + _integer(_BLOCK) + _integer(_PARALLEL)
    derivation = _sequence(_SCRYPT, _sequence(cost))
    scheme = _sequence(_AES_256_CBC, _octets(iv))
    algorithm = _sequence(_PBES2, _sequence(derivation, scheme))
    text = base64.encodebytes(_sequence(algorithm, _octets(sealed))).decode().replace("\n", "")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    label = "ENCRYPTED PRIVATE KEY"
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _tagged(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x81, size])  # ours are all below 256
    return bytes([tag]) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _tagged(0x30, *parts)


def _octets(value: bytes) -> bytes:
    return _tagged(0x04, value)


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def write(path: Path, text: str) -> bool:
    """Make the file, readable by its owner only; False if it is there already."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return True


def replace(path: Path, text: str) -> None:
    """Put another content in the place of a key file, in one step."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    write(fresh, text)
    fresh.replace(path)


def is_encrypted(path: Path) -> bool:
    return b"ENCRYPTED" in path.read_bytes()[:40]


def read(path: Path, passphrase: str) -> Ed25519PrivateKey:
    """The key in a PKCS#8 file, encrypted or not, or in a file of 64 hex digits.

    Raises:
        KeyUnusable: the file cannot be read, or not with this passphrase.
    """
    try:
        return _read(path, path.stat().st_mtime_ns, passphrase)
    except OSError as error:
        raise KeyUnusable(f"无法读取密钥文件 {path}：{error.strerror}") from None


@lru_cache(maxsize=32)  # scrypt is slow on purpose, and jobs ask every few seconds
def _read(path: Path, _changed: int, passphrase: str) -> Ed25519PrivateKey:
    content = path.read_bytes().strip()
    if not content.startswith(b"-----BEGIN"):
        try:
            return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(content.decode()))
        except ValueError:
            raise KeyUnusable(f"密钥文件 {path} 既不是 PEM，也不是 64 位十六进制") from None
    sealed = b"ENCRYPTED" in content.split(b"\n", 1)[0]
    if sealed and not passphrase:
        raise KeyUnusable(f"密钥文件 {path} 已加密，请设置 ZHIXIN_KEY_PASSPHRASE")
    try:
        secret = passphrase.encode() if sealed else None
        key = serialization.load_pem_private_key(content, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnusable(f"密钥文件 {path} 无法打开：口令不对或文件损坏") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"密钥文件 {path} 不是 Ed25519 密钥")
    return key
