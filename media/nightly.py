"""The jobs that keep the storage in order."""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import current_app

from media import collecting, references, usage
from media.storage import MediaStore
from zhixin import clock, config, db
from zhixin.jobs import job

log = structlog.get_logger()


@job(name="media.collect", time_limit_s=3600, every_s=86400)
def collect() -> None:
    """Remove what nothing refers to, after a time of grace; nothing if that is not sure."""
    settings: config.Settings = current_app.extensions["settings"]
    store: MediaStore = current_app.extensions["media_store"]
    grace = timedelta(days=settings.unused_media_days)
    database, now = db.database(), clock.now()
    try:
        with database.transaction() as session:
            gone = collecting.collect(session, store, grace, now)
    except references.NotSure as doubt:
        log.error("no media were collected", reason=str(doubt))
        return
    with database.session(writes=False) as session:
        strays = collecting.remove_strays(session, store, now)
    if gone or strays:
        log.info("media collected", gone=gone, strays=strays)


@job(name="media.add_up", time_limit_s=300, every_s=600)
def add_up() -> None:
    """Note how much room new renditions take."""
    usage.add_up(db.session(), current_app.extensions["media_store"])
