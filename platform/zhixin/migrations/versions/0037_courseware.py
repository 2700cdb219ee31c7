"""Interactive courseware (SCORM): its files, units that play it, what it says of learners."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime
from zhixin.schema import replace_check

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

KINDS = "kind IN ('video', 'quiz', 'page', 'practice', 'live', 'file', 'scorm')"
COLUMNS = (
    "unit ADD COLUMN courseware_id VARCHAR(32)"
    " CONSTRAINT ck_unit_courseware_of_scorm CHECK (kind = 'scorm' OR courseware_id IS NULL)"
    " CONSTRAINT fk_unit_courseware_id_courseware REFERENCES courseware (id) ON DELETE RESTRICT",
    "unit ADD COLUMN launch VARCHAR(1000)"
    " CONSTRAINT ck_unit_launch_of_courseware"
    " CHECK ((launch IS NULL) = (courseware_id IS NULL))",
)


def upgrade() -> None:
    op.create_table(
        "courseware",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("edition", sa.String(length=8), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("edition IN ('1.2', '2004')", name=op.f("ck_courseware_edition_known")),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_courseware_size_range")),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["person.id"],
            name=op.f("fk_courseware_owner_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courseware")),
        sa.UniqueConstraint("owner_id", "sha256", name=op.f("uq_courseware_owner_id_sha256")),
    )
    op.create_table(
        "courseware_claim",
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("unit_key", sa.String(length=64), nullable=False),
        sa.Column("values", Json, nullable=False),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("claimed_ms >= 0", name=op.f("ck_courseware_claim_claimed_range")),
        sa.ForeignKeyConstraint(
            ["enrolment_id"],
            ["enrolment.id"],
            name=op.f("fk_courseware_claim_enrolment_id_enrolment"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "unit_key", name=op.f("pk_courseware_claim")),
    )
    for column in COLUMNS:
        op.execute(f"ALTER TABLE {column}")
    replace_check(op.get_bind(), "unit", "ck_unit_kind_known", KINDS)
