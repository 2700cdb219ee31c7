"""The numbers of this domain that an installation sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from zhixin.config import Settings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Days, bytes and files; see ``docs/operator/settings.md``."""

    declaration_days: int
    employer_days: int
    bureau_days: int
    proof_bytes: int
    proof_files: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            declaration_days=settings.declaration_days,
            employer_days=settings.employer_days,
            bureau_days=settings.bureau_days,
            proof_bytes=settings.proof_bytes,
            proof_files=settings.proof_files,
        )
