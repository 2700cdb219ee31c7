"""Pictures and files that authors bring for pages, questions and file units."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from zhixin.db import Base


class Picture(Base):
    """A picture of a page or a question. Never changed: another picture is another row."""

    __tablename__ = "picture"
    __table_args__ = (
        sa.UniqueConstraint("owner_id", "sent_sha256"),
        sa.CheckConstraint("width > 0 AND height > 0 AND size_bytes > 0", name="picture_there"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # random: its address
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    file_name: Mapped[str] = mapped_column(sa.String(255))  # as the author knows it; shown only
    media_type: Mapped[str] = mapped_column(sa.String(32))
    width: Mapped[int]  # pixels, as are those below
    height: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)  # of what is kept
    sent_sha256: Mapped[str] = mapped_column(sa.String(64))  # of what was sent
    created_at: Mapped[datetime]
    # See media.collecting: since when nothing refers to it; when its author gave it up.
    unused_since: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]

    @property
    def key(self) -> str:
        """In the vault."""
        return f"pictures/{self.id[:2]}/{self.id}"


class Attachment(Base):
    """A file to be taken home: slides, exercises, data. Kept as it came, never looked into."""

    __tablename__ = "attachment"
    __table_args__ = (
        sa.UniqueConstraint("owner_id", "sha256", "file_name"),
        sa.CheckConstraint("size_bytes > 0", name="attachment_there"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)  # random
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="RESTRICT"))
    file_name: Mapped[str] = mapped_column(sa.String(255))  # under which it is handed out
    media_type: Mapped[str] = mapped_column(sa.String(100))
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]
    # See media.collecting: since when nothing refers to it; when its author gave it up.
    unused_since: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]

    @property
    def key(self) -> str:
        """In the vault."""
        return f"files/{self.id[:2]}/{self.id}"
