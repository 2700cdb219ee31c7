"""The engine's jobs: one video at a time, found again by a sweeper."""

from __future__ import annotations

from flask import current_app

from media import speech, transcribing
from zhixin import clock, config, db
from zhixin.jobs import enqueue, job

#: How long one try may take: hours of sound on two cores.
TRY_S = 8 * 3600


def place() -> transcribing.Place:
    """Where this application works, by which engine."""
    settings: config.Settings = current_app.extensions["settings"]
    store = current_app.extensions["media_store"]
    return transcribing.Place(store, settings.scratch_dir, speech.engine(settings))


@job(name="media.speech", time_limit_s=TRY_S)
def transcribe(run_id: int) -> None:
    """What is next, which is not always what the bell named; then a bell for the one after."""
    database = db.database()
    transcribing.run(database, place(), clock.now)
    with database.transaction() as session:
        for waiting in transcribing.waiting(session, clock.now())[:1]:
            enqueue(session, transcribe, waiting)


@job(name="media.speech_sweep", time_limit_s=60, every_s=60)
def sweep() -> None:
    """Ring again for what nobody works on."""
    session = db.session()
    for run_id in transcribing.waiting(session, clock.now())[:1]:
        enqueue(session, transcribe, run_id)
