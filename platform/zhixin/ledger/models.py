"""The append-only log's tables. No personal data: persons are salted commitments."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class EntryKind(StrEnum):
    AWARD = "award"
    REVERSAL = "reversal"
    CORRECTION = "correction"
    CERTIFICATE_ISSUED = "certificate-issued"
    CERTIFICATE_REVOKED = "certificate-revoked"
    POLICY_PUBLISHED = "policy-published"
    KEY_ROTATED = "key-rotated"


class Submission(Base):
    """The outbox: written in the transaction of the decision, appended by the sequencer.

    ``key`` names the fact (``award:17``), so that one decision cannot be submitted twice. Its
    words move into the entry; what stays is their hash and where they are. Triggers refuse
    every other change.
    """

    __tablename__ = "ledger_submission"
    __table_args__ = (
        one_of("kind", EntryKind),
        sa.CheckConstraint("(entry_index IS NULL) = (body IS NOT NULL)", name="body_until_entry"),
        sa.CheckConstraint("(entry_index IS NULL) = (leaf_hash IS NULL)", name="hash_with_entry"),
        # Serves the sequencer: the oldest submissions still waiting.
        sa.Index(
            "ix_ledger_submission_waiting",
            "id",
            sqlite_where=sa.text("entry_index IS NULL"),
            postgresql_where=sa.text("entry_index IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(80), unique=True)
    kind: Mapped[EntryKind] = mapped_column(sa.String(24))
    body: Mapped[str | None]  # canonical JSON (RFC 8785), until it is an entry's
    submitted_at: Mapped[datetime]
    # That the entry is there, a trigger asks: for thousands at once, as a foreign key would not.
    entry_index: Mapped[int | None] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), unique=True
    )
    leaf_hash: Mapped[bytes | None]


class Entry(Base):
    """One immutable fact. Triggers refuse UPDATE and DELETE."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        one_of("kind", EntryKind),
        sa.CheckConstraint('"index" >= 0', name="index_whole"),
        # Serves every signature: which key's time it is (``rotation.rotations``).
        sa.Index(
            "ix_ledger_entry_key_rotated",
            "index",
            sqlite_where=sa.text("kind = 'key-rotated'"),
            postgresql_where=sa.text("kind = 'key-rotated'"),
        ),
    )

    index: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    kind: Mapped[EntryKind] = mapped_column(sa.String(24))
    body: Mapped[str]  # the leaf's bytes: canonical JSON (RFC 8785), UTF-8
    leaf_hash: Mapped[bytes] = mapped_column(unique=True)
    appended_at: Mapped[datetime]


class TreeHead(Base):
    """A signed checkpoint of the log at one size. Triggers refuse UPDATE and DELETE.

    ``frontier`` is the compact range at that size, so that appending costs O(log n).
    """

    __tablename__ = "ledger_tree_head"
    # Serves the picture of the log's growth: the newest head at a moment.
    __table_args__ = (sa.Index("ix_ledger_tree_head_signed_at", "signed_at", "size"),)

    size: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    root: Mapped[bytes]
    frontier: Mapped[bytes]
    checkpoint: Mapped[str]  # C2SP signed note
    signed_at: Mapped[datetime]


class Tile(Base):
    """Up to 256 hashes of one level of the tree, see ``zhixin.ledger.tiles``.

    Triggers refuse DELETE, and every UPDATE but one that adds hashes at the end.
    """

    __tablename__ = "ledger_tile"
    __table_args__ = (
        sa.CheckConstraint("level >= 0 AND level <= 7", name="level_known"),
        sa.CheckConstraint("number >= 0", name="number_whole"),
        sa.CheckConstraint(
            "length(hashes) >= 32 AND length(hashes) <= 8192 AND length(hashes) % 32 = 0",
            name="hashes_whole",
        ),
    )

    level: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    hashes: Mapped[bytes]


class Opening(Base):
    """What opens an entry's commitment: kept beside the log, erasable without touching it."""

    __tablename__ = "ledger_opening"

    submission_id: Mapped[int] = mapped_column(
        sa.ForeignKey("ledger_submission.id", ondelete="RESTRICT"), primary_key=True
    )
    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    salt: Mapped[bytes]


class Witness(Base):
    """An outside party whose cosignatures are kept. Its key never changes; it may be retired."""

    __tablename__ = "ledger_witness"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    verifier_key: Mapped[str] = mapped_column(unique=True)  # C2SP, signature type 0x04
    added_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class Cosignature(Base):
    """A witness's word that a tree head is consistent with all it had seen before."""

    __tablename__ = "ledger_cosignature"
    __table_args__ = (sa.Index("ix_ledger_cosignature_witness_id", "witness_id", "size"),)

    size: Mapped[int] = mapped_column(
        sa.ForeignKey("ledger_tree_head.size", ondelete="RESTRICT"), primary_key=True
    )
    witness_id: Mapped[int] = mapped_column(
        sa.ForeignKey("ledger_witness.id", ondelete="RESTRICT"), primary_key=True
    )
    line: Mapped[str]  # the signature line of the C2SP note
    cosigned_at: Mapped[datetime]
    received_at: Mapped[datetime]
