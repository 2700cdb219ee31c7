"""A process that decides, appends, and stands still at one step of it until it is killed.

Run as ``python crashing.py SETTINGS STEP [decided]``; says the step on its standard output.
``decided``: what it appends was decided by others.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from zhixin import config, db
from zhixin.hours import policies
from zhixin.ledger import bulk, log, rotation
from zhixin.ledger.keys import Signer

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
DECISION = "示例规则"


def stand_still(*_anything: Any) -> None:
    print("here", flush=True)
    time.sleep(600)


def after(module: Any, name: str) -> None:
    """Let a function do its work, and stop as it returns."""
    real: Callable[..., Any] = getattr(module, name)

    def stopping(*arguments: Any, **more: Any) -> Any:
        result = real(*arguments, **more)
        stand_still()
        return result

    setattr(module, name, stopping)


def decide(database: db.Database, before_commit: Callable[[], None] = lambda: None) -> None:
    """Publish a policy: its row and the outbox's in one transaction."""
    with database.session() as session:
        rule = policies.rule(policies.in_force(session, NOW.date()))
        policies.publish(
            session, title=DECISION, source="测试", effective_from=NOW.date(), rule=rule,
            actor_id=None, now=NOW,
        )  # fmt: skip
        before_commit()
        session.commit()


def sequence(database: db.Database, signer: Signer) -> None:
    with database.session() as session:
        log.append_waiting(session, signer, NOW)
        if STEP == "before the sequencer's commit":
            stand_still()
        session.commit()


#: Each moment from the decision to the committed checkpoint.
STEPS: dict[str, Callable[[], None]] = {
    "before the decision's commit": lambda: None,
    "after the decision's commit": lambda: None,
    "the sequencer has begun": lambda: after(log, "_edge"),
    "entries are written": lambda: after(bulk, "append"),
    "tiles are written": lambda: after(rotation, "sign_head"),
    "before the sequencer's commit": lambda: None,
    "after the sequencer's commit": lambda: None,
}
STEP = ""


def main() -> None:
    global STEP
    settings, STEP = config.load(json.loads(sys.argv[1])), sys.argv[2]
    STEPS[STEP]()
    database, signer = db.Database(settings), Signer.of(settings)
    if sys.argv[3:] != ["decided"]:
        decide(database, stand_still if STEP == "before the decision's commit" else lambda: None)
    if STEP == "after the decision's commit":
        stand_still()
    sequence(database, signer)
    stand_still()


if __name__ == "__main__":
    main()
