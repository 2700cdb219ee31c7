"""Who issues: the name on the paper, the address of the site and the keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from zhixin.config import Settings
from zhixin.ledger import rotation
from zhixin.ledger.keys import IssuerKey
from zhixin.ledger.keys import issuer as issuer_key


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """What issuing needs to know of the installation."""

    name: str
    base_url: str
    key: IssuerKey = field(compare=False)
    key_name: str  # stands for the key: the same key has the same name
    settings: Settings = field(compare=False, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Issuer:
        key = issuer_key(settings)
        return cls(
            name=settings.issuer,
            base_url=settings.base_url.rstrip("/"),
            key=key,
            key_name=key.verification_method,
            settings=settings,
        )

    def log_key(self, session: Session) -> str:
        """The ledger's public key of today as papers print it (C2SP verifier key)."""
        return rotation.ring(session, self.settings).current

    def page(self, code: str) -> str:
        """Where anyone can check a certificate: on the issuer's own host."""
        return f"{self.base_url}/v/{code}"

    def status_list(self, number: int) -> str:
        return f"{self.base_url}/credentials/status/{number}"

    def entry(self, index: int) -> str:
        return f"{self.base_url}/api/v1/ledger/entries/{index}"

    @property
    def context(self) -> str:
        """The words of our own in credentials: how the ledger includes them."""
        return f"{self.base_url}/credentials/context/v1"
