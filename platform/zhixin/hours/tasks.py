"""Verified awards become recorded once the ledger has them; deadlines that passed are noticed;
drafts of policies are tried out."""

from __future__ import annotations

from zhixin import clock, db
from zhixin.hours import awards, deadlines, dry_runs
from zhixin.jobs import enqueue, job


@job(name="hours.record", time_limit_s=60, every_s=5)
def record() -> None:
    awards.mark_recorded(db.session())


@job(name="hours.deadlines", time_limit_s=120, every_s=600)
def notice_deadlines() -> None:
    deadlines.notice(db.session(), clock.now())


@job(name="hours.dry_run", time_limit_s=3600)
def dry_run(run_id: int) -> None:
    dry_runs.run(db.database(), run_id, clock.now)


@job(name="hours.dry_runs", time_limit_s=60, every_s=60)
def find_dry_runs() -> None:
    for run_id in dry_runs.stranded(db.session(), clock.now()):
        enqueue(db.session(), dry_run, run_id)
