"""The sequencer as a job: rung after each decision, and its own sweeper."""

from __future__ import annotations

from flask import current_app

from zhixin import clock, db
from zhixin.jobs import job
from zhixin.ledger import log
from zhixin.ledger.keys import Signer


@job(name="ledger.append", time_limit_s=120, every_s=5)
def append() -> None:
    """Append everything that waits."""
    signer = Signer.of(current_app.extensions["settings"])
    while log.append_waiting(db.session(), signer, clock.now()):
        db.finish(keep=True)
