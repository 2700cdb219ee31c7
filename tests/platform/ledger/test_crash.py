"""Killed at any moment between the decision and the checkpoint, there is one entry in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.platform.ledger import crashing
from zhixin import config, db
from zhixin.hours import policies
from zhixin.hours.models import Policy
from zhixin.ledger import log, verification
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry


@pytest.fixture
def installation(own_engine: sa.Engine, tmp_path: Path) -> dict[str, str]:
    """An installation whose log has an entry already."""
    environment = {
        "ZHIXIN_DATA_DIR": str(tmp_path),
        "ZHIXIN_DATABASE_URL": own_engine.url.render_as_string(hide_password=False),
        "ZHIXIN_BROKER_URL": "memory://",
    }
    with Session(own_engine) as session:
        policies.ensure_shipped(session, crashing.NOW)
        log.append_waiting(session, Signer.of(config.load(environment)), crashing.NOW)
        session.commit()
    return environment


def kill_at(step: str, installation: dict[str, str], *more: str) -> None:
    """Start a process, and kill it when it says that it is there."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ZHIXIN_")}
    command = [sys.executable, crashing.__file__, json.dumps(installation), step, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "here\n"
        finally:
            process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize("step", crashing.STEPS)
def test_a_kill_at_any_step_leaves_one_entry(own_engine, installation, step):
    """A decision that was not committed is not in the log; one that was is, once, as the next
    sequencer goes on; and the log holds."""
    kill_at(step, installation)
    settings = config.load(installation)
    signer = Signer.of(settings)
    with Session(own_engine) as session:
        decided = session.scalars(
            sa.select(Policy.id).where(Policy.title == crashing.DECISION)
        ).all()
        assert len(decided) == (step != "before the decision's commit")
        assert verification.verify(session, [signer.verifier_key]).holds
    if not decided:
        crashing.decide(db.Database(settings, bind=own_engine))
    for _again in range(2):
        with Session(own_engine) as session:
            log.append_waiting(session, signer, crashing.NOW)
            session.commit()
    with Session(own_engine) as session:
        bodies = session.scalars(sa.select(Entry.body).order_by(Entry.index)).all()
        assert [crashing.DECISION in body for body in bodies] == [False, True]
        report = verification.verify(session, [signer.verifier_key])
        assert (report.findings, report.size) == ([], 2)
