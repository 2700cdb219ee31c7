"""Jobs of this domain; each finds its own work, so any ring may be lost."""

from __future__ import annotations

from flask import current_app

from zhixin import clock, db
from zhixin.certificates import files, withdrawal
from zhixin.certificates.issuer import Issuer
from zhixin.jobs import job

CHUNK = 200


@job(name="certificates.credentials", time_limit_s=300, every_s=30)
def make_credentials() -> None:
    """Credential files of certificates that the log has taken in since."""
    issuer = Issuer.of(current_app.extensions["settings"])
    while files.make_waiting(db.session(), issuer, clock.now(), CHUNK) == CHUNK:
        db.finish(keep=True)


@job(name="certificates.withdraw", time_limit_s=120, every_s=15)
def withdraw() -> None:
    """Revoke what stands on hours that were reversed or corrected."""
    while withdrawal.sweep(db.session(), clock.now(), CHUNK) == CHUNK:
        db.finish(keep=True)
