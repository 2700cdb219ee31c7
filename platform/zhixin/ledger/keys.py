"""The key that signs tree heads: the one seam for another algorithm or a hardware module."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zhixin.config import Settings
from zhixin.ledger import checkpoint
from zhixin.ledger.checkpoint import Checkpoint


class Signer:
    """Signs checkpoints in the log's name (its origin)."""

    def __init__(self, origin: str, seed: bytes) -> None:
        self.origin = origin
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def of(cls, settings: Settings) -> Signer:
        return cls(settings.origin, settings.key("ledger_key"))

    @property
    def verifier_key(self) -> str:
        """The public key as C2SP signed-note writes it: name+id+key."""
        return checkpoint.verifier_key(self.origin, self._key)

    def sign(self, size: int, root: bytes) -> str:
        return checkpoint.sign(Checkpoint(self.origin, size, root), self.origin, self._key)
