"""Uploads, videos, playbacks and watch evidence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base, one_of


class AssetState(StrEnum):
    """A video's way: its file is here → being worked on → every file is in its final place."""

    UPLOADED = "uploaded"
    TRANSCODING = "transcoding"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"  # by its author


class UploadKind(StrEnum):
    VIDEO = "video"
    FILE = "file"  # to be taken home, see media.files


class Upload(Base):
    """A tus 1.0 upload. ``received`` only grows, by what is safely on disk."""

    __tablename__ = "upload"
    __table_args__ = (
        one_of("kind", UploadKind),
        sa.CheckConstraint("received >= 0 AND received <= size", name="received_within_size"),
        sa.Index(None, "owner_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # random, in the address
    owner_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="CASCADE"), index=True
    )
    file_name: Mapped[str] = mapped_column(sa.String(255))
    size: Mapped[int] = mapped_column(sa.BigInteger)  # bytes
    received: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    asset_id: Mapped[int | None] = mapped_column(sa.ForeignKey("asset.id", ondelete="CASCADE"))
    kind: Mapped[UploadKind] = mapped_column(
        sa.String(16), default=UploadKind.VIDEO, server_default="video"
    )
    # A part of a whole that a later request makes of several (tus concatenation).
    partial: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # Of a whole: the parts that it is made of, their ids in order, with spaces between.
    parts: Mapped[str | None]
    # Until the client says how long it is, ``size`` is the most that it may be.
    length_known: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    # What a whole one of kind FILE became. No foreign key: the file may go before this row does.
    attachment_id: Mapped[str | None] = mapped_column(sa.String(32))

    @property
    def finished(self) -> bool:
        """It became what it was sent for."""
        return self.asset_id is not None or self.attachment_id is not None


class Asset(Base):
    """A video: its source file and, once READY, its HLS renditions.

    A worker claims it by a conditional UPDATE of ``claimed_until``; a sweeper finds
    claims that ran out and rings again.
    """

    __tablename__ = "asset"
    __table_args__ = (
        one_of("state", AssetState),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name="progress_percent"),
        sa.CheckConstraint(
            "state <> 'ready' OR (duration_ms IS NOT NULL AND folder IS NOT NULL)",
            name="ready_whole",
        ),
        sa.Index(None, "owner_id", "started_at"),
        # Serves the sweeper.
        sa.Index(
            "ix_asset_unfinished",
            "claimed_until",
            sqlite_where=sa.text("state IN ('uploaded', 'transcoding')"),
            postgresql_where=sa.text("state IN ('uploaded', 'transcoding')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), index=True
    )
    file_name: Mapped[str] = mapped_column(sa.String(255))  # as the author knows it; shown only
    source: Mapped[str]  # path below the media folder
    source_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    source_sha256: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    state: Mapped[AssetState] = mapped_column(sa.String(16), default=AssetState.UPLOADED)
    progress: Mapped[int] = mapped_column(default=0)  # percent
    tries: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    claim: Mapped[str | None] = mapped_column(sa.String(32))  # the claiming worker's random mark
    failure_code: Mapped[str | None] = mapped_column(sa.String(32))
    failure: Mapped[str | None]  # for the author, in words
    duration_ms: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    segments_ms: Mapped[list[Any] | None]  # durations of the segments of the first rendition
    report: Mapped[dict[str, Any] | None]  # what was found in the file, see media.report
    folder: Mapped[str | None]  # of the renditions, below the media folder
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    queued_at: Mapped[datetime | None]  # when it was asked for again, else at created_at
    started_at: Mapped[datetime | None]  # of the last try
    source_ms: Mapped[int | None]  # of the file as it came, once it is known
    postponed: Mapped[str | None] = mapped_column(sa.String(32))  # why it waits until claimed_until
    # Of a long one that is made in pieces (``media.pieces``): the name of the cut, what is made.
    cut: Mapped[str | None] = mapped_column(sa.String(32))
    recipe: Mapped[dict[str, Any] | None]
    rendition_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)  # None: not added up yet
    # See media.collecting: since when nothing refers to it; when its author gave it up.
    unused_since: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]


class Playback(Base):
    """One opening of a video by one learner on one device: the lease under which time is booked.

    A learner's leases never overlap on the server's clock (the partial unique index keeps
    one open), so time booked within each lease is booked once. ``scope`` names what the
    time counts for (``version:12``); this package does not know what that is.
    """

    __tablename__ = "playback"
    __table_args__ = (
        sa.CheckConstraint("booked_ms >= 0", name="booked_positive"),
        sa.CheckConstraint("lapsed_ms >= 0", name="lapsed_positive"),
        sa.CheckConstraint("kept_ms >= 0", name="kept_positive"),
        sa.Index(
            "uq_playback_open",
            "person_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(None, "person_id", "scope"),
        sa.Index(None, "address", "opened_at"),  # who else used a device, about then
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # random
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    asset_id: Mapped[int] = mapped_column(sa.ForeignKey("asset.id", ondelete="RESTRICT"))
    scope: Mapped[str] = mapped_column(sa.String(32))
    opened_at: Mapped[datetime]
    heard_at: Mapped[datetime]  # the last beat's arrival
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(sa.String(16))  # 'taken-over', 'closed', 'left'
    booked_ms: Mapped[int] = mapped_column(default=0)  # new media time credited under this lease
    # Media time that the clock allowed and nobody claimed in time, see ``booking.OFFLINE_MS``.
    lapsed_ms: Mapped[int] = mapped_column(default=0, server_default="0")
    # Time that it brought to the person's late bank when it ended; NULL while it is open, and
    # for leases that ended before there was such a bank.
    kept_ms: Mapped[int | None]
    rate_percent: Mapped[int] = mapped_column(default=100)
    address: Mapped[str] = mapped_column(sa.String(45))
    user_agent: Mapped[str] = mapped_column(sa.String(300))


class Beat(Base):
    """One accepted report of the player, as it came and what became of it. Append-only by trigger."""

    __tablename__ = "beat"
    __table_args__ = (
        sa.Index(
            "ix_beat_late",
            "playback_id",
            sqlite_where=sa.text("bank_ms IS NOT NULL"),
            postgresql_where=sa.text("bank_ms IS NOT NULL"),
        ),
    )

    playback_id: Mapped[str] = mapped_column(
        sa.ForeignKey("playback.id", ondelete="RESTRICT"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    received_at: Mapped[datetime]
    claimed: Mapped[str]  # intervals "0-15000,20000-31000" in ms
    credited: Mapped[str]
    refused_ms: Mapped[int] = mapped_column(default=0)
    refusal: Mapped[str | None] = mapped_column(sa.String(32))
    # What the person's late bank held when it came; NULL under an open lease.
    bank_ms: Mapped[int | None]


class LateBank(Base):
    """Time that all ended leases of a person, whatever the video, may together still be credited.

    It changes when a lease ends and when an ended one is credited, one change after the other,
    each at a later instant than the one before: so it can be rebuilt from ``Playback.kept_ms``
    and the beats.
    """

    __tablename__ = "late_bank"
    __table_args__ = (sa.CheckConstraint("left_ms >= 0", name="left_positive"),)

    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), primary_key=True
    )
    left_ms: Mapped[int]
    updated_at: Mapped[datetime]


class Coverage(Base):
    """The union of media intervals confirmed for a person, a scope and a video."""

    __tablename__ = "coverage"
    # Serves those who ask how a video was watched by all.
    __table_args__ = (sa.Index(None, "scope", "asset_id"),)

    person_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="RESTRICT"), primary_key=True
    )
    scope: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    asset_id: Mapped[int] = mapped_column(
        sa.ForeignKey("asset.id", ondelete="RESTRICT"), primary_key=True
    )
    spans: Mapped[str] = mapped_column(default="")
    covered_ms: Mapped[int] = mapped_column(default=0)
    position_ms: Mapped[int] = mapped_column(default=0)  # where the learner stopped
    updated_at: Mapped[datetime]
    # Grows with each change: a beat is booked on the coverage that it was decided on, or again.
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    # The covered_ms at which the next presence prompt is due; no page ever learns it.
    prompt_at_ms: Mapped[int | None]
    prompt_id: Mapped[str | None] = mapped_column(sa.String(32))  # waits for its answer


class Delivery(Base):
    """Which segments were sent to a playback, as the bits of a hexadecimal number: segment 0 is
    the lowest. Segments are cut alike in all renditions, so the index says enough.

    Written in batches, and by a journal's replay after a crash, so it names its playback
    without a foreign key: a stray row harms nothing, a refused batch would.
    """

    __tablename__ = "delivery"

    playback_id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    segments: Mapped[str]


class PromptKind(StrEnum):
    CONFIRM = "confirm"  # choose the word that is asked for
    QUESTION = "question"  # the author's, on what was just shown


class Prompt(Base):
    """A presence prompt: a small human act asked for at a moment that the server chose.

    It belongs to the person and the video, not to one playback, so no reload loses it.
    """

    __tablename__ = "prompt"
    __table_args__ = (
        one_of("kind", PromptKind),
        sa.Index(
            "uq_prompt_waiting",
            "person_id",
            "scope",
            "asset_id",
            unique=True,
            sqlite_where=sa.text("answered_at IS NULL"),
            postgresql_where=sa.text("answered_at IS NULL"),
        ),
        sa.Index(None, "person_id", "scope"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # random
    person_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    scope: Mapped[str] = mapped_column(sa.String(32))
    asset_id: Mapped[int] = mapped_column(sa.ForeignKey("asset.id", ondelete="RESTRICT"))
    # Under which it came up.
    playback_id: Mapped[str] = mapped_column(sa.ForeignKey("playback.id", ondelete="RESTRICT"))
    at_ms: Mapped[int]  # covered_ms at which it was due
    issued_at: Mapped[datetime]
    answer_within_ms: Mapped[int]
    kind: Mapped[PromptKind] = mapped_column(sa.String(16))
    question: Mapped[dict[str, Any]]  # text, options, right; ref: the author's question asked
    tries: Mapped[list[Any]]  # {"at": instant, "right": bool}, each
    answered_at: Mapped[datetime | None]
    answered_in: Mapped[str | None] = mapped_column(
        sa.ForeignKey("playback.id", ondelete="RESTRICT")
    )
