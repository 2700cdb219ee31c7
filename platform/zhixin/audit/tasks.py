"""Draws that were announced are drawn once the ledger has a later checkpoint."""

from __future__ import annotations

from flask import current_app

from zhixin import clock, db
from zhixin.audit import draws
from zhixin.jobs import job


@job(name="audit.draw", time_limit_s=120, every_s=30)
def draw() -> None:
    draws.complete(db.session(), current_app.extensions["settings"].origin, clock.now())
