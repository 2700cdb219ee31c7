"""What is late goes on; files that nobody names are removed."""

from __future__ import annotations

import sqlalchemy as sa
from flask import current_app

from zhixin import clock, db
from zhixin.declarations import chain, storage
from zhixin.declarations.limits import Limits
from zhixin.declarations.models import Proof
from zhixin.jobs import job


@job(name="declarations.escalate", time_limit_s=120, every_s=900)
def escalate() -> None:
    """After the employer's day the bureau may decide as well; done twice, it does nothing."""
    chain.escalate(db.session(), Limits.of(current_app.extensions["settings"]), clock.now())


@job(name="declarations.sweep", time_limit_s=600, every_s=24 * 3600)
def sweep() -> None:
    """Proofs without a row: of drafts that were thrown away, of uploads that broke off."""
    storage.store().sweep(set(db.session().scalars(sa.select(Proof.sha256))))
