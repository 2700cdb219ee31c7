"""Work that one worker at a time has in hand: the mark of its claim is shown with each change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from media.work_states import Step
from zhixin.steps import Steps

#: A worker that is silent this long has died; its claim runs out and another takes over.
CLAIM = timedelta(seconds=60)


@dataclass(frozen=True)
class Work:
    """Rows that are worked on.

    Attributes:
        model: has ``state``, ``claim``, ``claimed_until``, ``tries``, ``progress`` and
            ``failure_code``.
        key: its column with the number by which a row is asked for.
        steps: what may happen to it.
    """

    model: type[Any]
    key: Any
    steps: Steps[Any, Step]

    def change(self, session: Session, id: int, mark: str, **values: object) -> bool:
        """Write what the claim's holder says; False: the claim was lost."""
        held = (
            self.key == id,
            self.model.claim == mark,
            self.model.state == self.steps.end(Step.CLAIM),
        )
        return self._write(session, *held, **values)

    def renew(self, session: Session, id: int, mark: str, percent: int, now: datetime) -> bool:
        """Say that the work goes on."""
        return self.change(session, id, mark, progress=percent, claimed_until=now + CLAIM)

    def release(
        self,
        session: Session,
        id: int,
        mark: str,
        retry_at: datetime,
        *,
        counted: bool = True,
        **also: object,
    ) -> bool:
        """Leave it to a later try; ``counted``: this one was a try."""
        values = {
            "state": self.steps.end(Step.RELEASE),
            "claimed_until": retry_at,
            "claim": None,
            "tries": self.model.tries if counted else self.model.tries - 1,
        }
        return self.change(session, id, mark, **values, **also)

    def failed(self, session: Session, id: int, mark: str, code: str, **also: object) -> bool:
        """Give up."""
        values = {
            "state": self.steps.end(Step.FAIL),
            "failure_code": code,
            "claimed_until": None,
            "claim": None,
        }
        return self.change(session, id, mark, **values, **also)

    def step(self, session: Session, id: int, step: Step, **values: object) -> bool:
        """Whoever is first has the step; the other finds the state changed."""
        open_ = (self.key == id, self.model.state.in_(self.steps.before(step)))
        return self._write(session, *open_, state=self.steps.end(step), **values)

    def _write(self, session: Session, *where: sa.ColumnElement[bool], **values: object) -> bool:
        changed = session.execute(
            sa.update(self.model)
            .where(*where)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return bool(changed.rowcount == 1)  # type: ignore[attr-defined]
