"""The platform under a test clock, whose processes stand still where the test wants them to.

The test writes the step into a file beside the clock's; who reaches it says so in another.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from tests.adversaries import clocked
from tests.platform.ledger import crashing
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind

#: The decision's two steps are the server's; of the others a sequencer is killed.
BEFORE, AFTER, *SEQUENCER = crashing.STEPS


def _stand_still(step: str) -> None:
    place = Path(os.environ[clocked.PLACE])
    wanted = place.with_name("stop")
    if wanted.exists() and wanted.read_text() == step:
        place.with_name("stopped").write_text(step)
        time.sleep(600)


def create_app() -> Flask:
    """What the server processes run."""
    app = clocked.create_app()
    real = log.submit

    def submit(session: Session, kind: EntryKind, *arguments: Any, **more: Any) -> Any:
        made = real(session, kind, *arguments, **more)
        if kind == EntryKind.AWARD:
            _stand_still(BEFORE)
            sa.event.listen(session, "after_commit", lambda _session: _stand_still(AFTER))
        return made

    log.submit = submit
    return app
