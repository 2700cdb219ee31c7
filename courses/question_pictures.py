"""Pictures of imported and exported questions are the media's: papers know nothing of these."""

from __future__ import annotations

from flask import Flask, current_app

from media import pictures
from zhixin import clock, db
from zhixin.errors import NotFound


class AuthorsPictures:
    """The pictures of one author; each is kept in a transaction of its own."""

    def __init__(self, owner_id: int) -> None:
        self._owner_id = owner_id

    def keep(self, content: bytes) -> str:
        """Raises:
        PictureRefused, OutOfSpace: as ``media.pictures.bring``.
        """
        store = current_app.extensions["media_store"]
        brought = pictures.bring(
            store,
            self._owner_id,
            content,
            max_bytes=current_app.extensions["settings"].picture_bytes,
            now=clock.now(),
        )
        with db.database().transaction() as session:
            return pictures.keep(session, store, brought).id

    def load(self, name: str) -> tuple[bytes, str] | None:
        store = current_app.extensions["media_store"]
        with db.database().session(writes=False) as session:
            try:
                media_type, content = pictures.content(session, store, name)
            except (NotFound, OSError):
                return None
        return content, media_type


def init_app(app: Flask) -> None:
    app.extensions["question_pictures"] = AuthorsPictures
