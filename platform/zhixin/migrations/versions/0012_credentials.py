"""Certificates as credentials: their core, their place in a status list, what they stand on."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime
from zhixin.schema import append_only, guard

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

#: Both databases take a new column in one statement; rows point at this table.
COLUMNS = (
    "status_list INTEGER",
    "status_index INTEGER",
    "core TEXT CONSTRAINT ck_certificate_core_with_status CHECK "
    "((core IS NULL) = (status_list IS NULL) AND (core IS NULL) = (status_index IS NULL))",
)
MUTABLE = ("revoked_at", "revocation_reason")


def upgrade() -> None:
    bind = op.get_bind()
    for column in COLUMNS:
        op.execute(f"ALTER TABLE certificate ADD COLUMN {column}")
    op.create_index(
        "uq_certificate_status", "certificate", ["status_list", "status_index"], unique=True
    )
    op.create_index(
        "ix_certificate_revoked",
        "certificate",
        ["status_list"],
        sqlite_where=sa.text("revoked_at IS NOT NULL"),
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    _tables()
    _what_they_stand_on(bind)
    _guards(bind)


def _tables() -> None:
    allocation = op.create_table(
        "certificate_status_allocation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("list", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_certificate_status_allocation_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate_status_allocation")),
    )
    op.bulk_insert(allocation, [{"id": 1, "list": 1, "used": 0}])
    op.create_table(
        "certificate_award",
        sa.Column("certificate_id", sa.Integer(), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificate.id"],
            name=op.f("fk_certificate_award_certificate_id_certificate"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["award_id"],
            ["award.id"],
            name=op.f("fk_certificate_award_award_id_award"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("certificate_id", "award_id", name=op.f("pk_certificate_award")),
    )
    op.create_index(op.f("ix_certificate_award_award_id"), "certificate_award", ["award_id"])
    op.create_table(
        "certificate_credential",
        sa.Column("certificate_id", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificate.id"],
            name=op.f("fk_certificate_credential_certificate_id_certificate"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("certificate_id", name=op.f("pk_certificate_credential")),
    )


def _what_they_stand_on(bind: sa.Connection) -> None:
    """From the snapshots of the certificates that there are."""
    rows = bind.execute(sa.text("SELECT id, snapshot FROM certificate")).all()
    links = [
        {"certificate": row.id, "award": award}
        for row in rows
        for award in json.loads(row.snapshot)["facts"]["awards"]
    ]
    if links:
        bind.execute(sa.text("INSERT INTO certificate_award VALUES (:certificate, :award)"), links)


def _guards(bind: sa.Connection) -> None:
    dialect = bind.dialect.name

    def columns(table: str) -> list[str]:
        return [column["name"] for column in sa.inspect(bind).get_columns(table)]

    statements = guard("certificate", columns("certificate"), dialect, mutable=MUTABLE)
    for table in ("certificate_award", "certificate_credential"):
        statements += append_only(table, columns(table), dialect)
    for statement in statements:
        op.execute(statement)
