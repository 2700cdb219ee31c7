"""One bank for all ended leases of a person; who else used a device is found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: Both databases take a new column in one statement; rows point at these tables.
COLUMNS = (
    "playback ADD COLUMN kept_ms INTEGER CONSTRAINT ck_playback_kept_positive CHECK (kept_ms >= 0)",
    "beat ADD COLUMN bank_ms INTEGER",
)


def upgrade() -> None:
    for column in COLUMNS:
        op.execute(f"ALTER TABLE {column}")
    op.create_table(
        "late_bank",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("left_ms", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("left_ms >= 0", name=op.f("ck_late_bank_left_positive")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_late_bank_person_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_late_bank")),
    )
    late = sa.text("bank_ms IS NOT NULL")
    op.create_index(
        "ix_beat_late", "beat", ["playback_id"], sqlite_where=late, postgresql_where=late
    )
    op.create_index(op.f("ix_playback_address_opened_at"), "playback", ["address", "opened_at"])
