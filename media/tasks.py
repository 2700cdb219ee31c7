"""From an uploaded file to a playable video."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from shutil import rmtree

import structlog
from flask import current_app

from media import assets, limits, probe, renditions, transcode, uploads, watching
from media.errors import MediaRejected, TranscodeFailed
from media.models import Asset
from media.storage import MediaStore
from zhixin import clock, config, db
from zhixin.errors import DomainError
from zhixin.jobs import job

log = structlog.get_logger()

#: How long one try may take: generous for hours of video on two cores.
TRY_S = 6 * 3600
#: Failures that no number of which makes a video failed: it is tried again for as long as it takes.
NOT_THE_FILES_FAULT = ("cancelled", "disk-full")
#: Progress is written at most this often.
REPORT_EVERY_S = 2.0
SWEEP_S = 30


@job(name="media.prepare", time_limit_s=TRY_S + 600)
def prepare(asset_id: int) -> None:
    """Probe, check, transcode, publish, and only then say READY.

    Holds no transaction while working. Killed half way, the claim runs out and the
    sweeper rings again; the leftover folder of the dead run is removed by the next.
    """
    database = db.database()
    with database.transaction() as session:
        mark = assets.claim(session, asset_id, clock.now())
        asset = session.get(Asset, asset_id)
    if mark is None or asset is None:
        return
    try:
        if asset.tries > assets.MOST_TRIES:
            raise MediaRejected(asset.failure_code or "transcode-failed")
        _work(asset, mark)
    except MediaRejected as refusal:
        with database.transaction() as session:
            assets.failed(session, asset_id, mark, refusal.code)
    except TranscodeFailed as failure:
        log.warning(
            "transcode failed", asset=asset_id, code=failure.code, log=failure.facts.get("log")
        )
        with database.transaction() as session:
            if failure.code in NOT_THE_FILES_FAULT:
                assets.release(session, asset_id, mark, clock.now() + assets.CLAIM, counted=False)
            elif asset.tries >= assets.MOST_TRIES:
                assets.failed(session, asset_id, mark, failure.code)
            else:
                assets.release(session, asset_id, mark, clock.now() + assets.CLAIM)


def _work(asset: Asset, mark: str) -> None:
    settings: config.Settings = current_app.extensions["settings"]
    store: MediaStore = current_app.extensions["media_store"]
    source = store.path(asset.source)
    found = probe.probe(source)
    limits.check(
        found,
        limits.Limits(
            max_bytes=settings.max_upload_bytes, max_duration_ms=settings.max_video_minutes * 60_000
        ),
    )
    keeper = _Keeper(asset.id, mark)
    sha256 = _sha256(source, keeper)
    final = store.run(asset.id, mark)
    made_in = final.with_name(f"{mark}.making")
    for leftover in final.parent.iterdir():
        rmtree(leftover, ignore_errors=True)
    try:
        try:
            store.require_space(asset.source_bytes)
        except DomainError:
            raise TranscodeFailed("disk-full") from None
        made = transcode.transcode(
            source,
            made_in,
            found,
            renditions.plan(found),
            on_progress=keeper.report,
            timeout_s=TRY_S,
            cancelled=keeper.lost,
        )
        transcode.publish(made_in, final)
    finally:
        rmtree(made_in, ignore_errors=True)
    with db.database().transaction() as session:
        done = assets.ready(
            session, asset.id, mark, made, store.relative(final), sha256, clock.now()
        )
    if not done:  # another worker took over, and makes a folder of its own
        rmtree(final, ignore_errors=True)


class _Keeper:
    """Keeps the claim while the work goes on, and notices when it was lost."""

    def __init__(self, asset_id: int, mark: str) -> None:
        self._asset_id, self._mark = asset_id, mark
        self._percent, self._reported, self._lost = 0, 0.0, False

    def report(self, percent: float) -> None:
        # 100 is said by READY alone, when the files are in their final place.
        self._percent = min(99, int(percent))
        self.lost()

    def lost(self) -> bool:
        if time.monotonic() - self._reported >= REPORT_EVERY_S:
            self._reported = time.monotonic()
            with db.database().transaction() as session:
                self._lost = not assets.renew(
                    session, self._asset_id, self._mark, self._percent, clock.now()
                )
        return self._lost


def _sha256(path: Path, keeper: _Keeper) -> str:
    """The file's hash; reading hours of video takes longer than a claim lasts."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(uploads.CHUNK_BYTES):
            digest.update(chunk)
            if keeper.lost():
                raise TranscodeFailed("cancelled")
    return digest.hexdigest()


@job(name="media.sweep", time_limit_s=60, every_s=SWEEP_S)
def sweep() -> None:
    """Ring again for videos that nobody works on; drop uploads that nobody finishes."""
    session = db.session()
    for asset_id in assets.waiting(session, clock.now()):
        # A bell that nobody heard before the next sweep is worth nothing: they do not pile up.
        ring = partial(prepare.apply_async, (asset_id,), expires=SWEEP_S)
        db.after_commit(session, ring)
    uploads.drop_expired(session, current_app.extensions["media_store"], clock.now())


@job(name="media.forget", time_limit_s=600, every_s=86400)
def forget_devices() -> None:
    """Who watched from where is kept only as long as policy says."""
    settings: config.Settings = current_app.extensions["settings"]
    watching.forget_devices(db.session(), clock.now() - timedelta(days=settings.device_days))
