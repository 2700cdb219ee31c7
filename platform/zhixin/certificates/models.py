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


class StatusAllocation(Base):
    """The one row that says which status list new certificates go to, and how full it is."""

    __tablename__ = "certificate_status_allocation"
    __table_args__ = (sa.CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    list: Mapped[int]
    used: Mapped[int]


class Certificate(Base):
    """One issued paper. Only ``revoked_at`` and ``revocation_reason`` may ever change."""

    __tablename__ = "certificate"
    __table_args__ = (
        one_of("kind", CertificateKind),
        sa.CheckConstraint(
            "(core IS NULL) = (status_list IS NULL) AND (core IS NULL) = (status_index IS NULL)",
            name="core_with_status",
        ),
        # One certificate in force for an award, or for a person's year.
        sa.Index(
            "uq_certificate_in_force",
            "subject_key",
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        ),
        sa.Index("uq_certificate_status", "status_list", "status_index", unique=True),
        # Serves a status list: which of its places are revoked.
        sa.Index(
            "ix_certificate_revoked",
            "status_list",
            sqlite_where=sa.text("revoked_at IS NOT NULL"),
            postgresql_where=sa.text("revoked_at IS NOT NULL"),
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
    # The credential without evidence and proof, as canonical JSON, and its place in a status
    # list. None: issued before there were credentials.
    core: Mapped[str | None]
    status_list: Mapped[int | None]
    status_index: Mapped[int | None]


class CertificateAward(Base):
    """That a certificate stands on an award: when the award falls, so does the paper."""

    __tablename__ = "certificate_award"

    certificate_id: Mapped[int] = mapped_column(
        sa.ForeignKey("certificate.id", ondelete="RESTRICT"), primary_key=True
    )
    award_id: Mapped[int] = mapped_column(
        sa.ForeignKey("award.id", ondelete="RESTRICT"), primary_key=True, index=True
    )


class CredentialFile(Base):
    """A certificate's credential as its holder gets it: made once, after the log has its entry."""

    __tablename__ = "certificate_credential"

    certificate_id: Mapped[int] = mapped_column(
        sa.ForeignKey("certificate.id", ondelete="RESTRICT"), primary_key=True
    )
    document: Mapped[str]  # JSON with its proof
    made_at: Mapped[datetime]
