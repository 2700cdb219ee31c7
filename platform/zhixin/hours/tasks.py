"""Verified awards become recorded once the ledger has them; deadlines that passed are noticed;
drafts of policies are tried out; at night the hours that count are held against the log."""

from __future__ import annotations

import structlog

from zhixin import clock, db
from zhixin.hours import awards, deadlines, dry_runs, reckoning
from zhixin.jobs import enqueue, job
from zhixin.observe import HOURS_DIFFERING

log = structlog.get_logger()


@job(name="hours.record", time_limit_s=60, every_s=5)
def record() -> None:
    awards.mark_recorded(db.session())


@job(name="hours.deadlines", time_limit_s=120, every_s=600)
def notice_deadlines() -> None:
    deadlines.notice(db.session(), clock.now())


@job(name="hours.reckon", time_limit_s=7200, every_s=3 * 3600)
def reckon() -> None:
    """At night: hold the hours that count against the log."""
    now = clock.now()
    if not clock.is_night(now):
        return
    found = list(reckoning.check(db.database(), now))
    HOURS_DIFFERING.inc(len(found))
    for each in found:
        log.error("hours differ from the log", award=each.award_id, entry=each.entry)


@job(name="hours.dry_run", time_limit_s=3600)
def dry_run(run_id: int) -> None:
    dry_runs.run(db.database(), run_id, clock.now)


@job(name="hours.dry_runs", time_limit_s=60, every_s=60)
def find_dry_runs() -> None:
    for run_id in dry_runs.stranded(db.session(), clock.now()):
        enqueue(db.session(), dry_run, run_id)
