"""Acts worth remembering, told from any floor: whoever keeps them says so at composition.

Granting a role or publishing a policy belongs on the trail of ``zhixin.audit``, which stands
above those who do it. So they tell it here, and the trail registers itself as a keeper.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from flask import Flask, current_app
from sqlalchemy.orm import Session


class Keeper(Protocol):
    """Writes an act down in the caller's transaction: it is kept exactly when the act is."""

    def __call__(
        self,
        session: Session,
        *,
        actor_id: int | None,
        act: str,
        object_kind: str,
        object_id: int | str,
        reason: str | None = None,
        address: str | None = None,
        now: datetime,
    ) -> None: ...


def keep_by(app: Flask, keeper: Keeper) -> None:
    """From now on ``keeper`` is told of every act."""
    app.extensions.setdefault("acts", []).append(keeper)


def note(session: Session, **act: Any) -> None:
    """Tell the keepers; for the arguments see ``Keeper``."""
    for keeper in current_app.extensions.get("acts", ()):
        keeper(session, **act)
