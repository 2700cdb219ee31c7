"""Captions of videos: what is worked on, and what was frozen of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime
from zhixin.schema import append_only

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

ORIGIN = "origin IN ('upload', 'edit', 'speech')"


def upgrade() -> None:
    op.create_table(
        "caption_track",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("cues", Json, nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(ORIGIN, name=op.f("ck_caption_track_origin_known")),
        sa.CheckConstraint("faults >= 0", name=op.f("ck_caption_track_faults_counted")),
        sa.ForeignKeyConstraint(
            ["asset_id"],
            ["asset.id"],
            name=op.f("fk_caption_track_asset_id_asset"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caption_track")),
    )
    op.create_index(
        "uq_caption_track_language",
        "caption_track",
        ["asset_id", "language"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    columns: tuple[sa.Column[Any], ...] = (
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("track_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("cues", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("cue_count", sa.Integer(), nullable=False),
        sa.Column("frozen_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "caption_version",
        *columns,
        sa.CheckConstraint(ORIGIN, name=op.f("ck_caption_version_origin_known")),
        sa.CheckConstraint("cue_count > 0", name=op.f("ck_caption_version_cues_there")),
        sa.ForeignKeyConstraint(
            ["track_id"],
            ["caption_track.id"],
            name=op.f("fk_caption_version_track_id_caption_track"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caption_version")),
        sa.UniqueConstraint("track_id", "sha256", name=op.f("uq_caption_version_track_id_sha256")),
    )
    names = [column.name for column in columns]
    for statement in append_only("caption_version", names, op.get_bind().dialect.name):
        op.execute(statement)
