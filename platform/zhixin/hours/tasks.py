"""Verified awards become recorded once the ledger has them; deadlines that passed are noticed."""

from __future__ import annotations

from zhixin import clock, db
from zhixin.hours import awards, deadlines
from zhixin.jobs import job


@job(name="hours.record", time_limit_s=60, every_s=5)
def record() -> None:
    awards.mark_recorded(db.session())


@job(name="hours.deadlines", time_limit_s=120, every_s=600)
def notice_deadlines() -> None:
    deadlines.notice(db.session(), clock.now())
