"""Witnesses and their cosignatures; changes of the log's key are found without reading the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime
from zhixin.schema import append_only

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MUTABLE = {"ledger_witness": ("retired_at",), "ledger_cosignature": ()}


def upgrade() -> None:
    bind = op.get_bind()
    op.create_index(
        "ix_ledger_entry_key_rotated",
        "ledger_entry",
        ["index"],
        sqlite_where=sa.text("kind = 'key-rotated'"),
        postgresql_where=sa.text("kind = 'key-rotated'"),
    )
    op.create_table(
        "ledger_witness",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("verifier_key", sa.Text, nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.Column("retired_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_witness"),
        sa.UniqueConstraint("verifier_key", name="uq_ledger_witness_verifier_key"),
    )
    op.create_table(
        "ledger_cosignature",
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("witness_id", sa.Integer, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("cosigned_at", UtcDateTime, nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("size", "witness_id", name="pk_ledger_cosignature"),
        sa.ForeignKeyConstraint(
            ["size"],
            ["ledger_tree_head.size"],
            name="fk_ledger_cosignature_size_ledger_tree_head",
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["witness_id"],
            ["ledger_witness.id"],
            name="fk_ledger_cosignature_witness_id_ledger_witness",
            ondelete="RESTRICT",
        ),
    )
    op.create_index(
        "ix_ledger_cosignature_witness_id", "ledger_cosignature", ["witness_id", "size"]
    )
    for table, mutable in MUTABLE.items():
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, bind.dialect.name, mutable=mutable):
            op.execute(statement)
