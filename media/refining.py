"""The rest of the work on a video that was taken over as it is: it is READY already, so this comes
last, and gives way to whoever can't play anything yet.

A whole new run is made beside the one that is played: the same pictures, cut the same, with lower
renditions, hover previews and the sound at its loudness. The row names it in one statement; a
worker killed before that has changed nothing.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import current_app

from media import (
    analysis,
    assets,
    copying,
    holding,
    probe,
    refinements,
    renditions,
    report,
    transcode,
)
from media.errors import NOT_THE_FILES_FAULT, MediaRejected, TranscodeFailed
from media.keeping import TRY_S, Keeper, reached
from media.models import Asset
from media.storage import MediaStore
from zhixin import clock, config, db, sandbox
from zhixin.errors import DomainError
from zhixin.jobs import enqueue, job

log = structlog.get_logger()

#: After it gave way it is looked at again.
NEXT_LOOK = timedelta(seconds=30)


@job(name="media.refine", time_limit_s=TRY_S + 600)
def refine(asset_id: int) -> None:
    """What is left of the video whose turn it is, not always the one that the bell named."""
    settings: config.Settings = current_app.extensions["settings"]
    database = db.database()
    with database.transaction() as session:
        taken = None
        for each in refinements.waiting(session, clock.now(), settings.author_jobs):
            if mark := refinements.claim(session, each, clock.now()):
                taken = session.get_one(Asset, each), mark
                tries = refinements.tries(session, each)
                break
    if taken is None:
        return
    asset, mark = taken
    try:
        if tries > assets.MOST_TRIES:
            raise MediaRejected("transcode-failed")
        with reached():
            _work(asset, mark, settings)
    except MediaRejected as refusal:
        with database.transaction() as session:
            refinements.WORK.failed(session, asset.id, mark, refusal.code)
    except TranscodeFailed as failure:
        log.warning("not refined", asset=asset.id, code=failure.code, log=failure.facts.get("log"))
        with database.transaction() as session:
            if failure.code not in NOT_THE_FILES_FAULT and tries >= assets.MOST_TRIES:
                refinements.WORK.failed(session, asset.id, mark, failure.code)
            else:
                counted = failure.code not in NOT_THE_FILES_FAULT
                later = clock.now() + (holding.CLAIM if counted else NEXT_LOOK)
                refinements.WORK.release(
                    session, asset.id, mark, later, counted=counted, progress=0
                )
    with database.transaction() as session:
        for each in refinements.waiting(session, clock.now(), settings.author_jobs)[:1]:
            enqueue(session, refine, each)


def _work(asset: Asset, mark: str, settings: config.Settings) -> None:
    store: MediaStore = current_app.extensions["media_store"]
    keeper = Keeper(
        lambda session, percent: (
            not refinements.gives_way(session, asset.id, clock.now(), settings.author_jobs)
            and refinements.WORK.renew(session, asset.id, mark, percent, clock.now())
        )
    )
    final = store.run(asset.id, mark)
    _clear(store, asset)
    with sandbox.scratch(settings.scratch_dir) as made_in:
        try:
            store.require_space(2 * asset.source_bytes)
        except DomainError:
            raise TranscodeFailed("disk-full") from None
        with store.fetched(asset.source, keeper.meanwhile) as source:
            found = probe.probe(source)
            heard = analysis.analyse(source, found, renditions.mix(found), cancelled=keeper.lost)
            planned = copying.full_plan(found, heard)
            made = copying.add_lower(
                source,
                made_in,
                found,
                planned,
                on_progress=keeper.report,
                timeout_s=TRY_S,
                cancelled=keeper.lost,
            )
        if made.segments_ms != asset.segments_ms:  # evidence counts by them
            raise MediaRejected("transcode-failed")
        said = report.of_work(found, heard, planned, made.looks)
        transcode.publish(made_in, final)
        keeper.meanwhile(lambda: store.keep_run(final))
    with db.database().transaction() as session:
        done = refinements.done(session, asset, mark, store.relative(final), said, clock.now())
    if not done:
        store.drop_run(final)


def _clear(store: MediaStore, asset: Asset) -> None:
    """Runs that died before they were named."""
    folder = f"assets/{asset.id}"
    runs = {"/".join(kept.key.split("/")[:3]) for kept in store.vault.list(folder)}
    if not store.kept_here:
        runs |= {store.relative(path) for path in store.run(asset.id, "-").parent.iterdir()}
    for run in runs - {asset.folder}:
        store.drop_run(store.path(run))
