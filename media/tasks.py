"""From an uploaded file to a playable video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import structlog
from flask import current_app

from media import (
    analysis,
    assets,
    copying,
    holding,
    limits,
    long,
    pieces,
    probe,
    queueing,
    refinements,
    refining,
    renditions,
    report,
    transcode,
    twins,
    uploads,
    watching,
)
from media.errors import NOT_THE_FILES_FAULT, MediaRejected, TranscodeFailed
from media.keeping import TRY_S, Keeper, reached
from media.models import Asset
from media.renditions import Span
from media.storage import MediaStore
from zhixin import clock, config, db, sandbox
from zhixin.errors import DomainError
from zhixin.jobs import enqueue, job

log = structlog.get_logger()

SWEEP_S = 30
#: How many pieces are rung for at once; whoever has made one rings for the next.
MOST_BELLS = 16


@job(name="media.prepare", time_limit_s=TRY_S + 600)
def prepare(asset_id: int) -> None:
    """Probe, check, transcode, publish, and only then say READY: the video whose turn it is.

    Holds no transaction while working. Killed half way, the claim runs out and the
    sweeper rings again, and collects the dead run's folder.
    """
    settings: config.Settings = current_app.extensions["settings"]
    taken = _take(settings)
    if taken is None:
        return
    asset, mark = taken
    database, asset_id = db.database(), asset.id
    try:
        if asset.tries > assets.MOST_TRIES:
            raise MediaRejected(asset.failure_code or "transcode-failed")
        with reached():
            _work(asset, mark)
    except MediaRejected as refusal:
        with database.transaction() as session:
            assets.failed(session, asset_id, mark, refusal.code)
    except _Postponed:
        with database.transaction() as session:
            later = clock.now() + queueing.NEXT_LOOK
            assets.release(session, asset_id, mark, later, counted=False, postponed="minutes-a-day")
    except TranscodeFailed as failure:
        log.warning(
            "transcode failed", asset=asset_id, code=failure.code, log=failure.facts.get("log")
        )
        with database.transaction() as session:
            if failure.code in NOT_THE_FILES_FAULT:
                assets.release(
                    session,
                    asset_id,
                    mark,
                    clock.now() + holding.CLAIM,
                    counted=False,
                    postponed=failure.code,
                )
            elif asset.tries >= assets.MOST_TRIES:
                assets.failed(session, asset_id, mark, failure.code)
            else:
                assets.release(session, asset_id, mark, clock.now() + holding.CLAIM)

    with database.transaction() as session:
        for waiting in queueing.waiting(session, clock.now(), settings.author_jobs)[:1]:
            enqueue(session, prepare, waiting)
        for waiting in refinements.waiting(session, clock.now(), settings.author_jobs)[:1]:
            enqueue(session, refining.refine, waiting)


class _Postponed(Exception):
    """Its author has had the day's share."""


def _take(settings: config.Settings) -> tuple[Asset, str] | None:
    """The video whose turn it is, and the claim on it: not always the one that the bell named."""
    with db.database().transaction() as session:
        now = clock.now()
        for asset_id in queueing.waiting(session, now, settings.author_jobs):
            if mark := assets.claim(session, asset_id, now, at_once=settings.author_jobs):
                return session.get_one(Asset, asset_id), mark
    return None


def _work(asset: Asset, mark: str) -> None:
    settings: config.Settings = current_app.extensions["settings"]
    store: MediaStore = current_app.extensions["media_store"]
    keeper = Keeper(
        lambda session, percent: assets.renew(session, asset.id, mark, percent, clock.now())
    )
    with (
        store.fetched(asset.source, keeper.meanwhile) as source,
        keeper.hashing(source) as sha256,
    ):
        _make(asset, mark, source, sha256, store, settings, keeper)


def _note(asset: Asset, mark: str, found: dict[str, Any]) -> None:
    with db.database().transaction() as session:
        assets.reported(session, asset.id, mark, found)


def _make(
    asset: Asset,
    mark: str,
    source: Path,
    sha256: Callable[[], str],
    store: MediaStore,
    settings: config.Settings,
    keeper: Keeper,
) -> None:
    found = probe.probe(source)
    _note(asset, mark, report.of_probe(found))
    limits.check(
        found,
        limits.Limits(
            max_bytes=settings.max_upload_bytes, max_duration_ms=settings.max_video_minutes * 60_000
        ),
    )
    with db.database().transaction() as session:
        if not queueing.admit(
            session, asset, found.duration_ms, settings.author_minutes_a_day, clock.now()
        ):
            raise _Postponed
        possible = twins.possible(session, asset)
    if possible and _shared(asset, mark, sha256(), store, keeper):
        return
    final = store.run(asset.id, mark)
    for leftover in final.parent.iterdir():  # published by a run that died before it said so
        rmtree(leftover, ignore_errors=True)
    if not store.kept_here:
        store.vault.remove_all(f"assets/{asset.id}")
    with sandbox.scratch(settings.scratch_dir) as made_in:
        try:
            store.require_space(asset.source_bytes)
        except DomainError:
            raise TranscodeFailed("disk-full") from None
        if copying.suits(found) and _taken_over(
            asset, mark, source, found, sha256, made_in / "copied", store, keeper
        ):
            return
        heard = analysis.analyse(source, found, renditions.mix(found), cancelled=keeper.lost)
        planned = renditions.plan(found, heard)
        is_long = found.duration_ms > settings.cut_from_seconds * 1000
        spans = pieces.cut(planned, found.duration_ms, settings.piece_seconds) if is_long else []
        if len(spans) > 1:
            recipe = pieces.Recipe(found, planned)
            made = _in_pieces(asset.id, mark, recipe, spans, made_in, keeper)
            made_in = made_in / "whole"
        else:
            made = transcode.transcode(
                source,
                made_in,
                found,
                planned,
                on_progress=keeper.report,
                timeout_s=TRY_S,
                cancelled=keeper.lost,
            )
        _note(asset, mark, report.of_work(found, heard, planned, made.looks))
        digest = sha256()
        transcode.publish(made_in, final)
        keeper.meanwhile(lambda: store.keep_run(final))
    with db.database().transaction() as session:
        done = assets.ready(
            session, asset.id, mark, made, store.relative(final), digest, clock.now()
        )
        if done:
            pieces.drop(session, asset.id)
    if not done:  # another worker took over, and makes a folder of its own
        store.drop_run(final)


def _shared(asset: Asset, mark: str, sha256: str, store: MediaStore, keeper: Keeper) -> bool:
    """READY with what a twin has; False: it has none, or none any more."""
    with db.database().transaction() as session:
        twin = twins.of(session, asset, sha256)
    if twin is None or not twin.folder:
        return False
    run, theirs = store.run(asset.id, mark), twin.folder
    try:
        keeper.meanwhile(lambda: store.vault.share(theirs, store.relative(run)))
        with db.database().transaction() as session:
            if twins.share(session, asset, twin, store.relative(run), mark, clock.now()):
                return True
    except FileNotFoundError:
        pass  # it is being removed
    store.drop_run(run)
    return False


def _taken_over(
    asset: Asset,
    mark: str,
    source: Path,
    found: probe.Probe,
    sha256: Callable[[], str],
    made_in: Path,
    store: MediaStore,
    keeper: Keeper,
) -> bool:
    """READY with what the source has, the rest to be done later; False: it has to be encoded."""
    heard = None  # how loud it is does not keep anybody waiting, unless it is encoded anyway
    if found.audio and not copying.sound_suits(found.audio):
        heard = analysis.analyse(source, found, renditions.mix(found), cancelled=keeper.lost)
    planned = copying.first_plan(found, heard)
    try:
        made = copying.take_over(
            source,
            made_in,
            found,
            planned,
            on_progress=keeper.report,
            timeout_s=TRY_S,
            cancelled=keeper.lost,
        )
    except (MediaRejected, TranscodeFailed) as failure:
        if failure.code in NOT_THE_FILES_FAULT:
            raise
        made = None  # nobody will miss what encoding it finds out anyway
    if made is None:
        rmtree(made_in, ignore_errors=True)
        return False
    digest = sha256()
    final = store.run(asset.id, mark)
    transcode.publish(made_in, final)
    keeper.meanwhile(lambda: store.keep_run(final))
    with db.database().transaction() as session:
        now = clock.now()
        assets.reported(session, asset.id, mark, report.of_copy(found, planned))
        done = assets.ready(session, asset.id, mark, made, store.relative(final), digest, now)
        if done:
            refinements.begin(session, asset.id, now)
            enqueue(session, refining.refine, asset.id)
    if not done:
        store.drop_run(final)
    return True


def _in_pieces(
    asset_id: int,
    mark: str,
    recipe: pieces.Recipe,
    spans: Sequence[Span],
    made_in: Path,
    keeper: Keeper,
) -> transcode.Transcoded:
    settings: config.Settings = current_app.extensions["settings"]
    store: MediaStore = current_app.extensions["media_store"]
    with db.database().transaction() as session:
        asset = pieces.begin(session, asset_id, mark, recipe, spans)
        for _ in range(min(len(spans), MOST_BELLS)):
            enqueue(session, piece, asset_id)
    return long.make(
        asset,
        made_in,
        store,
        settings.scratch_dir,
        now=clock.now,
        report=keeper.report,
        lost=keeper.lost,
        timeout_s=TRY_S,
    )


@job(name="media.piece", time_limit_s=TRY_S + 600)
def piece(asset_id: int) -> None:
    """One piece of a long video, and a bell for the next: what is short gets in between."""
    settings: config.Settings = current_app.extensions["settings"]
    database = db.database()
    with database.transaction() as session:
        taken = pieces.claim(session, asset_id, clock.now())
        asset = session.get(Asset, asset_id)
    if taken is None or asset is None:
        return
    long.make_piece(
        taken,
        asset,
        current_app.extensions["media_store"],
        settings.scratch_dir,
        now=clock.now,
        also=lambda: False,
        timeout_s=TRY_S,
    )
    with database.transaction() as session:
        if asset_id in pieces.waiting(session, clock.now(), MOST_BELLS):
            enqueue(session, piece, asset_id)


@job(name="media.sweep", time_limit_s=60, every_s=SWEEP_S)
def sweep() -> None:
    """Ring again for videos that nobody works on; drop uploads that nobody finishes."""
    store: MediaStore = current_app.extensions["media_store"]
    cuts = long.lying(store)  # before the rows are read: a cut is on record before its folder is
    session = db.session()
    settings: config.Settings = current_app.extensions["settings"]
    for asset_id in queueing.waiting(session, clock.now(), settings.author_jobs):
        # A bell that nobody heard before the next sweep is worth nothing: they do not pile up.
        ring = partial(prepare.apply_async, (asset_id,), expires=SWEEP_S)
        db.after_commit(session, ring)
    uploads.drop_expired(session, current_app.extensions["media_store"], clock.now())
    for asset_id in pieces.waiting(session, clock.now(), MOST_BELLS):
        db.after_commit(session, partial(piece.apply_async, (asset_id,), expires=SWEEP_S))
    for asset_id in refinements.waiting(session, clock.now(), settings.author_jobs):
        ring = partial(refining.refine.apply_async, (asset_id,), expires=SWEEP_S)
        db.after_commit(session, ring)
    wanted = pieces.cuts_in_work(session)
    db.finish(keep=True)
    refinements.drop_replaced(db.database(), store, clock.now())
    for folder in cuts:
        if folder.name not in wanted:
            rmtree(folder, ignore_errors=True)
    sandbox.collect(settings.scratch_dir)


@job(name="media.forget", time_limit_s=600, every_s=86400)
def forget_devices() -> None:
    """Who watched from where is kept only as long as policy says."""
    settings: config.Settings = current_app.extensions["settings"]
    watching.forget_devices(db.session(), clock.now() - timedelta(days=settings.device_days))
