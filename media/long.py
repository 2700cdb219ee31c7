"""A long video made by all workers: its pieces spread over them, then joined.

The worker that holds the video's claim makes pieces like the others, waits for theirs, and joins.
Killed, it leaves the made pieces to the next; a killed helper's piece is claimed again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from media import holding, packaging, pieces, transcode
from media.command import SOUND_FILE
from media.errors import NOT_THE_FILES_FAULT, MediaRejected, TranscodeFailed
from media.keeping import reached
from media.models import Asset
from media.storage import MediaStore
from media.transcode import Transcoded
from zhixin import db, sandbox

#: How often a waiting worker looks for pieces, seconds.
LOOK_EVERY_S = 1.0
REPORT_EVERY_S = 2.0


def folder(store: MediaStore, cut: str, number: int) -> Path:
    """Where a made piece lies until all are joined."""
    return store.root / "pieces" / cut / str(number)


def make_piece(
    taken: pieces.Taken,
    asset: Asset,
    store: MediaStore,
    scratch: Path,
    *,
    now: Callable[[], datetime],
    also: Callable[[], bool],
    timeout_s: float,
) -> None:
    """Make one piece and say so; a failure is written to its row.

    Args:
        also: asked beside one's own claim; true stops the work.
    """
    recipe = pieces.recipe_of(asset)
    state = {"at": 0.0, "percent": 0, "lost": False}

    def lost() -> bool:
        if time.monotonic() - state["at"] >= REPORT_EVERY_S:
            state["at"] = time.monotonic()
            with db.database().transaction() as session:
                state["lost"] = not pieces.renew(session, taken, int(state["percent"]), now())
        return bool(state["lost"]) or also()

    def report(percent: float) -> None:
        state["percent"] = min(99, int(percent))

    assert asset.cut is not None
    final = folder(store, asset.cut, taken.number)
    try:
        with reached(), sandbox.scratch(scratch) as made_in, store.local(asset.source) as source:
            if taken.span is None:
                transcode.sound(
                    source, made_in, recipe.probe, recipe.plan,
                    on_progress=report, timeout_s=timeout_s, cancelled=lost,
                )  # fmt: skip
            else:
                transcode.piece(
                    source, made_in, recipe.probe, recipe.plan, taken.span,
                    on_progress=report, timeout_s=timeout_s, cancelled=lost,
                )  # fmt: skip
            transcode.publish(made_in, final)
    except (MediaRejected, TranscodeFailed) as failure:
        with db.database().transaction() as session:
            pieces.release(
                session,
                taken,
                failure.code,
                now() + holding.CLAIM,
                counted=failure.code not in NOT_THE_FILES_FAULT,
                last=isinstance(failure, MediaRejected),
            )
        return
    with db.database().transaction() as session:
        pieces.made(session, taken)


def make(
    asset: Asset,
    made_in: Path,
    store: MediaStore,
    scratch: Path,
    *,
    now: Callable[[], datetime],
    report: Callable[[float], None],
    lost: Callable[[], bool],
    timeout_s: float,
) -> Transcoded:
    """Make the pieces, together with all other workers, and join them in ``made_in / "whole"``.

    Raises:
        TranscodeFailed: the work was cancelled, or took too long.
        MediaRejected: a piece cannot be made.
    """
    recipe, deadline = pieces.recipe_of(asset), time.monotonic() + timeout_s
    assert asset.cut is not None
    while True:
        with db.database().transaction() as session:
            report_at = pieces.percent(session, asset.id, recipe)
            taken = pieces.claim(session, asset.id, now())
            left = pieces.left(session, asset.id)
            reason = pieces.given_up(session, asset.id, now())
        if reason:
            raise MediaRejected(reason)
        report(report_at)
        if lost():
            raise TranscodeFailed("cancelled")
        if time.monotonic() > deadline:
            raise TranscodeFailed("transcode-timeout")
        if taken:
            make_piece(taken, asset, store, scratch, now=now, also=lost, timeout_s=timeout_s)
        elif left:
            time.sleep(LOOK_EVERY_S)
        else:
            break
    return _join(recipe, store.root / "pieces" / asset.cut, made_in)


def _join(recipe: pieces.Recipe, lying: Path, made_in: Path) -> Transcoded:
    # Joining moves files: those of a second set of names, so that a worker killed in the middle
    # leaves the pieces as they were.
    numbers = sorted(int(path.name) for path in lying.iterdir() if path.name.isdigit())
    copies = made_in / "pieces"
    for number in numbers:
        shutil.copytree(lying / str(number), copies / str(number), copy_function=os.link)
    whole = made_in / "whole"
    whole.mkdir()
    pictures = [copies / str(number) for number in numbers if number != pieces.SOUND]
    packaging.join(pictures, whole, recipe.plan)
    if recipe.plan.sound:
        (copies / str(pieces.SOUND) / SOUND_FILE).rename(whole / SOUND_FILE)
    return transcode.finish(whole, recipe.probe, recipe.plan)


def lying(store: MediaStore) -> list[Path]:
    """Folders of cuts, wanted or not."""
    root = store.root / "pieces"
    return [*root.iterdir()] if root.is_dir() else []


def forget(store: MediaStore, cut: str) -> None:
    shutil.rmtree(store.root / "pieces" / cut, ignore_errors=True)
