"""What is issued from the ledger. A certificate is its frozen snapshot."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class CertificateKind(StrEnum):
    COURSE = "course"
    ANNUAL = "annual"
    CLASS = "class"
    EXTRACT = "extract"  # several years for a title review (职称评审)


class Numbering(Base):
    """The last number given in a year: taken under its row's lock, so there are no gaps."""

    __tablename__ = "certificate_numbering"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int]


class Certificate(Base):
    """One issued paper. Only ``revoked_at`` and ``revocation_reason`` may ever change."""

    __tablename__ = "certificate"
    __table_args__ = (
        one_of("kind", CertificateKind),
        # One certificate in force for an award, or for a person's year.
        sa.Index(
            "uq_certificate_in_force",
            "subject_key",
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    # Random, in the QR's address: knowing a number is not enough to look someone up.
    code: Mapped[str] = mapped_column(sa.String(32), unique=True)
    kind: Mapped[CertificateKind] = mapped_column(sa.String(16))
    subject_key: Mapped[str] = mapped_column(sa.String(64))  # 'award:17' or 'year:5:2026'
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    year: Mapped[int]
    snapshot: Mapped[str]  # canonical JSON; rendering is a pure function of it
    sha256: Mapped[str] = mapped_column(sa.String(64))
    submission_id: Mapped[int] = mapped_column(
        sa.ForeignKey("ledger_submission.id", ondelete="RESTRICT"), unique=True
    )
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revocation_reason: Mapped[str | None]
