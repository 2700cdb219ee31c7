"""Forgetting in time: shortest retention beside the law's six months of logs."""

from __future__ import annotations

from zhixin import clock, db
from zhixin.jobs import job
from zhixin.people import sign_ins


@job(name="people.sweep", time_limit_s=300, every_s=86400)
def sweep() -> None:
    """Delete old failures and finished sign-ins."""
    sign_ins.sweep(db.session(), clock.now())
