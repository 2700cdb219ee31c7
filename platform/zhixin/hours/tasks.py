"""Verified awards become recorded once the ledger has them."""

from __future__ import annotations

from zhixin import db
from zhixin.hours import awards
from zhixin.jobs import job


@job(name="hours.record", time_limit_s=60, every_s=5)
def record() -> None:
    awards.mark_recorded(db.session())
