"""Field encryption, digests and random tokens: the one seam for these primitives.

A buyer may require certified modules with SM3/SM4 (GB/T 39786-2021): they go here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


def new_token() -> str:
    """256 random bits, safe in addresses."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes:
    """What is stored of a random token: a plain hash suffices for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


class FieldCipher:
    """AES-256-GCM for single fields, and a keyed digest to find equals without decrypting."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(hmac.digest(key, b"zhixin field encryption", "sha256"))
        self._digest_key = hmac.digest(key, b"zhixin field digest", "sha256")

    def encrypt(self, text: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, text.encode(), None)

    def decrypt(self, cipher: bytes) -> str:
        return self._aead.decrypt(cipher[:NONCE_BYTES], cipher[NONCE_BYTES:], None).decode()

    def digest(self, text: str) -> bytes:
        return hmac.digest(self._digest_key, text.encode(), "sha256")
