"""Captions of a video: what authors are working on, and what was frozen of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class Origin(StrEnum):
    """How the words of a version came to be."""

    UPLOAD = "upload"
    EDIT = "edit"
    SPEECH = "speech"  # by an engine; nobody has read it yet


class CaptionTrack(Base):
    """The captions of a video in one language, as its authors have them now.

    ``revision`` grows with each change. One that is removed keeps its versions: published
    courses refer to them.
    """

    __tablename__ = "caption_track"
    __table_args__ = (
        one_of("origin", Origin),
        sa.CheckConstraint("faults >= 0", name="faults_counted"),
        sa.Index(
            "uq_caption_track_language",
            "asset_id",
            "language",
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(sa.ForeignKey("asset.id", ondelete="RESTRICT"))
    language: Mapped[str] = mapped_column(sa.String(16))  # see media.words.LANGUAGES
    label: Mapped[str] = mapped_column(sa.String(60))  # in the player's menu
    origin: Mapped[Origin] = mapped_column(sa.String(16))
    cues: Mapped[list[Any]]  # {"key", "start", "end", "text"}, times in ms
    faults: Mapped[int] = mapped_column(default=0)  # that keep it from being published
    revision: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class CaptionVersion(Base):
    """Cues as they were at a moment, for good. Append-only by trigger."""

    __tablename__ = "caption_version"
    __table_args__ = (
        one_of("origin", Origin),
        sa.UniqueConstraint("track_id", "sha256"),
        sa.CheckConstraint("cue_count > 0", name="cues_there"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    track_id: Mapped[int] = mapped_column(sa.ForeignKey("caption_track.id", ondelete="RESTRICT"))
    origin: Mapped[Origin] = mapped_column(sa.String(16))
    cues: Mapped[str]  # canonical JSON: [[start_ms, end_ms, text], …]
    sha256: Mapped[str] = mapped_column(sa.String(64))
    cue_count: Mapped[int]
    frozen_at: Mapped[datetime]
